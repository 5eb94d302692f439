"""Git's pathspec globs, in which `*` and `?` match a `/` too."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from itertools import count, product
from re import Pattern
from typing import NamedTuple

from mzbuild.core.text.wildcards import Gap, linear_regex

_WILDCARD = re.compile(r"[*?\[\\]")
_NAMED_CLASS = re.compile(r"\[:([^\]]*):\]")
_CLASSES = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "blank": r"\t ",
    "cntrl": r"\x00-\x1f\x7f",
    "digit": "0-9",
    "graph": "!-~",
    "lower": "a-z",
    "print": " -~",
    "punct": r"!-/:-@\[-`{-~",
    "space": r"\t\n\r ",
    "upper": "A-Z",
    "xdigit": "0-9A-Fa-f",
}


class _MalformedError(Exception):
    """The pattern is one that Git lets match nothing."""


class _Part(NamedTuple):
    """A part of a pattern: what it is in a regular expression, and in a glob of Pants."""

    regex: str
    glob: str


_STAR = _Part("", "*")
_ANYTHING = Gap(".*?")
_END = r"\Z"

# Each `*` doubles the number of Pants globs. What follows this many, the globs leave open.
_MOST_STARS = 4


@cache
def git_glob(pattern: str) -> Pattern[bytes]:
    """A regular expression whose `fullmatch` is what the pathspec `pattern` selects.

    It is for paths in UTF-8, since Git's wildcards match bytes. A pattern also names what it is
    literally: a file, or a directory and all that is under it. The rules are those of
    `git help glossary`, under "pathspec", without the `:(magic)` forms.
    """
    pattern = _normalized(pattern)
    if not pattern:
        return re.compile(b".*", re.DOTALL)
    regex = re.escape(_bytewise(pattern)) + (".*" if pattern.endswith("/") else "(?:/.*)?")
    if _WILDCARD.search(pattern):
        with suppress(_MalformedError):
            parts = _parts(_bytewise(pattern))
            regexes: list[str | Gap] = [
                _ANYTHING if part is _STAR else part.regex for part in parts
            ]
            regex = f"{regex}|{linear_regex([*regexes, _END])}"
    return re.compile(regex.encode("latin-1"), re.DOTALL)


def escape_glob(path: str) -> str:
    """`path` as a Pants glob that matches just itself."""
    return re.sub(r"([*?\[\]])", r"[\1]", path)


def pants_globs(pattern: str) -> tuple[str, ...]:
    """The Pants globs, in which no wildcard matches a `/`, that together select the same files.

    They may select more, where Pants has no such pattern or it has many `*`; and less where a `?`
    or a set of characters is to match a `/`.
    """
    pattern = _normalized(pattern)
    if not pattern:
        return ("**",)
    if not _WILDCARD.search(pattern):
        literal = escape_glob(pattern.rstrip("/"))
        return (f"{literal}/**",) if pattern.endswith("/") else (literal, f"{literal}/**")
    try:
        parts = list(_parts(pattern))
    except _MalformedError:
        return ()
    stars = [index for index, part in enumerate(parts) if part is _STAR]
    if len(stars) > _MOST_STARS:
        del parts[stars[_MOST_STARS] + 1 :]
    choices = [("*", "*/**/*") if part is _STAR else (part.glob,) for part in parts]
    return tuple("".join(choice) for choice in product(*choices))


def _normalized(pattern: str) -> str:
    normal = posixpath.normpath(pattern)
    if normal == ".":
        return ""
    return f"{normal}/" if pattern.endswith("/") else normal


def _bytewise(text: str) -> str:
    """The text with a character for each of its bytes."""
    return text.encode("utf-8", "surrogateescape").decode("latin-1")


def _parts(pattern: str) -> Iterator[_Part]:
    position = 0
    while position < len(pattern):
        char = pattern[position]
        if char == "*":
            # Several in a row match what one does.
            position = next(end for end in count(position + 1) if pattern[end : end + 1] != "*")
            yield _STAR
        elif char == "?":
            position += 1
            yield _Part(".", "?")
        elif char == "[":
            members, negated, position = _set(pattern, position + 1)
            plain = re.fullmatch(r"[A-Za-z0-9._-]+", members)
            glob = f"[{'!' if negated else ''}{members}]" if plain else "?"
            yield _Part(f"[{'^' if negated else ''}{members}]", glob)
        else:
            char, position = _character(pattern, position)
            yield _Part(re.escape(char), escape_glob(char))


def _set(pattern: str, position: int) -> tuple[str, bool, int]:
    """The `[…]` whose inside starts at a position: its members as a regular expression has them,
    whether it is negated, and where it ends."""
    negated = pattern[position : position + 1] in ("!", "^")
    position += negated
    members = ""
    # A `]` that comes first stands for itself.
    while not members or pattern[position : position + 1] != "]":
        named = _NAMED_CLASS.match(pattern, position)
        if named:
            if named[1] not in _CLASSES:
                raise _MalformedError
            members += _CLASSES[named[1]]
            position = named.end()
            continue
        low, position = _character(pattern, position)
        members += re.escape(low)
        if pattern[position : position + 1] == "-" and pattern[position + 1 : position + 2] != "]":
            high, position = _character(pattern, position + 1)
            if low < high:
                members += f"-{re.escape(high)}"
    return members, negated, position + 1


def _character(pattern: str, position: int) -> tuple[str, int]:
    """The character at a position, which a backslash may precede, and where the next one is."""
    if pattern[position : position + 1] == "\\":
        position += 1
    if position >= len(pattern):
        raise _MalformedError
    return pattern[position], position + 1
