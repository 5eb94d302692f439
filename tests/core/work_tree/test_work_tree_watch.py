"""A work tree that is read with the kernel's help is the one that is there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Callable
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mzbuild.core.errors import MzbuildError
from mzbuild.core.git.commands import read_listing
from mzbuild.core.work_tree import files as work_tree
from mzbuild.core.work_tree import reader as work_tree_reader
from mzbuild.core.work_tree.reader import WorkTreeReader, read_work_tree

from tests.core.conftest import ENV, Repository

PATHS = ("a", "b", "d/a", "d/b", "d/e/a", "f/a", "f/e/b")
DIRECTORIES = ("d", "d/e", "f", "f/e")


@pytest.fixture(autouse=True)
def no_file_is_too_fresh() -> object:
    """Files of which no status can be trusted yet are looked at in any case."""
    never = mock.patch.multiple
    with never(work_tree, FRESH_NS=-(10**15)), never(work_tree_reader, FRESH_NS=-(10**15)):
        yield


def present(root: Path, path: str) -> bool:
    return os.path.lexists(root / path)


def remove(root: Path, path: str) -> None:
    if (root / path).is_dir() and not (root / path).is_symlink():
        shutil.rmtree(root / path)
    elif present(root, path):
        (root / path).unlink()


def write(root: Path, path: str, other: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(f"{other}\n" * 3)


def change_mode(root: Path, path: str, other: str) -> None:
    (root / path).chmod(0o755 if len(other) % 2 else 0o644)


def rename(root: Path, path: str, other: str) -> None:
    remove(root, other)
    (root / other).parent.mkdir(parents=True, exist_ok=True)
    (root / path).rename(root / other)


def link_to(root: Path, path: str, other: str) -> None:
    remove(root, path)
    (root / path).symlink_to(os.path.relpath(root / other, (root / path).parent))


def hard_link(root: Path, path: str, other: str) -> None:
    remove(root, other)
    os.link(root / path, root / other, follow_symlinks=False)


def ignore(root: Path, path: str, _other: str) -> None:
    (root / path).parent.joinpath(".gitignore").write_text(f"{os.path.basename(path)}\n")


OPERATIONS: Mapping[str, Callable[[Path, str, str], object]] = {
    "write": write,
    "mode": change_mode,
    "remove": lambda root, path, _other: remove(root, path),
    "rename": rename,
    "symlink": link_to,
    "hard link": hard_link,
    "directory": lambda root, path, _other: (root / path).mkdir(parents=True),
    "ignore": ignore,
}


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.sampled_from([*OPERATIONS]),
            st.sampled_from([*PATHS, *DIRECTORIES]),
            st.sampled_from([*PATHS, *DIRECTORIES]),
            st.booleans(),
        ),
        min_size=1,
        max_size=12,
    )
)
def test_whatever_is_done_to_files_the_next_reading_has_it(
    tmp_path_factory: pytest.TempPathFactory,
    operations: list[tuple[str, str, str, bool]],
) -> None:
    repository = Repository(tmp_path_factory.mktemp("repository"))
    repository.commit(dict.fromkeys(PATHS, "x"))
    root = repository.root
    reader = WorkTreeReader(str(root), watch=True)
    reader.read(ENV)
    for name, path, other, is_read in operations:
        try:
            OPERATIONS[name](root, path, other)
        except OSError:
            continue  # What cannot be done changes nothing.
        # A second name that comes and goes unseen is the one thing that nothing tells of.
        if is_read or name == "hard link":
            assert reader.read(ENV) == read_work_tree(str(root), ENV), (name, path, other)
    assert reader.read(ENV) == read_work_tree(str(root), ENV)
    shutil.rmtree(root)


def test_a_file_that_was_not_touched_is_not_looked_at(repository: Repository) -> None:
    repository.commit({"a": "", "d/b": "", "d/c": ""})
    (repository.root / "link").symlink_to("a")
    reader = WorkTreeReader(str(repository.root), watch=True)
    first = reader.read(ENV)
    looked_at = []

    def lstat(path: str) -> os.stat_result:
        looked_at.append(os.path.relpath(path, repository.root))
        return os.stat(path, follow_symlinks=False)

    with mock.patch("os.lstat", lstat):
        assert reader.read(ENV) is first or looked_at == ["link"]
        looked_at.clear()
        (repository.root / "d/b").write_text("y")
        assert reader.read(ENV) != first
        assert sorted(looked_at) == ["d/b", "link"]


def test_a_file_written_through_another_name_is_seen(
    repository: Repository, tmp_path: Path
) -> None:
    repository.commit({"a": "x"})
    os.link(repository.root / "a", tmp_path / "outside")
    reader = WorkTreeReader(str(repository.root), watch=True)
    before = reader.read(ENV)
    (tmp_path / "outside").write_text("other")
    assert reader.read(ENV) != before


def test_what_a_symlink_leads_to_is_seen(repository: Repository, tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("x")
    repository.commit({"a": "x"})
    (repository.root / "link").symlink_to(tmp_path / "outside")
    reader = WorkTreeReader(str(repository.root), watch=True)
    before = reader.read(ENV)
    (tmp_path / "outside").write_text("other")
    assert reader.read(ENV) != before


def test_submodules_are_watched_too(repository: Repository, tmp_path: Path) -> None:
    inner = Repository(tmp_path / "inner")
    inner.commit({"d/x": "x"})
    repository.git("submodule", "--quiet", "add", str(inner.root), "sub")
    reader = WorkTreeReader(str(repository.root), watch=True)
    before = reader.read(ENV)
    assert "sub/d/x" in before.statuses
    (repository.root / "sub/d/x").write_text("other")
    assert reader.read(ENV) == read_work_tree(str(repository.root), ENV) != before


def test_after_a_reading_that_failed_the_next_one_is_whole(repository: Repository) -> None:
    repository.commit({"a": "", "d/b": ""})
    reader = WorkTreeReader(str(repository.root), watch=True)
    before = reader.read(ENV)
    (repository.root / "d/b").write_text("y")
    with pytest.raises(MzbuildError, match="no `git` on the PATH"):
        reader.read({**ENV, "PATH": ""})
    after = reader.read(ENV)
    assert after == read_work_tree(str(repository.root), ENV)
    assert after != before


def test_a_second_name_for_a_file_makes_its_first_one_doubtful(repository: Repository) -> None:
    repository.commit({"a": "x", "d/b": "x"})
    reader = WorkTreeReader(str(repository.root), watch=True)
    reader.read(ENV)
    os.link(repository.root / "a", repository.root / "d/new")
    linked = reader.read(ENV)
    (repository.root / "d/new").write_text("other")
    written = reader.read(ENV)
    assert written == read_work_tree(str(repository.root), ENV)
    assert written.statuses["a"] != linked.statuses["a"]


def test_a_directory_that_is_replaced_during_a_reading_is_looked_at_anew(
    repository: Repository, tmp_path: Path
) -> None:
    repository.commit({"a": "", "d/b": ""})
    other, directory = tmp_path / "other", repository.root / "d"
    other.mkdir()
    (other / "new").write_text("x")
    reader = WorkTreeReader(str(repository.root), watch=True)
    reader.read(ENV)

    def replace_first(*args: Any) -> bytes:
        shutil.rmtree(directory)
        other.rename(directory)
        return read_listing(*args)

    with mock.patch.object(work_tree_reader, "read_listing", replace_first):
        before = reader.read(ENV)
    (directory / "new").write_text("changed")
    after = reader.read(ENV)
    assert after == read_work_tree(str(repository.root), ENV)
    assert after.statuses["d/new"] != before.statuses["d/new"]
