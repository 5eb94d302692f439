"""What the fingerprints of earlier runs were made of, kept and read again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from mzbuild.core.errors import MzbuildError
from mzbuild.core.explain.explanation import explain
from mzbuild.core.explain.log import FingerprintLog, recorded
from mzbuild.core.explain.report import explanation_json
from mzbuild.core.explain.snapshot import Snapshot, revision_snapshot
from mzbuild.core.revisions.revision_tree import RevisionTree

from tests.core.conftest import (
    ACTION_TYPES,
    CONFIGURATION,
    ENV,
    Repository,
    make_vectors_repository,
)

FILES = {
    "base/mzbuild.yml": "name: base\n",
    "base/Dockerfile": "FROM scratch\n",
    "top/mzbuild.yml": "name: top\n",
    "top/Dockerfile": "MZFROM base\n",
}


def snapshot(root: Path, revision: str = "HEAD") -> Snapshot:
    return revision_snapshot(RevisionTree(str(root), ENV, revision), CONFIGURATION, ACTION_TYPES)


@pytest.fixture
def log(tmp_path: Path) -> FingerprintLog:
    return FingerprintLog(str(tmp_path / "logs/fingerprints"))


def error(log: FingerprintLog, wanted: str) -> str:
    with pytest.raises(MzbuildError) as raised:
        recorded(log.path, wanted)
    return str(raised.value)


def test_records_that_are_known_joined_are_not_asked_for_to_tell_what_is_new(
    tmp_path: Path, log: FingerprintLog
) -> None:
    root = make_vectors_repository(tmp_path / "vectors")
    current = snapshot(root)
    log.add(current)
    groups = {group.paths for groups in current.survey.inputs.values() for group in groups}
    joined = {paths: b"".join(map(current.record, paths)) for paths in groups}
    # As after a change to one image alone, which has no group that is new.
    again = replace(current, joined=joined, record=lambda path: pytest.fail(f"{path} is asked for"))
    other = FingerprintLog(str(tmp_path / "other"))
    other.add(replace(current, joined=joined))
    assert Path(other.path).read_bytes() == Path(log.path).read_bytes()
    lines = Path(other.path).read_text().splitlines(keepends=True)
    Path(other.path).write_text("".join(line for line in lines if line.split("\t")[0].islower()))
    FingerprintLog(other.path).add(again)
    assert sorted(Path(other.path).read_text().splitlines(True)) == sorted(lines)


def test_what_was_recorded_is_explained_as_the_revision_itself(
    tmp_path: Path, log: FingerprintLog
) -> None:
    root = make_vectors_repository(tmp_path / "vectors")
    Repository(root).commit({})
    before, after = snapshot(root, "HEAD~1"), snapshot(root)
    log.add(before)
    log.add(after)
    expected = explain(before, after)
    assert expected
    for name in before.survey.fingerprints:
        found, kept = recorded(log.path, before.survey.fingerprints[name])
        assert found == name
        assert kept.configuration == CONFIGURATION
        explained = explain(kept, after)
        if name in expected and expected[name].after:
            assert explanation_json(explained[name]) == explanation_json(expected[name])
        elif name not in expected:
            assert name not in explained


def test_a_tag_or_a_beginning_will_do(repository: Repository, log: FingerprintLog) -> None:
    repository.commit(FILES)
    log.add(snapshot(repository.root))
    fingerprint = snapshot(repository.root).survey.fingerprints["top"]
    tag = f"docker.io/acme/top:mzbuild-{fingerprint}"
    for wanted in (fingerprint, fingerprint.lower(), fingerprint[:12], tag):
        assert recorded(log.path, wanted)[0] == "top"


def test_what_was_never_computed(repository: Repository, log: FingerprintLog) -> None:
    said = "has been computed in this clone, as far as is remembered."
    assert said in error(log, "AAAA")
    repository.commit(FILES)
    log.add(snapshot(repository.root))
    assert said in error(log, "11")
    assert said in error(log, "")
    assert said in error(log, "acme/top:mzbuild-")


def test_a_beginning_of_several(log: FingerprintLog, tmp_path: Path) -> None:
    path = Path(log.path)
    path.parent.mkdir()
    path.write_text("ABC\t{}\nABD\t{}\n")
    assert error(log, "AB") == ("`AB` is how `ABC` and `ABD` begin. Give more of the one you mean.")


def test_only_what_is_new_is_added(repository: Repository, log: FingerprintLog) -> None:
    repository.commit(FILES)
    log.add(snapshot(repository.root))
    content = Path(log.path).read_text()
    assert content.count("\n") == 4
    log.add(snapshot(repository.root))
    # Another process does not add what is there either.
    FingerprintLog(log.path).add(snapshot(repository.root))
    assert Path(log.path).read_text() == content
    repository.commit({"top/Dockerfile": "MZFROM base\n\n"})
    log.add(snapshot(repository.root))
    added = Path(log.path).read_text()[len(content) :]
    assert [line.split("\t")[0] for line in added.splitlines()][1:] == [
        snapshot(repository.root).survey.fingerprints["top"]
    ]


def test_the_log_stays_small(repository: Repository, log: FingerprintLog) -> None:
    log.largest = 1000
    fingerprints = []
    for number in range(5):
        repository.commit({**FILES, "base/Dockerfile": f"FROM scratch\n# {number}\n"})
        log.add(snapshot(repository.root))
        fingerprints.append(snapshot(repository.root).survey.fingerprints["top"])
    files = sorted(path.name for path in Path(log.path).parent.iterdir())
    assert files == ["fingerprints", "fingerprints.1", "fingerprints.lock"]
    # The latest two logs are complete in themselves.
    for fingerprint in fingerprints[-2:]:
        assert recorded(log.path, fingerprint)[1].survey.fingerprints.keys() == {"base", "top"}
    assert "has been computed" in error(log, fingerprints[0])


def test_a_line_that_was_not_written_to_its_end(
    repository: Repository, log: FingerprintLog
) -> None:
    repository.commit(FILES)
    log.add(snapshot(repository.root))
    path = Path(log.path)
    path.write_text(path.read_text()[:-5])
    fingerprint = snapshot(repository.root).survey.fingerprints["top"]
    assert "has been computed" in error(log, fingerprint)
    FingerprintLog(log.path).add(snapshot(repository.root))
    assert recorded(log.path, fingerprint)[0] == "top"
