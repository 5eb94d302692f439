"""Text that means something where it goes, against what reads it there."""

from __future__ import annotations

import json
import logging
import re
import shlex
import string
import subprocess
from html.parser import HTMLParser

import pytest
import yaml
from mzbuild.core.errors import MzbuildError, listed
from mzbuild.core.graph.nodes import CRATE, IMAGE, Node
from mzbuild.core.graph.text import dot_lines, mermaid_lines
from mzbuild.core.lint.findings import Finding
from mzbuild.core.plan.pipelines import Job, buildkite_pipeline, github_matrix
from mzbuild.core.safe import (
    SafeRecords,
    github_json,
    html_script,
    mermaid_text,
    printable,
    printable_painted,
    without_colours,
)
from mzbuild.core.text.table import table

from tests.core.conftest import ENV
from tests.hostile_texts import HOSTILE

each_text = pytest.mark.parametrize("text", HOSTILE)


def nodes(text: str) -> list[Node]:
    """An image that uses a crate, both of that name."""
    return [
        Node(IMAGE, text, f"{text}:{text}", 1, None, None, (), (text,)),
        Node(CRATE, text, text, 0, None, None, (), ()),
    ]


def job(text: str, *needs: str) -> Job:
    command = shlex.join(["pants", "mzbuild-ensure", text])
    return Job(text, "x86_64", text, f"r/{text}:t", command, needs)


