"""What goals that only look have in common: the images that they tell of, and how they print."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from pathlib import Path

from pants.base.exiter import PANTS_FAILED_EXIT_CODE, PANTS_SUCCEEDED_EXIT_CODE
from pants.engine.console import Console
from pants.engine.goal import Outputting
from pants.option.global_options import GlobalOptions

from mzbuild.core.errors import MzbuildError
from mzbuild.core.fingerprint.survey import concerning, failures
from mzbuild.core.image.graph import ImageGraph
from mzbuild.core.safe import printable_painted

logger = logging.getLogger(__name__)


def palette(console: Console, subsystem: Outputting, global_options: GlobalOptions) -> Console:
    """A console for its colours alone, which it has where the output goes to a terminal."""
    if subsystem.output_file:
        return Console(use_colors=False)
    # Pants itself gives colour only where its messages go to a terminal as well.
    if global_options.options.is_default("colors"):
        return Console(use_colors=console.stdout.isatty())
    return Console(use_colors=console.use_colors)


def show_text(lines: Iterable[str], console: Console, subsystem: Outputting) -> None:
    """Prints lines for people, in one piece: each by itself would be a message of pantsd's."""
    show_document("\n".join(map(printable_painted, lines)), console, subsystem)


def show_document(text: str, console: Console, subsystem: Outputting) -> None:
    """Prints what programs read, as it is; without any text, nothing.

    Raises `MzbuildError` where it cannot be written to the file that it should go to.
    """
    text = f"{text}\n" if text else ""
    if not subsystem.output_file:
        console.write_stdout(text)
        return
    try:
        Path(subsystem.output_file).write_text(text)
    except OSError as error:
        raise MzbuildError(
            f"{subsystem.output_file} cannot be written: {error.strerror}. Name another file with "
            "`--output-file`, in a directory that exists."
        ) from None
    logger.info("Wrote %s", subsystem.output_file)


def show_json(value: object, console: Console, subsystem: Outputting) -> None:
    """Prints what programs read; a dataclass becomes an object of its fields."""
    show_document(json.dumps(value, indent=2, default=vars), console, subsystem)


def log_errors(names: Iterable[str], graph: ImageGraph, errors: Mapping[str, str]) -> int:
    """Tells which images have no fingerprint, and why; returns the goal's exit code.

    `errors` has the reasons, by the images' names.
    """
    concerned = concerning(names, graph.dependencies, errors)
    for failure in failures(concerned):
        logger.error("%s", failure)
    return PANTS_FAILED_EXIT_CODE if concerned else PANTS_SUCCEEDED_EXIT_CODE
