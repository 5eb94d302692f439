"""The files that Cargo builds from: put into a directory by content, and touched only where theirs
differs.

This is part of the program in `cargo.program`. It writes and removes files.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha256
from typing import BinaryIO, Callable, NamedTuple

from mzbuild.core.cargo.staged_git import GIT

# Where in a build's directory they lie.
SOURCES = "sources"
# Stands for that directory in command lines.
DIRECTORY = "@MZBUILD_CARGO_DIRECTORY@"

_CHUNK_SIZE = 1 << 20  # bytes
_SYMLINK = 0o120000  # Git's mode.


class Known(NamedTuple):
    """What is known of a file that was staged; `modified` is in nanoseconds."""

    crate: str | None
    digest: str
    mode: int
    modified: int
    size: int


class ChangedError(Exception):
    """A source with another content than it was to have, in words."""


Staged = dict[str, Known]

NOT_YET_STAGED = Known(None, "", 0, 0, 0)


def stage(
    directory: str,
    root: str,
    sources: Mapping[str, tuple[str | None, str, int]],
    known: Staged,
    elsewhere: Mapping[str, str],
    stays: Callable[[str], bool] = lambda _: False,
) -> Staged:
    """Makes a directory hold just these sources, and returns what is known of it then.

    `sources` has for each path in `root` its crate (none for a file that only has to be there), its
    content's SHA-256 (of a symlink, its text), and its mode; `elsewhere` has where those lie that
    are not in `root`. When all files of a crate go and come back, those whose digest is the known
    one are as old as they were, and what was compiled from them is still good. `stays` tells of the
    path of what was not staged, but made there, whether it does. Raises `ChangedError` for a file
    with another content.
    """

    def was_made(path: str) -> bool:
        # Where nothing is known, everything may have been staged.
        return bool(known) and path not in known

    _remove_others(directory, sources, lambda path: was_made(path) and stays(path))
    built = {crate for crate, _, _ in sources.values()}
    # A file that alone is gone from its crate is forgotten: the crate may now be built without it,
    # so that it must look new when it comes back.
    staged = {path: was for path, was in known.items() if path in sources or was.crate not in built}
    for path, (crate, digest, mode) in sources.items():
        target = os.path.join(directory, path)
        if crate is None and os.path.lexists(target):
            continue
        was = known.get(path)
        same = was is not None and (was.digest, was.mode) == (digest, mode)
        if was is not None and same and _is_as_known(target, was):
            if was.crate != crate:
                staged[path] = was._replace(crate=crate)
            continue
        source = None if crate is None else elsewhere.get(path, os.path.join(root, path))
        _put(source, digest, mode, target, f"{directory}.unfinished")
        if was is not None and same:
            os.utime(target, ns=(was.modified, was.modified), follow_symlinks=False)
        status = os.lstat(target)
        staged[path] = Known(crate, digest, mode, status.st_mtime_ns, status.st_size)
    return staged


def _is_as_known(path: str, known: Known) -> bool:
    try:
        status = os.lstat(path)
    except OSError:
        return False
    return (status.st_mtime_ns, status.st_size) == (known.modified, known.size)


def _put(source: str | None, digest: str, mode: int, target: str, unfinished: str) -> None:
    """Puts a file in place, whole or not at all."""
    os.makedirs(os.path.dirname(target), exist_ok=True)
    with suppress(FileNotFoundError):
        os.remove(unfinished)
    if mode == _SYMLINK:
        os.symlink(digest, unfinished)
    else:
        with open(unfinished, "wb") as file:
            if source is not None:
                _copy(source, digest, file)
        os.chmod(unfinished, mode & 0o777)
    os.replace(unfinished, target)


def _copy(source: str, digest: str, file: BinaryIO) -> None:
    hashed = sha256()
    with suppress(FileNotFoundError), open(source, "rb") as content:
        for chunk in iter(lambda: content.read(_CHUNK_SIZE), b""):
            hashed.update(chunk)
            file.write(chunk)
    if hashed.hexdigest() != digest:
        raise ChangedError(
            f"{source} changed before Cargo came to read it, so the results would not have been "
            "what they are cached as. Run the command again."
        )


def _remove_others(
    directory: str, sources: Mapping[str, object], stays: Callable[[str], bool]
) -> None:
    found = []
    for parent, directories, files in os.walk(directory):
        # Of what is in there, Git sees nothing either.
        directories[:] = [name for name in directories if name != GIT]
        found.append((parent, directories, files))
    for parent, directories, files in reversed(found):
        # There may be very many files: only what is not known to be one is asked about.
        prefix = os.path.relpath(os.path.join(parent, "x"), directory)[:-1]
        for name in directories:
            path = os.path.join(parent, name)
            if os.path.islink(path):
                files.append(name)
            elif set(os.listdir(path)) <= {GIT}:
                shutil.rmtree(path)
        for name in files:
            path = os.path.join(parent, name)
            if prefix + name in sources:
                continue
            if stays(prefix + name):
                # Cargo is not to take it for an edit.
                os.utime(path, ns=(0, 0), follow_symlinks=False)
            else:
                os.remove(path)


def load_known(path: str) -> Staged:
    """What an earlier build wrote down; nothing where it did not, or where it cannot be read."""
    try:
        with open(path) as file:
            return {name: Known(*entry) for name, entry in json.load(file).items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


def save_known(path: str, staged: Staged) -> None:
    """Writes down what is staged, at once or not at all."""
    unfinished = f"{path}.unfinished"
    with open(unfinished, "w") as file:
        # Not by `json.dump`, which takes many times as long, since it writes piece by piece.
        file.write(json.dumps(staged))
    os.replace(unfinished, path)
