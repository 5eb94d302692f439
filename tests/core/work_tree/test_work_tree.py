"""Which files of a work tree count."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest
from mzbuild.core.work_tree.files import read_content
from mzbuild.core.work_tree.reader import WorkTreeReader, read_work_tree

from tests.core.conftest import ENV, Repository


def paths(repository: Repository) -> list[str]:
    return list(repository.read().statuses)


class TestWhichFiles:
    def test_tracked_and_untracked_files_count_and_ignored_ones_do_not(
        self, repository: Repository
    ) -> None:
        repository.commit(
            {".gitignore": "*.log\n", "sub/.gitignore": "out\n", "a": "", "sub/b": ""}
        )
        repository.write({"new": "", "x.log": "", "sub/out": "", "out": ""})
        assert paths(repository) == [".gitignore", "a", "new", "out", "sub/.gitignore", "sub/b"]

    def test_a_tracked_file_counts_even_where_an_ignore_rule_matches_it(
        self, repository: Repository
    ) -> None:
        repository.write({".gitignore": "*.log\n", "kept.log": "", "other.log": ""})
        repository.git("add", "--force", "kept.log")
        assert paths(repository) == [".gitignore", "kept.log"]

    def test_a_deleted_file_does_not_count_though_it_is_tracked(
        self, repository: Repository
    ) -> None:
        repository.commit({"a": "", "d/b": ""})
        (repository.root / "d/b").unlink()
        assert paths(repository) == ["a"]
        (repository.root / "d").rmdir()
        repository.write({"d": "now a file"})
        assert paths(repository) == ["a", "d"]

    def test_a_rename_takes_effect_without_being_staged(self, repository: Repository) -> None:
        repository.commit({"old": "x"})
        (repository.root / "old").rename(repository.root / "new")
        assert paths(repository) == ["new"]

    def test_a_file_that_a_directory_replaces_gives_way_to_what_is_in_it(
        self, repository: Repository
    ) -> None:
        repository.commit({"a": "", ".gitignore": "*.o\n"})
        (repository.root / "a").unlink()
        repository.write({"a/b": "", "a/c.o": ""})
        assert paths(repository) == [".gitignore", "a/b"]

    def test_a_directory_that_a_symlink_replaces_has_no_files_of_its_own(
        self, repository: Repository
    ) -> None:
        repository.commit({"d/e/f": "", "elsewhere/e/f": ""})
        (repository.root / "d/e/f").unlink()
        (repository.root / "d/e").rmdir()
        (repository.root / "d").rmdir()
        (repository.root / "d").symlink_to("elsewhere")
        assert paths(repository) == ["d", "elsewhere/e/f"]

    def test_a_directory_that_a_symlink_loop_replaces_is_that_symlink(
        self, repository: Repository
    ) -> None:
        repository.commit({"d/f": ""})
        (repository.root / "d/f").unlink()
        (repository.root / "d").rmdir()
        (repository.root / "d").symlink_to("d")
        assert paths(repository) == ["d"]

    def test_what_replaces_a_file_but_has_no_content_does_not_count(
        self, repository: Repository
    ) -> None:
        repository.commit({"fifo": "", "socket": ""})
        for name in ("fifo", "socket"):
            (repository.root / name).unlink()
        os.mkfifo(repository.root / "fifo")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(os.path.relpath(repository.root / "socket"))
            assert paths(repository) == []

    def test_what_is_hidden_by_the_beginning_of_its_path_does_not_count(
        self, repository: Repository
    ) -> None:
        repository.write({".pants.d/a": "", ".pants.dir": "", "sub/.pants.d/b": "", "lock.1": ""})
        reader = WorkTreeReader(str(repository.root), hidden=(".pants.d/", "lock"))
        assert list(reader.read(ENV).statuses) == [".pants.dir", "sub/.pants.d/b"]

    def test_what_was_read_before_changes_nothing(self, repository: Repository) -> None:
        repository.commit({"a": "", "b": "", "d/x": ""})
        reader = WorkTreeReader(str(repository.root))

        def read() -> list[str]:
            assert reader.read(ENV).statuses.keys() == (
                read_work_tree(str(repository.root), ENV).statuses.keys()
            )
            return list(reader.read(ENV).statuses)

        assert read() == ["a", "b", "d/x"]
        (repository.root / "b").unlink()
        assert read() == ["a", "d/x"]
        (repository.root / "b").write_text("back")
        assert read() == ["a", "b", "d/x"]
        (repository.root / "b").unlink()
        (repository.root / "b").mkdir()
        repository.write({"b/c": "", ".hidden": ""})
        assert read() == [".hidden", "a", "b/c", "d/x"]
        shutil.rmtree(repository.root / "d")
        (repository.root / "d").symlink_to("b")
        assert read() == [".hidden", "a", "b/c", "d"]
        (repository.root / "a").rename(repository.root / "e")
        assert read() == [".hidden", "b/c", "d", "e"]

    def test_odd_names_are_kept_as_they_are(self, repository: Repository) -> None:
        odd = [
            "with space",
            "é",
            "*?[x]",
            "line\nbreak",
            "-dash",
            ":colon",
            'quo"te',
            "back\\slash",
        ]
        repository.commit(dict.fromkeys(odd, ""))
        assert paths(repository) == sorted(odd)

    def test_bytes_that_are_not_utf_8_are_kept_as_surrogates(self, repository: Repository) -> None:
        (repository.root / os.fsdecode(b"latin-\xe9")).write_text("x")
        work_tree = repository.read()
        assert list(work_tree.statuses) == ["latin-\udce9"]
        assert read_content(work_tree.absolute("latin-\udce9")) == b"x"

    def test_paths_are_sorted_as_strings(self, repository: Repository) -> None:
        repository.write(dict.fromkeys(["a/b", "a-b", "a.b", "B", "aé", "a0"], ""))
        assert paths(repository) == ["B", "a-b", "a.b", "a/b", "a0", "aé"]


class TestRepositoriesInRepositories:
    def other(self, tmp_path: Path) -> Repository:
        other = Repository(tmp_path / "other")
        other.commit({"tracked": "", ".gitignore": "*.o\n"})
        other.write({"forced.o": ""})
        other.git("add", "--force", "forced.o")
        other.commit({})
        return other

    def test_a_submodule_s_files_count_by_its_own_rules(
        self, repository: Repository, tmp_path: Path
    ) -> None:
        inner, outer = Repository(tmp_path / "inner"), self.other(tmp_path)
        inner.commit({"deep": ""})
        outer.git("submodule", "--quiet", "add", str(inner.root), "nested")
        outer.commit({})
        repository.git("submodule", "--quiet", "add", str(outer.root), "module")
        repository.git("submodule", "--quiet", "update", "--init", "--recursive")
        repository.write({"module/new": "", "module/x.o": "", "module/nested/new": ""})
        assert paths(repository) == [
            ".gitmodules",
            *("module/.gitignore", "module/.gitmodules", "module/forced.o", "module/nested/deep"),
            *("module/nested/new", "module/new", "module/tracked"),
        ]

    def test_a_submodule_that_is_not_checked_out_has_no_files(
        self, repository: Repository, tmp_path: Path
    ) -> None:
        repository.git("submodule", "--quiet", "add", str(self.other(tmp_path).root), "module")
        repository.commit({"a": ""})
        repository.git("submodule", "--quiet", "deinit", "--force", "module")
        assert paths(repository) == [".gitmodules", "a"]

    def test_a_submodule_is_read_by_its_own_index_in_a_hook_of_git_too(
        self, repository: Repository, tmp_path: Path
    ) -> None:
        repository.git("submodule", "--quiet", "add", str(self.other(tmp_path).root), "module")
        # What Git sets for a hook in a linked work tree.
        git_directory = repository.root / ".git"
        env = {
            **ENV,
            "GIT_DIR": str(git_directory),
            "GIT_INDEX_FILE": str(git_directory / "index"),
            "GIT_PREFIX": "",
        }
        work_tree = read_work_tree(str(repository.root), env)
        assert list(work_tree.statuses) == paths(repository)
        assert "module/forced.o" in work_tree.statuses

    @pytest.mark.parametrize("with_commits", [True, False])
    def test_a_clone_that_merely_lies_there_is_left_out(
        self, repository: Repository, with_commits: bool
    ) -> None:
        repository.commit({"a": ""})
        nested = Repository(repository.root / "nested/clone")
        nested.write({"theirs": ""})
        if with_commits:
            nested.commit({})
        assert paths(repository) == ["a"]

    def test_a_linked_work_tree_has_its_own_files(
        self, repository: Repository, tmp_path: Path
    ) -> None:
        repository.commit({"a": "", "b": ""})
        repository.git("worktree", "add", "--quiet", str(tmp_path / "linked"))
        (tmp_path / "linked/a").unlink()
        (tmp_path / "linked/new").write_text("")
        assert list(read_work_tree(str(tmp_path / "linked"), ENV).statuses) == ["b", "new"]
        assert paths(repository) == ["a", "b"]

    @pytest.mark.parametrize("more", [[], ["--sparse-index"]])
    def test_a_sparse_checkout_has_the_files_that_it_leaves_out_too(
        self, repository: Repository, more: list[str]
    ) -> None:
        repository.commit({"in/a": "", "out/b": "", "c": ""})
        repository.git("sparse-checkout", "set", "--cone", *more, "in")
        assert not (repository.root / "out").exists()
        assert paths(repository) == ["c", "in/a", "out/b"]
        repository.write({"out/b": "back, though outside"})
        assert paths(repository) == ["c", "in/a", "out/b"]

    def test_a_file_in_conflict_counts_once(self, repository: Repository) -> None:
        repository.commit({"a": "base\n"})
        repository.git("branch", "other")
        repository.commit({"a": "ours\n"})
        repository.git("switch", "--quiet", "other")
        repository.commit({"a": "theirs\n"})
        with pytest.raises(subprocess.CalledProcessError):
            repository.git("merge", "--quiet", "master")
        assert paths(repository) == ["a"]
