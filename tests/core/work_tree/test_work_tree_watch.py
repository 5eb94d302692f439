"""A work tree that is read with the kernel's help is the one that is there."""

from __future__ import annotations

import contextlib
import mmap
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Callable
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mzbuild.core.errors import MzbuildError
from mzbuild.core.git.commands import GitListing, read_listing
from mzbuild.core.work_tree import files as work_tree
from mzbuild.core.work_tree import reader as work_tree_reader
from mzbuild.core.work_tree import same_listing
from mzbuild.core.work_tree.files import FileCache, WorkTree, is_fresh, read_content
from mzbuild.core.work_tree.reader import WorkTreeReader, read_work_tree

from tests.core.conftest import ENV, Repository

PATHS = ("a", "b", "d/a", "d/b", "d/e/a", "f/a", "f/e/b")
DIRECTORIES = ("d", "d/e", "f", "f/e")


@pytest.fixture(autouse=True)
def no_file_is_too_fresh() -> object:
    """Files of which no status can be trusted yet are looked at in any case."""
    never = mock.patch.multiple
    with (
        never(work_tree, FRESH_NS=-(10**15)),
        never(same_listing, FRESH_NS=-(10**15)),
    ):
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


def stage(root: Path, path: str, _other: str) -> None:
    Repository(root).git("add", "--force", "--ignore-errors", path)


def unstage(root: Path, path: str, _other: str) -> None:
    Repository(root).git("rm", "--cached", "-r", "--quiet", "--ignore-unmatch", path)


def exclude(root: Path, path: str, _other: str) -> None:
    (root / ".git/info/exclude").write_text(f"/{path}\n")


def configure(root: Path, path: str, other: str) -> None:
    excludes_file = root / ".git/excludes"
    excludes_file.write_text(f"/{path}\n")
    args = ["--unset-all"] if len(other) % 2 else ["--replace-all"]
    values = [] if len(other) % 2 else [str(excludes_file)]
    Repository(root).git("config", *args, "core.excludesFile", *values)


# What operations leave open, until an example ends.
MAPPED: list[mmap.mmap] = []
UNNAMED: list[int] = []


@pytest.fixture(autouse=True)
def nothing_is_left_open() -> Iterator[None]:
    yield
    close_all()


def close_all() -> None:
    for mapped in MAPPED:
        mapped.close()
    for file in UNNAMED:
        os.close(file)
    MAPPED.clear()
    UNNAMED.clear()


def write_mapped(root: Path, path: str, other: str) -> None:
    """Writes through memory, into a file that stays open."""
    with (root / path).open("r+b") as file:
        MAPPED.append(mmap.mmap(file.fileno(), 0))
    write_on(root, path, other)


def link_unnamed(root: Path, path: str, _other: str) -> None:
    """Gives a file its first name, when it has been written to."""
    file = os.open(root, os.O_TMPFILE | os.O_RDWR)
    UNNAMED.append(file)
    os.write(file, b"unnamed\n")
    # By itself, `os.link` takes the symlink in /proc for the file, whatever it is told.
    os.link(f"/proc/self/fd/{file}", root / path, src_dir_fd=file, follow_symlinks=True)


def write_on(_root: Path, path: str, other: str) -> None:
    """Writes into all that is still open."""
    for mapped in MAPPED:
        mapped[0] = (mapped[0] + 1 + len(other)) % 256
    for file in UNNAMED:
        os.write(file, os.fsencode(path))


def write_elsewhere(root: Path, path: str, other: str) -> None:
    """Writes into what is a copy as far as names go, and has files in common."""
    copy = root.with_name("elsewhere")
    if not copy.exists():
        subprocess.run(["cp", "-al", root, copy], check=True)
    with (copy / path).open("a") as file:
        file.write(other)


def replace_by_ignored_link(root: Path, path: str, other: str) -> None:
    exclude(root, path, other)
    link_to(root, path, other)


def leave_out(root: Path, path: str, _other: str) -> None:
    Repository(root).git("update-index", "--skip-worktree", path)
    (root / path).unlink()


def bring_back(root: Path, path: str, _other: str) -> None:
    Repository(root).git("update-index", "--no-skip-worktree", path)


OPERATIONS: Mapping[str, Callable[[Path, str, str], object]] = {
    "write": write,
    "mode": change_mode,
    "remove": lambda root, path, _other: remove(root, path),
    "rename": rename,
    "symlink": link_to,
    "hard link": hard_link,
    "write mapped": write_mapped,
    "link unnamed": link_unnamed,
    "write on": write_on,
    "write elsewhere": write_elsewhere,
    "leave out": leave_out,
    "bring back": bring_back,
    "ignored symlink": replace_by_ignored_link,
    "directory": lambda root, path, _other: (root / path).mkdir(parents=True),
    "ignore": ignore,
    "ignored": lambda root, path, _other: write(root, f"{path}/ignored", "*\n"),
    "stage": stage,
    "unstage": unstage,
    "exclude": exclude,
    "configure": configure,
    "repository": lambda root, path, _other: Repository(root / path),
}