@each_text
def test_a_terminal_gets_one_line_of_what_is_printable(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    assert printable(shown) == shown
    assert [line.isprintable() for line in table(("a",), [[text]])] == [True, True]
    assert str(Finding(text, 1, text, "syntax")).isprintable()


def test_what_is_printable_stays_as_it_is() -> None:
    assert printable("a\\n 'übung' \"日本\" ${x}") == "a\\n 'übung' \"日本\" ${x}"
    assert printable("\x1b[1m\n\t\udcff\u202e\x9b") == "\\x1b[1m\\n\\t\\xff\\u202e\\x9b"


def test_of_a_painted_line_only_the_colours_stay() -> None:
    painted = "\x1b[36mname\x1b[0m\x1b[2K\x1b]0;x\x07\n"
    assert printable_painted(painted) == "\x1b[36mname\x1b[0m\\x1b[2K\\x1b]0;x\\x07\\n"


@each_text
def test_an_error_has_no_lines_but_its_own(text: str) -> None:
    error = MzbuildError(f"{text}: this is wrong.", f"It is `{text}`.")
    assert len(str(error).split("\n")) == 2
    assert all(line.isprintable() for line in str(error).split("\n"))
    assert listed([text, text]).isprintable()


def test_what_a_program_has_drawn_may_become_plain() -> None:
    assert without_colours("\x1b[01;31m\x1b[Kerror\x1b[m\x1b[K: [1m\x1b[2J") == "error: [1m"


def test_an_error_of_several_lines_keeps_what_a_program_said_in_colours() -> None:
    error = MzbuildError.of_lines("It failed:\n\x1b[31merror\x1b[0m\r\x1b[2K")
    assert str(error) == "It failed:\n\x1b[31merror\x1b[0m\\r\\x1b[2K"


@each_text
def test_what_is_logged_commands_no_terminal(text: str, caplog: pytest.LogCaptureFixture) -> None:
    parent = logging.getLogger("mzbuild-test")
    handler = SafeRecords()
    parent.addHandler(handler)
    logging.getLogger("mzbuild-test.rules").warning("%s is odd", text)
    parent.removeHandler(handler)
    (message,) = caplog.messages
    assert all(printable_painted(line) == line for line in message.split("\n"))
    assert message.endswith(" is odd")


def dot_strings(lines: list[str]) -> list[str]:
    """The strings of a graph as Graphviz's scanner reads them; fails where it would."""
    found = []
    for line in lines:
        strings = re.findall(r'"((?:[^"\\]|\\.)*)"', line)
        outside = re.sub(r'"(?:[^"\\]|\\.)*"', "", line)
        assert set(outside) <= set(f"{string.ascii_letters}{string.digits} _{{}}[]=,;->."), line
        found += [each.replace('\\"', '"') for each in strings]
    return found


@each_text
def test_a_dot_file_has_the_text_in_strings_alone(text: str) -> None:
    lines = list(dot_lines(nodes(text)))
    assert all(map(str.isprintable, lines))
    shown = printable(text).replace("\\", "\\\\").replace("&", "&amp;")
    strings = dot_strings(lines)
    assert strings.count(shown) == 3
    assert strings.count(f"crate {shown}") == 3
    assert strings.count(f"{shown}\\nno fingerprint") == 2


@each_text
def test_a_mermaid_file_has_the_text_in_strings_alone(text: str) -> None:
    lines = list(mermaid_lines(nodes(text)))
    assert len(lines) == 4
    (label,) = re.fullmatch(r'  n0\["(.*)<br>no fingerprint"\]', lines[1]).groups()  # type: ignore[union-attr]  # It is there, or the test fails.
    assert not set(label) & set("\"<>&`%{}[]'\\$\n\r\x1b")
    decoded = re.sub(r"#(\d+);", lambda match: chr(int(match[1])), label)
    assert decoded.replace("\u2060", "") == printable(text)


def test_what_names_are_made_of_stays_readable_in_mermaid() -> None:
    assert mermaid_text("crate a_b-c (1.2, x/y)") == "crate a_b-c (1.2, x/y)"
    assert mermaid_text('a"b') == "a#34;b"


class Page(HTMLParser):
    """The texts of the scripts of a page, and all other tags in it."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


@each_text
def test_a_script_of_a_page_ends_where_it_should(text: str) -> None:
    page = Page()
    page.feed(f"<script>{html_script({text: [text]})}</script><p>")
    assert page.tags == ["script", "p"]
    assert json.loads(page.text) == {text: [text]}


@each_text
def test_a_matrix_has_no_expressions_of_github(text: str) -> None:
    shown = github_json(github_matrix([job(text)]))
    assert "${{" not in shown
    assert "\n" not in shown
    ((entry,),) = [stage["include"] for stage in json.loads(shown)["stages"]]
    assert entry == {**vars(job(text)), "needs": []}


def uploaded(value: str, env: dict[str, str]) -> str:
    """What Buildkite's agent makes of a text that it uploads."""
    names = r"\$\$|\$\{(\w+)\}|\$(\w+)"
    assert not re.search(r"\$(?![\w{$])", re.sub(names, "", value)), "a `$` that it refuses"
    return re.sub(
        names, lambda match: "$" if match[0] == "$$" else env.get(match[1] or match[2], ""), value
    )


@each_text
def test_a_pipeline_runs_the_command_that_is_meant(text: str) -> None:
    # PyYAML writes no bytes that are no UTF-8, nor does Buildkite read any.
    if not text.isascii() and "\udcff" in text:
        text = printable(text)
    pipeline = yaml.safe_dump(buildkite_pipeline([job(text, text)]), sort_keys=False)
    (step,) = yaml.safe_load(pipeline)["steps"]
    env = {"BUILDKITE_MESSAGE": "'; touch owned; '"}
    assert uploaded(step["command"], env) == job(text).command
    assert uploaded(step["label"], env) == f"{text} (x86_64)"
    assert re.fullmatch(r"mzbuild-[A-Za-z0-9-]+-x86_64", step["key"])
    assert step["depends_on"] == [step["key"]]


@each_text
def test_a_shell_passes_the_text_on_as_it_is(text: str) -> None:
    if "\0" in text:
        return  # No argument has any.
    command = job(text).command.replace("pants mzbuild-ensure", "printf '%s|'", 1)
    printed = subprocess.run(["sh", "-c", command], env=ENV, check=True, stdout=subprocess.PIPE)
    assert printed.stdout.decode(errors="surrogateescape") == f"{text}|"
