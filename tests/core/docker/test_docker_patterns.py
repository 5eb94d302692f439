from __future__ import annotations

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from mzbuild.core.docker.patterns import clean, ignoring, parse_ignore_file, selects


@pytest.mark.parametrize(
    ("pattern", "path", "is_selected"),
    [
        ("a", "a", True),
        ("a", "a/b/c", True),
        ("a", "ab", False),
        ("a/b", "a", False),
        ("*.md", "x.md", True),
        ("*.md", "d/x.md", False),
        ("*/x", "d/x", True),
        ("*", "d/x", True),
        ("**/*.md", "x.md", True),
        ("**/*.md", "a/b/x.md", True),
        ("a/**", "a/b/c", True),
        ("a/**/c", "a/c", True),
        ("?", "a", True),
        ("?", "ab", False),
        ("[a-c]", "b", True),
        ("[^a-c]", "b", False),
        ("[^a-c]", "d", True),
        ("\\*", "*", True),
        ("\\*", "a", False),
        ("a.b", "axb", False),
        ("[z-a]", "x", False),
        ("[a--c]", "b", False),
        ("arr[[]0].txt", "arr[0].txt", True),
        ("arr[[]0].txt", "arr0.txt", False),
        ("[\\]]x", "]x", True),
        ("[\\[a]x", "[x", True),
        ("[a&&b]", "&", True),
        ("[a~~b]", "~", True),
        ("[a-]", "-", True),
        ("[^[]", "a", True),
        ("[^[]", "[", False),
        ("[", "[", True),
        ("*a*b/c", "xaxb/c", True),
        ("*a*b/c", "xa/b/c", False),
        ("**a*b", "x/a/b", False),
        ("**a*b", "a/x/ayb", True),
        ("**/a*b/**/c", "x/ab/y/z/c", True),
        ("**/a*b/**/c", "a/b/c", False),
        ("a**b", "a/x/b", True),
        ("*", "", True),
    ],
)
def test_patterns_select_files_and_directories(pattern: str, path: str, is_selected: bool) -> None:
    assert selects(pattern, path) == is_selected


@pytest.mark.parametrize(
    ("path", "cleaned"),
    [("./a/", "a"), ("/a", "a"), (".", ""), ("/", ""), ("../../a", "a"), ("a//b/../c", "a/c")],
)
def test_a_context_cannot_be_left(path: str, cleaned: str) -> None:
    assert clean(path) == cleaned


def test_the_last_pattern_that_matches_decides() -> None:
    patterns = parse_ignore_file(b"# all\n\n*\n !keep\n/keep/not\n")
    assert [(each.text, each.line, each.exception) for each in patterns] == [
        ("*", 3, False),
        ("!keep", 4, True),
        ("/keep/not", 5, False),
    ]

    def line(path: str) -> int:
        pattern = ignoring(patterns, path)
        return pattern.line if pattern else 0

    assert [line(path) for path in ("other", "keep", "keep/a", "keep/not/a")] == [3, 0, 0, 5]


PARTS = ["a", "b", "/", "*", "**", "**/", "?", "[ab]", "[^a]", "\\*", "."]
BACKTRACKING = {
    "**": ".*",
    "**/": "(?:.*/)?",
    "*": "[^/]*",
    "?": "[^/]",
    "\\*": r"\*",
    ".": r"\.",
    # A set that is negated is not to match a separator here.
    "[^a]": "[^a/]",
}


@given(
    parts=st.lists(st.sampled_from(PARTS), min_size=1, max_size=7),
    path=st.text("ab/*.", min_size=1, max_size=9),
)
def test_patterns_select_what_trying_all_ways_finds(parts: list[str], path: str) -> None:
    pattern = "".join(parts)
    # What was put together is not always what it is read as.
    read = re.findall(r"(?<![^/])\*\*/|\*\*|\*|\?|\[.*?\]|\\.|.", pattern)
    plain = "".join(BACKTRACKING.get(part, part) for part in read)
    assume("[^a]" not in parts or "/" not in path)
    assert selects(pattern, path) == (re.match(f"{plain}/", f"{path}/") is not None)


def test_many_stars_take_no_more_time_than_few() -> None:
    assert not selects("*a" * 2000 + "b", "a" * 4000)
    assert not selects("**/*a*" * 600 + "b", "aaa/" * 1000)
    assert selects("**a" * 1000, "a/" * 1000)
