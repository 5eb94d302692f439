"""Paths as the repository has them: relative, with `/` between their parts, `""` for the root."""

from __future__ import annotations

import posixpath

from mzbuild.core.errors import MzbuildError


def under(directory: str, name: str) -> str:
    """`name` in `directory`, where the repository's root is `""`."""
    return f"{directory}/{name}" if directory else name


def leads_outside(directory: str) -> bool:
    """Whether a normalized path, relative to the root, is not of the repository."""
    return posixpath.isabs(directory) or directory == ".." or directory.startswith("../")


def inside(where: str, field: str, path: str, boundary: str) -> str:
    """A path without its `.` parts, or `MzbuildError` where it leads out of a boundary."""
    normal = posixpath.normpath(path)
    if leads_outside(normal):
        raise MzbuildError(
            f"{where}: `{field}: {path}` leads out of {boundary}. Give a path relative to "
            f"the root of {boundary}, without `..`."
        )
    return "" if normal == "." else normal
