from __future__ import annotations

import pytest
from mzbuild.core.docker.stages import Reference, expand, find_references, split_stages, used_stages
from mzbuild.core.docker.syntax import parse_dockerfile
from mzbuild.core.errors import MzbuildError

DOCKERFILE = """\
ARG TAG=12 OTHER
ARG BASE="debian:${TAG}"
ARG SINGLE='x y'
FROM $BASE AS Build
ARG TAG=ignored
RUN make
MZFROM tools AS tools
FROM --platform=$BUILDPLATFORM ${OTHER:-alpine} AS unused
COPY --from=build /a /b
FROM build
COPY --from=tools /x /y
RUN --mount=type=bind,from=golang:1,target=/go --mount=type=cache,target=/c go build
ADD --from=0 a b
"""


def references_of(text: bytes) -> tuple[tuple[Reference, ...], ...]:
    return find_references(split_stages(parse_dockerfile(text), {}), "i/Dockerfile")


def test_stages_have_their_base_with_what_is_known_filled_in() -> None:
    stages = split_stages(parse_dockerfile(DOCKERFILE.encode()), {})
    assert [(stage.base, stage.name, stage.is_mzfrom) for stage in stages] == [
        ("debian:12", "build", False),
        ("tools", "tools", True),
        ("alpine", "unused", False),
        ("build", "", False),
    ]
    assert [len(stage.instructions) for stage in stages] == [2, 0, 1, 3]


def test_build_arguments_go_before_defaults() -> None:
    args = {"TAG": "13", "OTHER": "busybox"}
    stages = split_stages(parse_dockerfile(DOCKERFILE.encode()), args)
    assert [stage.base for stage in stages] == ["debian:13", "tools", "busybox", "build"]


def test_what_a_stage_is_made_of_has_its_line() -> None:
    references = references_of(DOCKERFILE.encode())
    assert [(each.name, each.line, each.stages) for each in references[3]] == [
        ("build", 10, (0,)),
        ("tools", 11, (1,)),
        ("golang:1", 12, ()),
        ("0", 13, (0,)),
    ]
    assert references[1] == ()


def test_used_are_the_last_stage_and_what_it_is_made_of() -> None:
    references = references_of(DOCKERFILE.encode())
    assert used_stages(references) == {0, 1, 3}
    assert used_stages(()) == frozenset()


def test_a_name_means_the_last_stage_of_that_name_above() -> None:
    text = b"FROM x AS a\nFROM y AS A\nFROM a AS a\nCOPY --from=9 b c\nCOPY --from=2 b c\n"
    references = references_of(text)
    assert [[each.stages for each in stage] for stage in references] == [[()], [()], [(1,), (), ()]]


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("$A-${A}", "1-1"),
        ("${A:-x}${B:-x}", "1x"),
        ("${A:+x}${B:+x}", "x"),
        ("$B ${B}", "$B ${B}"),
        ("a$", "a$"),
        ("${A-x}${B-x}", "1x"),
        ("${B:-${A}}", "${A}"),
        ("${A#v} ${A%%v} ${A/1/2} ${B:?x}", "${A#v} ${A%%v} ${A/1/2} ${B:?x}"),
    ],
)
def test_variables_are_filled_in(text: str, expanded: str) -> None:
    assert expand(text, {"A": "1"}) == expanded


def test_what_variables_make_of_one_another_does_not_grow_without_end() -> None:
    doubled = "".join(f"ARG A{n + 1}=$A{n}$A{n}\n" for n in range(60))
    text = f"ARG A0=x\n{doubled}FROM $A3\nFROM $A60\nFROM {'$A1' * 40_000}\n"
    stages = split_stages(parse_dockerfile(text.encode()), {})
    assert stages[0].base == "x" * 8
    assert all("$" in stage.base for stage in stages[1:])
    assert [len(each) for each in find_references(stages, "i/Dockerfile")] == [1, 1, 1]


def test_no_more_stages_are_looked_at_than_a_dockerfile_may_need() -> None:
    text = b"ARG X\n" + b"FROM scratch AS a\n" * 500
    assert len(references_of(text)) == 500
    with pytest.raises(MzbuildError) as raised:
        references_of(text + b"FROM a\n")
    assert str(raised.value) == (
        "i/Dockerfile:502: no more than 500 stages are looked at. Make several images of them."
    )
