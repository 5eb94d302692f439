from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from mzbuild.core.docker.patterns import Paths, clean, ignoring, parse_ignore_file
from mzbuild.core.errors import MzbuildError


def copies(source: str, path: str, *, parents: bool = False) -> bool:
    return path in Paths([path]).selected(source, parents=parents)


def hides(pattern: str, path: str) -> bool:
    return ignoring(parse_ignore_file(pattern.encode(), "i/.dockerignore"), path) is not None


# What means the same in both, and whether it selects the path: as Docker has it.
ALIKE = [
    ("a", "a", True),
    ("a", "a/b/c", True),
    ("a", "ab", False),
    ("a/b", "a", False),
    ("*.md", "x.md", True),
    ("*.md", "d/x.md", False),
    ("*/x", "d/x", True),
    ("*", "d/x", True),
    ("?", "a", True),
    ("?", "é", True),
    ("?", "ab", False),
    ("[a-c]", "b", True),
    ("[^a-c]", "b", False),
    ("[^a-c]", "d", True),
    ("[!a]", "!", True),
    ("[!a]", "b", False),
    ("a.b", "axb", False),
    ("a+(b", "a+(b", True),
    ("a/../d/./x", "d/x", True),
    ("arr[[]0].txt", "arr[0].txt", True),
    ("arr[[]0].txt", "arr0.txt", False),
    ("[\\]]x", "]x", True),
    ("[\\[a]x", "[x", True),
    ("[\\-a]", "-", True),
    ("[a&&b]", "&", True),
    ("[a~~b]", "~", True),
    ("[^[]", "a", True),
    ("[^[]", "[", False),
    ("\\**", "*a", True),
    ("\\**", "a", False),
    ("*a*b/c", "xaxb/c", True),
    ("*a*b/c", "xa/b/c", False),
]
# Docker refuses what is no pattern: it says `syntax error in pattern`.
MALFORMED = ["[", "[a", "a[", "[a-]", "[-a]", "[]a]", "[^]", "[a--c]", "*\\", "[z-a]"]


@pytest.mark.parametrize(("pattern", "path", "is_selected"), ALIKE)
def test_patterns_select_files_and_directories(pattern: str, path: str, is_selected: bool) -> None:
    assert copies(pattern, path) == is_selected
    assert copies(pattern, path, parents=True) == is_selected
    assert hides(pattern, path) == is_selected


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("pattern", MALFORMED)
@pytest.mark.parametrize("path", ["[", "[a", "a[", "a", "-", "b", "]", "x\\", "[a--c]"])
def test_what_is_no_pattern_selects_nothing(pattern: str, path: str) -> None:
    assert not copies(pattern, path)
    assert not hides(pattern, path)


@pytest.mark.parametrize(
    ("pattern", "path", "is_hidden"),
    [
        ("a/**", "a", False),
        ("a/**", "a/b", True),
        ("a/**", "a/b/c", True),
        ("a/**/c", "a/c", True),
        ("a/**/c", "a/b/b/c", True),
        ("**", "a/b", True),
        ("**/", "a", True),
        ("a**", "a", True),
        ("a**", "ab/c", True),
        ("a**b", "ab", True),
        ("a**b", "a/x/b", True),
        ("a**b", "axb", False),
        ("**a", "xa", True),
        ("**a", "x/ya/z", True),
        ("**/a", "xa", False),
        ("**/a", "x/a", True),
        ("**a*b", "x/a/b", False),
        ("**a*b", "xab", False),
        ("**a*b", "x/ayb", True),
        ("**b**", "xb", False),
        ("*a**a", "aaa", True),
        ("*a**a", "xa/y/a", True),
        ("**/xa**b", "xay/xab", True),
        ("**b**", "x/b", True),
        ("**/*.md", "x.md", True),
        ("**/*.md", "a/b/x.md", True),
        ("**/a*b/**/c", "x/ab/y/z/c", True),
        ("**/a*b/**/c", "a/b/c", False),
        ("**/a/**", "a", False),
        ("***", "a/b", True),
        ("*/**", "a", False),
        ("\\*", "*", True),
        ("\\*", "a", False),
        ("\\", "\\", False),
        ("(a", "a", False),
    ],
)
def test_two_stars_match_any_directories_in_an_ignore_file(
    pattern: str, path: str, is_hidden: bool
) -> None:
    assert hides(pattern, path) == is_hidden


@pytest.mark.parametrize(
    ("source", "path", "is_copied", "with_parents"),
    [
        ("**/a", "d/a", True, True),
        ("**/a", "a", False, True),
        ("**/a", "d/e/a", False, True),
        ("**", "d/e/a", True, True),
        ("**a", "xa", True, True),
        ("**a", "d/xa", False, True),
        ("d/**", "d/e/a", True, True),
        ("a**b", "axb", True, False),
        ("a**b", "a/x/b", False, True),
    ],
)
def test_two_stars_are_one_in_copy_but_with_parents(
    source: str, path: str, is_copied: bool, with_parents: bool
) -> None:
    assert copies(source, path) == is_copied
    assert copies(source, path, parents=True) == with_parents


