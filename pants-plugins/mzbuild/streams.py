"""What Pants shows follows each run's own streams.

Pants looks once whether it writes to a terminal, when its daemon starts, and takes that for the
default of `dynamic_ui` and `colors` in all runs that the daemon serves. A run in a pipe then loses
its messages to a display that nobody sees, or its output has the codes of colours in it.
"""

from __future__ import annotations

import os
import sys

from pants.option.global_options import GlobalOptions


def follow_streams() -> None:
    """Has the defaults of the two options decided anew in each run."""
    options = vars(GlobalOptions)
    options["dynamic_ui"]._default = lambda _: "CI" not in os.environ and sys.stderr.isatty()
    # There is one option for both streams, and a run's messages go to the second one.
    options["colors"]._default = lambda _: sys.stdout.isatty() and sys.stderr.isatty()
