"""Tables for people to read."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Callable

from mzbuild.core.safe import printable

_GAP = "  "
# The last column is not made narrower than this before other columns are wrapped.
_SHORT = 24

# Adds colour to a cell that is already as wide as its column.
Paint = Callable[[str], str]

# Of a screen of 50 lines, as many are for what a goal tells of images. Where that takes more, it
# tells of groups of images, until it is asked for all.
SCREEN = 40
# What is wider than this many columns is wrapped.
WIDTH = 120
MORE = "`--all` lists everything; or name fewer images."


def some(names: Sequence[str], most: int = 3) -> str:
    """The first few of many names: `a, b, c and 9 more`."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


def wrapped(text: str, width: int, first: str = "", more: str = "") -> list[str]:
    """Text in lines of so many columns, if its words are not longer; `first` and `more` begin the
    first line and all others."""
    return textwrap.wrap(
        text,
        width,
        initial_indent=first,
        subsequent_indent=more,
        # Paths and image references stay in one piece.
        break_long_words=False,
        break_on_hyphens=False,
    )


def table(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    paint: Mapping[int, Paint] | None = None,
    width: int | None = None,
    *,
    cut: bool = False,
) -> list[str]:
    """The lines of a table with its columns in line; nothing where there are no rows.

    `paint` has, by a column's number, what colours its cells; the header is left alone. In a table
    that is wider than `width`, cells are wrapped; with `cut`, those of the last column are cut.
    """
    if not rows:
        return []
    cells = [[printable(cell.replace("\n", " ")) for cell in row] for row in [header, *rows]]
    if width is not None:
        columns = _fitting(cells, width - len(_GAP) * (len(header) - 1))
        cells = [line for row in cells for line in _wrapped_row(row, columns, cut=cut)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    paint = paint or {}
    lines = []
    for number, row in enumerate(cells):
        # What ends a line is not filled up, so that no line ends in spaces.
        while len(row) > 1 and not row[-1]:
            row.pop()
        padded = [cell.ljust(width) for cell, width in zip(row[:-1], widths)] + row[-1:]
        if number:
            padded = [paint.get(column, str)(cell) for column, cell in enumerate(padded)]
        lines.append(_GAP.join(padded))
    return lines


def _fitting(cells: Sequence[Sequence[str]], width: int) -> list[int]:
    """The widths of columns that fit, if the words of all but the last one do: that one gives way
    first, then the widest of the others, and then it again."""
    *columns, last = zip(*cells)
    widths = [max(map(len, column)) for column in columns]
    # The header is in one line.
    least = [max(map(len, [column[0], *" ".join(column).split()])) for column in columns]
    longest = max(map(len, last))
    while sum(widths) + min(longest, _SHORT) > width and widths != least:
        widest = max(range(len(widths)), key=lambda each: widths[each] - least[each])
        widths[widest] -= 1
    return [*widths, max(1, min(longest, width - sum(widths)))]


def _wrapped_row(row: Sequence[str], widths: Sequence[int], *, cut: bool) -> list[list[str]]:
    lines = [wrapped(cell, width) for cell, width in zip(row, widths)]
    if cut and len(row[-1]) > widths[-1]:
        lines[-1] = [f"{row[-1][: widths[-1] - 1].rstrip()}…"]
    return [list(each) for each in zip_longest(*lines, fillvalue="")]
