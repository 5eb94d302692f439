"""The one error that a user's mistake raises, and the words that all such errors share."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from mzbuild.core.safe import printable, printable_painted

_LONGEST_WORD = 255
# Names in messages may be as long as files are, and as many as there are images.
_LONGEST_LINE = 4000


class MzbuildError(Exception):
    """Something that the user can mend; the message says what is wrong, where, and what to do.

    Each argument is a line of it. A line break in one was not meant to be there: names may have
    any, and do not make lines of their own. What fills more than a screen is cut.
    """

    def __init__(self, *lines: str):
        super().__init__("\n".join(_cut(printable(line)) for line in lines))

    @classmethod
    def of_lines(cls, text: str) -> MzbuildError:
        """An error of several lines, all of which are meant to be there; colours stay."""
        error = cls()
        error.args = ("\n".join(map(printable_painted, text.split("\n"))),)
        return error


def _cut(line: str) -> str:
    half = _LONGEST_LINE // 2
    return line if len(line) <= _LONGEST_LINE else f"{line[:half]} … {line[-half:]}"


def nearest(name: str, known: Iterable[str]) -> str:
    """A clause that names the known word closest to `name`, to end an error message with.

    Returns `""` where nothing known resembles `name`.
    """
    word = closest(name, known)
    return "" if word is None else f" Did you mean `{word}`?"


def closest(name: str, known: Iterable[str]) -> str | None:
    """The known word closest to `name`, or `None` where nothing known resembles it."""
    # Comparing takes time by the square of the length, and such a word was not mistyped.
    if len(name) > _LONGEST_WORD:
        return None
    # Similarity is judged without case: `Environmentd` means `environmentd`.
    by_folded = {word.casefold(): word for word in sorted(known)}
    matches = difflib.get_close_matches(name.casefold(), by_folded, n=1, cutoff=0.6)
    return by_folded[matches[0]] if matches else None


def listed(words: Iterable[str]) -> str:
    """The words in backquotes, as prose: "`a`, `b` and `c`"."""
    quoted = [f"`{printable(word)}`" for word in words]
    if len(quoted) < 2:
        return "".join(quoted)
    return f"{', '.join(quoted[:-1])} and {quoted[-1]}"
