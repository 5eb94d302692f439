"""The directories in which Cargo builds: their sizes, and their end. This module removes files."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timezone
from hashlib import sha256
from pathlib import Path

from mzbuild.core.cargo.staged_files import SOURCES
from mzbuild.core.cargo.staging import LOCK, locked

# Pants' named caches that hold such directories, one for each clone of a repository, begin so.
_CACHE_PREFIX = "mzbuild_cargo_"
ALL_CACHES = f"{_CACHE_PREFIX}*"

# What `st_blocks` counts, on every file system.
_BLOCK = 512  # bytes

_UNITS = ("kB", "MB", "GB", "TB")


@dataclass(frozen=True)
class CargoDirectory:
    """Where builds of one configuration of one clone keep their sources and what they compiled."""

    path: Path
    # In bytes on the disk.
    staged: int
    compiled: int
    # In seconds since the epoch.
    last_used: float

    @property
    def size(self) -> int:
        """All that goes when the directory does, in bytes."""
        return self.staged + self.compiled


def cache_name(build_root: str) -> str:
    """The named cache that has the directories of the repository at this path."""
    # Lower-case letters are all that such a name may have, beside `_`.
    digest = sha256(build_root.encode()).digest()[:8]
    letters = (chr(ord("a") + nibble) for byte in digest for nibble in divmod(byte, 16))
    return f"{_CACHE_PREFIX}{''.join(letters)}"


def cargo_directories(caches: Path, cache: str) -> tuple[CargoDirectory, ...]:
    """The directories of the named caches that a glob selects, sorted by their paths."""
    # Each build takes the lock, so whatever has none is of somebody else.
    locks = sorted(caches.glob(f"{cache}/*/{LOCK}"))
    return tuple(_measured(lock.parent) for lock in locks)


def remove_directory(path: Path) -> bool:
    """Removes a directory, unless a build is using it; returns whether it is gone."""
    try:
        with locked(str(path), wait=False):
            for entry in path.iterdir():
                if entry.is_dir() and not entry.is_symlink():
                    shutil.rmtree(entry)
                elif entry.name != LOCK:
                    entry.unlink()
            # At last: until it goes, nobody else begins.
            (path / LOCK).unlink()
    except BlockingIOError:
        return False
    try:
        path.rmdir()
    except OSError:
        # Somebody has just begun to build in it.
        return False
    return True


def directory_rows(
    directories: Iterable[CargoDirectory], caches: Path
) -> list[tuple[str, str, str, str]]:
    """The rows of a table of directories, with their paths in the named caches."""
    return [
        (
            str(directory.path.relative_to(caches)),
            shown_size(directory.staged),
            shown_size(directory.compiled),
            _shown_time(directory.last_used),
        )
        for directory in directories
    ]


def shown_size(size: int) -> str:
    """A number of bytes for people: `4.5 GB`."""
    value = size / 1000
    for unit in _UNITS:
        if value < 999.95 or unit == _UNITS[-1]:
            break
        value /= 1000
    return f"{value:.1f} {unit}"


def _shown_time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).astimezone().strftime("%Y-%m-%d %H:%M")


def _measured(path: Path) -> CargoDirectory:
    entries = [entry for entry in path.iterdir() if entry.name != LOCK]
    sizes = {entry.name: _size(entry) for entry in entries}
    return CargoDirectory(
        path,
        staged=sizes.pop(SOURCES, 0),
        compiled=sum(sizes.values()),
        last_used=max(entry.lstat().st_mtime for entry in path.iterdir()),
    )


def _size(path: Path) -> int:
    """What a file, or all in a directory, takes on the disk."""
    # Cargo links a file to several places, which takes its space once.
    found = {}
    for parent, _, names in os.walk(path):
        for name in names:
            # In a directory that is being built in, files go away.
            with contextlib.suppress(FileNotFoundError):
                status = os.lstat(os.path.join(parent, name))
                found[status.st_ino] = status.st_blocks * _BLOCK
    if path.is_file():
        return path.lstat().st_blocks * _BLOCK
    return sum(found.values())
