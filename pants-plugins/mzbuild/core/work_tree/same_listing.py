"""Knowing that Git would list the same files again. This module looks at files and runs Git.

To list files, Git reads all directories, which in a large repository takes longer than all else
that is done when nothing changed. What it finds follows from the names in those directories and
the ignore rules among them, of which a `DirectoryWatch` tells; and from what lies elsewhere: the
index, the settings, and the rules that are no part of the work tree. Where anything of this is
unclear, Git has to be asked.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mzbuild.core.errors import MzbuildError
from mzbuild.core.git.commands import GitError, git_output
from mzbuild.core.work_tree.files import FRESH_NS
from mzbuild.core.work_tree.watch import DirectoryWatch

IGNORE_FILE = ".gitignore"

# More directories without any file that Git sees are not worth being watched.
_MOST_DIRECTORIES = 1000

# What Git is told by its environment, besides its own variables.
_VARIABLES = ("HOME", "PATH", "XDG_CONFIG_HOME")


@dataclass(frozen=True)
class _Basis:
    """What a listing follows from that is no part of the work tree, but for the index."""

    settings: bytes
    environment: tuple[tuple[str, str], ...]
    # Of the files with ignore rules, and of what names the repository.
    statuses: tuple[object, ...]


class SameListing:
    """Tells whether Git would list the same files as the last time.

    Before a listing is made or done without, `is_certain` has to be called, and `made` after that.
    """

    def __init__(self, root: str, watch: DirectoryWatch):
        self._root = root
        self._watch = watch
        # For what the files below were found, and they: the index, then the others.
        self._found_for: object = None
        self._files: tuple[str, ...] = ()
        # With what all directories that Git reads are watched, and what this was tried with.
        self._covered: _Basis | None = None
        self._tried: _Basis | None = None
        # The index that the last listing is of, that of the next one, and that of the last time.
        self._index: object = None
        self._next_index: object = None
        self._seen_index: object = None

    def is_certain(
        self, *, is_quiet: bool, directories: Iterable[str], env: Mapping[str, str], now: int
    ) -> bool:
        """Whether Git would list the same, provided that all files listed are still files.

        `is_quiet` says that since the last time the watch told of nothing but changes to listed
        files, none of which has ignore rules; `directories` are those of the listed files. `env` is
        the environment of the user's command, `now` the time in nanoseconds.
        """
        self._next_index = None
        if not is_quiet:
            self._covered = self._tried = self._index = None
            return False
        if self._files and not self._is_left_alone(now):
            return False
        basis = self._basis(env, now)
        if basis is None:
            return False
        if basis != self._tried:
            self._tried, self._index = basis, None
            self._covered = basis if self._cover(directories, env) else None
        if basis != self._covered or not self._is_left_alone(now):
            return False
        self._next_index = self._seen_index
        return self._next_index == self._index

    def _is_left_alone(self, now: int) -> bool:
        """Whether the index is what it was the last time: nobody is at work with Git."""
        before, self._seen_index = self._seen_index, _status(self._files[0], now)
        return before in (None, self._seen_index) and self._seen_index is not None

    def made(self, *, is_same: bool) -> None:
        """Takes note of whether the listing made after `is_certain` is the same as the last one."""
        self._index = self._next_index if is_same else None
        if not is_same:
            self._covered = self._tried = None

    def _basis(self, env: Mapping[str, str], now: int) -> _Basis | None:
        environment = sorted(
            (name, value)
            for name, value in env.items()
            if name.startswith("GIT_") or name in _VARIABLES
        )
        try:
            with git_output(self._root, env, ("config", "-z", "--list")) as output:
                settings = output.read()
            if self._found_for != (settings, environment):
                self._files = self._decisive_files(env)
                self._found_for = (settings, environment)
        except MzbuildError:
            return None  # Listing the files will fail in the same way, or not need it.
        statuses = tuple(_status(path, now) for path in self._files[1:])
        if not self._files or None in statuses:
            return None
        return _Basis(settings, tuple(environment), statuses)

    def _decisive_files(self, env: Mapping[str, str]) -> tuple[str, ...]:
        """The index, and the files outside of the work tree that say what is ignored.

        There are none where the root is not all of a work tree: rules above it would count.
        """
        args = ("rev-parse", "--show-cdup", "--git-path", "index", "--git-path", "info/exclude")
        with git_output(self._root, env, args) as output:
            above, *paths = os.fsdecode(output.read()).split("\n")[:-1]
        if above or len(paths) != 2:
            return ()
        excludes_file = ("config", "-z", "--type=path", "--get", "core.excludesFile")
        try:
            with git_output(self._root, env, excludes_file) as output:
                paths += os.fsdecode(output.read()).split("\0")[:-1]
        except GitError as error:
            if error.said:
                raise
            # It is not set. See https://git-scm.com/docs/gitignore for where it is then.
            home = env.get("XDG_CONFIG_HOME") or os.path.join(env.get("HOME", ""), ".config")
            paths.append(os.path.join(home, "git/ignore"))
        return tuple(os.path.join(self._root, path) for path in (*paths, ".git"))

    def _cover(self, directories: Iterable[str], env: Mapping[str, str]) -> bool:
        """Has all directories watched that Git reads; False where that cannot be said.

        Those in which it sees files are watched already. In others, which are empty or have
        ignored files alone, there may be a file that it sees one day.
        """
        args = ("ls-files", "-z", "--others", "--exclude-standard", "--directory")
        try:
            with git_output(self._root, env, args) as output:
                listing = output.read().decode("utf-8", "surrogateescape").split("\0")
        except MzbuildError:
            return False
        others: set[str] = set()
        for directory in listing:
            if directory.endswith("/"):
                for path, inner, names in os.walk(os.path.join(self._root, directory)):
                    if ".git" in (*inner, *names) or len(others) == _MOST_DIRECTORIES:
                        return False
                    others.add(os.path.relpath(path, self._root))
        self._watch.cover(others)
        return all(map(self._watch.covers, (*directories, *others)))


def is_rule_file(path: str) -> bool:
    """Whether a path is that of a file that tells Git what to ignore below its directory."""
    return path.rpartition("/")[2] == IGNORE_FILE


def _status(path: str, now: int) -> object:
    """What changes with a file's content, and with its coming and going; None if that is unclear.

    Nothing is clear that is fresh: see `FRESH_NS`. A directory changes when it becomes another one.
    """
    try:
        status = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return "missing"
    except OSError:
        return None
    if stat.S_ISDIR(status.st_mode):
        return status.st_dev, status.st_ino
    if status.st_ctime_ns > now - FRESH_NS:
        return None
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
