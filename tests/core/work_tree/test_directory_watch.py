"""What the kernel tells of files that are touched."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Callable

import pytest
from mzbuild.core.work_tree.watch import DirectoryWatch


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/file").write_text("x")
    (tmp_path / "file").write_text("x")
    return tmp_path


@pytest.fixture
def watch(root: Path) -> Iterator[DirectoryWatch]:
    watch = DirectoryWatch(str(root))
    assert watch.touched() is None
    watch.cover(["a/b"])
    assert watch.touched() == set()
    yield watch
    watch.close()


def test_each_way_to_touch_a_file_is_told_of_once(root: Path, watch: DirectoryWatch) -> None:
    file = root / "a/b/file"

    def link() -> None:
        file.unlink()
        file.symlink_to("elsewhere")

    touches: dict[str, Callable[[], object]] = {
        "write": lambda: file.write_text("y"),
        "change mode": lambda: file.chmod(0o755),
        "set times": lambda: os.utime(file, (1, 1)),
        "shorten": lambda: os.truncate(file, 0),
        "replace": lambda: (root / "file").rename(file),
        "remove": file.unlink,
        "create": file.touch,
        "link": link,
    }
    for name, touch in touches.items():
        touch()
        assert watch.touched() == {"a/b/file"} | ({"file"} if name == "replace" else set()), name
        assert watch.touched() == set(), name


def test_another_process_is_told_of_as_soon_as_it_returns(
    root: Path, watch: DirectoryWatch
) -> None:
    for count in range(20):
        subprocess.run(["sh", "-c", f"echo {count} > file"], cwd=root, check=True)
        assert watch.touched() == {"file"}


def test_names_are_kept_as_they_are(root: Path, watch: DirectoryWatch) -> None:
    names = {"with space", "line\nbreak", "é", "not-utf-8-\udcff", "x" * 255}
    for name in names:
        (root / name).touch()
    assert watch.touched() == names


def test_a_directory_that_went_is_told_of_and_can_be_watched_anew(
    root: Path, watch: DirectoryWatch
) -> None:
    (root / "a/b/file").unlink()
    assert watch.touched() == {"a/b/file"}
    (root / "a/b").rmdir()
    (root / "a/b").mkdir()
    assert watch.touched() == {"a/b"}
    assert not watch.covers("a/b")
    watch.cover(["a/b"])
    (root / "a/b/file").write_text("y")
    assert watch.touched() == {"a/b/file"}


def test_a_directory_that_somebody_has_open_when_it_goes_is_watched_anew(
    root: Path, watch: DirectoryWatch
) -> None:
    opened = os.open(root / "a/b", os.O_RDONLY)
    shutil.rmtree(root / "a")
    (root / "a/b").mkdir(parents=True)
    assert watch.touched() == {"a/b/file", "a/b", "a"}
    watch.cover(["a/b"])
    os.close(opened)
    assert watch.touched() == set()
    (root / "a/b/file").write_text("y")
    assert watch.touched() == {"a/b/file"}


def test_what_came_in_the_place_of_a_directory_that_went_is_watched_anew(
    root: Path, watch: DirectoryWatch
) -> None:
    shutil.rmtree(root / "a")
    (root / "a/new").mkdir(parents=True)
    watch.cover(["a/new"])
    assert watch.touched() == {"a/b/file", "a/b", "a"}
    # Nobody would tell of it being moved together with its directory.
    assert not watch.covers("a/new")


@pytest.mark.parametrize(("number", "touched"), [(1, None), (2, {"a"}), (3, {"a/b"})])
def test_when_the_kernel_ends_a_watch_it_is_as_if_the_directory_were_gone(
    root: Path, watch: DirectoryWatch, number: int, touched: set[str] | None
) -> None:
    # There may be watches of other directories in this process.
    of_root = f"inotify wd:1 ino:{root.stat().st_ino:x} "
    (descriptor,) = (
        int(name)
        for name in os.listdir("/proc/self/fd")
        if os.path.exists(f"/proc/self/fdinfo/{name}")
        and of_root in Path("/proc/self/fdinfo", name).read_text()
    )
    assert ctypes.CDLL(None).inotify_rm_watch(descriptor, number) == 0
    assert watch.touched() == touched
    assert not watch.covers("a/b")


def test_when_the_root_goes_nothing_is_known(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    watch = DirectoryWatch(str(root))
    assert watch.touched() is None
    watch.cover([])
    root.rmdir()
    assert watch.touched() is None


def test_only_who_is_told_that_nothing_is_known_begins_anew(
    root: Path, watch: DirectoryWatch
) -> None:
    watch.close()
    watch.cover(["a/b"])
    assert not watch.covers("a/b")
    (root / "a/b/file").write_text("y")
    assert watch.touched() is None
    watch.cover(["a/b"])
    assert watch.covers("a/b")


@pytest.mark.parametrize("moved", ["a/b", "a", ""])
def test_when_a_directory_or_one_above_it_moves_nothing_is_known(
    root: Path, watch: DirectoryWatch, moved: str
) -> None:
    (root / moved).rename(root.parent / "elsewhere" if not moved else root / "elsewhere")
    assert watch.touched() is None


def test_when_the_root_is_another_directory_nothing_is_known(
    tmp_path: Path,
) -> None:
    (tmp_path / "outer/root").mkdir(parents=True)
    watch = DirectoryWatch(str(tmp_path / "outer/root"))
    assert watch.touched() is None
    watch.cover([])
    assert watch.touched() == set()
    (tmp_path / "outer").rename(tmp_path / "old")
    (tmp_path / "outer/root").mkdir(parents=True)
    assert watch.touched() is None
    watch.cover([])
    assert watch.touched() == set()
    watch.close()


def test_when_more_happens_than_is_remembered_nothing_is_known(
    root: Path, watch: DirectoryWatch
) -> None:
    limit = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    for _ in range(limit // 2 + 1):
        # Two events each, of which no two in a row are the same.
        os.utime(root / "file")
        os.utime(root / "a/b/file")
    assert watch.touched() is None
    watch.cover(["a/b"])
    assert watch.touched() == set()


def test_what_is_covered_twice_or_is_not_there_changes_nothing(
    root: Path, watch: DirectoryWatch
) -> None:
    watch.cover(["a/b", "a", "nowhere/at/all", "file"])
    (root / "a/b/file").write_text("y")
    assert watch.touched() == {"a/b/file"}


def test_a_symlink_is_not_followed(root: Path, watch: DirectoryWatch, tmp_path: Path) -> None:
    (root / "link").symlink_to("a")
    watch.cover(["link", "link/b"])
    assert not watch.covers("link")
    assert not watch.covers("link/b")
    assert watch.covers("a")
    watch.touched()
    (root / "a/new").touch()
    assert watch.touched() == {"a/new"}


@pytest.mark.parametrize("root", ["/proc/self", "/nowhere/at/all"])
def test_where_nobody_could_tell_nothing_is_known(root: str) -> None:
    watch = DirectoryWatch(root)
    assert watch.touched() is None
    watch.cover([""])
    assert watch.touched() is None


def test_where_the_kernel_watches_no_more_nothing_is_known(root: Path) -> None:
    watches = []
    for _ in range(int(Path("/proc/sys/fs/inotify/max_user_instances").read_text()) + 1):
        watches.append(DirectoryWatch(str(root)))
        assert watches[-1].touched() is None
        watches[-1].cover([""])
        if watches[-1].touched() is None:
            break
    else:
        pytest.fail("The kernel has no limit.")
    for watch in watches:
        watch.close()
    assert watches[-1].touched() is None
    watches[-1].cover([""])
    assert watches[-1].touched() == set()
    watches[-1].close()


@pytest.mark.parametrize(("limit", "holds"), [(100, False), (200, False), (300, True)])
def test_a_watch_leaves_as_many_as_it_takes(tmp_path: Path, limit: int, holds: bool) -> None:
    names = [f"d{number}" for number in range(130)]
    for name in names:
        (tmp_path / name).mkdir()
    program = (
        "import os\n"
        "from mzbuild.core.work_tree.watch import DirectoryWatch\n"
        f"watch = DirectoryWatch({str(tmp_path)!r})\n"
        "told = []\n"
        "for _ in range(3):\n"
        "    told.append(watch.touched())\n"
        f"    watch.cover({names!r})\n"
        "open_files = os.listdir('/proc/self/fd')\n"
        "links = [os.readlink(f'/proc/self/fd/{name}') for name in open_files[:-1]]\n"
        "print(told, sum('inotify' in link for link in links))\n"
    )
    # The limit is that of a user, as root of whom the process has a namespace of its own.
    script = f'echo {limit} > /proc/sys/user/max_inotify_watches && exec "$0" -c "$1"'
    command = ["unshare", "--user", "--map-root-user", "sh", "-c", script, sys.executable, program]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    told = subprocess.run(command, env=env, check=True, stdout=subprocess.PIPE, text=True).stdout
    assert told == ("[None, set(), set()] 1\n" if holds else "[None, None, None] 0\n")
