"""What images are called that nobody has named."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import chain, count

_SEPARATOR = re.compile(r"[^a-z0-9/]+")


def image_names(directories: Iterable[str], taken: Iterable[str]) -> Mapping[str, str]:
    """A name for the image in each of the directories, which none of the others has.

    It is the directory's own, or as much of the end of its path as makes it unique, in letters that
    Docker allows. `taken` has the names that other images have.
    """
    used = set(taken)
    names: dict[str, str] = {}
    for directory in sorted(directories):
        parts = _SEPARATOR.sub("-", directory.lower() or "image").split("/")
        ends = ["-".join(parts[start:]).strip("-") for start in reversed(range(len(parts)))]
        numbered = (f"{ends[-1]}-{number}" for number in count(2))
        name = next(name for name in chain(ends, numbered) if name and name not in used)
        names[directory] = name
        used.add(name)
    return names
