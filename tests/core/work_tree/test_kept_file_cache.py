"""`KeptFileCache`: what the next process takes from a file is what it would read itself."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Callable
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mzbuild.core.cargo.includes import Reference
from mzbuild.core.fingerprint.known_files import content_cache, reference_cache
from mzbuild.core.work_tree import files
from mzbuild.core.work_tree.files import digest_content, read_content
from mzbuild.core.work_tree.kept import KeptFileCache

from tests.core.conftest import ENV, Repository

PATHS = ("a", "b", "d/a", "d/b")


class Process:
    """What a process knows of files by a cache of its own, and how often it has read one."""

    def __init__(self, repository: Repository, kept: Path, code: str = "1"):
        self.repository, self.kept, self.reads = repository, kept, 0
        self.cache = KeptFileCache(self._read, lambda text: [text], lambda text: str(text), code)
        self.cache.load(str(kept), str(repository.root))

    def _read(self, absolute: str, _: str) -> str:
        self.reads += 1
        return read_content(absolute).decode()

    def contents(self) -> Mapping[str, str]:
        """The content of each file of the work tree, which is kept in the end."""
        work_tree = self.repository.read()
        contents = {path: self.cache.get(work_tree, path) for path in work_tree.statuses}
        self.cache.save(str(self.kept), work_tree)
        return contents


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    return tmp_path / "kept/contents.json"


@pytest.fixture
def settled() -> object:
    """Has every status trusted at once, since a test cannot set a file's ctime to long ago."""
    with mock.patch.object(files, "FRESH_NS", -(10**15)):
        yield


@pytest.mark.usefixtures("settled")
def test_the_next_process_reads_only_what_has_changed(repository: Repository, kept: Path) -> None:
    repository.write({"a": "1", "d/b": "2", "d/\udcff": "3"})
    first = Process(repository, kept)
    assert first.contents() == {"a": "1", "d/b": "2", "d/\udcff": "3"}
    assert first.reads == 3
    repository.write({"a": "changed"})
    second = Process(repository, kept)
    assert second.contents() == {"a": "changed", "d/b": "2", "d/\udcff": "3"}
    assert second.reads == 1


def test_of_a_file_that_was_just_written_nothing_is_kept(
    repository: Repository, kept: Path
) -> None:
    repository.write({"a": "1"})
    Process(repository, kept).contents()
    assert kept.read_text().partition("\n")[2] == "{}"
    with mock.patch.object(files, "FRESH_NS", -(10**15)):
        later = Process(repository, kept)
        assert later.contents() == {"a": "1"}
    assert later.reads == 1


@pytest.mark.usefixtures("settled")
def test_little_news_is_not_written_down(repository: Repository, kept: Path) -> None:
    repository.write({f"{number}": "" for number in range(100)})
    process = Process(repository, kept)
    process.contents()
    before = kept.read_bytes()
    repository.write({"0": "1"})
    process.contents()
    assert kept.read_bytes() == before
    repository.write({f"{number}": "1" for number in range(50)})
    process.contents()
    later = Process(repository, kept)
    later.contents()
    assert (kept.read_bytes() != before, later.reads) == (True, 0)


@pytest.mark.usefixtures("settled")
def test_files_that_are_gone_are_not_kept(repository: Repository, kept: Path) -> None:
    repository.write({"a": "1", "secret": "2"})
    process = Process(repository, kept)
    process.contents()
    (repository.root / "secret").unlink()
    repository.write({"a": "3"})
    process.contents()
    assert b"secret" not in kept.read_bytes()


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:-1],
        lambda content: content[: len(content) // 2],
        lambda content: content.replace(b"one", b"two"),
        lambda content: content.partition(b"\n")[2],
        lambda _: b"",
        lambda _: b"\xff\n{",
    ],
)
def test_a_damaged_file_is_not_taken_and_replaced(
    repository: Repository, kept: Path, damage: Callable[[bytes], bytes]
) -> None:
    repository.write({"a": "one"})
    Process(repository, kept).contents()
    written = kept.read_bytes()
    kept.write_bytes(damage(written))
    assert kept.read_bytes() != written
    process = Process(repository, kept)
    assert process.contents() == {"a": "one"}
    assert (process.reads, kept.read_bytes()) == (1, written)


@pytest.mark.usefixtures("settled")
def test_what_other_code_has_written_is_not_taken(repository: Repository, kept: Path) -> None:
    repository.write({"a": "1"})
    Process(repository, kept).contents()
    other = Process(repository, kept, code="2")
    other.contents()
    again = Process(repository, kept, code="2")
    again.contents()
    assert (other.reads, again.reads) == (1, 0)


@pytest.mark.usefixtures("settled")
def test_where_it_cannot_be_written_nothing_is_left_behind(
    repository: Repository, kept: Path
) -> None:
    repository.write({"a": "1"})
    kept.mkdir(parents=True)
    process = Process(repository, kept)
    with pytest.raises(OSError, match="Is a directory"):
        process.contents()
    assert list(kept.parent.iterdir()) == [kept]


