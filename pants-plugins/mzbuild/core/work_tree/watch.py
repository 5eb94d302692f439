"""Learning from the kernel which files of some directories were touched. Linux only.

Looking at each file of a large work tree takes longer than all else that is done when nothing
changed. So the kernel is asked to keep book (https://man7.org/linux/man-pages/man7/inotify.7.html),
as Git's own file system monitor does. It writes a change down before the call that makes it
returns: whatever was done before one asks, one is told of.

It does not learn of everything, and what is here gives up, with the answer that anything may have
changed, where it would not: on file systems that others write to, such as NFS; when something is
mounted or the directories are moved; when more was changed than it remembers. Two things are left
that nothing tells of: writing to a file through memory, and through a second name of it that was
made elsewhere in the meantime. A `WorkTreeReader` looks for these.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import struct
import sys
from collections.abc import Iterable, Iterator
from functools import cache

# From <sys/inotify.h>; the same on all architectures.
_MODIFY = 0x2
_ATTRIB = 0x4
_CLOSE_WRITE = 0x8
_MOVED_FROM = 0x40
_MOVED_TO = 0x80
_CREATE = 0x100
_DELETE = 0x200
_MOVE_SELF = 0x800
_UNMOUNT = 0x2000
_OVERFLOW = 0x4000
_IGNORED = 0x8000
_IS_DIRECTORY = 0x40000000
_ONLY_DIRECTORY = 0x01000000
_NO_FOLLOW = 0x02000000

_FILES = _MODIFY | _ATTRIB | _CLOSE_WRITE | _MOVED_FROM | _MOVED_TO | _CREATE | _DELETE
_WATCHED = _FILES | _MOVE_SELF | _ONLY_DIRECTORY | _NO_FOLLOW
# After these, paths are no longer what they were, or something was forgotten.
_LOST = _MOVE_SELF | _UNMOUNT | _OVERFLOW

_EVENT = struct.Struct("=iIII")
_BUFFER_SIZE = 1 << 18  # bytes

# File systems that nobody but this kernel writes to.
_LOCAL = frozenset({"bcachefs", "btrfs", "ext2", "ext3", "ext4", "f2fs", "overlay", "tmpfs", "xfs"})


class DirectoryWatch:
    """A watch over directories below a root. All paths are relative to the root."""

    def __init__(self, root: str):
        self._root = root
        self._place: object = None
        self._descriptor: int | None = None
        self._directories: dict[int, str] = {}
        self._watched: dict[str, int] = {}
        self._gave_way = False

    def __del__(self) -> None:
        self.close()

    def touched(self) -> set[str] | None:
        """The paths at which a file may be another than when this was last asked.

        At the path of a directory, any file in it may be. None if nothing is known, as at first:
        `cover` then has to be called for all directories, and each file to be looked at after that.
        """
        touched = None if self._descriptor is None else self._told(self._descriptor)
        if touched is None:
            # Nowhere else: who was not told that all is unknown would trust a watch begun anew.
            self.close()
            self._place = None if self._gave_way else _place(self._root)
            self._descriptor = None if self._place is None else _start()
        return touched

    def _told(self, descriptor: int) -> set[str] | None:
        touched, gone = set(), set()
        for watch, mask, name in self._events(descriptor):
            if mask & _LOST:
                return None
            directory = self._directories.get(watch)
            if directory is None:
                continue  # It was gone the last time, but somebody still had it open.
            if mask & _IGNORED:
                gone.add(directory)
            elif name:
                path = f"{directory}/{name}" if directory else name
                touched.add(path)
                if mask & _IS_DIRECTORY and mask & _DELETE:
                    gone.add(path)
        if "" in gone:
            return None
        if gone:
            touched |= gone
            self._forget(gone)
        # What is asked last holds for all that was told before.
        return touched if _place(self._root) == self._place else None

    def _forget(self, gone: set[str]) -> None:
        """Has directories, and those in them, watched no more: others may come in their place."""
        for directory in [*self._watched]:
            if not gone.isdisjoint(_with_outer(directory)):
                del self._directories[self._watched.pop(directory)]

    def cover(self, directories: Iterable[str]) -> None:
        """Watches these directories, and those that they lie in, from now on.

        What is not there, or is there through a symlink, is left out. Where watching is not
        possible at all, or would leave too few watches for Pants, `touched` stays unknown. It has
        to have been asked for once.
        """
        missing = {"", *directories} - self._watched.keys()
        if not missing:
            return
        # To move a directory is to move all below it, and only its own watch tells of that. So
        # each comes after the one that it lies in, and only with it.
        missing.update([outer for directory in missing for outer in _with_outer(directory)])
        for directory in sorted(missing - self._watched.keys()):
            if self._descriptor is None:
                return
            if directory and directory.rpartition("/")[0] not in self._watched:
                continue
            watch = _watch(self._descriptor, os.path.join(self._root, directory))
            if watch is None or watch in self._directories:
                # The kernel watches no more, or tells two paths of one directory by one of them.
                self.close()
            elif watch:
                self._directories[watch] = directory
                self._watched[directory] = watch
        if not self._leaves_enough(missing):
            self._gave_way = True
            self.close()

    def _leaves_enough(self, directories: Iterable[str]) -> bool:
        """Whether the kernel would watch directories once more: Pants, which needs to, may yet.

        A user has a limited number of watches. Without one of its own, Pants answers nothing at
        all; without one here, it only takes longer.
        """
        other = _start()
        if other is None:
            return True  # Of these, which are limited by themselves, Pants has one already.
        try:
            paths = (os.path.join(self._root, directory) for directory in directories)
            return all(_watch(other, path) is not None for path in paths)
        finally:
            os.close(other)

    def covers(self, directory: str) -> bool:
        """Whether a directory is watched."""
        return directory in self._watched

    def close(self) -> None:
        """Ends watching, until `touched` begins anew."""
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._descriptor = None
        self._directories.clear()
        self._watched.clear()

    @staticmethod
    def _events(descriptor: int) -> Iterator[tuple[int, int, str]]:
        with contextlib.suppress(BlockingIOError):
            while data := os.read(descriptor, _BUFFER_SIZE):
                position = 0
                while position < len(data):
                    watch, mask, _, length = _EVENT.unpack_from(data, position)
                    position += _EVENT.size + length
                    name = data[position - length : position].rstrip(b"\0")
                    yield watch, mask, name.decode("utf-8", "surrogateescape")


def _with_outer(directory: str) -> Iterator[str]:
    """A directory and those that it lies in, less the root."""
    while directory:
        yield directory
        directory = directory.rpartition("/")[0]


def _place(root: str) -> object:
    """What the root is and which file systems are mounted there; None if one is not local."""
    try:
        status = os.stat(root)
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
            lines = file.readlines()
    except OSError:
        return None
    # https://man7.org/linux/man-pages/man5/proc.5.html: the fifth field is where it is mounted, the
    # one after a lonely `-` the type.
    escaped = root.replace("\\", "\\134").replace(" ", "\\040").replace("\t", "\\011")
    escaped = escaped.replace("\n", "\\012").rstrip("/") + "/"
    innermost, outer, mounts = "", "", []
    for line in lines:
        point = line.split(" ", 5)[4].rstrip("/") + "/"
        if escaped.startswith(point):
            if len(point) >= len(innermost):
                # Of two at the same place, the later one is seen.
                innermost, outer = point, line
        elif point.startswith(escaped):
            mounts.append(line)
    mounts.append(outer)
    if any(line.partition(" - ")[2].split(" ", 1)[0] not in _LOCAL for line in mounts):
        return None
    return status.st_dev, status.st_ino, tuple(mounts)


@cache
def _libc() -> ctypes.PyDLL:
    return ctypes.PyDLL(None, use_errno=True)


def _start() -> int | None:
    if not sys.platform.startswith("linux"):
        return None
    descriptor = _libc().inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    return None if descriptor < 0 else int(descriptor)


def _watch(descriptor: int, path: str) -> int | None:
    """The number of a new watch; 0 if there is no such directory, None if there can be no more."""
    watch = _libc().inotify_add_watch(descriptor, os.fsencode(path), _WATCHED)
    if watch >= 0:
        return int(watch)
    return 0 if ctypes.get_errno() in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP) else None
