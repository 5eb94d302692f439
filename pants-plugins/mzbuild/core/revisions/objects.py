"""The files of a commit, read from Git's objects. This module runs Git.

See https://git-scm.com/docs/git-ls-tree and https://git-scm.com/docs/git-cat-file.
"""

from __future__ import annotations

import mmap
import os
import secrets
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from tempfile import TemporaryDirectory
from typing import NamedTuple

from mzbuild.core.errors import MzbuildError
from mzbuild.core.git.commands import OF_ONE_REPOSITORY, SUBMODULE, GitError, git_output
from mzbuild.core.work_tree.files import EXECUTABLE, REGULAR, SYMLINK

_ATTRIBUTES = ".gitattributes"


class Entry(NamedTuple):
    """A file or a submodule of a commit: its mode, and Git's name for its content."""

    mode: int
    name: str


def ask_git(directory: str, env: Mapping[str, str], *args: str) -> list[str]:
    """The lines that Git prints. Raises `GitError` where it fails."""
    with git_output(directory, env, args) as output:
        return os.fsdecode(output.read()).splitlines()


class Commit:
    """A commit of one repository, with the contents that a checkout of it has."""

    def __init__(self, git_directory: str, name: str, env: Mapping[str, str]):
        """`git_directory` is where Git keeps its objects, `name` the commit's full name."""
        self.git_directory = git_directory
        self.name = name
        inherited = {key: value for key, value in env.items() if key not in OF_ONE_REPOSITORY}
        # Git need not look for a work tree, which a submodule's may be gone.
        self._env = {**inherited, "GIT_DIR": git_directory, "GIT_WORK_TREE": git_directory}

    @property
    def exists(self) -> bool:
        """Whether the repository has the commit."""
        try:
            ask_git(self.git_directory, self._env, "cat-file", "-e", f"{self.name}^{{commit}}")
        except GitError:
            return False
        return True

    @cached_property
    def entries(self) -> Mapping[str, Entry]:
        """All files and submodules by their paths from the top of the repository."""
        args = ("ls-tree", "-r", "-z", "--full-tree", self.name)
        with git_output(self.git_directory, self._env, args) as output:
            lines = output.read().decode("utf-8", "surrogateescape").split("\0")
        entries = {}
        for line in lines[:-1]:
            facts, _, path = line.partition("\t")
            mode, _, name = facts.split(" ")
            entries[path] = Entry(_mode(int(mode, 8)), name)
        return entries

    @cached_property
    def conversions(self) -> str:
        """All that decides how a checkout converts contents: line ends, filters, encodings."""
        settings = ("config", "--get-regexp", r"^(core|filter)\.")
        names = [f"{self.entries[path].name} {path}" for path in self._attributes]
        return "\n".join([*ask_git(self.git_directory, self._env, *settings), *names])

    @cached_property
    def _attributes(self) -> tuple[str, ...]:
        return tuple(
            path
            for path, entry in self.entries.items()
            if path.rpartition("/")[2] == _ATTRIBUTES and entry.mode in (REGULAR, EXECUTABLE)
        )

    def kept(self, paths: Collection[str]) -> Iterator[tuple[str, bytes]]:
        """Files with their contents as Git keeps them; of a symlink, that is its text."""
        requests = [f"{self.entries[path].name}\n" for path in paths]
        return self._read(self.git_directory, self._env, (), requests, paths)

    def checked_out(self, paths: Collection[str]) -> Iterator[tuple[str, bytes]]:
        """Files, no symlinks, with their contents as a checkout has them."""
        # A request is a line: a file with a line break in its name is converted as if it had none.
        requests = [
            "{} {}\n".format(self.entries[path].name, path.replace("\n", "_")) for path in paths
        ]
        with self._attributes_alone() as work_tree:
            env = {**self._env, "GIT_WORK_TREE": work_tree}
            yield from self._read(work_tree, env, ("--filters",), requests, paths)

    @contextmanager
    def _attributes_alone(self) -> Iterator[str]:
        """A work tree that says how contents are converted in this commit, and has no more."""
        with TemporaryDirectory() as work_tree:
            for path, content in self.kept(self._attributes):
                target = os.path.join(work_tree, path)
                os.makedirs(os.path.dirname(target), exist_ok=True)
                with open(target, "wb") as file:
                    file.write(content)
            yield work_tree

    def _read(
        self,
        directory: str,
        env: Mapping[str, str],
        options: tuple[str, ...],
        requests: list[str],
        paths: Collection[str],
    ) -> Iterator[tuple[str, bytes]]:
        if not paths:
            return
        # The sizes that Git prints are those before the conversion, so that a content ends
        # where something follows that nobody can have written into it.
        mark = secrets.token_hex(16)
        args = ("cat-file", *options, f"--batch={mark}")
        stdin = "".join(requests).encode("utf-8", "surrogateescape")
        with (
            git_output(directory, env, args, stdin) as output,
            mmap.mmap(output.fileno(), 0, access=mmap.ACCESS_READ) as printed,
        ):
            line = f"{mark}\n".encode()
            start = 0
            for path in paths:
                if printed[start : start + len(line)] != line:
                    raise self._incomplete(path)
                start += len(line)
                end = printed.find(b"\n" + line, start)
                end = len(printed) - 1 if end < 0 else end
                yield path, printed[start:end]
                start = end + 1

    def _incomplete(self, path: str) -> MzbuildError:
        return MzbuildError(
            f"The repository in {self.git_directory} lacks contents of the commit {self.name}, "
            f"at {path} or before it. Run `git fetch --refetch`, or clone the repository again."
        )


def _mode(mode: int) -> int:
    if mode in (SYMLINK, SUBMODULE):
        return mode
    return EXECUTABLE if mode & 0o100 else REGULAR