def test_in_a_directory_that_may_not_be_written_to_files_are_read(
    repository: Repository, kept: Path
) -> None:
    repository.write({"a": "1"})
    kept.parent.mkdir()
    kept.parent.chmod(0o555)
    # Permissions are no obstacle to root: another user asks.
    script = (
        "import os, sys\n"
        "from mzbuild.core.fingerprint.known_files import content_cache\n"
        "from mzbuild.core.work_tree.files import WorkTree, opaque_status\n"
        "root, kept = sys.argv[1:]\n"
        "if os.getuid() == 0: os.setuid(65534)\n"
        "status = opaque_status(f'{root}/a', os.lstat(f'{root}/a'), 10**20)\n"
        "cache, work_tree = content_cache(), WorkTree(root, {'a': status})\n"
        "cache.load(kept, root)\n"
        "print(cache.get(work_tree, 'a').size)\n"
        "try: cache.save(kept, work_tree)\n"
        "except PermissionError as error: print(error.strerror)\n"
    )
    for parent in [repository.root, *repository.root.parents]:
        if parent.stat().st_uid == os.getuid() and not parent.stat().st_mode & 0o001:
            parent.chmod(parent.stat().st_mode | 0o011)
    result = subprocess.run(
        [sys.executable, "-c", script, str(repository.root), str(kept)],
        env={**ENV, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        encoding="utf-8",
    )
    assert (result.stdout, result.stderr) == ("1\nPermission denied\n", "")


@pytest.mark.usefixtures("settled")
def test_who_reads_while_others_write_finds_all_or_nothing(
    repository: Repository, kept: Path
) -> None:
    # Enough that it is not written by one call of the system.
    repository.write({f"{number:0200}": f"{number}" * 1000 for number in range(100)})
    work_tree, file = repository.read(), str(kept)

    def write_anew(_: int) -> None:
        cache = KeptFileCache(lambda _, path: path, lambda _: ["x" * 9999], str, "1")
        for path in work_tree.statuses:
            cache.get(work_tree, path)
        cache.save(file, work_tree)

    write_anew(0)
    with ThreadPoolExecutor(2) as executor:
        writing = [executor.submit(write_anew, number) for number in range(40)]
        while not all(each.done() for each in writing):
            reader = Process(repository, kept)
            reader.contents()
            assert reader.reads == 0
    assert [each.exception() for each in writing] == [None] * 40
    assert os.listdir(kept.parent) == [kept.name]


def write(root: Path, path: str, other: str) -> None:
    (root / path).unlink(missing_ok=True)
    (root / path).write_text(other[-1])


def stamp(root: Path, path: str, other: str) -> None:
    write(root, path, other)
    os.utime(root / path, ns=(10**18, 10**18))


def swap(root: Path, path: str, other: str) -> None:
    (root / path).rename(root / "c")
    (root / other).rename(root / path)
    (root / "c").rename(root / other)


def link_to(root: Path, path: str, other: str) -> None:
    (root / path).unlink(missing_ok=True)
    (root / path).symlink_to(os.path.relpath(root / other, (root / path).parent))


# All contents have the same size, and after a `stamp` the same time of modification.
STEPS: Mapping[str, Callable[[Path, str, str], object]] = {
    "write": write,
    "stamp": stamp,
    "rename": lambda root, path, other: (root / path).replace(root / other),
    "swap": swap,
    "symlink": link_to,
    "wait": lambda _root, _path, _other: time.sleep(0.04),
}


# Statuses are fresh for 30 ms here, which is more than the file system's clock takes to tick.
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.sampled_from([*STEPS]),
            st.sampled_from(PATHS),
            st.sampled_from(PATHS),
            st.sampled_from(["go on", "ask", "start anew"]),
        ),
        min_size=1,
        max_size=20,
    )
)
def test_whatever_is_done_to_files_the_next_process_knows_it(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, str, str, str]]
) -> None:
    directory = tmp_path_factory.mktemp("kept")
    repository, kept = Repository(directory / "repository"), directory / "kept.json"
    repository.write(dict.fromkeys(PATHS, "0"))
    process = Process(repository, kept)
    with mock.patch.object(files, "FRESH_NS", 30 * 10**6):
        for step, path, other, then in [*steps, ("wait", "a", "a", "start anew")]:
            with contextlib.suppress(OSError):
                STEPS[step](repository.root, path, other)
            if then == "start anew":
                process = Process(repository, kept)
            if then != "go on":
                assert process.contents() == {
                    path: read_content(str(repository.root / path)).decode()
                    for path in repository.read().statuses
                }
    shutil.rmtree(directory)


@pytest.mark.usefixtures("settled")
def test_the_digests_of_files_are_kept(repository: Repository, kept: Path) -> None:
    repository.write({"a": "1", "d/b": "2" * 10_000})
    (repository.root / "link").symlink_to("nowhere")
    work_tree = repository.read()
    first, second = content_cache(), content_cache()
    expected = {path: digest_content(str(repository.root / path)) for path in work_tree.statuses}
    assert {path: first.get(work_tree, path) for path in expected} == expected
    first.save(str(kept), work_tree)
    second.load(str(kept), work_tree.root)
    with mock.patch.object(files, "os", None):  # It opens no file.
        assert {path: second.get(work_tree, path) for path in expected} == expected


@pytest.mark.usefixtures("settled")
def test_what_rust_sources_name_is_kept(repository: Repository, kept: Path) -> None:
    source = 'include_str!("b"); include_str!("$CARGO_MANIFEST_DIR/c")'
    repository.write({"a.rs": source, "b.rs": ""})
    work_tree = repository.read()
    first, second = reference_cache(), reference_cache()
    for path in work_tree.statuses:
        first.get(work_tree, path)
    first.save(str(kept), work_tree)
    second.load(str(kept), work_tree.root)
    with mock.patch.object(files, "os", None):
        assert second.get(work_tree, "a.rs") == (Reference("b", False), Reference("c", True))
        assert second.get(work_tree, "b.rs") == ()
