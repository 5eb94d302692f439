"""Pants' own entry point, of its Python client and of pantsd alike, with these holes closed.

- pantsd leaves its terminal before it is up; why it then fails to get up is written nowhere.
- pantsd gives an exit code and no word when a request ends in what is not an `Exception`: a plugin
  that calls `sys.exit()` while it is loaded, a panic of the engine. And it stays up, with that
  plugin half loaded and nothing watching for the edit that repairs it.
- pantsd is used for as long as Pants' version stays the same, even when the lock has changed.
- Each request that waits for its turn takes one of the few threads that the one whose turn it is
  needs to get on: at six commands at once, none of them ever ends.
"""

from __future__ import annotations

import filecmp
import os
import sys
import traceback
from pathlib import Path
from signal import SIGSEGV

# This directory is no place to import from, and pantsd would restart when anything in it changes.
del sys.path[0]

# ruff: noqa: E402
from pants.base.build_root import BuildRoot
from pants.base.exiter import PANTS_FAILED_EXIT_CODE, ExitCode
from pants.bin import pants_loader
from pants.bin.pants_env_vars import DAEMON_ENTRYPOINT
from pants.engine.internals.native_engine import (
    PantsdClientException,
    PyExecutor,
    PySessionCancellationLatch,
)
from pants.option.errors import OptionsError
from pants.option.global_options import GlobalOptions
from pants.option.option_value_container import OptionValueContainer
from pants.pantsd.process_manager import ProcessManager

# As many as the library that runs them (Tokio) allows by itself. They are made as they are needed.
MOST_THREADS = 512


def create_executor(options: OptionValueContainer) -> PyExecutor:
    """The threads that pantsd runs requests and rules in."""
    most = options.rule_threads_max or MOST_THREADS
    return PyExecutor(core_threads=options.rule_threads_core, max_threads=most)


def amend_pantsd() -> None:
    """Give the pantsd that is about to start in this process the amended classes."""
    from pants.bin.daemon_pants_runner import DaemonPantsRunner
    from pants.pantsd import pants_daemon
    from pants.pantsd.pants_daemon_core import PantsDaemonCore

    class Daemon(pants_daemon.PantsDaemon):
        def run_sync(self) -> None:
            with open(os.dup(sys.stderr.fileno()), "w") as self._terminal:
                try:
                    super().run_sync()  # type: ignore[no-untyped-call]
                except BaseException:
                    if not self._terminal.closed:
                        traceback.print_exc(file=self._terminal)
                    raise

        def _initialize_metadata(self, options_fingerprint: str) -> None:
            super()._initialize_metadata(options_fingerprint)
            self._terminal.close()  # It is up: whoever reads the other end may see the end of it.

    lock = Path(__file__).resolve().parent.parent / "3rdparty/python/pants.lock"
    made_from = Path(sys.prefix, "made-from.lock")

    class Core(PantsDaemonCore):
        def is_valid(self) -> bool:
            """Asked each second; on False, pantsd finishes what it is doing and exits."""
            try:
                is_current = filecmp.cmp(lock, made_from, shallow=False)
            except OSError:  # The launcher or the environment has been deleted.
                is_current = False
            return is_current and super().is_valid()

    class Runner(DaemonPantsRunner):
        def single_daemonized_run(
            self,
            args: tuple[str, ...],
            env: dict[str, str],
            working_dir: str,
            cancellation_latch: PySessionCancellationLatch,
        ) -> ExitCode:
            try:
                return super().single_daemonized_run(args, env, working_dir, cancellation_latch)
            except BaseException:  # Pants has seen to any Exception, and to Ctrl-C.
                traceback.print_exc()  # To the client: its stderr is in this thread's sys.stderr.
                self._core._kill_switch.set()  # It exits; the next run starts another.
                return PANTS_FAILED_EXIT_CODE

    pants_daemon.PantsDaemon = Daemon  # type: ignore[misc]
    pants_daemon.PantsDaemonCore = Core  # type: ignore[attr-defined]
    pants_daemon.DaemonPantsRunner = Runner  # type: ignore[attr-defined]
    GlobalOptions.create_py_executor = staticmethod(create_executor)  # type: ignore[assignment]


if __name__ == "__main__":
    if DAEMON_ENTRYPOINT in os.environ:
        amend_pantsd()
    try:
        pants_loader.main()
    except (BuildRoot.NotFoundError, OptionsError) as error:
        sys.exit(str(error))
    except PantsdClientException as error:
        print(error, file=sys.stderr)
        # What crash_watch.py takes for a crash of this process itself.
        sys.exit(128 + SIGSEGV if "was killed" in str(error) else PANTS_FAILED_EXIT_CODE)
    except BrokenPipeError:
        sys.exit(141)  # As a shell has it for who is ended by the end of a pipe: `| head`.
    except ProcessManager.Timeout as error:
        sys.exit(f"{error}: see above for why, or else .pants.d/pants.log and --no-pantsd")
