"""Reads TOML 1.1, as Cargo does: https://toml.io/en/v1.1.0

Python's own reader and the ones that other programs carry along know TOML 1.0 at best, and Cargo
takes more since its release 1.94. This one needs nothing installed beside Pants.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time
from typing import Any, NoReturn

from mzbuild.core.errors import MzbuildError
from mzbuild.core.text.limits import DEEPEST, LARGEST_TOML, MOST_LINES, check_file_size

# Control characters but for the tab and the end of a line: they are allowed nowhere.
_CONTROL = r"\x00-\x08\x0b-\x1f\x7f"

_SPACE = re.compile(r"[ \t]*")
_COMMENT = re.compile(rf"[ \t]*(?:#[^\n{_CONTROL}]*)?(?:\n|\Z)")
_LINES = re.compile(rf"[ \t\n]*(?:#[^\n{_CONTROL}]*(?:\n|\Z)[ \t\n]*)*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")

# Up to two quotation marks before the three that end a long string belong to it.
_STRINGS = {
    '"""': re.compile(
        rf'"""\n?([^"\\{_CONTROL}]*(?:(?:\\[^{_CONTROL}]|"(?!""))[^"\\{_CONTROL}]*)*"{{0,2}}?)'
        r'"""(?!")'
    ),
    "'''": re.compile(rf"'''\n?([^'{_CONTROL}]*(?:'(?!'')[^'{_CONTROL}]*)*'{{0,2}}?)'''(?!')"),
    '"': re.compile(rf'"([^"\\\n{_CONTROL}]*(?:\\[^\n{_CONTROL}][^"\\\n{_CONTROL}]*)*)"'),
    "'": re.compile(rf"'([^'\n{_CONTROL}]*)'"),
}
_ESCAPE = re.compile(
    r'\\(?:([btnfre"\\])|x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8})'
    r"|[ \t]*\n[ \t\n]*|(.?))"
)
_CHARS = dict(zip('btnfre"\\', '\b\t\n\f\r\x1b"\\'))

_TIME = r"\d\d:\d\d(?::\d\d(?:\.\d+)?)?"
_MOMENT = re.compile(
    rf"(\d{{4}}-\d\d-\d\d)(?:[Tt ]({_TIME})([Zz]|[+-]\d\d:\d\d)?)?|({_TIME})", re.ASCII
)
_DIGITS, _WHOLE = r"\d(?:_?\d)*", r"[+-]?(?:0|[1-9](?:_?\d)*)"
_INTEGER = re.compile(
    rf"0x[\da-fA-F](?:_?[\da-fA-F])*|0o[0-7](?:_?[0-7])*|0b[01](?:_?[01])*|{_WHOLE}", re.ASCII
)
_FLOAT = re.compile(
    rf"[+-]?(?:inf|nan)|{_WHOLE}(?:\.{_DIGITS}(?:[eE][+-]?{_DIGITS})?|[eE][+-]?{_DIGITS})", re.ASCII
)
# More than 64 bits, in whatever base, take less than that.
_LONGEST_INTEGER = 200
_WORD = re.compile("true|false")


def read_toml(content: bytes, where: str) -> dict[str, Any]:
    """The table that a TOML document holds; it may begin with a byte order mark.

    `where` is the file's name for messages. Raises `MzbuildError` for what is not TOML, or is
    too large or too deep.
    """
    try:
        text = check_file_size(content, where, LARGEST_TOML).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise MzbuildError(f"{where}: this is not valid TOML: it is not UTF-8 text.") from None
    reader = _Reader(text.replace("\r\n", "\n"))
    try:
        return reader.document()
    except _NotTomlError as error:
        line = reader.text.count("\n", 0, reader.at) + 1
        raise MzbuildError(f"{where}:{line}: this is not valid TOML: {error}.") from None


class _NotTomlError(Exception):
    """What is wrong at the place that the reader has come to."""


