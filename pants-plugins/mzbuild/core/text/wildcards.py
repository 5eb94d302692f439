"""Wildcards as regular expressions that never try a second way to match the same text.

Plain `.*a.*b.*c` tries all ways to cut a text up, which takes time by a power of the text's length.
But after a wildcard, the first place of what follows is as good as any other. So it is looked for
once. Python before 3.11 has no atomic groups; a look-ahead and a reference to what it found are
one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count


@dataclass(frozen=True)
class Gap:
    """A wildcard for any number of characters, as a regular expression that takes few at first.

    `wide` is whether it matches whatever other gaps match, `/` included.
    """

    regex: str
    wide: bool = True


def linear_regex(*alternatives: Sequence[str | Gap]) -> str:
    """A regular expression for parts in a row: gaps, and regular expressions of fixed length.

    What follows the last gap must be there: an end such as `/` or `\\Z`.
    """
    numbers = count()
    return "|".join(_in_a_row(parts, numbers) for parts in alternatives)


def _in_a_row(parts: Sequence[str | Gap], numbers: Iterator[int]) -> str:
    # A run is what stands between two wide gaps, the first of which it begins with. It is in pieces
    # that begin with its other gaps.
    runs = [[""]]
    for part in parts:
        if isinstance(part, str):
            runs[-1][-1] += part
        elif part.wide:
            runs.append([part.regex])
        else:
            runs[-1].append(part.regex)

    def once(regex: str) -> str:
        name = f"g{next(numbers)}"
        return f"(?=(?P<{name}>{regex}))(?P={name})"

    first, *others = [piece + "".join(map(once, pieces)) for piece, *pieces in runs]
    return first + "".join(map(once, others))


def one_of(ranges: Iterable[tuple[str, str]], *, negated: bool) -> str:
    """A regular expression for a set of characters: from the first to the last of each pair.

    The last is empty where a pair is one character. A range that goes backwards has none.
    """
    members = "".join(
        f"{re.escape(first)}-{re.escape(last)}" if last else re.escape(first)
        for first, last in ranges
        if first <= (last or first)
    )
    return f"[{'^' * negated}{members}]" if members else "(?s:.)" if negated else "(?!)"