def attempt(operation: Callable[[Path, str, str], object], *args: Any) -> None:
    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        operation(*args)


def list_and(operate: Callable[[], None], root: Path, *args: Any, first: bool) -> GitListing:
    """Lists files as Git does, while somebody else does something first, or right after it."""
    is_all = args[0] == str(root)  # What lies inside is listed after that.
    if is_all and first:
        operate()
    listing = read_listing(*args)
    if is_all and not first:
        operate()
    return listing


def are_alike(read: WorkTree, now: WorkTree, contents: FileCache[bytes]) -> bool:
    """Whether a work tree that was read is the one there is, and so are its files' contents.

    A status that is not trusted is equal to no other. `contents` has what was read before.
    """
    return [*read.statuses] == [*now.statuses] and all(
        (status == now.statuses[path] or (is_fresh(status) and is_fresh(now.statuses[path])))
        and contents.get(read, path) == read_content(now.absolute(path))
        for path, status in read.statuses.items()
    )


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.sampled_from([*OPERATIONS]),
            st.sampled_from([*PATHS, *DIRECTORIES]),
            st.sampled_from([*PATHS, *DIRECTORIES]),
            st.sampled_from([0, 1, 3]),
            st.sampled_from(["before", "as it begins", "after listing"]),
        ),
        min_size=1,
        max_size=12,
    )
)
def test_whatever_is_done_to_files_the_next_reading_has_it(
    tmp_path_factory: pytest.TempPathFactory,
    operations: list[tuple[str, str, str, int, str]],
) -> None:
    repository = Repository(tmp_path_factory.mktemp("test") / "repository")
    repository.commit(dict.fromkeys(PATHS[::2], "x"))
    repository.write(dict.fromkeys(PATHS, "x"))
    root = repository.root
    (root / ".gitignore").write_text("ignored\n")
    contents = FileCache(lambda absolute, _: read_content(absolute))
    reader = WorkTreeReader(str(root), (".pants.d/",), watch=True)

    def read_now() -> WorkTree:
        return WorkTreeReader(str(root), (".pants.d/",)).read(ENV)

    # The third one can do without Git, and so it is below where nothing speaks against it.
    assert reader.read(ENV) == reader.read(ENV) == reader.read(ENV)
    for number, (name, path, other, readings, when) in enumerate(operations):
        operate = partial(attempt, OPERATIONS[name], root, path, other)
        if when == "before":
            operate()
        else:
            (root / f"new-{number}").touch()  # So that Git has to be asked.
            side_effect = partial(list_and, operate, root, first=when == "as it begins")
            with mock.patch.object(work_tree_reader, "read_listing", side_effect):
                reader.read(ENV)
        found = [reader.read(ENV) for _ in range(readings)]
        for read in found[-1:]:
            assert are_alike(read, read_now(), contents), (name, path, other)
    assert are_alike(reader.read(ENV), read_now(), contents)
    close_all()
    assert are_alike(reader.read(ENV), read_now(), contents)
    shutil.rmtree(root.parent)


@pytest.fixture
def git_runs() -> Iterator[mock.Mock]:
    """The times that Git has listed files so far."""
    with mock.patch.object(work_tree_reader, "read_listing", wraps=read_listing) as runs:
        yield runs


def test_git_is_not_asked_again_where_it_would_list_the_same(
    repository: Repository, git_runs: mock.Mock
) -> None:
    repository.commit({"a": "", "d/b": "", ".gitignore": "ignored\n", "e/f": ""})
    repository.write({"e/ignored/x/y": ""})
    reader = WorkTreeReader(str(repository.root), watch=True)
    for _ in range(2):
        reader.read(ENV)
    repository.write({"d/b": "changed", "e/ignored/x/y": "changed"})
    changed = reader.read(ENV)
    assert git_runs.call_count == 2
    repository.git("add", "--all")
    assert [reader.read(ENV) for _ in range(3)] == [changed] * 3
    assert git_runs.call_count == 4
    repository.write({"e/new": ""})
    assert "e/new" in reader.read(ENV).statuses


