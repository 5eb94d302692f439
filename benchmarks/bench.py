"""A generated repository, and how commands run in it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks.generate import MAIN, Image

# The tests, too, take another Pants by this name.
PANTS = os.environ.get("MZBUILD_TEST_PANTS") or str(Path(__file__).resolve().parents[1] / "pants")


class CommandError(Exception):
    """A command of a row, or one that prepares it, failed."""


def run(directory: Path, environment: Mapping[str, str], *command: str) -> str:
    """The command's standard output; raises `CommandError` when it cannot run or fails."""
    try:
        done = subprocess.run(
            command, cwd=directory, env=environment, capture_output=True, check=False
        )
    except OSError as error:
        raise CommandError(f"{command[0]}: {error.strerror}") from error
    if done.returncode:
        output = (done.stdout + done.stderr).decode(errors="replace").strip()
        raise CommandError(f"`{' '.join(command)}` gave exit code {done.returncode}:\n{output}")
    return done.stdout.decode(errors="replace")


def plain_environment() -> dict[str, str]:
    """The caller's, but for what it says of Pants: that may not change what is measured. Only a
    version may be wanted, of whatever runs several."""
    own = {
        name: value
        for name, value in os.environ.items()
        if name == "PANTS_VERSION" or not name.startswith("PANTS_")
    }
    return {**own, "PANTS_PANTSRC": "false"}


@dataclass(frozen=True)
class Engine:
    """What there is for rows that build images."""

    calls: Path  # A line for each call of the Docker engine's client.
    prefix: str  # Of the names of all images that are made.
    slow: str  # A URL below which each file takes a second to come.


@dataclass(frozen=True)
class Bench:
    """A generated repository, and what to run in it."""

    size: str
    root: Path
    image: Image  # For rows that are about one image only.
    pants: str
    python: str
    environment: Mapping[str, str]
    engine: Engine | None = None

    def run(self, *command: str) -> str:
        return run(self.root, self.environment, *command)

    def beside(self, name: str) -> Path:
        """A path for what is no part of the repository, and goes with it."""
        return self.root.with_name(f"{self.root.name}-{name}")

    def engine_calls(self) -> int:
        """How often the Docker engine's client has been called so far."""
        return self.engine.calls.read_text().count("\n") if self.engine else 0

    def pantsd_memory(self) -> float:
        """The MiB that the repository's pantsd takes, its share of what others use included."""
        (pid_file,) = self._pid_files()
        lines = Path("/proc", pid_file.read_text(), "smaps_rollup").read_text().splitlines()
        (size,) = (line.split()[1] for line in lines if line.startswith("Pss:"))
        return int(size) / 2**10

    def _pid_files(self) -> list[Path]:
        # Since 2.25, Pants keeps it with all else.
        return [
            file
            for at in (".pids", ".pants.d/pids")
            for file in self.root.glob(f"{at}/*/pantsd/pid")
        ]

    def stop_pantsd(self) -> None:
        """Stop the repository's pantsd, if there is one, and wait until it is gone."""
        for pid_file in self._pid_files():
            with suppress(ProcessLookupError):
                pid = int(pid_file.read_text())
                os.kill(pid, signal.SIGTERM)
                deadline = time.monotonic() + 10
                while time.monotonic() < deadline:
                    os.kill(pid, 0)
                    time.sleep(0.01)
                os.kill(pid, signal.SIGKILL)
            shutil.rmtree(pid_file.parent)

    def restore(self) -> None:
        """Make the work tree what it was generated as."""
        self.run("git", "checkout", "--quiet", "--force", MAIN)
        self.run("git", "clean", "--quiet", "--force", "-d")
