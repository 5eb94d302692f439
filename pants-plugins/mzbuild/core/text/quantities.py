"""Numbers of things, for people to read."""

from __future__ import annotations


def show_count(number: int) -> str:
    """A number of files for people."""
    return f"{number} file" if number == 1 else f"{number} files"


def show_size(size: int) -> str:
    """A number of bytes for people: `999 B`, `1.0 kB`, `12 MB`."""
    value, units = float(size), iter(("B", "kB", "MB", "GB", "TB"))
    unit = next(units)
    while value >= 999.5 and unit != "TB":
        value, unit = value / 1000, next(units)
    return f"{value:.1f} {unit}" if unit != "B" and value < 9.95 else f"{value:.0f} {unit}"
