"""The stages of a Dockerfile: what each starts from, and which of them the image is made of."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mzbuild.core.docker.syntax import Dockerfile, Instruction

_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)(?::([-+])([^{}]*))?\})")
_DEFAULT = re.compile(r"(\w+)=(?:\"([^\"]*)\"|'([^']*)'|(\S*))")
_INDEX = re.compile(r"\d+")


@dataclass(frozen=True)
class Stage:
    """A stage: its `FROM` or `MZFROM`, and the instructions that follow that.

    `base` is the image or stage that it starts from, with variables filled in as far as they are
    known; `name` is in lower case, as stages are compared, and empty for a stage without one.
    """

    start: Instruction
    base: str
    name: str
    instructions: tuple[Instruction, ...]

    @property
    def is_mzfrom(self) -> bool:
        """Whether it starts from another image of the repository."""
        return self.start.is_mzfrom


def split_stages(dockerfile: Dockerfile, build_args: Mapping[str, str]) -> tuple[Stage, ...]:
    """The stages in order; `build_args` go before the defaults of the `ARG`s before them."""
    variables: dict[str, str] = {}
    parts: list[list[Instruction]] = []
    for instruction in dockerfile.instructions:
        if instruction.name == "FROM" or instruction.is_mzfrom:
            parts.append([instruction])
        elif parts:
            parts[-1].append(instruction)
        elif instruction.name == "ARG":
            for match in _DEFAULT.finditer(instruction.rest):
                value = match[2] or match[3] or match[4] or ""
                variables[match[1]] = build_args.get(match[1], expand(value, variables))
            for name in set(instruction.rest.split()) & set(build_args):
                variables[name] = build_args[name]
    return tuple(_stage(part, variables) for part in parts)


def expand(text: str, variables: Mapping[str, str]) -> str:
    """A text with `$NAME`, `${NAME}`, `${NAME:-default}` and `${NAME:+other}` filled in.

    Of an unknown variable without a default, the `$` stays.
    """

    def value(match: re.Match[str]) -> str:
        known = variables.get(match[1] or match[2], "")
        if match[3] == "+":
            return match[4] if known else ""
        return known or (match[4] if match[3] else match[0])

    return _VARIABLE.sub(value, text)


def used_stages(stages: tuple[Stage, ...]) -> frozenset[int]:
    """The indices of the stages that the last one is made of, itself among them."""
    used: set[int] = set()
    pending = [len(stages) - 1] if stages else []
    while pending:
        index = pending.pop()
        if index not in used:
            used.add(index)
            found = (stage_index(stages[:index], name) for name, _ in references(stages[index]))
            pending += [each for each in found if each is not None]
    return frozenset(used)


def references(stage: Stage) -> Iterator[tuple[str, int]]:
    """The stages and images that a stage starts from or takes files from, each with its line."""
    if not stage.is_mzfrom:
        yield stage.base, stage.start.line
    for instruction in stage.instructions:
        names = [copied_from(instruction), *(mount.get("from") for mount in mounts(instruction))]
        yield from ((name, instruction.line) for name in names if name is not None)


def copied_from(instruction: Instruction) -> str | None:
    """The stage or image that a `COPY --from` names."""
    return instruction.flag("from") if instruction.name in ("COPY", "ADD") else None


def mounts(instruction: Instruction) -> list[dict[str, str]]:
    """The fields of each `RUN --mount`."""
    values = [value for name, value in instruction.flags if name == "mount"]
    return [
        {key: setting for key, _, setting in (part.partition("=") for part in value.split(","))}
        for value in values
        if instruction.name == "RUN"
    ]


def stage_index(earlier: tuple[Stage, ...], name: str) -> int | None:
    """The last of the earlier stages that a name or a number means, if it means any."""
    if _INDEX.fullmatch(name):
        return int(name) if int(name) < len(earlier) else None
    indices = [index for index, stage in enumerate(earlier) if stage.name == name.lower()]
    return indices[-1] if indices else None


def _stage(part: list[Instruction], variables: Mapping[str, str]) -> Stage:
    start, *following = part
    words = start.words
    named = len(words) > 2 and words[1].upper() == "AS"
    base = expand(words[0], variables) if words else ""
    return Stage(start, base, words[2].lower() if named else "", tuple(following))
