"""Asking Git which files there are. This module runs processes."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from tempfile import TemporaryFile
from typing import BinaryIO, Callable

from mzbuild.core.errors import MzbuildError

# What Git sets for its hooks; in a submodule, it would have Git read the outer repository's index.
OF_ONE_REPOSITORY = ("GIT_COMMON_DIR", "GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE")


def list_files(directory: str, env: Mapping[str, str]) -> list[str]:
    """The paths under a directory that Git sees, relative to it; some may no longer exist.

    See `read_listing` for the arguments and errors.
    """
    return listed_paths(read_listing(directory, env))


def read_listing(
    directory: str, env: Mapping[str, str], meanwhile: Callable[[], None] = lambda: None
) -> bytes:
    """What Git writes about the files under a directory that it sees: see `listed_paths`.

    These are the tracked files and the untracked ones that no ignore rule matches. `env` is the
    environment of the user's command; `meanwhile` is called while Git is at work. Raises
    `MzbuildError` where Git is missing or refuses.
    """
    args = ("ls-files", "-z", "--cached", "--others", "--exclude-standard")
    return _git(directory, env, args, meanwhile)


def listed_paths(listing: bytes) -> list[str]:
    """The paths in a listing, each of which ends with a zero byte.

    Among them is the directory of each submodule; another repository that merely lies there is
    left out. Bytes that are not UTF-8 are kept as surrogates.
    """
    paths = listing.decode("utf-8", "surrogateescape").split("\0")
    paths.pop()
    return [path for path in paths if not path.endswith("/")]


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
            return frozenset(listed_paths(output.read()))
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
    directory: str, env: Mapping[str, str], args: Sequence[str], meanwhile: Callable[[], None]
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
