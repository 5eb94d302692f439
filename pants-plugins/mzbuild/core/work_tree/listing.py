"""The names of the files that Git sees, and the questions asked of them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Listing:
    """Repository-relative paths, sorted as strings."""

    paths: tuple[str, ...]

    def __hash__(self) -> int:
        # The paths are many, and a listing is hashed often: its length tells most of them apart.
        return len(self.paths)

    def __contains__(self, path: str) -> bool:
        return path in self._set

    @cached_property
    def _set(self) -> frozenset[str]:
        return frozenset(self.paths)

    def under(self, directory: str) -> tuple[str, ...]:
        """The paths of all files in a directory, at any depth; the root is `""`."""
        if not directory:
            return self.paths
        # "0" is the character that comes next after "/".
        first = bisect_left(self.paths, f"{directory}/")
        return self.paths[first : bisect_left(self.paths, f"{directory}0", first)]

    def directories(self, directory: str) -> set[str]:
        """A directory and all directories in it, at any depth."""
        found: set[str] = set()
        for path in self.under(directory):
            inner = path.rpartition("/")[0]
            while inner not in found and is_under(inner, directory):
                found.add(inner)
                inner = inner.rpartition("/")[0]
        return found

    def real(self, path: str) -> str:
        """The path by which a file is listed: of what lies behind symlinks, none is."""
        return path

    def followed(self, paths: Iterable[str]) -> tuple[str, ...]:
        """The paths by which files are listed: of what lies behind symlinks, none is."""
        return tuple(paths)

    def named(self, name: str) -> tuple[str, ...]:
        """The paths of all files with this name, in any directory."""
        ending = f"/{name}"
        return tuple(path for path in self.paths if path == name or path.endswith(ending))


def is_under(path: str, directory: str) -> bool:
    """Whether a path is that of the directory or of something in it, at any depth."""
    return not directory or path == directory or path.startswith(f"{directory}/")


def with_directories(path: str) -> Iterator[str]:
    """A path, and those of the directories that it is in, up to the root, `""`."""
    while path:
        yield path
        path = path.rpartition("/")[0]
    yield ""


def nesting(directories: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
    """For each directory those of the others that lie in it, at any depth."""
    nested: dict[str, list[str]] = {directory: [] for directory in directories}
    for directory in nested:
        outer = directory
        while outer:
            outer = outer.rpartition("/")[0]
            if outer in nested:
                nested[outer].append(directory)
    return {directory: tuple(inner) for directory, inner in nested.items()}


def less_nested(paths: tuple[str, ...], nested: tuple[str, ...]) -> tuple[str, ...]:
    """The paths that are in none of the nested directories."""
    if not nested:
        return paths
    prefixes = tuple(f"{directory}/" for directory in nested)
    return tuple(path for path in paths if not path.startswith(prefixes))
