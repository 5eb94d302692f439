"""Where builds fail, by the words of several versions of Docker."""

from __future__ import annotations

import pytest
from mzbuild.core.docker.failures import docker_sentence, failed_line

DOCKERFILE = b"""\
ARG BASE=elsewhere
FROM scratch AS builder
ENV A=b
COPY a /
RUN one
FROM docker.invalid/$BASE/x AS other
RUN of other

FROM builder
WORKDIR /srv
RUN two && \\
    three
FROM alpine AS stage-9
RUN four
"""


@pytest.mark.parametrize(
    ("output", "line"),
    [
        # Neither `scratch` nor another stage is a step.
        (" > [builder 1/2] COPY a /:\n------\n", 4),
        (" > [linux/amd64 builder 2/2] RUN one:\n", 5),
        (" > [other 1/2] FROM docker.invalid/here/x:\n", 6),
        (" > [other 2/2] RUN of other:\n", 7),
        (" > [stage-2 1/2] WORKDIR /srv:\n", 10),
        (" > [stage-2  2/12] RUN two &&     three:\n", 11),
        (" > [stage-9 2/2] RUN four:\n", 14),
        (" > [2/2] RUN four:\n", 14),
        (" > [linux/arm64 2/2] RUN four:\n", 14),
        # What Docker shows itself goes before what its step is called.
        (" > [builder 2/2] RUN one:\n------\nDockerfile:7\n--------------------\n", 7),
        ("ERROR: failed to solve: dockerfile parse error line 3: unknown instruction: X\n", 3),
        ("ERROR: dockerfile parse error on line 3: unknown instruction: X (did you mean Y?)\n", 3),
        ("------\n > [internal] load metadata for docker.invalid/here/x:latest:\n------\n", 6),
        ("------\n > [internal] load metadata for docker.io/library/alpine:latest:\n-----\n", 13),
        ("------\n > [internal] load metadata for docker.io/library/debian:12:\n------\n", None),
        # Without BuildKit, all are.
        ("Step 4/9 : COPY a /\nStep 5/9 : RUN one\nThe command returned a code: 1\n", 5),
        ("Step 1/9 : ARG BASE=elsewhere\nno\n", 1),
        # A program in the image may print the like.
        ("#5 0.1 > [1/3] FROM\n > [builder 2/2] RUN one:\n", 5),
        ("Step 1/2 : RUN what a program prints\n", None),
        # An image that a stage starts from may have steps for it by `ONBUILD`.
        (" > [other 2/3] COPY of that image:\n", None),
        (" > [builder 9/9] RUN nine:\n", None),
        ("Cannot connect to the Docker daemon\n", None),
        ("", None),
    ],
)
def test_the_line_of_a_failed_instruction(output: str, line: int | None) -> None:
    assert failed_line(output, DOCKERFILE, {"BASE": "here"}) == line


def test_a_dockerfile_without_a_stage_has_no_line_for_a_step() -> None:
    assert failed_line(" > [1/1] RUN x:\n", b"", {}) is None


OLDER = "#2 x\nERROR: failed to solve: rpc error: code = Unknown desc = failed to solve with "
OLDER += "frontend dockerfile.v0: failed to create LLB definition: "


@pytest.mark.parametrize(
    ("output", "sentence"),
    [
        ("#1 a\nERROR: failed to solve: process x: exit code: 3\n", "process x: exit code: 3"),
        ("#1 a\nerror: failed to solve: failed to solve: x\n", "x"),
        ("#1 a\nERROR: failed to build: failed to solve: x\n", "x"),
        (
            f"{OLDER}failed to do request: Head x: no such host\n",
            "failed to do request: Head x: no such host",
        ),
        (f"{OLDER}dockerfile parse error line 2: RUNN\r\n", "dockerfile parse error line 2: RUNN"),
        ("#5 ERROR: no\nERROR: failed to push r/x: denied\nmore\n", "failed to push r/x: denied"),
        # Without BuildKit, an error may be that of a compiler.
        (
            "Step 1/2 : RUN x\nerror: unused\nThe command 'x' returned a code: 1\n",
            "The command 'x' returned a code: 1",
        ),
        ("", "Docker said nothing."),
        ("\n\n", "Docker said nothing."),
    ],
)
def test_what_docker_itself_says(output: str, sentence: str) -> None:
    assert docker_sentence(output) == sentence


def test_a_long_line_of_docker_s_takes_no_more_time_than_its_length() -> None:
    for line in (f" > [1/2] RUN {'a' * 60_000}", f" > [{'a' * 60_000}", f" > [{' ' * 60_000}x"):
        assert failed_line(f"#1 x\n{line}\n", b"FROM scratch\nRUN a\nRUN b\n", {}) != 3
