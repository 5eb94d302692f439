"""Runs a command that moves an image, and gives up where that takes too long.

This file runs by itself, as a process in a sandbox:

    python limit.py SECONDS LOG COMMAND...

Docker waits without end for a registry that takes a connection and then says nothing. The command
has the seconds from its start; where LOG is not empty, it is the file that `docker buildx build`
writes to, which has them from when it begins to push: the build itself may take as long as it
takes. The exit code is the command's, or 124 where it was stopped.

It needs nothing but the standard library, so that any Python can run it.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import time

GIVEN_UP = 124  # As `timeout` has it.
_POLL = 0.5  # seconds
_GRACE = 5.0
# A step of buildx's plain progress; what a Dockerfile's steps say has a time before it.
_PUSHING = re.compile(rb"\n#\d+ pushing ")
_LONGEST = 64


def main(seconds: str, log: str, *command: str) -> int:
    """Does what the module says and returns the exit code."""
    process = subprocess.Popen(command)
    deadline = None if log else time.monotonic() + float(seconds)
    with open(log or os.devnull, "rb") as written:
        end = b""
        while True:
            with contextlib.suppress(subprocess.TimeoutExpired):
                return process.wait(_POLL)
            if deadline is None:
                text = end + written.read()
                end = text[-_LONGEST:]
                if _PUSHING.search(text):
                    deadline = time.monotonic() + float(seconds)
            if deadline is not None and time.monotonic() >= deadline:
                break
    process.terminate()
    try:
        process.wait(_GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    print(
        f"given up after {seconds} s ([mzbuild].transfer_timeout): the registry does not answer, "
        "or the image takes longer",
        file=sys.stderr,
    )
    return GIVEN_UP


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
