"""The patterns by which Docker selects files of a context: in `COPY`, and in ignore files."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from mzbuild.core.text.wildcards import Gap, linear_regex


@dataclass(frozen=True)
class IgnorePattern:
    """A line of an ignore file: `exception` is whether it takes back what others ignore."""

    text: str
    line: int
    pattern: str
    exception: bool


def parse_ignore_file(content: bytes) -> tuple[IgnorePattern, ...]:
    """The patterns of a `.dockerignore`.

    The format: https://docs.docker.com/build/concepts/context/#dockerignore-files
    """
    patterns = []
    lines = content.decode("utf-8-sig", errors="surrogateescape").splitlines()
    for number, line in enumerate(lines, 1):
        text = line.strip()
        exception = text.startswith("!")
        pattern = clean(text[exception:].strip())
        if not line.startswith("#") and pattern:
            patterns.append(IgnorePattern(text, number, pattern, exception))
    return tuple(patterns)


def ignoring(patterns: Iterable[IgnorePattern], path: str) -> IgnorePattern | None:
    """The pattern that hides a file from Docker, if any does: the last one that matches decides."""
    decision = None
    for pattern in patterns:
        if selects(pattern.pattern, path):
            decision = None if pattern.exception else pattern
    return decision


def selects(pattern: str, path: str) -> bool:
    """Whether a clean pattern matches a path, or a directory that it is in."""
    return _regex(pattern).match(f"{path}/") is not None


def clean(path: str) -> str:
    """A path or pattern relative to the context's root, which is `""` and cannot be left."""
    return posixpath.normpath(f"/{path}").lstrip("/")


# Only at the beginning of a name does `**/` stand for any number of directories, even none. A set
# is closed by the first `]` that is not its first member. A backslash takes the next
# character as it is, in a set as well.
_PART = re.compile(r"(?<![^/])\*\*/|\*\*|\*|\[\^?(?:\\.|[^\\\]])+\]|\\.|.", re.DOTALL)
_MEMBER = re.compile(r"(\\.|[^\\])(?:-(\\.|[^\\]))?", re.DOTALL)
_GAPS = {"**": Gap(".*?"), "**/": Gap("(?:.*?/)??"), "*": Gap("[^/]*?", wide=False)}


@lru_cache(maxsize=1024)
def _regex(pattern: str) -> re.Pattern[str]:
    """What https://pkg.go.dev/path/filepath#Match says, and `**` for any number of directories."""
    try:
        parts = [_GAPS.get(part) or _character(part) for part in _PART.findall(f"{pattern}/")]
        return re.compile(linear_regex(parts), re.DOTALL)
    except re.error:  # A range such as [z-a], which Docker refuses itself.
        return re.compile(re.escape(f"{pattern}/"))


def _character(part: str) -> str:
    """A part of a pattern that matches one character, as a regular expression has it."""
    if part == "?":
        return "[^/]"
    if not part.startswith("[") or len(part) == 1:
        return re.escape(part[-1])
    negated = part.startswith("[^")
    members = (
        "-".join(re.escape(end[-1]) for end in ends if end)
        for ends in _MEMBER.findall(part[1 + negated : -1])
    )
    return f"[{'^' if negated else ''}{''.join(members)}]"
