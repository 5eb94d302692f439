from __future__ import annotations

import pytest
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
