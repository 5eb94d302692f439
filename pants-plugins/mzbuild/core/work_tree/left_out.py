"""Files that Git's index has and the work tree is told to leave out. This module runs Git.

A sparse checkout does that, and `git update-index --skip-worktree`. While such a file is not there,
it is unchanged to Git (https://git-scm.com/docs/git-sparse-checkout): its content is the one that
Git's objects have. When somebody needs it, Git writes it to another place as it would to its own.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from hashlib import sha1
from tempfile import TemporaryDirectory
from typing import NamedTuple

from mzbuild.core.errors import MzbuildError
from mzbuild.core.git.commands import OF_ONE_REPOSITORY, SUBMODULE, GitError, LeftOut, git_output
from mzbuild.core.work_tree.own_files import own_file

_STORE = ("mzbuild", "left-out")

_LACKING = (
    "this partial clone lacks its content and cannot fetch it. Run the command again when "
    "`git fetch` works, or in a clone that was made without `--filter`."
)
_IS_SUBMODULE = (
    "it is a submodule. Run `git sparse-checkout add` for it, and `git submodule update --init`."
)


class Place(NamedTuple):
    """In which repository a file is, as a path that ends with a slash or is empty, and where."""

    repository: str
    path: str
    entry: LeftOut


class LeftOutFiles:
    """The files of a work tree and its submodules that are left out, by their paths."""

    def __init__(
        self, root: str, workdir: str, env: Mapping[str, str], places: Mapping[str, Place]
    ):
        """`places` has the files by their paths, `workdir` is the directory to put them below, and
        `env` the environment of the user's command.
        """
        self._root, self._workdir, self._places = root, workdir, places
        self._store = os.path.join(workdir, *_STORE)
        # Nobody is there to be asked for a password.
        self._env = {**env, "GIT_TERMINAL_PROMPT": "0"}
        # Those whose content may be another the next time, though Git's name for it is the same:
        # what Git cannot give, with why, and what leads to files that are there.
        self.doubtful: dict[str, str] = {}
        # The repositories that could not fetch: it may have taken long to find that out.
        self._cut_off: set[str] = set()

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, path: object) -> bool:
        return path in self._places

    def has(self, path: str) -> bool:
        """Whether Git can give a file."""
        self.bring([path])
        return not self.doubtful.get(path)

    def file(self, path: str) -> str:
        """Where a file lies in the store; if it is a symlink, that is one.

        Raises `MzbuildError` where Git cannot give it.
        """
        if not self.has(path):
            raise MzbuildError(
                f"{path} is left out by a sparse checkout, and {self.doubtful[path]}"
            )
        return self._stored(path)

    def bring(self, paths: Iterable[str]) -> None:
        """Puts those of some paths that are left out into the store, all at once.

        What Git cannot give is doubtful from then on.
        """
        wanted: dict[str, list[str]] = defaultdict(list)
        for path in paths:
            place = self._places.get(path)
            if place is None or path in self.doubtful:
                continue
            if place.entry.mode == SUBMODULE:
                self.doubtful[path] = _IS_SUBMODULE
            elif not os.path.lexists(self._stored(path)):
                wanted[place.repository].append(path)
        for repository, missing in wanted.items():
            self._check_out(repository, missing)

    def _stored(self, path: str) -> str:
        mode, name = self._places[path].entry
        key = f"{mode:o} {name} {path}".encode("utf-8", "surrogateescape")
        return os.path.join(self._store, sha1(key).hexdigest())

    def _check_out(self, repository: str, paths: Collection[str]) -> None:
        lacking = self._fetch(repository, {self._places[path].entry.name for path in paths})
        available = [path for path in paths if self._places[path].entry.name not in lacking]
        self.doubtful.update(dict.fromkeys({*paths}.difference(available), _LACKING))
        os.makedirs(own_file(self._workdir, *_STORE), exist_ok=True)
        with TemporaryDirectory(dir=self._store) as made:
            args = ("checkout-index", "--quiet", "--ignore-skip-worktree-bits", "-z", "--stdin")
            names = "".join(f"{self._places[path].path}\0" for path in available)
            said = ""
            try:
                self._git(repository, names, *args, f"--prefix={made}/")
            except GitError as error:
                said = error.said
            # What Git writes has the paths that it has from the top of the repository.
            (prefix,) = self._git(repository, "", "rev-parse", "--show-prefix")
            for path in available:
                try:
                    file = os.path.join(made, prefix, self._places[path].path)
                    os.replace(file, self._stored(path))
                except FileNotFoundError:
                    self.doubtful[path] = f"Git cannot give it: {said}"

    def _fetch(self, repository: str, names: Collection[str]) -> Collection[str]:
        """Has a partial clone fetch contents all at once, and returns those that it still lacks.

        Git itself would fetch them one by one.
        """
        try:
            promisors = self._git(
                repository, "", "config", "--get-regexp", r"^remote\..*\.promisor$"
            )
        except GitError:
            return ()  # There is none: the clone is whole.
        args = ("--objects", "--missing=print", "--no-walk", "HEAD^{tree}")
        listed = self._git(repository, "", "rev-list", *args)
        missing = {line[1:] for line in listed if line[:1] == "?"}
        lacking = missing.intersection(names)
        if lacking and repository not in self._cut_off:
            remote = promisors[0].partition(" ")[0].split(".", 1)[1].rpartition(".")[0]
            # As Git does it: https://git-scm.com/docs/partial-clone
            fetch = (
                *("-c", "fetch.negotiationAlgorithm=noop", "fetch", "--quiet", "--no-tags"),
                *("--no-write-fetch-head", "--recurse-submodules=no", "--filter=blob:none"),
                *("--stdin", remote),
            )
            try:
                self._git(repository, "".join(f"{name}\n" for name in lacking), *fetch)
            except GitError:
                self._cut_off.add(repository)
            else:
                return ()
        return lacking

    def _git(self, repository: str, stdin: str, *args: str) -> list[str]:
        env = self._env
        if repository:
            env = {name: env[name] for name in env if name not in OF_ONE_REPOSITORY}
        given = stdin.encode("utf-8", "surrogateescape")
        with git_output(os.path.join(self._root, repository), env, args, given) as output:
            return os.fsdecode(output.read()).split("\n")[:-1]


NOTHING_LEFT_OUT = LeftOutFiles("", "", {}, {})
