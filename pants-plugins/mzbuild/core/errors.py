"""The one error that a user's mistake raises, and the words that all such errors share."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_LONGEST_WORD = 255


class MzbuildError(Exception):
    """Something that the user can mend; the message says what is wrong, where, and what to do."""


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
    quoted = [f"`{word}`" for word in words]
    if len(quoted) < 2:
        return "".join(quoted)
    return f"{', '.join(quoted[:-1])} and {quoted[-1]}"
