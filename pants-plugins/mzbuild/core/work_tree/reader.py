"""Reading which files a work tree has now. This module looks at files and runs Git."""

from __future__ import annotations

import errno
import os
import stat
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from hashlib import sha1
from itertools import islice

from mzbuild.core.errors import MzbuildError
from mzbuild.core.git.commands import OF_ONE_REPOSITORY, GitListing, read_listing
from mzbuild.core.work_tree.files import (
    SYMLINK,
    WorkTree,
    changed_at,
    is_fresh,
    is_left_out,
    left_out_status,
    opaque_status,
)
from mzbuild.core.work_tree.left_out import LeftOutFiles, Place
from mzbuild.core.work_tree.listing import Listing
from mzbuild.core.work_tree.same_listing import SameListing, is_rule_file
from mzbuild.core.work_tree.watch import DirectoryWatch

# How many files a reading looks at though nothing told of them: see `_changed_in_turn`.
_MOST_IN_TURN = 500


class WorkTreeReader:
    """Reads a work tree, time after time: what the last reading found makes the next one fast."""

    def __init__(
        self,
        root: str,
        hidden: tuple[str, ...] = (),
        *,
        watch: bool = False,
        workdir: str = ".pants.d",
    ):
        """What begins with one of `hidden` is left out.

        With `watch`, the kernel is asked which files were touched, where it can tell; all others
        are not looked at again. `workdir` is for what a sparse checkout lacks: see `LeftOutFiles`.
        """
        self._root = root
        self._workdir = os.path.join(root, workdir)
        self._hidden = hidden
        self._watch = DirectoryWatch(root) if watch else None
        self._same_listing = SameListing(root, self._watch) if self._watch else None
        # What was read last, what Git listed for it (if that is all there is to it), and where.
        self._last = WorkTree(root, {})
        self._listing: GitListing | None = None
        self._directories: set[str] = set()
        # The paths whose status no watch vouches for.
        self._unsure: set[str] = set()
        # What is done to a file under another name is not told of. These paths are of files that
        # have several names, each with its inode; and whether one of them is news.
        self._linked: dict[str, int] = {}
        self._is_linked_anew = False
        # Whether the directories that this reading looked at are real, and which files have their
        # turn in it.
        self._real: dict[str, bool] = {}
        self._turn = 0
        # Stands for all that is left out: what symlinks lead to may be among it.
        self._all_left_out = b""
        # Pants may start a rule anew while what it first started still runs.
        self._lock = threading.Lock()

    def read(self, env: Mapping[str, str]) -> WorkTree:
        """Lists the files of the work tree and takes their statuses.

        `env` is the environment of the user's command. Raises `MzbuildError` where Git or the
        file system refuses.
        """
        with self._lock:
            work_tree, is_complete = self._read(env)
            if not is_complete and self._is_linked_anew:
                # Nothing is told of a file's older names when it gets another one.
                if self._watch is not None:
                    self._watch.close()
                work_tree, _ = self._read(env)
            return work_tree

    def _read(self, env: Mapping[str, str]) -> tuple[WorkTree, bool]:
        """Returns the work tree, and whether all of its files were looked at."""
        now = time.time_ns()
        self._is_linked_anew = False
        self._real = {"": True}
        touched = None
        if self._watch is not None:
            # In this order: what happens from here on is told of the next time.
            touched = self._watch.touched()
            self._watch.cover(self._directories)
        # A failure leaves nothing behind.
        last, last_listing = self._last, self._listing
        self._last, self._listing = WorkTree(self._root, {}), None
        known = last.statuses
        uncertain = last.left_out.doubtful.keys()
        doubtful = set(known)
        if touched is not None:
            doubtful = self._unsure.union(_all_at(touched, known), self._changed_in_turn(known))
            doubtful |= uncertain
        seen: dict[str, bytes] = {}

        def look_ahead() -> None:
            # While Git is still listing: the files of last time are probably there.
            for path in doubtful:
                try:
                    status = os.lstat(f"{self._root}/{path}")
                except OSError:
                    status = None
                if status is None or not self._is_real(path.rpartition("/")[0]):
                    self._unsure.discard(path)
                    self._linked.pop(path, None)
                elif _is_file(status):
                    seen[path] = self._look(path, status, now)

        is_certain = self._same_listing is not None and self._same_listing.is_certain(
            is_quiet=last_listing is not None and self._is_quiet(touched, known),
            directories=self._directories,
            env=env,
            now=now,
        )
        if is_certain:
            look_ahead()
        if is_certain and last_listing is not None and known.keys() & doubtful <= seen.keys():
            listing = last_listing
        else:
            listing = read_listing(self._root, env, look_ahead)
        if self._same_listing is not None:
            self._same_listing.made(is_same=listing == last_listing)
        if listing != last_listing or not known.keys() & doubtful <= seen.keys():
            all_left_out = sha1(listing.skipped).digest() if listing.skipped else b""
            is_same = all_left_out == self._all_left_out
            self._all_left_out = all_left_out
            early = {
                path: status
                for path, status in known.items()
                if is_same and path not in doubtful and not is_left_out(status)
            }
            early.update(seen if is_same else {})
            work_tree = self._collect(listing, early, uncertain, env, now)
        else:
            changed = {path: seen[path] for path in known.keys() & seen.keys()}
            is_same = all(known[path] == status for path, status in changed.items())
            statuses = {**known, **changed}
            work_tree = last if is_same else WorkTree(self._root, statuses, last.left_out)
        # Where each listed path is a file, the same listing need not be gone through again.
        is_plain = len(work_tree.statuses) == listing.files.count(b"\0")
        self._last, self._listing = work_tree, listing if is_plain else None
        return work_tree, touched is None

    def _is_quiet(self, touched: set[str] | None, known: Mapping[str, bytes]) -> bool:
        """Whether nothing was touched but files that were listed, and none with ignore rules."""
        return touched is not None and all(
            (path in known and not is_rule_file(path)) or path.startswith(self._hidden)
            for path in touched
        )

    def _collect(
        self,
        listing: GitListing,
        early: Mapping[str, bytes],
        uncertain: Collection[str],
        env: Mapping[str, str],
        now: int,
    ) -> WorkTree:
        """Goes through all that is listed.

        `early` has the statuses that are known, `uncertain` the paths that may have another content
        though they are left out as the last time.
        """
        inner_env = {name: value for name, value in env.items() if name not in OF_ONE_REPOSITORY}
        statuses: dict[str, bytes] = {}
        left_out: dict[str, Place] = {}
        self._directories = set()
        pending = [("", listing)]
        while pending:
            prefix, listing = pending.pop()
            names, skipped = listing.paths, listing.left_out
            directories = {f"{prefix}{name}".rpartition("/")[0] for name in names}
            if skipped:
                directories = set(map(self._existing, directories))
            if self._watch is not None:
                self._watch.cover(directories)
            self._directories |= directories
            # Git goes through no symlink: tracked files of a directory that one replaced are gone.
            unreal = {directory for directory in directories if not self._is_real(directory)}
            for name in names:
                path = prefix + name
                if path.startswith(self._hidden):
                    continue
                if unreal and path.rpartition("/")[0] in unreal:
                    continue
                known = early.get(path)
                if known is None:
                    full_path = f"{self._root}/{path}"
                    status = _lstat(full_path, path)
                    if status is None:
                        if name in skipped:
                            left_out[path] = Place(prefix, name, skipped[name])
                        continue  # Tracked, but not there.
                    if stat.S_ISDIR(status.st_mode):
                        # A submodule; or a directory in the place of a tracked file, whose files
                        # are then listed twice, with the same result.
                        pending.append((f"{path}/", read_listing(full_path, inner_env)))
                    if not _is_file(status):
                        continue
                    known = self._look(path, status, now)
                statuses[path] = known
        for path, place in left_out.items():
            statuses[path] = left_out_status(place.entry, now if path in uncertain else 0)
            if place.entry.mode == SYMLINK:
                statuses[path] += self._all_left_out
        return WorkTree(
            self._root,
            {path: statuses[path] for path in sorted(statuses)},
            LeftOutFiles(self._root, self._workdir, env, left_out),
        )

    def _existing(self, directory: str) -> str:
        """A directory, or the innermost one around it that is there."""
        while directory and not os.path.isdir(f"{self._root}/{directory}"):
            directory = directory.rpartition("/")[0]
        return directory

    def _changed_in_turn(self, known: Mapping[str, bytes]) -> Iterator[str]:
        """Those that changed of the files whose turn it is: of all, if there are few.

        Nothing tells that a file got another name elsewhere, or was opened by somebody who then
        writes to it through memory. In a large work tree, it takes some readings to see that.
        """
        turns = len(known) // _MOST_IN_TURN + 1
        self._turn = (self._turn + 1) % turns
        for path in islice(known, self._turn, None, turns):
            try:
                changed = os.lstat(f"{self._root}/{path}").st_ctime_ns
            except OSError:
                changed = 0
            if changed != changed_at(known[path]):
                yield path

    def _is_real(self, directory: str) -> bool:
        """Whether neither a directory nor one that it lies in is a symlink."""
        if self._covers(directory):
            return True  # It was reached through no symlink.
        if directory not in self._real:
            is_link = os.path.islink(f"{self._root}/{directory}")
            self._real[directory] = not is_link and self._is_real(directory.rpartition("/")[0])
        return self._real[directory]

    def _covers(self, directory: str) -> bool:
        return self._watch is not None and self._watch.covers(directory)

    def _look(self, path: str, status: os.stat_result, now: int) -> bytes:
        """A file's opaque status; takes note of whether the watch will tell when that changes."""
        is_linked = status.st_nlink > 1
        if not is_linked:
            self._linked.pop(path, None)
        elif self._linked.get(path) != status.st_ino:
            self._linked[path] = status.st_ino
            self._is_linked_anew = True
        told_of = (
            self._covers(path.rpartition("/")[0]) and stat.S_ISREG(status.st_mode) and not is_linked
        )
        opaque = opaque_status(f"{self._root}/{path}", status, now, told_of=told_of)
        if stat.S_ISLNK(status.st_mode):
            opaque += self._all_left_out
        if told_of and not is_fresh(opaque):
            self._unsure.discard(path)
        else:
            self._unsure.add(path)
        return opaque


def read_work_tree(root: str, env: Mapping[str, str]) -> WorkTree:
    """Reads a work tree once; see `WorkTreeReader`."""
    return WorkTreeReader(root).read(env)


def _all_at(touched: set[str], known: Mapping[str, bytes]) -> set[str]:
    """The paths that were touched, and of the known ones those that are in directories there."""
    others = touched.difference(known)
    listing = Listing(tuple(known) if others else ())
    return touched.union(*map(listing.under, others))


def _is_file(status: os.stat_result) -> bool:
    return stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode)


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
