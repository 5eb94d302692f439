"""The files of a work tree, and what is in them. This module reads files.

A file's content is read again only where its status (size, times, inode) says that it may have
changed, as Git itself does with its index.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import signal
import stat
import struct
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Callable, Generic, TypeVar

from mzbuild.core.errors import MzbuildError
from mzbuild.core.git.commands import LeftOut
from mzbuild.core.work_tree.left_out import NOTHING_LEFT_OUT, LeftOutFiles

T = TypeVar("T")

# A status no older than this cannot vouch for the content: the clock of a file system may be so
# coarse that another write within its tick leaves the status as it is (two seconds on FAT).
FRESH_NS = 2_000_000_000

# A write through memory gives a file a new time only if the kernel has saved all earlier ones. That
# takes it half a minute, for which the status of a file that is mapped says nothing.
_UNSAVED_NS = 120_000_000_000

# How many symlinks Linux follows before it takes them for a loop.
MOST_LINKS = 40

# The modes that files have in Git's index.
REGULAR = 0o100644
EXECUTABLE = 0o100755
SYMLINK = 0o120000

_CHUNK_SIZE = 1 << 20  # bytes

_FIELDS = attrgetter("st_mode", "st_size", "st_mtime_ns", "st_ctime_ns", "st_ino")
_STATUS = struct.Struct("<IqqqQQq")
# In the mode, which a status begins with.
_TYPE_BYTE = 1
_LINK_TYPE = stat.S_IFLNK >> 12


@dataclass(frozen=True)
class WorkTree:
    """The files that Git sees in a work tree, each with its status.

    Two work trees are equal only where no file changed between them. `statuses` has an opaque
    value for each path; a status too fresh to be trusted is equal to no other.
    """

    root: str
    statuses: Mapping[str, bytes] = field(hash=False)
    # Those of them that are not there.
    left_out: LeftOutFiles = field(default=NOTHING_LEFT_OUT, compare=False)

    def mode(self, path: str) -> int:
        """The file's mode as Git has it: `REGULAR`, `EXECUTABLE` or `SYMLINK`."""
        return git_mode(self.statuses[path])

    def absolute(self, path: str) -> str:
        """The path in the file system at which opening it gives the content of the file.

        Raises `MzbuildError` where the work tree is told to leave it out and Git cannot give it.
        """
        if not self.left_out:
            return f"{self.root}/{path}"
        target = link_target(self, path) or path
        file = self._own(target)
        if target != path and not os.path.isfile(file):
            return self._own(path)
        if path in self.left_out and target not in self.left_out:
            self.left_out.doubtful[path] = ""  # Nothing tells of the other file.
        return file

    def link_text(self, path: str) -> str:
        """What a symlink says."""
        return os.readlink(self._own(path))

    def elsewhere(self, paths: Iterable[str]) -> Mapping[str, str]:
        """Those of some paths that have to be opened at another place, with that one's path."""
        if not self.left_out:
            return {}
        places = {path: self.absolute(path) for path in paths}
        return {path: place for path, place in places.items() if place != f"{self.root}/{path}"}

    def _own(self, path: str) -> str:
        if path in self.left_out:
            return self.left_out.file(path)
        return os.path.join(self.root, path)


def opaque_status(
    full_path: str, status: os.stat_result, now: int, *, told_of: bool = False
) -> bytes:
    """What a `WorkTree` has for a file that `lstat` gave this status of, at the time `now` (ns).

    With `told_of`, it is to hold until somebody tells of a change. Nobody does for a file that may
    be written to through memory: that one counts as fresh.
    """
    mode, size, modified, changed, inode = _FIELDS(status)
    kind, target_inode = mode, 0
    if stat.S_ISLNK(mode):
        # What a symlink's content is depends on the file that it leads to.
        with contextlib.suppress(OSError):
            target = os.stat(full_path)
            changed = max(changed, target.st_ctime_ns)
            size, modified, target_inode = target.st_size, target.st_mtime_ns, target.st_ino
            kind = target.st_mode
    fresh = changed > now - FRESH_NS
    if not fresh and stat.S_ISREG(kind) and (told_of or changed > now - _UNSAVED_NS):
        fresh = _is_open_for_writing(full_path)
    return _STATUS.pack(mode, size, modified, changed, inode, target_inode, now if fresh else 0)


def left_out_status(entry: LeftOut, fresh: int) -> bytes:
    """What a `WorkTree` has for a file that is left out.

    `fresh` is the time at which something else was found to decide about its content, if so.
    """
    # What a symlink leads to can change with other files, so that it is not kept for long.
    fresh = fresh or int(entry.mode == SYMLINK)
    return _STATUS.pack(entry.mode, 0, 0, 0, 0, 0, fresh) + bytes.fromhex(entry.name)


def is_left_out(status: bytes) -> bool:
    """Whether an opaque status is that of a file that is left out."""
    return not changed_at(status)


def _is_open_for_writing(path: str) -> bool:
    """Whether somebody has a file open for writing, be it only as mapped memory. Linux only.

    The kernel gives nobody a read lease on such a file
    (https://man7.org/linux/man-pages/man2/fcntl.2.html). Where it gives no leases at all, as on
    files of other users, the answer is no.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            # Who opens it now waits until it is closed here, and the kernel tells this process so.
            # Its usual signal would end the process; this one is ignored.
            fcntl.fcntl(file, fcntl.F_SETSIG, signal.SIGURG)
            fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        finally:
            os.close(file)
    except OSError as error:
        return error.errno == errno.EAGAIN
    return False


def git_mode(status: bytes) -> int:
    """The mode that Git has for a file with this opaque status."""
    mode = int(_STATUS.unpack_from(status)[0])
    if stat.S_ISLNK(mode):
        return SYMLINK
    return EXECUTABLE if mode & stat.S_IXUSR else REGULAR


def symlinks(work_tree: WorkTree) -> list[str]:
    """The paths of a work tree's symlinks."""
    # Of very many files, only one byte is looked at.
    statuses = work_tree.statuses.items()
    return [path for path, status in statuses if status[_TYPE_BYTE] >> 4 == _LINK_TYPE]


