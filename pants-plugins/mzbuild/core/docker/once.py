"""Builds an image once, however many processes want it at the same time.

This file runs by itself, as a process in a sandbox:

    python once.py LOCK DOCKER SPEC IDFILE COMMAND...

Under a lock on the file LOCK, it runs the command, which builds the image SPEC and writes its ID
to IDFILE. Where the engine has the image by the time the lock is got, somebody else has just built
it: then only the ID is written. The exit code is the command's; but it is 0, too, where the image
is there and just could not be pushed: who wants to know asks the registry. An empty SPEC builds in
any case.

The lock goes with the process that holds it, however that ends. It needs nothing but the standard
library, so that any Python can run it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence


@contextlib.contextmanager
def locked(path: str) -> Iterator[None]:
    """Holds the lock on a file that is there only while somebody holds it or waits for it."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    while True:
        with open(path, "a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            # Who had it before has removed the file, and somebody may have made a new one since.
            try:
                current = os.path.samestat(os.fstat(file.fileno()), os.stat(path))
            except FileNotFoundError:
                current = False
            if current:
                try:
                    yield
                finally:
                    os.unlink(path)
                return


def image_id(docker: str, spec: str) -> str | None:
    """The ID of an image that the engine has."""
    command = [docker, "image", "inspect", "--format={{.Id}}", spec]
    found = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    return found.stdout.decode().strip() if found.returncode == 0 else None


def main(lock: str, docker: str, spec: str, id_file: str, *command: str) -> int:
    """Does what the module says and returns the exit code."""
    with locked(lock):
        found = image_id(docker, spec) if spec else None
        code = 0 if found else _run(command)
        if code and spec:
            found = image_id(docker, spec)
    if found:
        with open(id_file, "w") as file:
            file.write(found)
        return 0
    return code


def _run(command: Sequence[str]) -> int:
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
