"""Runs a command that moves an image, and gives up where that takes too long.

This file runs by itself, as a process in a sandbox:

    python limit.py SECONDS KIND LOG COMMAND...

Docker waits without end for a registry that takes a connection and then says nothing. Where KIND is
`transfer`, the command has the seconds from its start. Its output goes to the file LOG by way of a
terminal, since Docker tells nothing else how far it has come. Where KIND is `build`, it is a
`docker buildx build` that writes to LOG, and has the seconds from when it begins to push: the build
itself may take as long as it takes. The exit code is the command's, or 124 where it was stopped.

It needs nothing but the standard library, so that any Python can run it.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import threading
import time

GIVEN_UP = 124  # As `timeout` has it.
_POLL = 0.5  # seconds
_GRACE = 5.0
# A step of buildx's plain progress; what a Dockerfile's steps say has a time before it.
_PUSHING = re.compile(rb"\n#\d+ pushing ")
_LONGEST = 64


def main(seconds: str, kind: str, log: str, *command: str) -> int:
    """Does what the module says and returns the exit code."""
    if kind == "build":
        return _run(seconds, subprocess.Popen(command), log)
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o666)
    try:
        terminal, its_end = os.openpty()
    except OSError:  # There is none to be had, as in some containers.
        return _run(seconds, subprocess.Popen(command, stdout=file))
    process = subprocess.Popen(command, stdout=its_end)
    os.close(its_end)
    recorder = threading.Thread(target=_record, args=(terminal, file), daemon=True)
    recorder.start()
    code = _run(seconds, process)
    recorder.join(_GRACE)
    return code


def _record(terminal: int, file: int) -> None:
    with contextlib.suppress(OSError):  # An error is what comes at the end.
        while chunk := os.read(terminal, 65536):
            os.write(file, chunk)


def _run(seconds: str, process: subprocess.Popen[bytes], log: str = "") -> int:
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
