from __future__ import annotations

import os

from mzbuild.core.work_tree.files import EXECUTABLE, REGULAR, WorkTree
from mzbuild.rules.fingerprints import Fingerprints

from tests.core.conftest import ENV
from tests.rules.conftest import Project, image


def test_a_chmod_is_seen_in_the_next_run_though_pants_is_not_told(project: Project) -> None:
    project.write({**image("a"), "a/run": ""})
    before = project.fingerprints()
    assert project.request(WorkTree).mode("a/run") == REGULAR
    (project.root / "a/run").chmod(0o755)
    assert project.request(WorkTree).mode("a/run") == EXECUTABLE
    assert project.fingerprints() != before
    (project.root / "a/run").chmod(0o644)
    assert project.fingerprints() == before


def test_a_symlink_in_the_place_of_a_file_is_seen_in_the_next_run(project: Project) -> None:
    project.write({**image("a"), "a/file": "same", "a/other": "same"})
    before = project.fingerprints()
    (project.root / "a/file").unlink()
    (project.root / "a/file").symlink_to("other")
    assert project.fingerprints() != before


def test_ignore_rules_of_every_directory_count(project: Project) -> None:
    project.write({**image("a"), "a/.gitignore": "built\n"})
    before = project.fingerprints()
    project.write({"a/built": "stale"})
    assert project.fingerprints() == before
    project.git("add", "--force", "a/built")
    assert project.fingerprints() != before


def test_what_pants_writes_itself_does_not_count(project: Project) -> None:
    project.write(image("a"))
    before = project.request(WorkTree)
    project.write({".pants.d/run-tracker/log": "", ".pants.workdir.file_lock.lock_message": ""})
    after = project.request(WorkTree)
    assert list(after.statuses) == list(before.statuses)


def test_a_directory_without_git_is_an_error(project: Project) -> None:
    project.write(image("a"))
    os.rename(project.root / ".git", project.root / "no.git")
    parent = str(project.root.parent)
    error = project.error(Fingerprints, env={**ENV, "GIT_CEILING_DIRECTORIES": parent})
    assert error.startswith(f"{project.root} is not in a Git work tree.")
