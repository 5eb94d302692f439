"""The stages of a Dockerfile: what each starts from, and which of them the image is made of."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from mzbuild.core.docker.arguments import OWN_ARGUMENTS
from mzbuild.core.docker.syntax import Dockerfile, Instruction
from mzbuild.core.errors import MzbuildError
from mzbuild.core.text.wildcards import Gap, linear_regex

# https://docs.docker.com/reference/dockerfile/#automatic-platform-args-in-the-global-scope
_PLATFORMS = (
    f"{side}{part}"
    for side in ("TARGET", "BUILD")
    for part in ("PLATFORM", "OS", "ARCH", "VARIANT", "OSVERSION")
)
_FILLED_IN = frozenset({*OWN_ARGUMENTS, *_PLATFORMS})

# What follows a variable's name in braces may have another variable in it.
_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)([^{}\w](?:[^{}]|\{[^{}]*\})*)?\})")
_OTHERWISE = re.compile(r":?([-+])(.*)", re.DOTALL)
_DEFAULT = re.compile(r"(?<!\w)(\w+)=(?:\"([^\"]*)\"|'([^']*)'|(\S*))")
_INDEX = re.compile(r"[0-9]{1,9}")

# No name of an image or a stage is longer. What variables make of one another may be.
_LONGEST_NAME = 1024
# A name with a variable in it is compared with those of all stages.
_MOST_STAGES = 500


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
    """The stages in order; `build_args` go before the defaults of the `ARG`s before them.

    What is filled in for each build, no default says.
    """
    unknown = _FILLED_IN - {*build_args}
    variables = {name: f"${name}" for name in unknown}
    parts: list[list[Instruction]] = []
    for instruction in dockerfile.instructions:
        if instruction.name == "FROM" or instruction.is_mzfrom:
            parts.append([instruction])
        elif parts:
            parts[-1].append(instruction)
        elif instruction.name == "ARG":
            for match in _DEFAULT.finditer(instruction.rest):
                if match[1] in unknown:
                    continue
                value = match[2] or match[3] or match[4] or ""
                variables[match[1]] = build_args.get(match[1], expand(value, variables))
            for name in set(instruction.rest.split()) & set(build_args):
                variables[name] = build_args[name]
    return tuple(_stage(part, variables) for part in parts)


def expand(text: str, variables: Mapping[str, str]) -> str:
    """A text with `$NAME`, `${NAME}`, `${NAME:-default}` and `${NAME:+other}` filled in.

    Of an unknown variable without a default, and of what else may be done to one, the `$` stays.
    What becomes longer than any name stays as it is.
    """

    def value(match: re.Match[str]) -> str:
        known = variables.get(match[1] or match[2], "")
        if not match[3]:
            return known or match[0]
        otherwise = _OTHERWISE.match(match[3])
        if otherwise is None:
            return match[0]
        if otherwise[1] == "+":
            return otherwise[2] if known else ""
        return known or otherwise[2]

    expanded = _VARIABLE.sub(value, text) if len(text) <= _LONGEST_NAME else text
    return expanded if len(expanded) <= _LONGEST_NAME else text


@dataclass(frozen=True)
class Reference:
    """A stage or image that a stage starts from or takes files from, and the line that says so.

    `stages` are the indices of those that it may mean: none for an image, and several where a
    variable chooses one of them.
    """

    name: str
    line: int
    stages: tuple[int, ...] = ()


def find_references(stages: Sequence[Stage], where: str) -> tuple[tuple[Reference, ...], ...]:
    """What each of the stages is made of; a name means the last stage of that name above it.

    `where` is the Dockerfile's name for messages. Raises `MzbuildError` for too many stages.
    """
    if len(stages) > _MOST_STAGES:
        raise MzbuildError(
            f"{where}:{stages[_MOST_STAGES].start.line}: no more than {_MOST_STAGES} stages are "
            "looked at. Make several images of them."
        )
    found = []
    named: dict[str, int] = {}
    for index, stage in enumerate(stages):
        found.append(tuple(_references(stage, index, named)))
        if stage.name:
            named[stage.name] = index
    return tuple(found)


def used_stages(references: Sequence[Sequence[Reference]]) -> frozenset[int]:
    """The indices of the stages that the last one is made of, itself among them."""
    used: set[int] = set()
    pending = [len(references) - 1] if references else []
    while pending:
        index = pending.pop()
        if index not in used:
            used.add(index)
            pending += [other for each in references[index] for other in each.stages]
    return frozenset(used)


def _references(stage: Stage, index: int, named: Mapping[str, int]) -> Iterator[Reference]:
    names = []
    if not stage.is_mzfrom:
        names.append((stage.base, stage.start))
    for instruction in stage.instructions:
        taken = [copied_from(instruction), *(mount.get("from") for mount in mounts(instruction))]
        names += [(name, instruction) for name in taken if name is not None]
    for name, instruction in names:
        written = instruction.words[0] if instruction is stage.start and instruction.words else name
        if len(written) > _LONGEST_NAME:
            meant: tuple[int, ...] = ()
        elif "$" in written and ("$" in name or name.lower() in named):
            pattern = _pattern(written.lower())
            meant = tuple(other for known, other in named.items() if pattern.match(known))
        elif _INDEX.fullmatch(name):
            meant = (int(name),) if int(name) < index else ()
        else:
            meant = (named[name.lower()],) if name.lower() in named else ()
        yield Reference(name, instruction.line, meant)


def _pattern(text: str) -> re.Pattern[str]:
    """A regular expression for a text with any values of the variables in it."""
    parts: list[str | Gap] = []
    end = 0
    for match in _VARIABLE.finditer(text):
        parts += [re.escape(text[end : match.start()]), Gap(".*?")]
        end = match.end()
    return re.compile(linear_regex([*parts, re.escape(text[end:]) + r"\Z"]), re.DOTALL)


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


def _stage(part: list[Instruction], variables: Mapping[str, str]) -> Stage:
    start, *following = part
    words = start.words
    named = len(words) > 2 and words[1].upper() == "AS"
    base = expand(words[0], variables) if words else ""
    return Stage(start, base, words[2].lower() if named else "", tuple(following))
