"""What is said of a build, a push or a pull while it lasts, by what it writes to its log."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import Protocol

from mzbuild.core.safe import without_colours

# What is over before says nothing; then something is said so often at most. In seconds.
PAUSE = 2.0
# After so many seconds without a word, what goes on is told again.
_SILENCE = 30.0
_SILENCE_OF_TRANSFER = 5.0

_WIDTH = 110


class ProgressMode(Enum):
    """What is said of it: the steps that it takes, or everything."""

    AUTO = "auto"
    PLAIN = "plain"


class Steps(Protocol):
    """Finds in what a program writes the steps that it takes."""

    def begun(self, written: str) -> list[str]:
        """The steps that have begun, a line for each, by the next complete lines of the log."""

    @property
    def doing(self) -> str:
        """The step that is being carried out."""

    @property
    def detail(self) -> str:
        """How far that has come, such as `1.2 MB of 60 MB`; empty where it is not said."""


class AllLines:
    """Everything that is written, line by line."""

    doing, detail = "nothing is written", ""

    def begun(self, written: str) -> list[str]:
        """The lines, without those that are empty, or replaced by what follows them."""
        lines = (line.rstrip().rpartition("\r")[2] for line in written.split("\n"))
        return [line for line in map(without_colours, lines) if line]


class Progress:
    """Turns the growth of a log into lines to say; `name` is what each of them begins with.

    In the first `grace` seconds nothing is said, and then once in `pause` seconds.
    """

    def __init__(
        self, name: str, steps: Steps, *, grace: float = PAUSE, pause: float = PAUSE
    ) -> None:
        self._name = name
        self._steps = steps
        self._grace = grace
        self._pause = pause
        self._written = ""
        self._began: float | None = None
        self._due = self._said_at = 0.0

    def said(self, written: str, now: float) -> list[str]:
        """What to say at a time (in seconds), when the log has grown by `written` or not at all."""
        if self._began is None:
            self._began = self._said_at = now
            self._due = now + self._grace
        self._written += written
        if now < self._due:
            return []
        lines = list(self._lines(now, now - self._began))
        if lines:
            self._due, self._said_at = now + self._pause, now
        return [f"{self._name}: {line}" for line in lines]

    def _lines(self, now: float, seconds: float) -> Iterator[str]:
        end = max(self._written.rfind(end) for end in "\r\n") + 1
        complete, self._written = self._written[:end], self._written[end:]
        begun = self._steps.begun(complete)
        detail = self._steps.detail
        if begun:
            yield from begun
        elif now - self._said_at >= (_SILENCE_OF_TRANSFER if detail else _SILENCE):
            yield f"{self._steps.doing} ({detail or 'still running'}, {seconds:.0f} s in all)"


def shortened(line: str) -> str:
    """A line that fits a terminal."""
    return line if len(line) <= _WIDTH else f"{line[: _WIDTH - 1]}…"
