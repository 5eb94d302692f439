"""make_venv.py LOCK VENV: the slow part of bin/venv, run by the Python that VENV is to have."""

from __future__ import annotations

import fcntl
import subprocess
import sys
from pathlib import Path
from typing import IO


def is_complete(venv: Path, lock: bytes) -> bool:
    """Whether `venv` has a Python that is still there, and all that `lock` lists."""
    made_from = venv / "made-from.lock"
    return (venv / "bin/python").exists() and made_from.is_file() and made_from.read_bytes() == lock


def wait_for_turn(guard: IO[str], venv: Path) -> None:
    """Return once no other process is making `venv`."""
    try:
        fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print(f"Waiting for another run that is making {venv} ...", flush=True)
        fcntl.flock(guard, fcntl.LOCK_EX)


def make(venv: Path, lock_path: Path, lock: bytes, guard: IO[str]) -> None:
    """Make `venv` afresh; whatever is left there is of a run that was interrupted.

    Raises subprocess.CalledProcessError, after the command that failed has said why.
    """

    def run(*command: str | Path) -> None:
        # The children hold the lock too: pip may outlive this process, and nobody else is to write
        # to the environment before it is through.
        subprocess.run(command, check=True, pass_fds=[guard.fileno()])

    made_from = venv / "made-from.lock"
    # It must not vouch for what is about to be deleted, should that be interrupted.
    made_from.unlink(missing_ok=True)
    run(sys.executable, "-I", "-m", "venv", "--clear", venv)
    pip = (venv / "bin/python", "-I", "-m", "pip", "--disable-pip-version-check", "-qq")
    # Isolated builds, of what has no wheel for this platform, would fetch tools without a hash.
    run(*pip, "install", "--require-hashes", "--no-build-isolation", "-r", lock_path)
    for client in venv.glob("lib/*/site-packages/pants/bin/native_client"):
        client.chmod(0o755)  # The wheel has it without the mode of a program.
    unfinished = venv / "made-from.lock.new"
    unfinished.write_bytes(lock)
    unfinished.replace(made_from)


def main(lock_path: Path, venv: Path) -> None:
    lock = lock_path.read_bytes()
    # The kernel lets go of this lock when its holders are gone, however they ended.
    with open(f"{venv}.guard", "w") as guard:
        wait_for_turn(guard, venv)
        if not is_complete(venv, lock):
            print(
                f"Installing {lock_path.name} into {venv}, once, for {sys.executable} ...",
                flush=True,
            )
            make(venv, lock_path, lock, guard)


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), Path(sys.argv[2]))
    except subprocess.CalledProcessError as error:
        command = " ".join(map(str, error.cmd))
        sys.exit(
            f"The virtual environment was not made, since a command failed, as it says above:\n"
            f"  {command}\n"
            f"The next run starts over. (Which package index pip uses, its own settings say, "
            f"such as PIP_INDEX_URL.)"
        )
    except OSError as error:
        sys.exit(f"The virtual environment was not made: {error}. The next run starts over.")
    except KeyboardInterrupt:
        sys.exit("Interrupted: the next run starts over.")
