"""Records of inputs, remembered only for as long as the files are the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mzbuild.core.actions.action import InputGroup, InputKind
from mzbuild.core.errors import MzbuildError
from mzbuild.core.fingerprint.inputs import input_paths, input_runs
from mzbuild.core.fingerprint.records import InputRecords
from mzbuild.core.fingerprint.scheme import input_record
from mzbuild.core.work_tree import files as work_tree_module
from mzbuild.core.work_tree.files import ContentDigests, FileCache, digest_content

from tests.core.conftest import Repository

RUNS = (("a", "b"), ("d/x", "d/y"))


@pytest.fixture(autouse=True)
def no_file_is_too_fresh() -> Iterator[None]:
    with mock.patch.object(work_tree_module, "FRESH_NS", -(10**15)):
        yield


def test_only_the_run_of_a_changed_file_is_put_together_anew(repository: Repository) -> None:
    repository.commit({"a": "1", "b": "2", "d/x": "3", "d/y": "4"})
    asked = []

    class Contents(FileCache[ContentDigests]):
        def get(self, work_tree: work_tree_module.WorkTree, path: str) -> ContentDigests:
            asked.append(path)
            return super().get(work_tree, path)

    records = InputRecords(Contents(lambda absolute, _: digest_content(absolute)))

    def expected() -> list[bytes]:
        tree = repository.read()
        return [
            b"".join(
                input_record(path, tree.mode(path), digest_content(tree.absolute(path)).sha1)
                for path in run
            )
            for run in RUNS
        ]

    assert records.of(repository.read(), RUNS, {}) == expected()
    assert asked == ["a", "b", "d/x", "d/y"]
    asked.clear()
    assert records.of(repository.read(), RUNS, {}) == expected()
    assert asked == []
    (repository.root / "d/y").write_text("5")
    (repository.root / "d/x").chmod(0o755)
    assert records.of(repository.read(), RUNS, {}) == expected()
    assert asked == ["d/x", "d/y"]


def test_what_is_declared_elsewhere_is_asked_for_each_time(repository: Repository) -> None:
    repository.commit({"a": "1"})
    records = InputRecords(FileCache(lambda absolute, _: digest_content(absolute)))
    run = ("a", "mzbuild.yml")
    for declared in (b"one", b"two"):
        (joined,) = records.of(repository.read(), [run], {"mzbuild.yml": declared})
        assert isinstance(joined, bytes)
        assert joined.endswith(b"\0" + declared)


def test_two_work_trees_have_nothing_in_common(tmp_path: Path) -> None:
    records = InputRecords(FileCache(lambda absolute, _: digest_content(absolute)))
    found: list[bytes | MzbuildError] = []
    for name in ("one", "two"):
        repository = Repository(tmp_path / name)
        repository.commit({"a": name})
        found += records.of(repository.read(), [("a",)], {})
    assert found[0] != found[1]


def test_a_name_that_is_not_utf_8_is_an_error(repository: Repository) -> None:
    name = "odd-\udcff"
    (repository.root / name).write_text("x")
    records = InputRecords(FileCache(lambda absolute, _: digest_content(absolute)))
    (repository.root / "even").write_text("x")
    odd, even = records.of(repository.read(), [(name,), ("even",)], {})
    assert str(odd).startswith(r"The file name b'odd-\xff' is not UTF-8 text")
    assert isinstance(odd, MzbuildError)
    assert isinstance(even, bytes)


def test_a_file_that_could_not_be_read_is_tried_again(repository: Repository) -> None:
    repository.commit({"a": "1"})
    failing = True

    def compute(absolute: str, _: str) -> ContentDigests:
        if failing:
            raise PermissionError(13, "Permission denied")
        return digest_content(absolute)

    records = InputRecords(FileCache(compute))
    (error,) = records.of(repository.read(), [("a",)], {})
    assert str(error).startswith("a cannot be read: Permission denied.")
    failing = False
    (joined,) = records.of(repository.read(), [("a",)], {})
    assert isinstance(joined, bytes)


@given(st.lists(st.sets(st.text("abc/", min_size=1, max_size=3)), max_size=6))
def test_runs_are_all_paths_once_and_in_order(sets: list[set[str]]) -> None:
    groups = tuple(InputGroup(InputKind.CRATE, "x", tuple(sorted(paths))) for paths in sets)
    runs = input_runs(groups)
    assert [path for run in runs for path in run] == sorted(set().union(*sets))
    assert all(runs)
    assert input_paths(groups) == tuple(sorted(set().union(*sets)))


def test_groups_that_lie_side_by_side_stay_as_they_are() -> None:
    groups = tuple(
        InputGroup(InputKind.CRATE, name, (f"{name}/Cargo.toml", f"{name}/src/lib.rs"))
        for name in ("src/b", "src/a", "src/a-b")
    )
    assert set(input_runs(groups)) == {group.paths for group in groups}