def test_a_source_without_wildcards_is_a_path_as_it_stands() -> None:
    assert copies("\\*", "\\*")
    assert not copies("\\*", "*")
    assert copies("./d/../a/", "a/b")


def test_the_paths_that_a_source_selects_are_told() -> None:
    paths = Paths(["a", "d/a", "d/e/f", "g"])
    assert paths.selected("d") == ["d/a", "d/e/f"]
    assert paths.selected("*") == paths.selected(".") == ["a", "d/a", "d/e/f", "g"]
    assert paths.selected("[ag]") == ["a", "g"]
    assert paths.selected("x") == []


@pytest.mark.parametrize(
    ("path", "cleaned"),
    [("./a/", "a"), ("/a", "a"), (".", ""), ("/", ""), ("../../a", "a"), ("a//b/../c", "a/c")],
)
def test_a_context_cannot_be_left(path: str, cleaned: str) -> None:
    assert clean(path) == cleaned


def test_the_last_pattern_that_matches_decides() -> None:
    content = b"# all\n\n*\r\n !keep\n/keep/not\n!\x0c\n"
    patterns = parse_ignore_file(content, "i/.dockerignore")
    assert [(each.text, each.line, each.exception) for each in patterns] == [
        ("*", 3, False),
        ("!keep", 4, True),
        ("/keep/not", 5, False),
    ]

    def line(path: str) -> int:
        pattern = ignoring(patterns, path)
        return pattern.line if pattern else 0

    assert [line(path) for path in ("other", "keep", "keep/a", "keep/not/a")] == [3, 0, 0, 5]


def go_regex(pattern: str) -> str:
    """What Docker makes of a pattern of an ignore file, as a regular expression that tries all
    ways: https://pkg.go.dev/github.com/moby/patternmatcher"""
    rest, regex = pattern, ""
    only_ending = pattern.startswith("**") and pattern[2:3] != "/"
    if only_ending and not set(pattern[2:]) & set("*?[]\\"):
        return ".*" + re.escape(pattern[2:])
    while rest:
        if rest.startswith("**"):
            rest = rest[2:].removeprefix("/")
            regex += "(.*/)?" if rest else ".*"
        elif rest[0] in "*?":
            regex += "[^/]" + rest[0].replace("?", "")
            rest = rest[1:]
        elif rest[0] == "[":
            end = rest.index("]") + 1
            regex += rest[:end]
            rest = rest[end:]
        else:
            size = 1 + (rest[0] == "\\")
            regex += re.escape(rest[size - 1 : size])
            rest = rest[size:]
    return regex


PARTS = ["a", "b", "/", "*", "**", "**/", "?", "[ab]", "[^a]", "\\*", "."]
PATTERNS = st.lists(st.sampled_from(PARTS), min_size=1, max_size=7).map("".join)


@given(pattern=PATTERNS, path=st.text("ab/*.", max_size=9).map(clean).filter(bool))
@example(pattern="a/**", path="a")
@example(pattern="a/**", path="a/b")
@example(pattern="**a", path="b/aa")
@example(pattern="[^a]", path="b/a")
@example(pattern="*a**a", path="aaa")
@example(pattern="**/ba**b", path="a/ba/bab")
def test_patterns_select_what_trying_all_ways_finds(pattern: str, path: str) -> None:
    parts = path.split("/")
    directories = ["/".join(parts[: end + 1]) for end in range(len(parts))]
    cleaned = clean(pattern)
    ignoring_regex = re.compile(go_regex(cleaned), re.DOTALL)
    assert hides(pattern, path) == any(
        cleaned and ignoring_regex.fullmatch(each) for each in directories
    )
    if "*" in pattern.replace("\\*", "") or "?" in pattern or "[" in pattern:
        copying_regex = re.compile(go_regex(re.sub(r"(?<!\\)\*+", "*", cleaned)), re.DOTALL)
        assert copies(pattern, path) == any(map(copying_regex.fullmatch, directories))


def test_many_stars_take_no_more_time_than_few() -> None:
    assert not hides("*a" * 2000 + "b", "a" * 4000)
    assert not hides("**/*a*" * 600 + "b", "aaa/" * 1000)
    assert hides("**/a" * 1000, "a/" * 1000)
    assert not copies("*a" * 2000 + "b", "a" * 4000)
    assert not copies("[" * 100_000, "a")


def test_an_ignore_file_may_be_only_so_large() -> None:
    with pytest.raises(MzbuildError) as raised:
        parse_ignore_file(b"# a\n" + b"b\n" * 1001, "i/.dockerignore")
    assert str(raised.value) == (
        "i/.dockerignore:1002: no more than 1,000 patterns are read. Write fewer."
    )
    with pytest.raises(MzbuildError, match=r"^i/\.dockerignore: the file has 200,000 bytes, and"):
        parse_ignore_file(b"b" * 200_000, "i/.dockerignore")
