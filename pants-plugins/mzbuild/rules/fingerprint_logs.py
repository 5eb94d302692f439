"""Where it is kept what the fingerprints of this clone were made of."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from functools import cache

from pants.engine.rules import Rule, collect_rules, rule
from pants.option.global_options import GlobalOptions

from mzbuild.core.explain.log import FingerprintLog
from mzbuild.core.explain.snapshot import Snapshot

logger = logging.getLogger(__name__)

# It knows what it has, so that nothing is read where there is nothing new.
_log = cache(FingerprintLog)


@dataclass(frozen=True)
class FingerprintLogFile:
    """The path of the log."""

    path: str

    def add(self, snapshot: Snapshot) -> None:
        """Keeps what is new in a snapshot. Not being able to is no reason to fail."""
        try:
            _log(self.path).add(snapshot)
        except OSError as error:
            logger.debug(f"What fingerprints are made of could not be recorded: {error}")


@rule
def fingerprint_log_file(global_options: GlobalOptions) -> FingerprintLogFile:
    return FingerprintLogFile(
        os.path.join(global_options.pants_workdir, "mzbuild", "fingerprints.log")
    )


def rules() -> tuple[Rule, ...]:
    return tuple(collect_rules())