class _Reader:
    """A document, and how much of it is read."""

    def __init__(self, text: str):
        self.text = text
        self.at = 0
        # By their identities: tables and arrays that are complete, being written as one value;
        # tables with a header of their own; those that dotted keys have made.
        self._complete: set[int] = set()
        self._headed: set[int] = set()
        self._dotted: set[int] = set()
        # How many tables and arrays what is read stands in; how many lines and values there were.
        self._depth = 0
        self._lines = 0

    def document(self) -> dict[str, Any]:
        root: dict[str, Any] = {}
        table = root
        self._match(_LINES)
        while self.at < len(self.text):
            self._count()
            if self._takes("[["):
                self._depth = 0
                table = self._element(root, self._key("]]"))
            elif self._takes("["):
                self._depth = 0
                table = self._table(root, self._key("]"))
            else:
                self._assign(table)
            if not self._match(_COMMENT):
                self._fail("a line goes on where it should end")
            self._match(_LINES)
        return root

    def _table(self, root: dict[str, Any], key: list[str]) -> dict[str, Any]:
        """The table that a header `[key]` begins."""
        table = self._parent(root, key).setdefault(key[-1], {})
        if not isinstance(table, dict) or self._is(table, self._headed, self._dotted):
            self._fail_twice(key)
        self._headed.add(id(table))
        return table

    def _element(self, root: dict[str, Any], key: list[str]) -> dict[str, Any]:
        """The table that a header `[[key]]` begins."""
        tables = self._parent(root, key).setdefault(key[-1], [])
        if not isinstance(tables, list) or id(tables) in self._complete:
            self._fail_twice(key)
        table: dict[str, Any] = {}
        tables.append(table)
        self._headed.add(id(table))
        return table

    def _parent(self, table: dict[str, Any], key: list[str]) -> dict[str, Any]:
        """The table that has what a header's key names."""
        for part in key[:-1]:
            inner = table.setdefault(part, {})
            if isinstance(inner, list) and id(inner) not in self._complete:
                inner = inner[-1]
            if not isinstance(inner, dict) or id(inner) in self._complete:
                self._fail_twice(key)
            table = inner
        return table

    def _assign(self, table: dict[str, Any]) -> None:
        """Reads a key and its value into a table."""
        depth = self._depth
        key = self._key("=")
        for part in key[:-1]:
            inner = table.setdefault(part, {})
            if not isinstance(inner, dict) or self._is(inner, self._headed):
                self._fail_twice(key)
            self._dotted.add(id(inner))
            table = inner
        if key[-1] in table:
            self._fail_twice(key)
        table[key[-1]] = self._value()
        self._depth = depth

    def _is(self, table: dict[str, Any], *of: set[int]) -> bool:
        """Whether a table is complete, or one of others."""
        return any(id(table) in known for known in (self._complete, *of))

    def _key(self, end: str) -> list[str]:
        """The parts of a key that stands before `end`."""
        parts = []
        while True:
            self._match(_SPACE)
            quote = self.text[self.at : self.at + 1]
            bare = self._match(_BARE_KEY)
            if bare:
                parts.append(bare[0])
            elif quote and quote in "\"'":
                parts.append(self._string(quote))
            else:
                self._fail("a key is missing")
            self._deepen()
            self._match(_SPACE)
            if self._takes(end):
                return parts
            if not self._takes("."):
                self._fail(f"after a key, `{end}` is missing")

    def _value(self) -> Any:
        self._match(_SPACE)
        first = self.text[self.at : self.at + 1]
        if first and first in "\"'":
            long = first * 3
            return self._string(long if self.text.startswith(long, self.at) else first)
        if self._takes("["):
            return self._array()
        if self._takes("{"):
            return self._inline_table()
        return self._scalar()

    def _array(self) -> list[Any]:
        array: list[Any] = []
        self._complete.add(id(array))
        self._deepen()
        while not self._ends("]", first=not array):
            array.append(self._value())
        self._depth -= 1
        return array

    def _inline_table(self) -> dict[str, Any]:
        table: dict[str, Any] = {}
        while not self._ends("}", first=not table):
            self._assign(table)
        self._complete.add(id(table))
        return table

    def _ends(self, end: str, *, first: bool) -> bool:
        """Reads on to the next value of an array or a table, or beyond its end."""
        self._count()
        self._match(_LINES)
        if self._takes(end):
            return True
        if not first:
            if not self._takes(","):
                self._fail(f"after a value, `,` or `{end}` is missing")
            self._match(_LINES)
        return self._takes(end)

    def _string(self, quote: str) -> str:
        match = self._match(_STRINGS[quote])
        if not match:
            self._fail("a string does not end, or has control characters in it")
        if quote[0] == "'" or "\\" not in match[1]:
            return match[1]
        return _ESCAPE.sub(self._unescaped, match[1])

    def _unescaped(self, escape: re.Match[str]) -> str:
        char, *codes, unknown = escape.groups()
        code = next((int(code, 16) for code in codes if code), None)
        if unknown or (code is not None and (code > 0x10FFFF or 0xD800 <= code < 0xE000)):
            self._fail(f"`{escape[0]}` stands for no character")
        return chr(code) if code is not None else _CHARS.get(char, "")

    def _scalar(self) -> Any:
        moment = self._match(_MOMENT)
        if moment:
            return self._moment(*moment.groups())
        number = self._match(_FLOAT)
        if number:
            return float(number[0].replace("_", ""))
        number = self._match(_INTEGER)
        if number and len(number[0]) <= _LONGEST_INTEGER:
            return int(number[0], 0 if number[0][1:2].isalpha() else 10)
        word = self._match(_WORD)
        if word:
            return word[0] == "true"
        return self._fail("a number has too many digits" if number else "a value is missing")

    def _moment(self, day: str, clock: str, offset: str, clock_alone: str) -> Any:
        clock, _, fraction = (clock or clock_alone or "").partition(".")
        clock += ":00" if clock.count(":") == 1 else ""
        clock += f".{fraction:0<6.6}" if fraction else ""
        try:
            if not clock:
                return date.fromisoformat(day)
            if not day:
                return time.fromisoformat(clock)
            zone = "+00:00" if offset in ("Z", "z") else offset or ""
            return datetime.fromisoformat(f"{day}T{clock}{zone}")
        except ValueError as error:
            self._fail(f"there is no such date or time: {error}")

    def _match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Reads what a pattern matches, if it does."""
        match = pattern.match(self.text, self.at)
        if match:
            self.at = match.end()
        return match

    def _takes(self, text: str) -> bool:
        """Reads a text, if it comes next."""
        if not self.text.startswith(text, self.at):
            return False
        self.at += len(text)
        return True

    def _count(self) -> None:
        self._lines += 1
        if self._lines > MOST_LINES:
            self._fail(f"it has more than {MOST_LINES:,} lines and values")

    def _deepen(self) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            self._fail(f"tables and arrays stand in one another more than {DEEPEST} levels deep")

    def _fail_twice(self, key: list[str]) -> NoReturn:
        self._fail(f"`{'.'.join(key)}` is there already, or is part of what is no table")

    def _fail(self, what: str) -> NoReturn:
        raise _NotTomlError(what)
