"""The files of a revision as a checkout would have them, without a checkout."""

from __future__ import annotations

import hashlib
import os
import posixpath
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

from mzbuild.core.errors import MzbuildError
from mzbuild.core.git.commands import OF_ONE_REPOSITORY, SUBMODULE, GitError
from mzbuild.core.revisions.objects import Commit, Entry, ask_git
from mzbuild.core.work_tree.files import MOST_LINKS, SYMLINK, read_content
from mzbuild.core.work_tree.links import portable_text
from mzbuild.core.work_tree.listing import Listing, is_under

# The SHA-1 of contents by all that they depend on: how they are converted, Git's name for what is
# converted, and the path. None of it ever changes, so that nothing is read twice by one pantsd.
_SHA1S: dict[tuple[str, Entry, str], bytes] = {}


class RevisionTree:
    """The files of a revision, with those of its submodules as it records them."""

    def __init__(self, root: str, env: Mapping[str, str], revision: str):
        """`root` is the directory that paths are relative to, anywhere in the work tree; `env`
        is the environment of the user's command.

        Raises `MzbuildError` for a revision that Git does not know, and where a submodule lacks
        the commit that belongs to it.
        """
        self._env = env
        git_directory, self._top, *prefix = ask_git(
            root, env, "rev-parse", "--absolute-git-dir", "--show-toplevel", "--show-prefix"
        )
        self._prefix = prefix[0] if prefix else ""
        self.commit = _resolve(root, env, revision)
        # All of the repository matters: a symlink may lead to what is not below the root.
        self._commits = {"": Commit(git_directory, self.commit, env)}
        # Where each file is: in which of the commits, and under which path.
        self._places: dict[str, tuple[str, str]] = {}
        self._add("", revision)

    def _add(self, prefix: str, revision: str) -> None:
        commit = self._commits[prefix]
        for path, entry in commit.entries.items():
            full_path = prefix + path
            if entry.mode != SUBMODULE:
                self._places[full_path] = (prefix, path)
                continue
            git_directory = self._submodule(commit, full_path, path)
            if git_directory is None:
                continue  # Never checked out: its directory is empty.
            inner = Commit(git_directory, entry.name, self._env)
            if not inner.exists:
                raise MzbuildError(
                    f"The submodule `{full_path}` lacks the commit {entry.name}, which belongs to "
                    f"`{revision}`. Run `git -C {full_path} fetch`."
                )
            self._commits[f"{full_path}/"] = inner
            self._add(f"{full_path}/", revision)

    def _submodule(self, outer: Commit, full_path: str, path: str) -> str | None:
        directory = os.path.join(self._top, full_path)
        if os.path.exists(os.path.join(directory, ".git")):
            env = {key: value for key, value in self._env.items() if key not in OF_ONE_REPOSITORY}
            return ask_git(directory, env, "rev-parse", "--absolute-git-dir")[0]
        # Git keeps the objects of a submodule that the work tree has no more.
        kept = os.path.join(outer.git_directory, "modules", path)
        return kept if os.path.isdir(kept) else None

    @cached_property
    def listing(self) -> Listing:
        """The paths of all files below the root."""
        size = len(self._prefix)
        return Listing(
            tuple(sorted(path[size:] for path in self._places if path.startswith(self._prefix)))
        )

    @cached_property
    def link_texts(self) -> Mapping[str, str]:
        """The texts of the symlinks below the root, as `links.link_texts` has them."""
        size, root = len(self._prefix), posixpath.join(self._top, self._prefix)
        return {
            path[size:]: portable_text(os.fsdecode(text), root, path[size:])
            for path, text in self._link_texts.items()
            if path.startswith(self._prefix)
        }

    def mode(self, path: str) -> int:
        """A file's mode: `REGULAR`, `EXECUTABLE` or `SYMLINK`."""
        return self._mode(self._prefix + path)

    def _mode(self, full_path: str) -> int:
        prefix, path = self._places[full_path]
        return self._commits[prefix].entries[path].mode

    def contents(self, paths: Iterable[str]) -> Mapping[str, bytes]:
        """What opening these files gives; see `read_content`."""
        return dict(self._open(paths))

    def sha1s(self, paths: Iterable[str]) -> Mapping[str, bytes]:
        """The SHA-1 of what opening these files gives, 20 raw bytes each."""
        keys = {path: self._key(self._prefix + path) for path in paths}
        known = {path: _SHA1S[key] for path, key in keys.items() if key in _SHA1S}
        unknown = [path for path in keys if path not in known]
        read = {path: hashlib.sha1(content).digest() for path, content in self._open(unknown)}
        # The content of a symlink changes with that of another file.
        _SHA1S.update((keys[path], read[path]) for path in read if self.mode(path) != SYMLINK)
        return {**known, **read}

    def _key(self, full_path: str) -> tuple[str, Entry, str]:
        prefix, path = self._places[full_path]
        commit = self._commits[prefix]
        return commit.conversions, commit.entries[path], path

    def _open(self, paths: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        # By the commit that has them, and there by their paths, the files to read, each with the
        # paths that lead to it.
        wanted: dict[str, dict[str, list[str]]] = {}
        for path in paths:
            target = self._follow(self._prefix + path)
            if target is None:
                yield path, self._link_texts[self._prefix + path]
            elif target in self._places:
                prefix, inner_path = self._places[target]
                wanted.setdefault(prefix, {}).setdefault(inner_path, []).append(path)
            else:
                yield path, read_content(target)
        for prefix, files in wanted.items():
            for inner_path, content in self._commits[prefix].checked_out(files):
                for path in files[inner_path]:
                    yield path, content

    def _follow(self, path: str) -> str | None:
        """The file that opening a path gives, through symlinks or not.

        It is absolute where it is outside of the repository, where a checkout changes nothing.
        """
        if self._mode(path) != SYMLINK:
            return path
        left, links = path.split("/")[::-1], 0
        where: list[str] = []
        while left:
            part = left.pop()
            if part in ("", "."):
                continue
            if part == "..":
                if not where:
                    return _if_file(posixpath.join(self._top, "..", *reversed(left)))
                where.pop()
                continue
            where.append(part)
            here = "/".join(where)
            if here not in self._places:
                if here not in self._directories:
                    return None
            elif self._mode(here) != SYMLINK:
                return None if left else here
            else:
                links += 1
                if links > MOST_LINKS:
                    return None
                where.pop()
                text = os.fsdecode(self._link_texts[here])
                if posixpath.isabs(text):
                    if not is_under(posixpath.normpath(text), self._top):
                        return _if_file(posixpath.join(text, *reversed(left)))
                    where, text = [], posixpath.relpath(text, self._top)
                left += text.split("/")[::-1]
        return None

    @cached_property
    def _link_texts(self) -> Mapping[str, bytes]:
        texts: dict[str, bytes] = {}
        for prefix, commit in self._commits.items():
            links = [path for path, entry in commit.entries.items() if entry.mode == SYMLINK]
            texts.update((prefix + path, text) for path, text in commit.kept(links))
        return texts

    @cached_property
    def _directories(self) -> frozenset[str]:
        directories: set[str] = set()
        for path in self._places:
            directory = posixpath.dirname(path)
            while directory not in directories:
                directories.add(directory)
                directory = posixpath.dirname(directory)
        return frozenset(directories)


def _resolve(root: str, env: Mapping[str, str], revision: str) -> str:
    """The commit that a revision means; `A...B` is where the history of one branched off.

    As for `git diff`, what is left out of that is `HEAD`.
    """
    one, dots, other = revision.partition("...")
    if not dots:
        return _commit(root, env, revision)
    commits = [_commit(root, env, name) for name in (one or "HEAD", other or "HEAD")]
    try:
        return ask_git(root, env, "merge-base", *commits)[0]
    except GitError:
        hint = _hint(root, env, "Name two that have a commit in common.")
        raise MzbuildError(f"`{revision}` has no merge base. {hint}") from None


def _commit(root: str, env: Mapping[str, str], revision: str) -> str:
    args = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    try:
        return ask_git(root, env, *args)[0]
    except GitError:
        others = "Give a commit, a branch or a tag; `git fetch` gets those of the others."
        hint = _hint(root, env, others)
        raise MzbuildError(f"There is no revision `{revision}`. {hint}") from None


def _hint(root: str, env: Mapping[str, str], of_whole_clone: str) -> str:
    if ask_git(root, env, "rev-parse", "--is-shallow-repository") != ["true"]:
        return of_whole_clone
    return (
        "This clone is shallow: it has the latest commits only. `git fetch --unshallow` gets the "
        "others."
    )


def _if_file(path: str) -> str | None:
    return path if os.path.isfile(path) else None
