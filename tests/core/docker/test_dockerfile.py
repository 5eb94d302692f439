from __future__ import annotations

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from mzbuild.core.docker.mzfrom import mzfrom_lines, mzfrom_names, rewrite_mzfrom
from mzbuild.core.errors import MzbuildError

SPEC = "localhost:5000/acme/{}:mzbuild-MNU5"

NAMES = st.from_regex(r"[A-Za-z0-9-]+", fullmatch=True)
SPACES = st.sampled_from([b" ", b"\t", b"  ", b" \t "])
RESTS = st.sampled_from([b"", b" AS builder", b" as Stage-1", b"  # comment", b"\r"])
# Lines that are no directive; no line break is in them.
OTHER_LINES = st.one_of(
    st.binary(max_size=20).filter(lambda line: b"\n" not in line),
    st.sampled_from(
        [
            b"FROM scratch",
            b"# MZFROM a",
            b" MZFROM a",
            b"RUN echo MZFROM a",
            b"mzfrom a",
            b"xMZFROM a",
        ]
    ),
).filter(lambda line: not line.startswith((b"MZFROM", b"\xef\xbb\xbfMZFROM")))
DIRECTIVES = st.tuples(SPACES, NAMES, RESTS)
DOCKERFILES = st.lists(st.one_of(OTHER_LINES, DIRECTIVES), max_size=8)


def spec(name: str) -> str:
    return SPEC.format(name)


def rewritten(content: bytes) -> bytes:
    return rewrite_mzfrom(
        content, {name: spec(name) for name in mzfrom_names(content, "Dockerfile")}
    )


@given(DOCKERFILES)
def test_everything_but_the_image_of_mzfrom_lines_stays_byte_for_byte(
    lines: list[bytes | tuple[bytes, str, bytes]],
) -> None:
    before, after, names = [], [], set()
    for line in lines:
        if isinstance(line, bytes):
            before.append(line)
            after.append(line)
        else:
            space, name, rest = line
            before.append(b"MZFROM" + space + name.encode() + rest)
            after.append(b"FROM" + space + spec(name).encode() + rest)
            names.add(name)
    content = b"\n".join(before)
    assert mzfrom_names(content, "Dockerfile") == tuple(sorted(names))
    assert rewritten(content) == b"\n".join(after)


@given(st.binary())
def test_rewriting_leaves_nothing_to_rewrite(content: bytes) -> None:
    try:
        names = mzfrom_names(content, "Dockerfile")
    except MzbuildError:
        assume(False)
    once = rewrite_mzfrom(content, dict.fromkeys(names, "x"))
    assert mzfrom_names(once, "Dockerfile") == ()
    assert rewrite_mzfrom(once, {}) == once


@given(st.lists(st.sampled_from([b"MZFROM", b" ", b"\n", b"a", b"\xc3\xa9", b"\r", b"#"])))
def test_names_are_those_of_the_reference_pattern(parts: list[bytes]) -> None:
    content = b"".join(parts)
    found = re.findall(rb"^MZFROM\s*(\S+)", content, re.MULTILINE)
    assert mzfrom_names(content, "Dockerfile") == tuple(sorted({name.decode() for name in found}))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("MZFROM a AS b\n", "FROM {a} AS b\n"),
        ("MZFROM a as B # why\r\nRUN x\r\n", "FROM {a} as B # why\r\nRUN x\r\n"),
        ("MZFROM\ta", "FROM\t{a}"),
        # What the pattern allows besides: no white space at all, or a line break.
        ("MZFROMa\n", "FROM {a}\n"),
        ("MZFROM\n\na\n", "FROM\n\n{a}\n"),
        ("FROM a\n# MZFROM a\n", "FROM a\n# MZFROM a\n"),
    ],
)
def test_as_clause_case_and_white_space_are_kept(before: str, after: str) -> None:
    assert rewritten(before.encode()) == after.format(a=spec("a")).encode()


def test_the_line_is_that_of_the_first_mention() -> None:
    assert mzfrom_lines(b"FROM x\nMZFROM a\nMZFROM b\nMZFROM a\n") == {"a": 2, "b": 3}


def test_a_name_that_is_not_utf_8_is_an_error_with_its_line() -> None:
    with pytest.raises(MzbuildError) as error:
        mzfrom_names(b"FROM x\n\nMZFROM caf\xe9\n", "i/Dockerfile")
    assert str(error.value) == "i/Dockerfile:3: the image that `MZFROM` names is not UTF-8 text."


def test_a_byte_order_mark_may_stand_before_an_mzfrom() -> None:
    content = b"\xef\xbb\xbfMZFROM a\nMZFROM b\n\xef\xbb\xbfMZFROM c\n"
    assert mzfrom_names(content, "Dockerfile") == ("a", "b")
    assert mzfrom_lines(content) == {"a": 1, "b": 2}
    rewritten = rewrite_mzfrom(content, {"a": "x", "b": "y"})
    assert rewritten == b"\xef\xbb\xbfFROM x\nFROM y\n\xef\xbb\xbfMZFROM c\n"
