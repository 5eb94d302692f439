"""Where it is kept what the fingerprints of this clone were made of."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from functools import cache

from pants.engine.rules import Rule
from pants.option.global_options import GlobalOptions

from mzbuild.core.errors import MzbuildError
from mzbuild.core.explain.log import FingerprintLog
from mzbuild.core.explain.snapshot import Snapshot
from mzbuild.core.work_tree.own_files import own_file
from mzbuild.pants_api import collect_rules, rule

logger = logging.getLogger(__name__)

_PLACE = ("mzbuild", "fingerprints.log")
# It knows what it has, so that nothing is read where there is nothing new.
_log = cache(FingerprintLog)


@dataclass(frozen=True)
class FingerprintLogFile:
    """The log, below Pants' working directory."""

    workdir: str

    @property
    def path(self) -> str:
        """Where it is, if there is one."""
        return os.path.join(self.workdir, *_PLACE)

    def add(self, snapshot: Snapshot) -> None:
        """Keeps what is new in a snapshot. Not being able to is no reason to fail."""
        try:
            directory, name = _PLACE
            own_file(self.workdir, directory, f"{name}.lock")
            _log(own_file(self.workdir, directory, name)).add(snapshot)
        except (OSError, MzbuildError) as error:
            logger.debug(f"What fingerprints are made of could not be recorded: {error}")


@rule
def fingerprint_log_file(global_options: GlobalOptions) -> FingerprintLogFile:
    return FingerprintLogFile(global_options.pants_workdir)


def rules() -> tuple[Rule, ...]:
    return tuple(collect_rules())
