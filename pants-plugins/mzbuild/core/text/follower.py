"""Following logs while they are written. This module reads files, in a thread of its own."""

from __future__ import annotations

import codecs
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from threading import Condition
from typing import Callable

from mzbuild.core.text.progress import Progress

_TICK = 0.5  # seconds


class Follower:
    """Follows the logs of all that runs at the same time, and has `say` tell how it gets on.

    `start` runs a function in a thread: one is there for all logs, and only while there are any.
    """

    def __init__(
        self,
        say: Callable[[str], None],
        start: Callable[[Callable[[], None]], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._say = say
        self._start = start
        self._clock = clock
        self._logs: list[_Log] = []
        self._started = False
        self._changed = Condition()

    @contextmanager
    def following(self, path: str, progress: Progress) -> Iterator[None]:
        """Follows a log for as long as this lasts, from when it is written anew: that of an earlier
        build may be there. Of what is broken off, nothing more is said."""
        log = _Log(path, progress)
        with self._changed:
            self._logs.append(log)
            if not self._started:
                self._started = True
                self._start(self._follow)
        try:
            yield
            with self._changed:
                self._look([log])
        finally:
            with self._changed:
                self._logs.remove(log)
                self._changed.notify_all()

    def look(self) -> None:
        """Tells what is new in all logs; the thread does so by itself."""
        with self._changed:
            self._look(self._logs)

    def _look(self, logs: Iterable[_Log]) -> None:
        for log in logs:
            for line in log.said(self._clock()):
                self._say(line)

    def _follow(self) -> None:
        with self._changed:
            while self._logs:
                self._changed.wait(_TICK)
                self._look(self._logs)
            self._started = False


class _Log:
    """A log that is followed from when it is written anew."""

    def __init__(self, path: str, progress: Progress) -> None:
        self._path = path
        self._progress = progress
        self._before = _status(path)
        self._is_new = False
        self._read = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def said(self, now: float) -> list[str]:
        self._is_new = self._is_new or _status(self._path) not in (None, self._before)
        return self._progress.said(self._decoder.decode(self._grown()), now) if self._is_new else []

    def _grown(self) -> bytes:
        try:
            with open(self._path, "rb") as file:
                # It begins once more where something is tried again.
                self._read = self._read if os.fstat(file.fileno()).st_size >= self._read else 0
                file.seek(self._read)
                written = file.read()
        except OSError:  # Somebody has removed it.
            return b""
        self._read += len(written)
        return written


def _status(path: str) -> tuple[int, int, int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size
