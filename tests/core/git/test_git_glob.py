from __future__ import annotations

import os
import posixpath
import subprocess
from pathlib import Path

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from mzbuild.core.git.glob import escape_glob, git_glob, pants_globs

from tests.core.conftest import ENV, Repository

# Few letters, so that names and patterns meet.
LETTERS = "ab-.é]!"
NAMES = st.text(LETTERS + "[*\\", min_size=1, max_size=4).filter(lambda name: set(name) != {"."})
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
PATTERN_PARTS = [
    *LETTERS,
    *("*", "?", "**", "/", "\\", "\\*", "[", "]", "[ab]", "[!a]", "[^a]", "[a-b]", "[b-a]", "[]a]"),
    *("[[:alpha:]]", "[[:punct:]]", "[[:no:]]", "[[:]", "[\\]]", "[a-", "[.-é]", "./", "//"),
]
PATTERNS = st.lists(st.sampled_from(PATTERN_PARTS), min_size=1, max_size=6).map("".join)


def matches(pattern: str, path: str) -> bool:
    return git_glob(pattern).fullmatch(os.fsencode(path)) is not None


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Repository(tmp_path_factory.mktemp("glob") / "repository").root


def selected_by_git(index: Path, pattern: str, paths: list[str]) -> set[str]:
    """What `git ls-files` lists of an index with these paths; no files are needed for that."""
    entries = "".join(f"100644 {'1' * 40}\t{path}\0" for path in paths)
    (index / ".git/index").unlink(missing_ok=True)
    update = ["git", "update-index", "-z", "--index-info"]
    subprocess.run(update, cwd=index, env=ENV, check=True, input=os.fsencode(entries))
    command = ["git", "ls-files", "-z", "--cached", "--", pattern]
    listed = subprocess.run(command, cwd=index, env=ENV, check=True, stdout=subprocess.PIPE).stdout
    return set(os.fsdecode(listed).split("\0")[:-1])


@settings(max_examples=150)
@given(pattern=PATTERNS, paths=st.lists(PATHS, min_size=1, max_size=12, unique=True))
@example(pattern="[ab]c", paths=["[ab]c/d", "ac", "ac/d", "bc"])
@example(pattern="a*/", paths=["a*", "a*/b", "ab/c", "ab"])
@example(pattern="?", paths=["é", "a"])
@example(pattern="sub/", paths=["sub"])
@example(pattern="sub/", paths=["sub/a"])
@example(pattern=r"\**", paths=["*a", "a"])
@example(pattern=".", paths=["a", "b/c"])
@example(pattern="./a//b", paths=["a/b", "a/b/c"])
@example(pattern="*a*b*a", paths=["aba", "abba", "a/b/a", "ab", "xabab-a", "abaab"])
@example(pattern="*a**?b*[!a]*", paths=["ab.", "a.b.", "aab", "a/b/b"])
def test_a_pattern_selects_what_git_selects(index: Path, pattern: str, paths: list[str]) -> None:
    # A pattern that leads out is refused before it comes here; a path is no directory of another.
    assume(not pattern.startswith("/"))
    assume(posixpath.normpath(pattern).split("/")[0] != "..")
    assume(not any(a.startswith(f"{b}/") for a in paths for b in paths))
    assert {path for path in paths if matches(pattern, path)} == selected_by_git(
        index, pattern, paths
    )


@pytest.mark.parametrize("name", ["*", "?", "[a]", "a]b", "[*]?"])
def test_an_escaped_glob_is_the_literal_name(name: str) -> None:
    # The brackets mean the same to Git.
    assert matches(escape_glob(name), name)
    assert not matches(escape_glob(name), "a")


@pytest.mark.parametrize(
    ("pattern", "globs"),
    [
        ("*", ("*", "*/**/*")),
        ("*.md", ("*.md", "*/**/*.md")),
        ("a/*.md", ("a/*.md", "a/*/**/*.md")),
        ("**/x", ("*/x", "*/**/*/x")),
        ("name", ("name", "name/**")),
        ("directory/", ("directory/**",)),
        (".", ("**",)),
        ("[^a]b", ("[!a]b",)),
        (r"\*[a-c]?", ("[*][a-c]?",)),
        ("[[:alpha:]]", ("[A-Za-z]",)),
        ("[[:blank:]]", ("?",)),
        (r"\**", ("[*]*", "[*]*/**/*")),
        ("[unclosed", ()),
    ],
)
def test_pants_has_globs_for_the_same(pattern: str, globs: tuple[str, ...]) -> None:
    assert pants_globs(pattern) == globs


def test_many_stars_take_no_more_time_than_few() -> None:
    name = "a" * 4000
    assert not matches("*a" * 2000 + "b", name)
    assert matches("*a" * 2000 + "*b", f"{name}b")
    assert not matches("*a" * 2000 + "[b-c]", name)


def test_pants_has_few_globs_for_many_stars() -> None:
    globs = pants_globs("*a*b*c*d*e*f.md")
    assert len(globs) == 32
    # What follows the fifth star is left open.
    assert globs[0] == "*a*b*c*d*"
    assert globs[-1] == "*/**/*a*/**/*b*/**/*c*/**/*d*/**/*"
    assert len(pants_globs("*".join("abcdefghijklmnopqrstuvwxyz"))) == 32
