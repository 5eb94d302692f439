"""The patterns by which Docker selects files of a context: in `COPY`, and in ignore files.

In both, https://pkg.go.dev/path/filepath#Match says what wildcards mean, but for `**`. What is no
pattern to it, Docker refuses to build: here, it selects nothing.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, product

from mzbuild.core.errors import MzbuildError
from mzbuild.core.text.limits import LONGEST_PATTERN, check_file_size
from mzbuild.core.text.wildcards import Gap, linear_regex, one_of
from mzbuild.core.work_tree.listing import with_directories

# Each is compared with each file.
_MOST_PATTERNS = 1000


@dataclass(frozen=True)
class IgnorePattern:
    """A line of an ignore file: what is written there, and what that means."""

    text: str
    line: int
    regex: re.Pattern[str]
    exception: bool


def parse_ignore_file(content: bytes, where: str) -> tuple[IgnorePattern, ...]:
    """The patterns of a `.dockerignore`.

    The format: https://docs.docker.com/build/concepts/context/#dockerignore-files
    `where` is the file's name for messages. Raises `MzbuildError` for one that is too large.
    """
    patterns: list[IgnorePattern] = []
    text = check_file_size(content, where).decode("utf-8-sig", errors="surrogateescape")
    for number, line in enumerate(text.split("\n"), 1):
        text = line.strip()
        exception = text.startswith("!")
        pattern = clean(text[exception:].strip())
        if line.startswith("#") or not pattern:
            continue
        if len(patterns) == _MOST_PATTERNS:
            raise MzbuildError(
                f"{where}:{number}: no more than {_MOST_PATTERNS:,} patterns are read. Write fewer."
            )
        patterns.append(IgnorePattern(text, number, compile_glob(pattern), exception))
    return tuple(patterns)


def ignoring(patterns: Sequence[IgnorePattern], path: str) -> IgnorePattern | None:
    """The pattern that hides a file from Docker, if any does: the last one that matches decides."""
    for pattern in reversed(patterns):
        if pattern.regex.match(f"{path}/"):
            return None if pattern.exception else pattern
    return None


class Paths:
    """The files of a context, to see what sources of `COPY` select of them."""

    def __init__(self, paths: Iterable[str]):
        # By themselves, and by the directories that they are in.
        self._under: dict[str, list[str]] = {}
        self._matching: dict[re.Pattern[str], list[str]] = {}
        for path in paths:
            for each in with_directories(path):
                self._under.setdefault(each, []).append(path)

    def selected(self, source: str, *, parents: bool = False) -> Sequence[str]:
        """The paths that a source selects, or of which it selects a directory.

        Only with `--parents` is `**` more than a `*` in a row with another.
        """
        pattern = clean(source)
        if not has_wildcards(source):
            return self._under.get(pattern, [])
        regex = compile_glob(pattern if parents else re.sub(r"(\\.)|\*+", _one_star, pattern))
        if regex not in self._matching:
            paths = self._under.get("", [])
            self._matching[regex] = [path for path in paths if regex.match(f"{path}/")]
        return self._matching[regex]


def has_wildcards(pattern: str) -> bool:
    """Whether a source is a pattern, and not a path to be taken as it is, backslashes included."""
    return re.match(r"(?:\\.|[^*?\[\\])*[*?\[]", pattern, re.DOTALL) is not None


def clean(path: str) -> str:
    """A path in the context as Docker takes it: it begins at its root, and cannot leave that."""
    return posixpath.normpath(f"/{path}").lstrip("/")


# What a set has in it, and any character outside of one: a backslash takes the next one as it is.
_MEMBER = r"(?:\\.|[^\\\]-])"
_RANGE = re.compile(rf"({_MEMBER})(?:-({_MEMBER}))?", re.DOTALL)
_PART = re.compile(rf"\*\*/?|\*|\[(?!\^\])\^?(?:{_MEMBER}(?:-{_MEMBER})?)+\]|\\.|.", re.DOTALL)
_ANYTHING, _DIRECTORIES, _IN_A_NAME = Gap(".*?"), Gap("(?:.*?/)??"), Gap("[^/]*?", wide=False)
_NOTHING = re.compile("(?!)")
# After the first letters of a name, it matters where before `**` they were found. Each such `**`
# doubles what is tried, so of further ones it is not looked at.
_MOST_INSIDE = 4


def _one_star(match: re.Match[str]) -> str:
    return match[1] or "*"


@lru_cache(maxsize=1024)
def compile_glob(pattern: str) -> re.Pattern[str]:
    """What matches the beginning of `path/` if the pattern selects that path, or a directory in it.

    See https://pkg.go.dev/github.com/moby/patternmatcher: `**` matches any directories, even none,
    and anything at all at the end, or before what has no other wildcards.
    """
    parts = []
    for match in _PART.finditer(pattern):
        if match[0] in ("[", "\\") or len(pattern) > LONGEST_PATTERN:
            return _NOTHING
        parts.append(match[0])
    only_ending = parts[:1] == ["**"] and not re.search(r"[][*?\\]", pattern[2:])
    last = len(parts) - 1
    inside = 0
    choices: list[list[list[str | Gap]]] = []
    for number, part in enumerate(parts):
        if not part.startswith("**"):
            choices.append([[_character(part)]])
        elif only_ending or number == last:
            choices.append([[_ANYTHING]])
        elif number and parts[number - 1] != "/" and inside < _MOST_INSIDE:
            choices.append([[], [_ANYTHING, "/"]])
            inside += 1
        else:
            choices.append([[_DIRECTORIES]])
    alternatives = ([*chain.from_iterable(chosen), "/"] for chosen in product(*choices))
    return re.compile(linear_regex(*alternatives), re.DOTALL)


def _character(part: str) -> str | Gap:
    """A part of a pattern within one name, as a regular expression has it."""
    if part == "*":
        return _IN_A_NAME
    if part == "?":
        return "[^/]"
    if not part.startswith("["):
        return re.escape(part[-1])
    negated = part.startswith("[^")
    ranges = _RANGE.findall(part[1 + negated : -1])
    return one_of([(first[-1:], last[-1:]) for first, last in ranges], negated=negated)