@pytest.mark.parametrize("directory", ["d/e", "ignored/d/e", "d/self"])
def test_a_file_in_a_directory_without_any_is_seen(
    repository: Repository, git_runs: mock.Mock, directory: str
) -> None:
    repository.commit({"d/a": "", ".gitignore": "*.log\n"})
    repository.write({f"{directory}/x.log": "", "d/self/.gitignore": "*\n"})
    reader = WorkTreeReader(str(repository.root), watch=True)
    for _ in range(3):
        reader.read(ENV)
    assert git_runs.call_count == 2
    repository.write({f"{directory}/.gitignore": "", f"{directory}/new": ""})
    assert reader.read(ENV) == read_work_tree(str(repository.root), ENV)
    assert f"{directory}/new" in reader.read(ENV).statuses


@pytest.mark.parametrize("name", ["core.excludesFile", "XDG_CONFIG_HOME", "HOME"])
def test_rules_outside_of_the_work_tree_are_heeded(
    repository: Repository, git_runs: mock.Mock, tmp_path_factory: pytest.TempPathFactory, name: str
) -> None:
    home = tmp_path_factory.mktemp("home")
    places = {"core.excludesFile": "rules", "XDG_CONFIG_HOME": "git/ignore"}
    rules = home / places.get(name, ".config/git/ignore")
    env = {key: value for key, value in ENV.items() if key != "XDG_CONFIG_HOME"}
    env |= {} if name.islower() else {name: str(home)}
    if name == "core.excludesFile":
        repository.git("config", name, str(rules))
    repository.commit({"a": ""})
    repository.write({"b": ""})
    reader = WorkTreeReader(str(repository.root), watch=True)
    for _ in range(3):
        assert list(reader.read(env).statuses) == ["a", "b"]
    assert git_runs.call_count == 2
    rules.parent.mkdir(parents=True, exist_ok=True)
    rules.write_text("b\n")
    assert list(reader.read(env).statuses) == ["a"]
    assert list(reader.read({**env, "GIT_INDEX_FILE": str(home / "none")}).statuses) == ["a"]


def test_where_another_repository_lies_git_is_always_asked(
    repository: Repository, git_runs: mock.Mock
) -> None:
    repository.commit({"a": ""})
    nested = Repository(repository.root / "nested")
    nested.write({"theirs": ""})
    reader = WorkTreeReader(str(repository.root), watch=True)
    for _ in range(4):
        assert list(reader.read(ENV).statuses) == ["a"]
    assert git_runs.call_count == 4
    shutil.rmtree(nested.root / ".git")
    assert list(reader.read(ENV).statuses) == ["a", "nested/theirs"]


def test_below_the_root_of_a_repository_git_is_always_asked(
    repository: Repository, git_runs: mock.Mock
) -> None:
    repository.commit({"inner/a": "", "inner/b": ""})
    reader = WorkTreeReader(str(repository.root / "inner"), watch=True)
    for _ in range(4):
        assert list(reader.read(ENV).statuses) == ["a", "b"]
    repository.git("rm", "--cached", "--quiet", "inner/b")
    repository.write({".gitignore": "b\n"})
    assert list(reader.read(ENV).statuses) == ["a"]


def test_of_files_that_were_not_touched_few_are_looked_at(repository: Repository) -> None:
    repository.commit({"a": "", "d/b": "", "d/c": ""})
    (repository.root / "link").symlink_to("a")
    reader = WorkTreeReader(str(repository.root), watch=True)
    first = reader.read(ENV)
    looked_at = []

    def lstat(path: str, *, dir_fd: int | None = None) -> os.stat_result:
        looked_at.append(os.path.relpath(path, repository.root))
        return os.stat(path, dir_fd=dir_fd, follow_symlinks=False)

    # Each of the four files has its turn in one of five readings.
    with mock.patch("os.lstat", lstat), mock.patch.object(work_tree_reader, "_MOST_IN_TURN", 1):
        for in_turn in ("d/b", "d/c", "link"):
            assert reader.read(ENV) == first
            assert sorted(looked_at) == sorted([in_turn, "link"])
            looked_at.clear()
        assert reader.read(ENV) == first
        looked_at.clear()
        (repository.root / "d/b").write_text("y")
        assert reader.read(ENV) != first
        assert sorted(looked_at) == ["a", "d/b", "link"]
        looked_at.clear()
        shutil.rmtree(repository.root / "d")
        repository.write({"d/c": "new", "e/f": ""})
        reader.read(ENV)
        assert {*looked_at} == {"d", "d/b", "d/c", "e", "e/f", "link"}


