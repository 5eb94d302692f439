"""What stands in a Dockerfile: its instructions, as Docker reads them.

The format is Docker's: https://docs.docker.com/reference/dockerfile/. `MZFROM` is read as one more
instruction. There are parsers to be had, but a plugin that is put into a repository brings nothing
along, and a linter needs no more than this.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from mzbuild.core.text.json_reader import read_json

_DIRECTIVE = re.compile(r"#\s*([A-Za-z][A-Za-z0-9]*)\s*=\s*(.+)")
_DIRECTIVES = ("syntax", "escape", "check")

_FLAG = re.compile(r"--([^\s=]+)(?:=((?:\"[^\"]*\"|'[^']*'|[^\s\"'])*))?(?:\s+|$)")
_WORD = re.compile(r"(?:\"(?:[^\"\\]|\\.)*\"|'[^']*'|\\.|[^\s\"'\\])+")
# Of a word, what stands between quotation marks, and what follows a backslash.
_QUOTED = re.compile(r"'([^']*)'|\"((?:[^\"\\]|\\.)*)\"|\\(.?)", re.DOTALL)
_ESCAPED = re.compile(r"\\([\"$\\])")
_HEREDOC = re.compile(r"\d*<<(-?)([^<]+)")
_WITH_HEREDOCS = ("RUN", "COPY", "ADD")


@dataclass(frozen=True)
class Instruction:
    """An instruction: its word as written, and all that follows it, on one line.

    Lines are counted from 1; `last_line` is that of the last heredoc, if there are any.
    `indented` is whether white space stands before the word.
    """

    keyword: str
    rest: str
    line: int
    last_line: int
    indented: bool = False
    heredocs: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The word, in the capitals that it is usually written in."""
        return self.keyword.upper()

    @cached_property
    def flags(self) -> tuple[tuple[str, str], ...]:
        """The `--name=value` flags; the value of one without is empty."""
        return self._parsed[0]

    @cached_property
    def words(self) -> tuple[str, ...]:
        """What follows the flags: the elements of a list in JSON, or words without white space.

        Quotation marks and backslashes, which do not keep a word together, are gone from it.
        """
        return self._parsed[1]

    @property
    def is_mzfrom(self) -> bool:
        """Whether it is an `MZFROM` that has an effect: in capitals, at the start of its line."""
        return self.keyword == "MZFROM" and not self.indented

    def flag(self, name: str) -> str | None:
        """The value of a flag, without quotes."""
        return next((value.strip("\"'") for found, value in self.flags if found == name), None)

    @cached_property
    def _parsed(self) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
        flags, end = [], 0
        while match := _FLAG.match(self.rest, end):
            flags.append((match[1], match[2] or ""))
            end = match.end()
        rest = self.rest[end:]
        words = _json_words(rest)
        if words is None:
            words = tuple(rest.split())
        return tuple(flags), tuple(_QUOTED.sub(_unquoted, word) for word in words)


@dataclass(frozen=True)
class Comment:
    """A line that is a comment, without its `#`; inside of an instruction, or between two."""

    text: str
    line: int
    inside: bool


@dataclass(frozen=True)
class Dockerfile:
    """All that a Dockerfile says. `unfinished` is the heredoc that never ends, if there is one."""

    instructions: tuple[Instruction, ...]
    comments: tuple[Comment, ...] = ()
    directives: tuple[tuple[str, str], ...] = ()
    unfinished: str | None = None


def parse_dockerfile(content: bytes) -> Dockerfile:
    """Reads a Dockerfile. Anything is one: what Docker would refuse is read as it stands."""
    text = content.decode("utf-8-sig", errors="surrogateescape")
    return _Parser(re.sub(r"\r?\n", "\n", text).removesuffix("\n").split("\n")).parse()


class _Parser:
    def __init__(self, lines: list[str]):
        self._lines = lines
        self._next = 0
        self._comments: list[Comment] = []
        self._unfinished: str | None = None

    def parse(self) -> Dockerfile:
        directives = self._directives()
        escape = re.escape(dict(directives).get("escape", "\\"))
        self._continued = re.compile(rf"(?:^|(?<!{escape})){escape}[ \t]*$")
        return Dockerfile(
            tuple(self._instructions()), tuple(self._comments), directives, self._unfinished
        )

    def _directives(self) -> tuple[tuple[str, str], ...]:
        """What stands at the very beginning: after any other line, it is a comment."""
        found: dict[str, str] = {}
        for line in self._lines:
            match = _DIRECTIVE.fullmatch(line.strip())
            name = match[1].lower() if match else ""
            if match is None or name not in _DIRECTIVES or name in found:
                break
            found[name] = match[2]
            self._next += 1
        return tuple(found.items())

    def _instructions(self) -> Iterator[Instruction]:
        while self._next < len(self._lines):
            start = self._next
            line = self._lines[start]
            self._next += 1
            stripped = line.strip()
            if stripped.startswith("#"):
                self._comment(stripped, start, inside=False)
            elif stripped:
                yield self._instruction(line, start)

    def _comment(self, stripped: str, index: int, *, inside: bool) -> None:
        self._comments.append(Comment(stripped[1:].strip(), index + 1, inside))

    def _instruction(self, first: str, start: int) -> Instruction:
        logical, line = "", first
        while True:
            end = self._continued.search(line)
            logical += line[: end.start()] if end else line
            if end is None:
                break
            following = self._following_line()
            if following is None:
                break
            line = following
        keyword, _, rest = logical.strip().partition(" ")
        keyword, tab, more = keyword.partition("\t")
        rest = (more + (" " if tab and rest else "") + rest).strip()
        heredocs = tuple(self._heredocs(keyword.upper(), rest))
        return Instruction(keyword, rest, start + 1, self._next, first[:1].isspace(), heredocs)

    def _following_line(self) -> str | None:
        """The next line of an instruction; comments and empty lines in it do not count."""
        while self._next < len(self._lines):
            line = self._lines[self._next]
            self._next += 1
            stripped = line.strip()
            if stripped.startswith("#"):
                self._comment(stripped, self._next - 1, inside=True)
            elif stripped:
                return line
        return None

    def _heredocs(self, name: str, rest: str) -> Iterator[str]:
        """Reads the lines of the heredocs that an instruction announces."""
        if name == "ONBUILD":
            name = rest.split(maxsplit=1)[0].upper() if rest else ""
        if name not in _WITH_HEREDOCS or "<<" not in rest or _json_words(rest):
            return
        for word in _WORD.findall(rest):
            match = _HEREDOC.fullmatch(word)
            if match is None:
                continue
            end = re.sub(r"[\"']|\\(.)", r"\1", match[2])
            while self._next < len(self._lines):
                line = self._lines[self._next]
                self._next += 1
                if (line.lstrip("\t") if match[1] else line) == end:
                    break
            else:
                self._unfinished = self._unfinished or end
            yield end


def _json_words(text: str) -> tuple[str, ...] | None:
    """The strings of a list in JSON; none for anything else, which Docker takes for words."""
    if not text.startswith("["):
        return None
    try:
        values = read_json(text)
    except ValueError:
        return None
    return tuple(values) if all(isinstance(value, str) for value in values) else None


def _unquoted(part: re.Match[str]) -> str:
    plain, quoted, escaped = part.groups()
    return _ESCAPED.sub(r"\1", quoted) if quoted is not None else plain or escaped or ""
