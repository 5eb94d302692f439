"""`FileCache`: what is read of a file is remembered as long as its status vouches for it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from mzbuild.core.errors import MzbuildError
from mzbuild.core.work_tree.files import EXECUTABLE, REGULAR, FileCache, WorkTree, read_content

from tests.core.conftest import ENV, Repository


class Contents:
    """A cache of files' contents that counts how often it reads one."""

    def __init__(self) -> None:
        self.reads = 0
        self._cache = FileCache(self._read)

    def _read(self, absolute: str, path: str) -> bytes:
        self.reads += 1
        return read_content(absolute)

    def get(self, work_tree: WorkTree, path: str = "f") -> bytes:
        return self._cache.get(work_tree, path)


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has every status trusted at once, since a test cannot set a file's ctime to long ago."""
    monkeypatch.setattr("mzbuild.core.work_tree.files.FRESH_NS", -3600 * 10**9)


@pytest.mark.usefixtures("settled")
def test_a_chmod_makes_another_work_tree(repository: Repository) -> None:
    repository.write({"f": ""})
    before = repository.read()
    (repository.root / "f").chmod(0o755)
    after = repository.read()
    assert (before.mode("f"), after.mode("f")) == (REGULAR, EXECUTABLE)
    assert before != after


@pytest.mark.usefixtures("settled")
def test_a_file_that_stays_the_same_is_read_once(repository: Repository) -> None:
    repository.write({"f": "x"})
    contents = Contents()
    assert repository.read() == repository.read()
    assert [contents.get(repository.read()) for _ in range(3)] == [b"x"] * 3
    assert contents.reads == 1


def test_a_rewrite_of_the_same_size_within_the_clocks_tick_is_seen(repository: Repository) -> None:
    contents = Contents()
    repository.write({"f": "0"})
    for number in range(1, 200):
        # Far quicker than the clock of a file system ticks.
        before = repository.read()
        contents.get(before)
        with (repository.root / "f").open("r+") as file:
            file.write(str(number % 10))
        after = repository.read()
        assert contents.get(after) == str(number % 10).encode()
        assert before != after


@pytest.mark.usefixtures("settled")
def test_a_rewrite_that_restores_size_and_modification_time_is_seen(repository: Repository) -> None:
    repository.write({"f": "1"})
    os.utime(repository.root / "f", ns=(10**18, 10**18))
    contents, before = Contents(), repository.read()
    contents.get(before)
    while repository.read() == before:
        repository.write({"f": "2"})
        os.utime(repository.root / "f", ns=(10**18, 10**18))
    assert contents.get(repository.read()) == b"2"


def test_another_file_in_its_place_is_seen(repository: Repository) -> None:
    repository.write({"f": "1", "g": "2"})
    contents = Contents()
    assert contents.get(repository.read()) == b"1"
    (repository.root / "g").rename(repository.root / "f")
    assert contents.get(repository.read()) == b"2"
    (repository.root / "f").unlink()
    (repository.root / "f").symlink_to("nowhere")
    assert contents.get(repository.read()) == b"nowhere"


def test_two_directories_that_swap_names_are_seen(repository: Repository) -> None:
    repository.write({"a/f": "1", "b/f": "2"})
    contents, root = Contents(), repository.root
    before = repository.read()
    assert [contents.get(before, path) for path in ("a/f", "b/f")] == [b"1", b"2"]
    (root / "a").rename(root / "c")
    (root / "b").rename(root / "a")
    (root / "c").rename(root / "b")
    after = repository.read()
    assert [contents.get(after, path) for path in ("a/f", "b/f")] == [b"2", b"1"]


def test_a_change_behind_a_symlink_is_seen(repository: Repository, tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("1")
    (repository.root / "f").symlink_to("../outside")
    contents = Contents()
    assert contents.get(repository.read()) == b"1"
    (tmp_path / "outside").write_text("2")
    assert contents.get(repository.read()) == b"2"
    (tmp_path / "outside").unlink()
    assert contents.get(repository.read()) == b"../outside"


@pytest.mark.usefixtures("settled")
def test_the_same_path_in_another_repository_is_another_file(
    repository: Repository, tmp_path: Path
) -> None:
    other = Repository(tmp_path / "other")
    repository.write({"f": "1"})
    other.write({"f": "2"})
    contents = Contents()
    assert contents.get(repository.read()) == b"1"
    assert contents.get(other.read()) == b"2"


def test_a_file_that_went_away_is_an_error(repository: Repository) -> None:
    repository.write({"d/f": "1"})
    work_tree = repository.read()
    (repository.root / "d/f").unlink()
    with pytest.raises(MzbuildError) as error:
        Contents().get(work_tree, "d/f")
    assert str(error.value) == ("d/f went away while it was being read. Run the command again.")


def test_a_file_that_cannot_be_read_is_an_error(repository: Repository) -> None:
    repository.write({"f": "1"})
    work_tree = repository.read()
    (repository.root / "f").unlink()
    (repository.root / "f").mkdir()
    with pytest.raises(MzbuildError) as error:
        Contents().get(work_tree, "f")
    assert str(error.value) == (
        "f cannot be read: Is a directory. Mend its permissions, or have Git ignore it."
    )


def test_a_directory_that_may_not_be_entered_is_an_error(repository: Repository) -> None:
    repository.commit({"d/f": "1"})
    (repository.root / "d").chmod(0o600)
    # Permissions are no obstacle to root: another user asks.
    script = (
        "import os, sys\n"
        "from mzbuild.core.errors import MzbuildError\n"
        "from mzbuild.core.work_tree.reader import read_work_tree\n"
        "if os.getuid() == 0: os.setuid(65534)\n"
        "os.environ['GIT_CONFIG_COUNT'] = '1'\n"
        "os.environ['GIT_CONFIG_KEY_0'] = 'safe.directory'\n"
        "os.environ['GIT_CONFIG_VALUE_0'] = '*'\n"
        "try: read_work_tree('.', os.environ)\n"
        "except MzbuildError as error: print(error)\n"
    )
    for parent in [repository.root, *repository.root.parents]:
        if parent.stat().st_uid == os.getuid() and not parent.stat().st_mode & 0o001:
            parent.chmod(parent.stat().st_mode | 0o011)
    result = subprocess.run(
        [sys.executable, "-c", script],
        cwd=repository.root,
        env={**ENV, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        encoding="utf-8",
    )
    (repository.root / "d").chmod(0o700)
    assert result.stderr == ""
    assert result.stdout == (
        "d/f cannot be looked at: Permission denied. Mend its permissions, or have Git ignore it.\n"
    )
