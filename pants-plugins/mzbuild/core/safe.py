"""Text that others wrote, made safe for where it goes.

Whoever sends a pull request names files, images and crates, and describes them. None of that may
command a terminal, break a line of a log, or mean anything in a language that it is put into.
For the shell, there is `shlex.quote`; for YAML, PyYAML.
"""

from __future__ import annotations

import json
import logging
import re

# The colours that goals give to what they print, and all that programs draw with on a terminal.
_COLOUR = re.compile(r"(\x1b\[[\d;]*m)")
_DRAWN = re.compile(r"\x1b\[[\d;]*[A-Za-z]")
# Letters and marks that mean nothing in Mermaid, nor in the HTML that it makes.
_WORD_JOINER = "\u2060"
_NOT_MERMAID = re.compile(r"[^\w ./@+,()-]")


def printable(text: str) -> str:
    """The text as one line of a terminal or a log: what is not printable as Python writes it.

    That is control characters, line breaks, what changes the direction of writing, and bytes that
    are no UTF-8. Text that is printable stays as it is, so it can be made so twice.
    """
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else _escaped(each) for each in text)


def printable_painted(text: str) -> str:
    """The same for a line in which there may be colours."""
    parts = _COLOUR.split(text)
    return "".join(part if number % 2 else printable(part) for number, part in enumerate(parts))


def without_colours(text: str) -> str:
    """What was written for a terminal as plain text."""
    return _DRAWN.sub("", text)


def dot_text(text: str) -> str:
    """What to write between quotation marks for it in Graphviz's language.

    A backslash begins an escape there, and `&` an entity of HTML:
    https://graphviz.org/doc/info/lang.html, https://graphviz.org/docs/attr-types/escString/
    """
    escaped = printable(text).replace("\\", "\\\\").replace('"', '\\"')
    return escaped.replace("&", "&amp;")


def mermaid_text(text: str) -> str:
    """What to write between quotation marks for it in Mermaid's language.

    Characters can be written by their numbers, `#35;`: https://mermaid.js.org/syntax/flowchart.html
    But `\\n` would break the line even then, were there not something invisible in it.
    """
    apart = printable(text).replace("\\n", f"\\{_WORD_JOINER}n")
    return _NOT_MERMAID.sub(lambda match: f"#{ord(match[0])};", apart)


def html_script(value: object) -> str:
    """The value as JSON in a `script` element of HTML, which nothing in it can end."""
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")


def github_json(value: object) -> str:
    """The value as one line of JSON in which no text is an expression, `${{ … }}`, of GitHub's."""
    return json.dumps(value).replace("${{", "$\\u007b{")


def buildkite_text(text: str) -> str:
    """A text of a pipeline, in which Buildkite's agent replaces variables when it uploads it.

    See https://buildkite.com/docs/agent/v3/cli-pipeline#environment-variable-substitution
    """
    return text.replace("$", "$$")


class SafeRecords(logging.Handler):
    """Makes what is logged safe for a terminal, before the handlers further up get to see it.

    Line breaks stay: an error may have several lines, and no name in it has made one.
    """

    def emit(self, record: logging.LogRecord) -> None:
        """Puts the safe text in the record's place."""
        lines = record.getMessage().split("\n")
        record.msg, record.args = "\n".join(map(printable_painted, lines)), ()


def _escaped(character: str) -> str:
    # A byte that is no UTF-8, as Python reads names of files.
    if "\udc80" <= character <= "\udcff":
        return f"\\x{ord(character) - 0xDC00:02x}"
    return repr(character)[1:-1]
