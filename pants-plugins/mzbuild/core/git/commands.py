"""Asking Git which files there are. This module runs processes."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import BinaryIO, Callable, NamedTuple

from mzbuild.core.errors import MzbuildError

# What Git sets for its hooks; in a submodule, it would have Git read the outer repository's index.
OF_ONE_REPOSITORY = ("GIT_COMMON_DIR", "GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE")

# The mode that the commit of a submodule has in the repository around it.
SUBMODULE = 0o160000

# What `git ls-files -t` begins a line with for a file that the work tree is told to leave out.
_SKIPPED = b"S "


class LeftOut(NamedTuple):
    """A file that Git's index has and the work tree is told to leave out: see `GitListing`."""

    mode: int
    # Git's name for its content.
    name: str


@dataclass(frozen=True)
class GitListing:
    """What Git writes about the files under a directory that it sees.

    `files` has a tag and a path for each, `skipped` the lines of the index for those that the work
    tree is told to leave out, by a sparse checkout or by `git update-index --skip-worktree`. All
    end with a zero byte.
    """

    files: bytes
    skipped: bytes = b""

    @property
    def paths(self) -> list[str]:
        """The paths, relative to the directory; some may no longer exist.

        Among them is the directory of each submodule; another repository that merely lies there is
        left out. Bytes that are not UTF-8 are kept as surrogates.
        """
        return [line[2:] for line in _lines(self.files) if not line.endswith("/")]

    @property
    def left_out(self) -> Mapping[str, LeftOut]:
        """Those that the work tree is told to leave out, by their paths; some may be there."""
        found = {}
        for line in _lines(self.skipped):
            facts, _, path = line.partition("\t")
            _, mode, name, _ = facts.split(" ")
            found[path] = LeftOut(int(mode, 8), name)
        return found


def read_listing(
    directory: str, env: Mapping[str, str], meanwhile: Callable[[], None] = lambda: None
) -> GitListing:
    """Lists the tracked files under a directory and the untracked ones that no ignore rule matches.

    `env` is the environment of the user's command; `meanwhile` is called while Git is at work.
    Raises `MzbuildError` where Git is missing or refuses.
    """
    args = ("ls-files", "-z", "-t", "--cached", "--others", "--exclude-standard")
    files = _git(directory, env, args, meanwhile)
    if not files.startswith(_SKIPPED) and b"\0" + _SKIPPED not in files:
        return GitListing(files)
    index = _git(directory, env, ("ls-files", "-z", "-t", "--stage"))
    lines = [line + b"\0" for line in index.split(b"\0") if line.startswith(_SKIPPED)]
    return GitListing(files, b"".join(lines))


def _lines(output: bytes) -> list[str]:
    """What ends with a zero byte each, of what Git writes."""
    return output.decode("utf-8", "surrogateescape").split("\0")[:-1]


def ignored_paths(directory: str, env: Mapping[str, str], paths: Sequence[str]) -> frozenset[str]:
    """Those of some paths, relative to a directory, that an ignore rule matches.

    The paths need not exist. Raises `MzbuildError` where Git is missing or refuses.
    """
    if not paths:
        return frozenset()
    stdin = "".join(f"{path}\0" for path in paths).encode("utf-8", "surrogateescape")
    args = ("check-ignore", "-z", "--stdin", "--no-index")
    try:
        with git_output(directory, env, args, stdin) as output:
            return frozenset(_lines(output.read()))
    except GitError as error:
        if error.said:
            raise
        return frozenset()  # It fails without a word where there is none.


class GitError(MzbuildError):
    """What Git has refused to do; `said` is what it wrote itself."""

    def __init__(self, message: str, said: str):
        super().__init__(*message.split("\n"))
        self.said = said


def _git(
    directory: str,
    env: Mapping[str, str],
    args: Sequence[str],
    meanwhile: Callable[[], None] = lambda: None,
) -> bytes:
    with git_output(directory, env, args, meanwhile=meanwhile) as output:
        return output.read()


@contextmanager
def git_output(
    directory: str,
    env: Mapping[str, str],
    args: Sequence[str],
    stdin: bytes = b"",
    meanwhile: Callable[[], None] = lambda: None,
) -> Iterator[BinaryIO]:
    """What Git prints when it is run in a directory, as a file.

    `meanwhile` is called while Git is at work. Raises `GitError` where it fails, and
    `MzbuildError` where there is no Git, no work tree or no directory.
    """
    git = shutil.which("git", path=env.get("PATH"))
    if git is None:
        raise MzbuildError(
            "mzbuild reads the list of files from Git, but there is no `git` on the PATH. "
            "Install Git."
        )
    # Git reads and writes files, so that it never has to wait for somebody.
    with TemporaryFile() as given, TemporaryFile() as stdout, TemporaryFile() as stderr:
        given.write(stdin)
        given.seek(0)
        # Started this way, without `cwd` and without closing files, a large process such as
        # pantsd need not be copied first, which takes longer than Git itself.
        process = subprocess.Popen(
            [git, "-C", directory, *args],
            env={**env, "LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0"},
            stdin=given if stdin else subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            close_fds=False,
        )
        with process:
            meanwhile()
        if process.returncode == 0:
            stdout.seek(0)
            yield stdout
            return
        stderr.seek(0)
        said = os.fsdecode(stderr.read()).strip()
    if not os.path.isdir(directory):
        raise MzbuildError(f"{directory} went away. Run the command again.")
    if "not a git repository" in said:
        raise MzbuildError(
            f"{os.path.normpath(directory)} is not in a Git work tree. mzbuild takes an image's "
            "inputs from what Git sees there: run `git init` first."
        )
    raise GitError(f"`git {' '.join(args)}` failed in {directory}: {said}", said)
