"""Dockerfiles that nobody writes who means well: the linter answers all the same."""

from __future__ import annotations

import pytest
from mzbuild.core.actions.action import Result, ResultKind
from mzbuild.core.image.declaration import Image
from mzbuild.core.lint.findings import Linted, LintedImage
from mzbuild.core.lint.rules import lint
from mzbuild.core.text.limits import LARGEST_FILE

FILES = {f"d{number % 100}/e/{number}.txt": 1 for number in range(2000)}
BEGINNINGS = ("FROM scratch\nCOPY ", "FROM ", "# mzbuild: ignore=", "FROM scratch\nRUN ")
REPEATED = (
    *("\\\n", "a \\\n", "# c\n", "COPY a b\n", "FROM a AS b\nCOPY --from=b x y\n", "RUN <<A\nA\n"),
    *(
        " ",
        "a",
        "--mount=x ",
        "\\",
        "\\ ",
        "MZFROM",
        "MZFROM a\n",
        "--a ",
        "<<A ",
        '"',
        "'",
        "[",
        "[[]",
    ),
    *('["a",', "$A", "${", "${A:-", "# mzbuild: ignore=x\n", "ARG A=$A$A\n", "xyzzy\n", "\r", "\0"),
    *("RUN --mount=type=bind,from=$x a\n", "COPY **/*a /\n", "FROM s$X\n"),
)


def linted(dockerfile: str, declaration: str = "name: i\n", **contents: str) -> LintedImage:
    texts = {"Dockerfile": dockerfile, "mzbuild.yml": declaration, **contents}
    return LintedImage(
        Image("i", "x", "x/mzbuild.yml"),
        {name: text.encode() for name, text in texts.items()},
        {**FILES, **dict.fromkeys(texts, 1)},
        {"tool": Result(ResultKind.BINARY)},
    )


def found(image: LintedImage, rule: str = "syntax") -> list[str]:
    findings = lint(Linted((image,)), ())
    return [f"{each.path}:{each.line}: {each.message}" for each in findings if each.rule == rule]


@pytest.mark.parametrize("repeated", REPEATED)
def test_what_is_repeated_takes_no_more_time_than_its_length(repeated: str) -> None:
    # Most would take minutes if each were compared with all others, or with each file.
    for beginning in BEGINNINGS:
        text = beginning + repeated * (LARGEST_FILE // len(repeated))
        assert lint(Linted((linted(text[:LARGEST_FILE]),)), ()) is not None


def test_different_sources_take_no_more_time_than_their_number() -> None:
    lines = "".join(f"COPY {number} /\n" for number in range(4000))
    assert len(found(linted(f"FROM scratch\n{lines}"), "copy-source")) == 4000


def test_only_so_many_sources_with_wildcards_are_looked_at() -> None:
    lines = "".join(f"COPY a{number}* a*/x /\n" for number in range(199))
    assert found(linted(f"FROM scratch\n{lines}")) == []
    assert found(linted(f"FROM scratch\n{lines}COPY b* c* d\n")) == [
        "x/Dockerfile:201: no more than 200 sources with wildcards are looked at. Copy directories."
    ]


def test_only_so_many_stages_are_looked_at() -> None:
    stages = "".join(f"FROM scratch AS s{number}\n" for number in range(600))
    assert found(linted(f"{stages}FROM s$X\n")) == [
        "x/Dockerfile:501: no more than 500 stages are looked at. Make several images of them."
    ]


def test_only_so_many_patterns_of_an_ignore_file_are_looked_at() -> None:
    image = linted("FROM scratch\n", **{".dockerignore": "**/*a\n" * 1001})
    assert found(image) == [
        "x/.dockerignore:1001: no more than 1,000 patterns are read. Write fewer."
    ]


def test_of_what_is_no_dockerfile_a_few_lines_are_told() -> None:
    assert len(found(linted("FROM scratch\n" + "xyzzy\n" * 9000))) == 20
    rules = ",".join(f"x{number}" for number in range(9000))
    assert len(found(linted(f"# mzbuild: ignore={rules}\nFROM scratch\n"))) == 20


def test_a_switch_for_every_line_takes_no_more_time_than_their_number() -> None:
    switch = "# mzbuild: ignore=unused-stage\n"
    text = "FROM scratch\n" + f"{switch}FROM scratch\n" * 400
    assert found(linted(text), "unused-stage") == [
        "x/Dockerfile:1: nothing of the stage 0 gets into the image. Remove the stage, or copy "
        "from it."
    ]