def is_fresh(status: bytes) -> bool:
    """Whether an opaque status was too fresh to be trusted when it was taken."""
    return bool(_STATUS.unpack_from(status)[-1])


def changed_at(status: bytes) -> int:
    """The time in an opaque status at which the file or its status last changed (ns)."""
    return int(_STATUS.unpack_from(status)[3])


class FileCache(Generic[T]):
    """What a function makes of a file, remembered for as long as the file's status is the same."""

    def __init__(self, compute: Callable[[str, str], T]):
        """`compute` takes the file's absolute path and its path in the repository."""
        self._compute = compute
        self._known: dict[tuple[str, str], tuple[bytes, T]] = {}

    def get(self, work_tree: WorkTree, path: str) -> T:
        """What the function makes of this file of the work tree.

        Raises `MzbuildError` where the file cannot be read, and whatever the function raises.
        """
        key = (work_tree.root, path)
        status = work_tree.statuses[path]
        known = self._known.get(key)
        if known is not None and known[0] == status:
            return known[1]
        try:
            value = self._compute(work_tree.absolute(path), path)
        except FileNotFoundError:
            raise MzbuildError(
                f"{path} went away while it was being read. Run the command again."
            ) from None
        except OSError as error:
            raise MzbuildError(
                f"{path} cannot be read: {error.strerror}. Mend its permissions, or have Git "
                "ignore it."
            ) from None
        self._known[key] = (status, value)
        return value


def link_targets(root: str, paths: Iterable[str]) -> Mapping[str, str]:
    """Of these paths of a repository, the symlinks, with the files that they lead to in the end.

    A symlink to what is not a file, or outside of the root, is not among them.
    """
    real_root = os.path.realpath(root)
    targets = {}
    for path in paths:
        absolute = os.path.join(root, path)
        if os.path.islink(absolute):
            target = os.path.realpath(absolute)
            if target.startswith(f"{real_root}{os.sep}") and os.path.isfile(target):
                targets[path] = os.path.relpath(target, real_root)
    return targets


def link_target(work_tree: WorkTree, path: str) -> str | None:
    """What `real_path` gives for a symlink, also where that is left out; None for what is none."""
    if work_tree.mode(path) != SYMLINK:
        return None
    for _ in range(MOST_LINKS if work_tree.left_out else 0):
        # What is left out may be a symlink itself, or lie in a directory that is one.
        real = os.path.realpath(os.path.join(work_tree.root, path))
        path = os.path.relpath(real, os.path.realpath(work_tree.root))
        link = _left_out_link(work_tree, path)
        if link is None:
            break
        path = os.path.join(os.path.dirname(link), work_tree.link_text(link)) + path[len(link) :]
    return path if path in work_tree.left_out else real_path(work_tree.root, path)


def _left_out_link(work_tree: WorkTree, path: str) -> str | None:
    while path and (path not in work_tree.left_out or work_tree.mode(path) != SYMLINK):
        path = path.rpartition("/")[0]
    return path or None


def real_path(root: str, path: str) -> str | None:
    """The path without symlinks of what is at a path, both relative to a directory; None where
    there is nothing."""
    absolute = os.path.join(root, path)
    if not os.path.exists(absolute):
        return None
    return os.path.relpath(os.path.realpath(absolute), os.path.realpath(root))


def followed_mode(work_tree: WorkTree, path: str) -> int:
    """Git's mode of a file, or of the file that it leads to as a symlink.

    A symlink to anything but a file stays one.
    """
    mode = work_tree.mode(path)
    if mode != SYMLINK or not os.path.isfile(absolute := work_tree.absolute(path)):
        return mode
    return EXECUTABLE if os.stat(absolute).st_mode & stat.S_IXUSR else REGULAR


def read_content(path: str) -> bytes:
    """What the scheme hashes of a file: the bytes that opening it gives.

    A symlink to anything but a file has none; its link text stands in, as in Git.
    """
    return b"".join(_chunks(path))


@dataclass(frozen=True)
class ContentDigests:
    """What names a file's content: for the fingerprint, and for Pants' store.

    Both are taken of the same bytes, so that what is built is what was fingerprinted, even if
    somebody writes to the file in between.
    """

    sha1: bytes
    sha256: str
    size: int


def bytes_digests(content: bytes) -> ContentDigests:
    """The digests of a content that is no file's."""
    return ContentDigests(
        hashlib.sha1(content).digest(), hashlib.sha256(content).hexdigest(), len(content)
    )


def digest_content(path: str) -> ContentDigests:
    """The digests of `read_content`, without holding a large file in memory."""
    sha1, sha256, size = hashlib.sha1(), hashlib.sha256(), 0
    for chunk in _chunks(path):
        sha1.update(chunk)
        sha256.update(chunk)
        size += len(chunk)
    return ContentDigests(sha1.digest(), sha256.hexdigest(), size)


def _chunks(path: str) -> Iterator[bytes]:
    # There are very many files, so that each call of the system counts.
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        if not os.path.isfile(path):
            yield os.fsencode(os.readlink(path))
            return
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        while chunk := os.read(file, _CHUNK_SIZE):
            yield chunk
    finally:
        os.close(file)
