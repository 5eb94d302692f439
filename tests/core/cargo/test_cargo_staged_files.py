from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from mzbuild.core.cargo import staged_files
from mzbuild.core.cargo.staged_files import ChangedError, load_known, save_known, stage

REGULAR, EXECUTABLE, SYMLINK = 0o100644, 0o100755, 0o120000

# What a build is of: for each crate its files, with their contents.
Crates = Mapping[str, Mapping[str, str]]


class Staging:
    """A directory that sources are staged into, and a place to take them from."""

    def __init__(self, root: Path):
        self.root = root / "repository"
        self.directory = root / "staged"
        self.directory.mkdir(parents=True)
        self.known: staged_files.Staged = {}

    def __call__(self, crates: Crates, modes: Mapping[str, int] = {}, empty: str = "") -> None:
        """Stages crates; `modes` are those that are not `REGULAR`, `empty` has placeholders."""
        sources: dict[str, tuple[str | None, str, int]] = {
            path: (crate, content if mode == SYMLINK else digest(content), mode)
            for crate, path, content in lay_out(self.root, crates, modes)
            for mode in [modes.get(path, REGULAR)]
        }
        sources.update((path, (None, "empty", REGULAR)) for path in empty.split())
        self.known = stage(str(self.directory), str(self.root), sources, self.known, {})

    def mtime(self, path: str) -> int:
        return os.lstat(self.directory / path).st_mtime_ns

    def files(self) -> dict[str, str]:
        """All files, with their contents; symlinks as `-> text`. There is no empty directory."""
        found = {}
        for parent, directories, names in os.walk(self.directory):
            assert directories or names or parent == str(self.directory), f"{parent} is empty"
            for name in [*names, *directories]:
                path = Path(parent, name)
                if path.is_symlink():
                    found[str(path.relative_to(self.directory))] = f"-> {os.readlink(path)}"
                elif path.is_file():
                    found[str(path.relative_to(self.directory))] = path.read_text()
        return found


def lay_out(
    root: Path, crates: Crates, modes: Mapping[str, int] = {}
) -> Iterator[tuple[str, str, str]]:
    """Writes crates into a repository, and yields each file's crate, path and content."""
    shutil.rmtree(root, ignore_errors=True)
    for crate, files in crates.items():
        for path, content in files.items():
            file = root / path
            file.parent.mkdir(parents=True, exist_ok=True)
            if modes.get(path) == SYMLINK:
                file.symlink_to(content)
            else:
                file.write_text(content)
            yield crate, path, content


