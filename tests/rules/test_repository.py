from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from unittest import mock

import pytest
from mzbuild.core.fingerprint import known_files
from mzbuild.core.fingerprint.known_files import content_cache, reference_cache
from mzbuild.core.fingerprint.records import InputRecords
from mzbuild.core.work_tree import files
from mzbuild.core.work_tree.files import EXECUTABLE, REGULAR, WorkTree, digest_content, read_content
from mzbuild.rules import fingerprints, repository
from mzbuild.rules.fingerprints import Fingerprints, MissedInputs

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


@pytest.fixture
def in_new_process(monkeypatch: pytest.MonkeyPatch) -> Callable[[Project], list[str]]:
    """What gives the names of the files that a new pantsd reads, where none is too fresh."""

    def read(project: Project) -> list[str]:
        contents = content_cache()
        monkeypatch.setattr(fingerprints, "CONTENTS", contents)
        monkeypatch.setattr(fingerprints, "_RECORDS", InputRecords(contents))
        monkeypatch.setattr(repository, "_REFERENCES", reference_cache())
        project.runner.scheduler.scheduler.invalidate_all()
        with (
            mock.patch.object(known_files, "digest_content", wraps=digest_content) as digested,
            mock.patch.object(known_files, "read_content", wraps=read_content) as scanned,
        ):
            project.fingerprints()
            project.request(MissedInputs)
        calls = [*digested.mock_calls, *scanned.mock_calls]
        return sorted({os.path.basename(call.args[0]) for call in calls})

    monkeypatch.setattr(files, "FRESH_NS", -(10**15))
    return read


def test_a_new_pantsd_reads_only_what_has_changed(
    project: Project, in_new_process: Callable[[Project], list[str]]
) -> None:
    shutil.rmtree(project.root / ".pants.d/mzbuild", ignore_errors=True)
    project.write({**image("a"), "a/file": "", "lib.rs": ""})
    assert in_new_process(project) == ["Dockerfile", "file", "lib.rs", "mzbuild.yml"]
    assert in_new_process(project) == []
    project.write({"a/file": "x"})
    assert in_new_process(project) == ["file"]


def test_where_nothing_can_be_kept_files_are_read(
    project: Project, in_new_process: Callable[[Project], list[str]]
) -> None:
    project.write({**image("a"), "lib.rs": ""})
    in_new_process(project)
    # Where in it, is the version's of Pants.
    (kept,) = (project.root / ".pants.d").glob("**/mzbuild")
    shutil.rmtree(kept)
    kept.write_text("a file")
    for _ in range(2):
        assert in_new_process(project) == ["Dockerfile", "lib.rs", "mzbuild.yml"]
    kept.unlink()
