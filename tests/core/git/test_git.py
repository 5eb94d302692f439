from __future__ import annotations

import os
from pathlib import Path

import pytest
from mzbuild.core.errors import MzbuildError
from mzbuild.core.git.commands import ignored_paths, read_listing

from tests.core.conftest import ENV, Repository


def test_files_are_listed_relative_to_the_directory(repository: Repository) -> None:
    repository.commit({"a": "", "d/b": "", "d/e/c": ""})
    assert sorted(read_listing(str(repository.root / "d"), ENV).paths) == ["b", "e/c"]


def test_what_is_to_be_done_meanwhile_is_done_once(repository: Repository) -> None:
    calls = []
    read_listing(str(repository.root), ENV, lambda: calls.append(1))
    assert calls == [1]


def test_a_listing_larger_than_a_pipe_is_complete(repository: Repository) -> None:
    names = [f"{number:04}-{'x' * 60}" for number in range(3000)]
    repository.write(dict.fromkeys(names, ""))
    assert sorted(read_listing(str(repository.root), ENV).paths) == names


def test_a_directory_without_git_is_an_error(tmp_path: Path) -> None:
    env = {**ENV, "GIT_CEILING_DIRECTORIES": str(tmp_path.parent)}
    with pytest.raises(MzbuildError) as error:
        read_listing(str(tmp_path), env)
    assert str(error.value) == (
        f"{tmp_path} is not in a Git work tree. mzbuild takes an image's inputs from what Git sees "
        "there: run `git init` first."
    )


def test_a_bare_repository_is_an_error_in_gits_own_words(tmp_path: Path) -> None:
    Repository(tmp_path).git("init", "--quiet", "--bare", "bare.git")
    with pytest.raises(MzbuildError, match=r"`git ls-files .*` failed in .*bare\.git: fatal: "):
        read_listing(str(tmp_path / "bare.git"), ENV)


def test_a_machine_without_git_is_an_error(repository: Repository) -> None:
    with pytest.raises(MzbuildError) as error:
        read_listing(str(repository.root), {**ENV, "PATH": str(repository.root)})
    assert str(error.value) == (
        "mzbuild reads the list of files from Git, but there is no `git` on the PATH. Install Git."
    )


def test_a_directory_that_went_away_is_not_taken_for_a_missing_git(tmp_path: Path) -> None:
    with pytest.raises(MzbuildError) as error:
        read_listing(str(tmp_path / "gone"), ENV)
    assert str(error.value) == f"{tmp_path}/gone went away. Run the command again."


def test_git_takes_no_lock_on_the_index(repository: Repository) -> None:
    repository.commit({"a": ""})
    lock = repository.root / ".git/index.lock"
    lock.write_text("")
    assert read_listing(str(repository.root), ENV).paths == ["a"]
    assert lock.exists()
    os.unlink(lock)


def test_ignored_paths_are_those_that_a_rule_matches_whether_they_are_there_or_not(
    repository: Repository,
) -> None:
    repository.commit({".gitignore": "/out\n", "a/.gitignore": "*.bin\n!keep.bin\n", "out/x": ""})
    paths = ("out/x", "out", "a/b.bin", "a/keep.bin", "b.bin", "a/é.bin", "a/line\nbreak.bin")
    assert ignored_paths(str(repository.root), ENV, paths) == {
        *("out/x", "out", "a/b.bin", "a/é.bin", "a/line\nbreak.bin"),
    }
    assert ignored_paths(str(repository.root), ENV, ("b.bin",)) == frozenset()
    assert ignored_paths(str(repository.root), ENV, ()) == frozenset()
    with pytest.raises(MzbuildError, match="is outside repository"):
        ignored_paths(str(repository.root), ENV, ("../x",))