def digest(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


@pytest.fixture
def staging(tmp_path: Path) -> Staging:
    return Staging(tmp_path)


class TestStaging:
    def test_the_directory_holds_just_the_sources(self, staging: Staging) -> None:
        staging({"a": {"a/x": "1", "a/deep/er/y": "2"}, "b": {"b/z": "3"}})
        assert staging.files() == {"a/x": "1", "a/deep/er/y": "2", "b/z": "3"}
        staging({"a": {"a/x": "1"}})
        assert staging.files() == {"a/x": "1"}

    def test_what_was_made_there_stays_where_it_is_to(self, staging: Staging) -> None:
        def stage_again() -> bool:
            """Has something among the sources that is no source; returns whether it stays."""
            (staging.directory / "made").write_text("made")
            known, to_stay = staging.known, ["made"].__contains__
            sources = {"a/x": ("a", digest("1"), REGULAR)}
            stage(str(staging.directory), str(staging.root), sources, known, {}, to_stay)
            return "made" in staging.files()

        staging({"a": {"a/x": "1"}})
        before = staging.mtime("a/x")
        assert stage_again()
        assert staging.mtime("made") < before
        # It may have been staged by what was killed then.
        known = staging.known
        staging.known = {**known, "made": staged_files.NOT_YET_STAGED}
        assert not stage_again()
        staging.known = {}
        assert not stage_again()

    def test_a_file_that_stays_the_same_is_not_touched(self, staging: Staging) -> None:
        staging({"a": {"a/x": "1", "a/y": "1"}})
        before = os.lstat(staging.directory / "a/x")
        staging({"a": {"a/x": "1", "a/y": "2"}})
        assert os.lstat(staging.directory / "a/x") == before

    def test_content_that_goes_back_and_forth_is_new_each_time(self, staging: Staging) -> None:
        seen = []
        for content in ("1", "2", "1", "2"):
            staging({"a": {"a/x": content}})
            assert staging.files() == {"a/x": content}
            seen.append(staging.mtime("a/x"))
            wait_for_the_clock(staging.directory)
        assert seen == sorted(set(seen))

    def test_a_mode_is_staged_with_the_content(self, staging: Staging) -> None:
        for mode in (REGULAR, EXECUTABLE, REGULAR):
            staging({"a": {"a/x": "1"}}, {"a/x": mode})
            assert os.lstat(staging.directory / "a/x").st_mode == mode

    def test_a_symlink_is_staged_as_one(self, staging: Staging) -> None:
        staging({"a": {"a/x": "nowhere"}}, {"a/x": SYMLINK})
        before = staging.mtime("a/x")
        staging({"a": {"a/x": "nowhere"}}, {"a/x": SYMLINK})
        assert staging.files() == {"a/x": "-> nowhere"}
        assert staging.mtime("a/x") == before
        staging({"a": {"a/x": "."}}, {"a/x": SYMLINK})
        assert staging.files() == {"a/x": "-> ."}
        staging({"a": {"a/x": "nowhere"}})
        assert staging.files() == {"a/x": "nowhere"}

    @pytest.mark.parametrize("link", [None, "."])
    def test_a_file_and_a_directory_can_swap_places(
        self, staging: Staging, link: str | None
    ) -> None:
        modes = {} if link is None else {"a/x": SYMLINK}
        for _ in range(2):
            staging({"a": {"a/x": link or "file"}}, modes)
            assert staging.files() == {"a/x": f"-> {link}" if link else "file"}
            staging({"a": {"a/x/y/z": "inside", "a/x/w": "too"}})
            assert staging.files() == {"a/x/y/z": "inside", "a/x/w": "too"}

    def test_what_somebody_else_changed_is_put_right(self, staging: Staging) -> None:
        staging({"a": {"a/x": "1", "a/y": "1"}})
        (staging.directory / "a/x").write_text("other")
        (staging.directory / "a/y").unlink()
        (staging.directory / "a/new/er").mkdir(parents=True)
        (staging.directory / "a/new/er/file").write_text("")
        staging({"a": {"a/x": "1", "a/y": "1"}})
        assert staging.files() == {"a/x": "1", "a/y": "1"}

    def test_a_file_that_is_no_longer_what_was_planned_is_an_error(self, staging: Staging) -> None:
        staging({"a": {"a/x": "1"}})
        sources = {"a/x": ("a", digest("2"), REGULAR)}
        for content in ("3", None):
            (staging.root / "a/x").unlink()
            if content is not None:
                (staging.root / "a/x").write_text(content)
            with pytest.raises(ChangedError, match="a/x changed before Cargo came to read it, so"):
                stage(str(staging.directory), str(staging.root), sources, staging.known, {})
            assert (staging.directory / "a/x").read_text() == "1"

    def test_what_a_crash_left_unfinished_does_no_harm(self, staging: Staging) -> None:
        unfinished = staging.directory.with_name("staged.unfinished")
        unfinished.write_text("half a fi")
        staging({"a": {"a/x": "1"}})
        assert staging.files() == {"a/x": "1"}
        unfinished.symlink_to("nowhere")
        staging({"a": {"a/x": "2"}})
        assert staging.files() == {"a/x": "2"}
        assert not unfinished.is_symlink()

    def test_git_among_the_sources_stays_for_as_long_as_they_do(self, staging: Staging) -> None:
        staging({"a": {"sub/x": "1", "sub/deep/y": "1"}})
        for directory in (".git", "sub/.git", "sub/deep/.git"):
            (staging.directory / directory).mkdir()
        staging({"a": {"sub/x": "1"}})
        assert [(staging.directory / path).exists() for path in (".git", "sub/.git")] == [True] * 2
        assert not (staging.directory / "sub/deep").exists()
        staging({"a": {"y": "1"}})
        assert (staging.directory / ".git").exists()
        assert not (staging.directory / "sub").exists()

    def test_odd_names_are_staged(self, staging: Staging, tmp_path: Path) -> None:
        odd = {"with space": "1", "*?[x]": "2", "line\nbreak": "3", "caf\udce9": "4"}
        staging({"a": odd})
        save_known(str(tmp_path / "staged.json"), staging.known)
        staging.known = load_known(str(tmp_path / "staged.json"))
        before = {name: staging.mtime(name) for name in odd}
        staging({"a": odd})
        assert staging.files() == odd
        assert {name: staging.mtime(name) for name in odd} == before


Y: Mapping[str, str] = {"y/src/lib.rs": "pub mod m;", "y/src/m.rs": "", "y/data": "1"}


class TestCratesThatComeAndGo:
    """Images with different crates are built in the same directory, by turns."""

    def test_a_crate_comes_back_as_old_as_it_was(self, staging: Staging) -> None:
        staging({"x": {"x/lib.rs": ""}, "y": Y})
        before = {path: staging.mtime(path) for path in Y}
        wait_for_the_clock(staging.directory)
        # Cargo still wants to see the library of a crate that it does not build.
        staging({"x": {"x/lib.rs": ""}}, empty="y/src/lib.rs")
        assert set(staging.files()) == {"x/lib.rs", "y/src/lib.rs"}
        staging({"x": {"x/lib.rs": ""}, "y": Y})
        assert staging.files() == {"x/lib.rs": "", **Y}
        assert {path: staging.mtime(path) for path in Y} == before

    def test_what_changed_of_it_meanwhile_is_new(self, staging: Staging) -> None:
        staging({"y": Y})
        before = {path: staging.mtime(path) for path in Y}
        wait_for_the_clock(staging.directory)
        staging({"x": {"x/lib.rs": ""}}, empty="y/src/lib.rs")
        staging({"y": {**Y, "y/src/lib.rs": "mod m;"}})
        assert staging.files() == {**Y, "y/src/lib.rs": "mod m;"}
        assert staging.mtime("y/src/lib.rs") > before["y/src/lib.rs"]
        assert staging.mtime("y/src/m.rs") == before["y/src/m.rs"]

    def test_a_file_that_comes_back_to_a_crate_that_was_built_without_it_is_new(
        self, staging: Staging
    ) -> None:
        staging({"y": Y})
        before = staging.mtime("y/data")
        wait_for_the_clock(staging.directory)
        staging({"y": {path: content for path, content in Y.items() if path != "y/data"}})
        staging({"y": Y})
        assert staging.mtime("y/data") > before

    def test_a_placeholder_is_empty_where_nothing_was(self, staging: Staging) -> None:
        staging({"x": {"x/lib.rs": ""}}, empty="y/src/lib.rs y/build.rs")
        assert staging.files() == {"x/lib.rs": "", "y/src/lib.rs": "", "y/build.rs": ""}
        staging({"y": Y})
        assert staging.files() == Y


def wait_for_the_clock(directory: Path) -> None:
    """Lets the file system's clock tick: until then, what is written now is as old as before."""
    probe = directory.parent / "probe"
    probe.write_text("")
    start = probe.stat().st_mtime_ns
    while probe.stat().st_mtime_ns == start:
        probe.write_text("")
