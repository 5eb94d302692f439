"""The work tree as it is on disk now. This module reads files and runs Git.

A file's content is read again only where its status (size, times, inode) says that it may have
changed, as Git itself does with its index. So asking again costs one listing and one `lstat` a
file, whatever the sizes of the files.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import stat
import struct
import time
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Callable, Generic, TypeVar

from mzbuild.core.errors import MzbuildError
from mzbuild.core.git import list_files

T = TypeVar("T")

# A status no older than this cannot vouch for the content: the clock of a file system may be so
# coarse that another write within its tick leaves the status as it is (two seconds on FAT).
_FRESH_NS = 2_000_000_000

# The modes that files have in Git's index.
REGULAR = 0o100644
EXECUTABLE = 0o100755
SYMLINK = 0o120000

# What Git sets for its hooks; in a submodule, it would have Git read the outer repository's index.
OF_ONE_REPOSITORY = ("GIT_COMMON_DIR", "GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE")

_CHUNK_SIZE = 1 << 20  # bytes

_FIELDS = attrgetter("st_mode", "st_size", "st_mtime_ns", "st_ctime_ns", "st_ino")
_STATUS = struct.Struct("=IqqqQQq")


@dataclass(frozen=True)
class WorkTree:
    """The files that Git sees in a work tree, each with its status.

    Two work trees are equal only where no file changed between them. `statuses` has an opaque
    value for each path; a status too fresh to be trusted is equal to no other.
    """

    root: str
    statuses: Mapping[str, bytes] = field(hash=False)

    def mode(self, path: str) -> int:
        """The file's mode as Git has it: `REGULAR`, `EXECUTABLE` or `SYMLINK`."""
        return _mode(self.statuses[path])

    def absolute(self, path: str) -> str:
        """The path in the file system."""
        return os.path.join(self.root, path)


class WorkTreeReader:
    """Reads a work tree, time after time: what the last reading found makes the next one fast."""

    def __init__(self, root: str, hidden: tuple[str, ...] = ()):
        """What begins with one of `hidden` is left out."""
        self._root = root
        self._hidden = hidden
        # What was read last, and what Git listed for it.
        self._last: tuple[WorkTree, list[str]] = (WorkTree(root, {}), [])

    def read(self, env: Mapping[str, str]) -> WorkTree:
        """Lists the files of the work tree and takes their statuses.

        `env` is the environment of the user's command. Raises `MzbuildError` where Git or the
        file system refuses.
        """
        now = time.time_ns()
        last, last_listed = self._last
        early: dict[str, bytes] = {}

        def look_ahead() -> None:
            # While Git is still listing: the files of last time are probably there.
            for path in last.statuses:
                full_path = f"{self._root}/{path}"
                try:
                    status = os.lstat(full_path)
                except OSError:
                    continue
                if _is_file(status):
                    early[path] = _opaque(full_path, status, now)

        listed = list_files(self._root, env, look_ahead)
        # Where each listed path was a file last time, and each is again, there is no more to do.
        if not len(listed) == len(early) == len(last.statuses) or listed != last_listed:
            early = self._collect(listed, early, env, now)
        work_tree = WorkTree(self._root, early)
        self._last = (work_tree, listed)
        return work_tree

    def _collect(
        self, listed: list[str], early: Mapping[str, bytes], env: Mapping[str, str], now: int
    ) -> dict[str, bytes]:
        inner_env = {name: value for name, value in env.items() if name not in OF_ONE_REPOSITORY}
        statuses: dict[str, bytes] = {}
        links: list[str] = []
        pending = [("", listed)]
        while pending:
            prefix, names = pending.pop()
            for name in names:
                path = prefix + name
                if path.startswith(self._hidden):
                    continue
                known = early.get(path)
                if known is None:
                    full_path = f"{self._root}/{path}"
                    status = _lstat(full_path, path)
                    if status is None:
                        continue  # Tracked, but no longer there.
                    if stat.S_ISDIR(status.st_mode):
                        # A submodule; or a directory in the place of a tracked file, whose files
                        # are then listed twice, with the same result.
                        pending.append((f"{path}/", list_files(full_path, inner_env)))
                    if not _is_file(status):
                        continue
                    known = _opaque(full_path, status, now)
                statuses[path] = known
                if _mode(known) == SYMLINK:
                    links.append(path)
        paths = sorted(statuses)
        for link in links:
            # Git goes through no symlink: tracked files of a directory that one replaced are gone.
            first = bisect_left(paths, f"{link}/")
            del paths[first : bisect_left(paths, f"{link}0", first)]
        return {path: statuses[path] for path in paths}


def read_work_tree(root: str, env: Mapping[str, str]) -> WorkTree:
    """Reads a work tree once; see `WorkTreeReader`."""
    return WorkTreeReader(root).read(env)


def _is_file(status: os.stat_result) -> bool:
    return stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode)


def _mode(status: bytes) -> int:
    mode = int(_STATUS.unpack(status)[0])
    if stat.S_ISLNK(mode):
        return SYMLINK
    return EXECUTABLE if mode & stat.S_IXUSR else REGULAR


def _lstat(full_path: str, path: str) -> os.stat_result | None:
    try:
        return os.lstat(full_path)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            return None
        raise MzbuildError(
            f"{path} cannot be looked at: {error.strerror}. Mend its permissions, or have Git "
            "ignore it."
        ) from None


def _opaque(path: str, status: os.stat_result, now: int) -> bytes:
    mode, size, modified, changed, inode = _FIELDS(status)
    target_inode = 0
    if stat.S_ISLNK(mode):
        # What a symlink's content is depends on the file that it leads to.
        with contextlib.suppress(OSError):
            target = os.stat(path)
            changed = max(changed, target.st_ctime_ns)
            size, modified, target_inode = target.st_size, target.st_mtime_ns, target.st_ino
    fresh = now if changed > now - _FRESH_NS else 0
    return _STATUS.pack(mode, size, modified, changed, inode, target_inode, fresh)


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


def leads_to_file(work_tree: WorkTree, path: str) -> bool:
    """Whether opening a path gives a file's content, through symlinks or not."""
    return os.path.isfile(work_tree.absolute(path))


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


def digest_content(path: str) -> ContentDigests:
    """The digests of `read_content`, without holding a large file in memory."""
    sha1, sha256, size = hashlib.sha1(), hashlib.sha256(), 0
    for chunk in _chunks(path):
        sha1.update(chunk)
        sha256.update(chunk)
        size += len(chunk)
    return ContentDigests(sha1.digest(), sha256.hexdigest(), size)


def _chunks(path: str) -> Iterator[bytes]:
    if os.path.islink(path) and not os.path.isfile(path):
        yield os.fsencode(os.readlink(path))
        return
    with open(path, "rb", buffering=0) as file:
        while True:
            chunk = file.read(_CHUNK_SIZE)
            if not chunk:
                return
            yield chunk
