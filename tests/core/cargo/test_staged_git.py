"""What Git says among staged sources, and what it does to the real repository."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest
from mzbuild.core.cargo.staged_git import set_up_git

from tests.core.conftest import ENV, Repository

_QUESTIONS = (
    "rev-parse HEAD",
    "rev-parse --abbrev-ref HEAD",
    "rev-parse --is-inside-work-tree --show-prefix",
    "describe --tags --always --dirty",
    "log -1 --format=%s -- .",
    "ls-files",
    "remote get-url origin",
    "rev-list --count HEAD",
    "status --porcelain",
)


class Staged(NamedTuple):
    """A repository, and the place where some of its files are staged."""

    repository: Repository
    root: Path
    directory: Path

    def stage(self, *paths: str, git: bool = True, links: Mapping[str, str] | None = None) -> str:
        """Stages these files, with Git or without, and symlinks by their texts; returns what was
        refused."""
        sources = {}
        for path in paths:
            (self.directory / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(self.root / path, self.directory / path)
            mode = 0o100755 if os.access(self.root / path, os.X_OK) else 0o100644
            sources[path] = ("crate", "", mode)
        for path, text in (links or {}).items():
            (self.directory / path).unlink(missing_ok=True)
            (self.directory / path).symlink_to(text)
            sources[path] = ("crate", text, 0o120000)
        plan = {"git": git, "root": str(self.root), "sources": sources, "elsewhere": {}}
        return set_up_git(plan, str(self.directory), ENV)

    def answers(self, directory: str, *, among_sources: bool) -> dict[str, str]:
        place = (self.directory if among_sources else self.root) / directory
        return {
            question: subprocess.run(
                ["git", *question.split()], cwd=place, env=ENV, capture_output=True, text=True
            ).stdout
            for question in _QUESTIONS
        }

    def assert_same(self, directory: str = "app") -> None:
        here, there = (self.answers(directory, among_sources=each) for each in (True, False))
        assert here == there


@pytest.fixture
def staged(repository: Repository, tmp_path: Path) -> Staged:
    repository.commit({"app/lib.rs": "1", "app/run.sh": "#!", "other/lib.rs": "2", "top": "3"})
    (repository.root / "app/run.sh").chmod(0o755)
    (repository.root / "app/link").symlink_to("lib.rs")
    repository.commit({".gitignore": "*.log\n", ".gitattributes": "*.txt text eol=crlf\n"})
    repository.git("tag", "--annotate", "--message=one", "v1")
    repository.git("remote", "add", "origin", "https://example.org/x.git")
    return Staged(repository, repository.root, tmp_path / "staged")


_PATHS = ("app/lib.rs", "app/run.sh", "app/link")


def test_git_says_what_it_says_in_the_work_tree(staged: Staged) -> None:
    assert staged.stage(*_PATHS) == ""
    staged.assert_same()
    assert staged.answers("app", among_sources=True)["status --porcelain"] == ""
    assert staged.answers("app", among_sources=True)["rev-list --count HEAD"] == "2\n"
    # Once more, with what is there by now.
    staged.repository.commit({"other/lib.rs": "4"})
    staged.stage(*_PATHS)
    staged.assert_same()


def test_what_is_changed_and_staged_is_dirty(staged: Staged) -> None:
    staged.repository.write({"app/lib.rs": "changed", "app/new.rs": "", "app/x.log": ""})
    staged.stage(*_PATHS, "app/new.rs", "app/x.log")
    staged.assert_same()
    assert staged.answers("app", among_sources=True)["status --porcelain"] == (
        " M app/lib.rs\n?? app/new.rs\n"
    )


def test_what_is_changed_elsewhere_is_dirty_too(staged: Staged) -> None:
    describe = "describe --tags --always --dirty"
    staged.repository.write({"top": "changed"})
    staged.stage(*_PATHS)
    assert staged.answers("app", among_sources=True)[describe] == "v1-dirty\n"
    staged.repository.git("checkout", "top")
    staged.stage(*_PATHS)
    staged.assert_same()
    staged.repository.git("rm", "--cached", "--quiet", "other/lib.rs")
    staged.stage(*_PATHS)
    assert staged.answers("app", among_sources=True)[describe] == "v1-dirty\n"


def test_a_symlink_whose_text_was_made_relative_is_not_changed(staged: Staged) -> None:
    (staged.root / "app/all").symlink_to(staged.root / "other")
    (staged.root / "app/own").symlink_to("../other")
    staged.repository.commit({})
    staged.stage(*_PATHS, links={"app/all": "../other", "app/own": "../other"})
    staged.assert_same()
    assert staged.answers("app", among_sources=True)["status --porcelain"] == ""


def test_a_change_of_times_alone_is_none(staged: Staged) -> None:
    os.utime(staged.root / "top", (1, 1))
    staged.stage(*_PATHS)
    staged.assert_same()


@pytest.mark.parametrize("detached", [False, True])
def test_a_linked_worktree(staged: Staged, tmp_path: Path, detached: bool) -> None:
    args = ["--detach"] if detached else ["-b", "branch"]
    staged.repository.git("worktree", "add", "--quiet", *args, str(tmp_path / "linked"))
    linked = staged._replace(root=tmp_path / "linked")
    assert linked.stage(*_PATHS) == ""
    linked.assert_same()


def test_a_repository_that_is_a_submodule_and_one_that_has_one(
    staged: Staged, tmp_path: Path
) -> None:
    outer = Repository(tmp_path / "outer")
    outer.commit({"own/x": "1"})
    allow = "protocol.file.allow=always"
    outer.git("-c", allow, "submodule", "--quiet", "add", str(staged.root), "sub")
    outer.commit({})
    within = staged._replace(root=outer.root / "sub")
    within.stage(*_PATHS)
    within.assert_same()
    shutil.rmtree(within.directory)
    around = staged._replace(root=outer.root)
    around.stage("own/x", *(f"sub/{path}" for path in _PATHS))
    around.assert_same("own")
    around.assert_same("sub/app")


def test_of_a_part_of_a_repository_the_whole_is_told(staged: Staged) -> None:
    part = staged._replace(root=staged.root / "app")
    for content in ("3", "changed"):
        staged.repository.write({"top": content})
        assert part.stage("lib.rs") == ""
        here, there = (part.answers("", among_sources=each) for each in (True, False))
        same = ("rev-parse HEAD", "describe --tags --always --dirty", "status --porcelain")
        assert [here[each] for each in same] == [there[each] for each in same]


def test_nothing_is_written_to_the_repository(staged: Staged) -> None:
    os.utime(staged.root / "top", (1, 1))
    git = staged.root / ".git"

    def state() -> dict[str, object]:
        files = (path for path in git.rglob("*") if path.is_file())
        # Git touches objects that it would have written: by that, it keeps them for longer.
        return {
            str(path): (path.read_bytes(), "objects" in path.parts or path.stat().st_mtime_ns)
            for path in files
        }

    before = state()
    staged.stage(*_PATHS)
    for command in ("status", "tag v2", "commit --allow-empty -m x", "gc --prune=now", "stash"):
        subprocess.run(["git", *command.split()], cwd=staged.directory, env=ENV, check=True)
    assert state() == before


def test_what_build_scripts_depend_on_is_as_old_as_it_was(staged: Staged) -> None:
    staged.stage(*_PATHS)
    files = [staged.directory / ".git" / name for name in ("HEAD", "index", "packed-refs")]
    before = [file.stat().st_mtime_ns for file in files]
    staged.repository.write({"app/lib.rs": "changed"})
    staged.stage(*_PATHS)
    assert [file.stat().st_mtime_ns for file in files] == before


def test_git_can_be_switched_off_and_on(staged: Staged) -> None:
    for git in (True, False, True):
        assert staged.stage(*_PATHS, git=git) == ""
        assert (staged.directory / ".git").exists() == git


def test_what_git_refuses_is_told(staged: Staged) -> None:
    staged.stage(*_PATHS)
    shutil.rmtree(staged.root / ".git")
    assert "`git rev-parse --absolute-git-dir" in (refused := staged.stage(*_PATHS))
    assert "not a git repository" in refused
    assert not (staged.directory / ".git").exists()
