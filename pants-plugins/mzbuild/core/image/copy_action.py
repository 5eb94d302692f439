"""The `copy` pre-image action: which files it copies, and where to."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping

from mzbuild.core.errors import MzbuildError
from mzbuild.core.git.glob import git_glob, pants_globs
from mzbuild.core.image.declaration import Copy, Image, under
from mzbuild.core.work_tree.listing import Listing


def copied_files(image: Image, action: Copy, listing: Listing) -> Mapping[str, str]:
    """The files that an action copies: paths in the context, each with its path in the repository.

    Raises `MzbuildError` for a source or destination that leads out of the repository or the
    context, by `..`, as an absolute path or through a symlink, and for a source that is not there.
    """
    source = inside(image.origin, "source", action.source, "the repository")
    destination = inside(image.origin, "destination", action.destination, "the context")
    if action.matching.startswith(":"):
        raise MzbuildError(
            f"{image.origin}: `matching: {action.matching}`: Git's `:` pathspecs are not "
            "supported here. Use a plain glob, such as `*.yml`."
        )
    inside(image.origin, "matching", action.matching, "the source")
    _refuse_file_on_the_way(image, "source", source, source, listing)
    if not listing.under(source):
        raise MzbuildError(
            f"{image.origin}: `source: {action.source}`: Git sees no file in that directory. "
            "It is relative to the repository's root."
        )
    copied = {
        under(destination, _relative(path, source)): path
        for path in matching_files(action, listing)
    }
    directories = {posixpath.dirname(path) for path in copied} | {destination}
    for directory in sorted(directories):
        _refuse_file_on_the_way(
            image, "destination", directory, under(image.context, directory), listing
        )
    return copied


def source_directory(action: Copy) -> str:
    """The directory that an action copies from, relative to the root, which is `""`."""
    source = posixpath.normpath(action.source)
    return "" if source == "." else source


def leads_outside(directory: str) -> bool:
    """Whether a normalized path, relative to the root, is not of the repository."""
    return posixpath.isabs(directory) or directory == ".." or directory.startswith("../")


def matching_files(action: Copy, listing: Listing) -> tuple[str, ...]:
    """The paths of the files that an action selects."""
    source = source_directory(action)
    pattern = git_glob(action.matching)
    return tuple(
        path
        for path in listing.under(source)
        if pattern.fullmatch(_relative(path, source).encode("utf-8", "surrogateescape"))
    )


def copy_globs(action: Copy) -> tuple[str, ...]:
    """Pants globs, relative to the root, that select what the action copies."""
    return tuple(under(source_directory(action), glob) for glob in pants_globs(action.matching))


def _relative(path: str, directory: str) -> str:
    return path[len(directory) + 1 :] if directory else path


def inside(where: str, field: str, path: str, boundary: str) -> str:
    """A path without its `.` parts, or `MzbuildError` where it leads out of a boundary."""
    normal = posixpath.normpath(path)
    if leads_outside(normal):
        raise MzbuildError(
            f"{where}: `{field}: {path}` leads out of {boundary}. Give a path relative to "
            f"the root of {boundary}, without `..`."
        )
    return "" if normal == "." else normal


def _refuse_file_on_the_way(
    image: Image, field: str, path: str, full_path: str, listing: Listing
) -> None:
    # Git lists files and symlinks, never directories: what it lists cannot be walked through
    # without leaving the tree that the fingerprint describes.
    parts = full_path.split("/")
    # An image's own context is a directory; only what the action adds to it is in question.
    for end in range(1, len(parts) + 1):
        prefix = "/".join(parts[:end])
        if prefix in listing:
            raise MzbuildError(
                f"{image.origin}: `{field}: {path}` goes through `{prefix}`, which is a file or a "
                "symlink. Give the path of a real directory."
            )