def test_a_file_that_was_open_for_writing_when_seen_is_read_each_time(
    repository: Repository,
) -> None:
    repository.commit({"a": "x", "b": "y"})
    contents = FileCache(lambda absolute, _: read_content(absolute))
    reader = WorkTreeReader(str(repository.root), watch=True)
    with mock.patch.object(reader, "_changed_in_turn", return_value=()):
        # Nothing was written yet, and the file is old.
        with (repository.root / "a").open("r+b") as file:
            MAPPED.append(mmap.mmap(file.fileno(), 0))
        os.utime(repository.root / "a", (0, 0))
        for expected in (b"x", b"y", b"z"):
            assert contents.get(reader.read(ENV), "a") == expected
            write_on(repository.root, "a", "")


@pytest.mark.parametrize("how", [write_elsewhere, write_mapped])
def test_what_nothing_tells_of_is_seen_when_it_is_the_file_s_turn(
    tmp_path: Path, how: Callable[[Path, str, str], object]
) -> None:
    repository = Repository(tmp_path / "repository")
    repository.commit(dict.fromkeys("abcdefg", "x"))
    reader = WorkTreeReader(str(repository.root), watch=True)
    before = reader.read(ENV)
    with mock.patch.object(work_tree_reader, "_MOST_IN_TURN", 2):
        how(repository.root, "d", "other")
        assert any(reader.read(ENV) != before for _ in range(4))


def test_a_file_that_stays_open_for_writing_is_read_each_time(repository: Repository) -> None:
    repository.commit({"a": "x", "b": "y"})
    contents = FileCache(lambda absolute, _: read_content(absolute))
    reader = WorkTreeReader(str(repository.root), watch=True)
    reader.read(ENV)
    write_mapped(repository.root, "a", "")
    for expected in (b"y", b"z", b"{"):
        found = reader.read(ENV)
        assert contents.get(found, "a") == expected
        assert [is_fresh(found.statuses[path]) for path in ("a", "b")] == [True, False]
        # The kernel gives the file no new time for this.
        write_on(repository.root, "a", "")
    close_all()
    assert reader.read(ENV) == reader.read(ENV) == read_work_tree(str(repository.root), ENV)


def test_a_file_that_was_made_without_a_name_is_read_each_time(repository: Repository) -> None:
    repository.commit({"a": "x"})
    contents = FileCache(lambda absolute, _: read_content(absolute))
    reader = WorkTreeReader(str(repository.root), watch=True)
    reader.read(ENV)
    link_unnamed(repository.root, "new", "")
    for expected in (b"unnamed\n", b"unnamed\nmore", b"unnamed\nmoremore"):
        assert contents.get(reader.read(ENV), "new") == expected
        write_on(repository.root, "more", "")


@pytest.mark.parametrize("watch", [True, False])
def test_a_directory_that_an_ignored_symlink_replaces_has_no_files(
    repository: Repository, watch: bool
) -> None:
    repository.commit({"d/e/f": "", "d/g": "", "a": "", "elsewhere/e/f": "", "elsewhere/g": ""})
    reader = WorkTreeReader(str(repository.root), watch=watch)
    reader.read(ENV)
    exclude(repository.root, "d", "")
    (repository.root / "d").rename(repository.root / "gone")
    (repository.root / "d").symlink_to("elsewhere")
    seen = ["a", "elsewhere/e/f", "elsewhere/g", "gone/e/f", "gone/g"]
    assert [*reader.read(ENV).statuses] == [*reader.read(ENV).statuses] == seen


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


def test_a_second_name_that_comes_back_makes_the_first_one_doubtful(repository: Repository) -> None:
    repository.commit({"a": "x", "d/b": "x"})
    reader = WorkTreeReader(str(repository.root), watch=True)
    with mock.patch.object(reader, "_changed_in_turn", return_value=()):
        for _ in range(2):
            os.link(repository.root / "a", repository.root / "new")
            assert reader.read(ENV) == read_work_tree(str(repository.root), ENV)
            (repository.root / "new").unlink()
            assert reader.read(ENV) == read_work_tree(str(repository.root), ENV)


def test_a_directory_that_is_replaced_during_a_reading_is_looked_at_anew(
    repository: Repository, tmp_path: Path
) -> None:
    repository.commit({"a": "", "d/b": ""})
    other, directory = tmp_path / "other", repository.root / "d"
    other.mkdir()
    (other / "new").write_text("x")
    reader = WorkTreeReader(str(repository.root), watch=True)
    reader.read(ENV)

    def replace_first(*args: Any) -> GitListing:
        shutil.rmtree(directory)
        other.rename(directory)
        return read_listing(*args)

    with mock.patch.object(work_tree_reader, "read_listing", replace_first):
        before = reader.read(ENV)
    (directory / "new").write_text("changed")
    after = reader.read(ENV)
    assert after == read_work_tree(str(repository.root), ENV)
    assert after.statuses["d/new"] != before.statuses["d/new"]
