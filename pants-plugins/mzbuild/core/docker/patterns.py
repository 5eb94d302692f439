"""The patterns by which Docker selects files of a context: in `COPY`, and in ignore files."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache


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


@lru_cache(maxsize=1024)
def _regex(pattern: str) -> re.Pattern[str]:
    """What https://pkg.go.dev/path/filepath#Match says, and `**` for any number of directories."""
    parts = re.findall(r"\*\*/?|\*|\?|\[\^?[^\]]+\]|\\.|.", pattern, re.DOTALL)
    translated = {"**": ".*", "**/": "(?:.*/)?", "*": "[^/]*", "?": "[^/]"}
    regex = ""
    for part in parts:
        if part in translated:
            regex += translated[part]
        elif part.startswith("[") and len(part) > 2:
            regex += part
        else:
            regex += re.escape(part[-1])
    try:
        return re.compile(f"{regex}/", re.DOTALL)
    except re.error:  # A range such as [z-a], which Docker refuses itself.
        return re.compile(re.escape(f"{pattern}/"))
