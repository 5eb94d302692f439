"""What Docker's reference says of Dockerfiles: https://docs.docker.com/reference/dockerfile/

The expectations are also what BuildKit's own parser gives for these texts.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mzbuild.core.docker.syntax import Comment, Dockerfile, parse_dockerfile


def parsed(text: str) -> Dockerfile:
    return parse_dockerfile(text.encode())


def told(text: str) -> list[tuple[str, str, int, int]]:
    """Of each instruction its name, what follows it, and its first and last line."""
    return [(each.name, each.rest, each.line, each.last_line) for each in parsed(text).instructions]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FROM a\n", [("FROM", "a", 1, 1)]),
        ("from a", [("FROM", "a", 1, 1)]),
        ("  FROM a\n\tRUN\tb c\n", [("FROM", "a", 1, 1), ("RUN", "b c", 2, 2)]),
        ("\n\nFROM a\n\n\n", [("FROM", "a", 3, 3)]),
        ("FROM a\r\nRUN b \\\r\n c\r\n", [("FROM", "a", 1, 1), ("RUN", "b  c", 2, 3)]),
        ("\ufeffFROM a\n", [("FROM", "a", 1, 1)]),
        ("", []),
    ],
)
def test_instructions_have_a_word_and_the_rest_of_their_line(
    text: str, expected: list[tuple[str, str, int, int]]
) -> None:
    assert told(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("RUN a \\\n b\nRUN c", [("RUN", "a  b", 1, 2), ("RUN", "c", 3, 3)]),
        ("RUN a \\  \n b", [("RUN", "a  b", 1, 2)]),
        ("RUN a\\\nb", [("RUN", "ab", 1, 2)]),
        ("RUN \\\nb", [("RUN", "b", 1, 2)]),
        ("RUN x \\\n\\\ny", [("RUN", "x y", 1, 3)]),
        ("RUN echo \\\\\nRUN c", [("RUN", "echo \\\\", 1, 1), ("RUN", "c", 2, 2)]),
        ("RUN b \\\n", [("RUN", "b", 1, 1)]),
        # Comments and empty lines in between do not count.
        (
            "RUN x \\\n  y\\\n# c\n\n  # d\n z\nCMD e",
            [("RUN", "x   y z", 1, 6), ("CMD", "e", 7, 7)],
        ),
    ],
)
def test_an_escape_at_the_end_of_a_line_continues_it(
    text: str, expected: list[tuple[str, str, int, int]]
) -> None:
    assert told(text) == expected


def test_comments_are_told_apart_by_where_they_are() -> None:
    text = "# one \nRUN a \\\n  # two\n b # no\n#three\n"
    assert parsed(text).comments == (
        Comment("one", 1, inside=False),
        Comment("two", 3, inside=True),
        Comment("three", 5, inside=False),
    )
    assert told(text)[0][1] == "a  b # no"


@pytest.mark.parametrize(
    ("text", "directives", "continued"),
    [
        ("# escape=`\nRUN a `\n b\n", (("escape", "`"),), True),
        ("#  Escape = `  \nRUN a `\n b\n", (("escape", "`"),), True),
        ("# syntax=x\n# escape=`\nRUN a `\n b\n", (("syntax", "x"), ("escape", "`")), True),
        # After anything else, a directive is a comment.
        ("# comment\n# escape=`\nRUN a `\nb c\n", (), False),
        ("\n# escape=`\nRUN a `\nb c\n", (), False),
        ("# other=x\n# escape=`\nRUN a `\nb c\n", (), False),
        ("RUN a `\nb c\n# escape=`\n", (), False),
    ],
)
def test_directives_stand_at_the_very_beginning(
    text: str, directives: tuple[tuple[str, str], ...], continued: bool
) -> None:
    assert parsed(text).directives == directives
    first = parsed(text).instructions[0]
    assert first.rest == ("a  b" if continued else "a `")


def test_a_backslash_continues_nothing_where_another_escape_is_declared() -> None:
    assert [name for name, *_ in told("# escape=`\nRUN a \\\nCOPY b c\n")] == ["RUN", "COPY"]


@pytest.mark.parametrize(
    ("text", "heredocs", "last_line"),
    [
        ("RUN <<EOF\n a\nEOF\nCMD b", ("EOF",), 3),
        ("RUN <<-EOF cat\n\ta\n\tEOF\nCMD b", ("EOF",), 3),
        ("RUN cat <<'E F' 3<<\"X\" && y\nE F\nX\nCMD b", ("E F", "X"), 3),
        ('COPY <<a <<"b" /x/\n1\na\n2\nb\nCMD b', ("a", "b"), 5),
        ("ADD --chown=x <<a /x\na\nCMD b", ("a",), 2),
        ("ONBUILD RUN <<EOF\nRUN no\nEOF\nCMD b", ("EOF",), 3),
        ("RUN a \\\n <<EOF\nRUN no \\\nEOF\nCMD b", ("EOF",), 4),
        ("RUN a <<<x\nCMD b", (), 1),
        ('RUN ["cat", "<<EOF"]\nCMD b', (), 1),
        ("LABEL a=<<EOF\nCMD b", (), 1),
        ("RUN a << b\nCMD b", (), 1),
    ],
)
def test_heredocs_belong_to_the_instruction_that_announces_them(
    text: str, heredocs: tuple[str, ...], last_line: int
) -> None:
    dockerfile = parsed(text)
    first, second = dockerfile.instructions
    assert (first.heredocs, first.last_line) == (heredocs, last_line)
    assert (second.name, second.line, dockerfile.unfinished) == ("CMD", last_line + 1, None)


def test_a_heredoc_that_never_ends_is_told() -> None:
    dockerfile = parsed("FROM a\nRUN <<EOF\n EOF\n")
    assert dockerfile.unfinished == "EOF"
    assert [each.name for each in dockerfile.instructions] == ["FROM", "RUN"]


@pytest.mark.parametrize(
    ("text", "flags", "words"),
    [
        ("COPY a b /c", (), ("a", "b", "/c")),
        ('COPY ["a b", "c"]', (), ("a b", "c")),
        ('COPY --link ["a b", "c"]', (("link", ""),), ("a b", "c")),
        ("COPY --from=x --chown=a:b d e", (("from", "x"), ("chown", "a:b")), ("d", "e")),
        ('COPY --from="x" d e', (("from", '"x"'),), ("d", "e")),
        ("COPY d --from=x", (), ("d", "--from=x")),
        ('RUN ["a", b]', (), ("[a,", "b]")),
        ('COPY "a" \'b c\'/d e"f"', (), ("a", "'b", "c'/d", "ef")),
        ("RUN [1]", (), ("[1]",)),
        ("COPY \\* a\\ b \\\\* /c", (), ("*", "a", "b", "\\*", "/c")),
        ('COPY "q\\"r" "\\*" \'\\*\' /c', (), ('q"r', "\\*", "\\*", "/c")),
        ('COPY ["\\\\*", "\'a\'", "/c"]', (), ("*", "a", "/c")),
        ("COPY " + "[" * 5000, (), ("[" * 5000,)),
        ("MZFROM a AS b", (), ("a", "AS", "b")),
        ("FROM --platform=$P a", (("platform", "$P"),), ("a",)),
    ],
)
def test_flags_come_first_and_a_list_may_be_json(
    text: str, flags: tuple[tuple[str, str], ...], words: tuple[str, ...]
) -> None:
    (instruction,) = parsed(text).instructions
    assert (instruction.flags, instruction.words) == (flags, words)
    assert all(instruction.flag(name) == value.strip('"') for name, value in flags)
    assert instruction.flag("none") is None


LINES = st.sampled_from(
    ["FROM a", "RUN b \\", "RUN <<E", "E", "# c", "", "  d", "# escape=`", "COPY [", "x `", "\t"]
)


@given(st.lists(LINES, max_size=12))
def test_every_line_is_in_one_place_at_most(lines: list[str]) -> None:
    dockerfile = parsed("\n".join(lines))
    end = 0
    for instruction in dockerfile.instructions:
        assert end < instruction.line <= instruction.last_line <= len(lines)
        end = instruction.last_line


@given(st.binary(max_size=60))
def test_anything_can_be_read(content: bytes) -> None:
    assert parse_dockerfile(content).instructions is not None
