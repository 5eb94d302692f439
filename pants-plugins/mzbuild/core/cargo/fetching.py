"""Telling that Cargo fetches packages, while it does. This follows a file with Cargo's output."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Callable

from mzbuild.core.cargo.failures import without_colors
from mzbuild.core.cargo.installed import file_status

_PAUSE = 0.2  # seconds
_FETCHING = re.compile(r"^ *((?:Updating|Downloading) .*\S)", re.MULTILINE)
_COMPILING = re.compile(r"^ *Compiling ", re.MULTILINE)


@contextmanager
def telling_of_fetches(log: str, say: Callable[[str], None]) -> Iterator[None]:
    """Has another thread `say` what Cargo fetches first, as soon as it begins to, as long as this
    lasts. `log` is the path of a file that is written anew with Cargo's output."""
    before, done = file_status(log), Event()

    def follow() -> None:
        ended = False
        while not ended:
            ended = done.wait(_PAUSE)
            if file_status(log) in (before, None):
                continue
            with open(log, errors="replace") as file:
                written = without_colors(file.read())
            if found := _FETCHING.search(written):
                say(found[1])
            if found or _COMPILING.search(written):
                return

    thread = Thread(target=follow, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
