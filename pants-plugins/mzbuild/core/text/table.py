"""Tables for people to read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Callable

from mzbuild.core.text.safe import printable

# Adds colour to a cell that is already as wide as its column.
Paint = Callable[[str], str]

# Of a screen of 50 lines, as many are for what a goal tells of images. Where that takes more, it
# tells of groups of images, until it is asked for all.
SCREEN = 40
MORE = "`--all` lists everything; or name fewer images."


def some(names: Sequence[str], most: int = 3) -> str:
    """The first few of many names: `a, b, c and 9 more`."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


def table(
    header: Sequence[str], rows: Sequence[Sequence[str]], paint: Mapping[int, Paint] | None = None
) -> list[str]:
    """The lines of a table with its columns in line; nothing where there are no rows.

    `paint` has, by a column's number, what colours its cells; the header is left alone.
    """
    if not rows:
        return []
    cells = [[printable(cell.replace("\n", " ")) for cell in row] for row in [header, *rows]]
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
        lines.append("  ".join(padded))
    return lines
