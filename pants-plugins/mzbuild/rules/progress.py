"""Where builds, pushes and pulls write, and what is said of them while they do."""

from __future__ import annotations

import logging
from contextlib import AbstractContextManager
from dataclasses import dataclass
from threading import Thread
from typing import Callable

from pants.engine.internals import native_engine
from pants.engine.rules import Rule
from pants.option.global_options import GlobalOptions

from mzbuild.core.configuration import Arch
from mzbuild.core.docker.steps import DockerSteps
from mzbuild.core.text.follower import Follower
from mzbuild.core.text.progress import PAUSE, AllLines, Progress, ProgressMode, Steps
from mzbuild.core.work_tree.own_files import own_file
from mzbuild.pants_api import collect_rules, uncacheable_rule
from mzbuild.subsystems.mzbuild import Mzbuild

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunProgress:
    """Where this run of Pants keeps logs, and what follows them for it."""

    workdir: str
    mode: ProgressMode
    follower: Follower

    def log(self, arch: Arch, name: str) -> str:
        """The path of a log to write for an image."""
        return own_file(self.workdir, "mzbuild", "logs", arch.value, f"{name}.log")

    def of_build(
        self, log: str, name: str, steps: Steps, grace: float = PAUSE
    ) -> AbstractContextManager[None]:
        """Says how a build gets on, as long as this lasts; nothing in the first `grace` seconds."""
        if self.mode is ProgressMode.PLAIN:
            progress = Progress(name, AllLines(), grace=0, pause=0)
        else:
            progress = Progress(name, steps, grace=grace)
        return self.follower.following(log, progress)

    def of_transfer(self, log: str, name: str, what: str) -> AbstractContextManager[None]:
        """Says how a push or a pull of an image gets on. Its log is that of a terminal, of which
        nobody reads all lines."""
        return self.follower.following(log, Progress(name, DockerSteps(what)))


# The thread that follows logs writes to where this run does.
@uncacheable_rule
def run_progress(mzbuild: Mzbuild, global_options: GlobalOptions) -> RunProgress:
    destination = native_engine.stdio_thread_get_destination()

    def start(follow: Callable[[], None]) -> None:
        def run() -> None:
            native_engine.stdio_thread_set_destination(destination)
            follow()

        Thread(target=run, daemon=True).start()

    return RunProgress(global_options.pants_workdir, mzbuild.progress, Follower(logger.info, start))


def rules() -> tuple[Rule, ...]:
    return tuple(collect_rules())
