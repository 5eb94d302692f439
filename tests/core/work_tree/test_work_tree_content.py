"""What a file of a work tree is: its mode, its content, and what a symlink stands for."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from mzbuild.core.work_tree.files import (
    EXECUTABLE,
    REGULAR,
    SYMLINK,
    WorkTree,
    digest_content,
    followed_mode,
    link_targets,
    read_content,
)

from tests.core.conftest import Repository


class TestModes:
    def test_modes_are_those_of_gits_index(self, repository: Repository) -> None:
        repository.write({"plain": "", "group": "", "own": ""})
        (repository.root / "group").chmod(0o654)
        (repository.root / "own").chmod(0o744)
        (repository.root / "link").symlink_to("own")
        work_tree = repository.read()
        assert {path: work_tree.mode(path) for path in work_tree.statuses} == {
            "group": REGULAR,
            "link": SYMLINK,
            "own": EXECUTABLE,
            "plain": REGULAR,
        }


class TestSymlinks:
    @pytest.fixture
    def work_tree(self, repository: Repository, tmp_path: Path) -> WorkTree:
        repository.write({"d/file": "content"})
        (tmp_path / "outside").write_text("outside")
        targets = {
            "to-file": "d/file",
            "to-link": "to-file",
            "to-directory": "d",
            "to-nothing": "nothing",
            "loop": "loop",
            "out": "../outside",
        }
        for name, target in targets.items():
            (repository.root / name).symlink_to(target)
        return repository.read()

    def test_a_file_behind_a_symlink_is_its_content(self, work_tree: WorkTree) -> None:
        content = {
            path: read_content(work_tree.absolute(path)) for path in ("to-file", "to-link", "out")
        }
        assert content == {"to-file": b"content", "to-link": b"content", "out": b"outside"}

    @pytest.mark.parametrize(
        ("path", "text"),
        [("to-directory", b"d"), ("to-nothing", b"nothing"), ("loop", b"loop")],
    )
    def test_a_symlink_to_anything_else_has_its_text_for_content(
        self, work_tree: WorkTree, path: str, text: bytes
    ) -> None:
        assert read_content(work_tree.absolute(path)) == text
        assert followed_mode(work_tree, path) == SYMLINK

    def test_only_those_to_files_of_the_repository_have_targets(self, work_tree: WorkTree) -> None:
        assert link_targets(work_tree.root, work_tree.statuses) == {
            "to-file": "d/file",
            "to-link": "d/file",
        }

    def test_a_directory_whose_name_begins_like_the_roots_is_outside(
        self, repository: Repository
    ) -> None:
        beside = Path(f"{repository.root}-2")
        beside.mkdir()
        (beside / "file").write_text("")
        (repository.root / "link").symlink_to(beside / "file")
        assert link_targets(str(repository.root), ["link"]) == {}


@pytest.mark.parametrize("size", [0, 1, 1 << 20, (1 << 20) + 1, 3 << 20])
def test_digests_are_of_the_whole_content(tmp_path: Path, size: int) -> None:
    content = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    (tmp_path / "f").write_bytes(content)
    digests = digest_content(str(tmp_path / "f"))
    assert digests.sha1 == hashlib.sha1(content).digest()
    assert digests.sha256 == hashlib.sha256(content).hexdigest()
    assert digests.size == size
