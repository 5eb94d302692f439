"""Where a build failed and why, by what Docker said."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from mzbuild.core.docker.stages import Stage, split_stages
from mzbuild.core.docker.syntax import Instruction, parse_dockerfile

# BuildKit of later versions shows the lines of a Dockerfile below its name and the first of those
# that failed. Every version names the line that it cannot read.
_LINE = re.compile(
    r"^[^\s:]+:(\d+)\r?\n-{5,}\r?$|dockerfile parse error (?:on )?line (\d+):", re.MULTILINE
)
# Earlier versions only name the step, by the platform and the stage where there are several.
_STEP = re.compile(r"^ > \[(?:[^\]\n]{0,255}?([^\s\]]{1,255}))? *(\d+)/\d+\] (\w+)", re.MULTILINE)
_LOADED = re.compile(
    r"^ > \[internal\] load metadata for (?:docker\.io/)?(?:library/)?(\S+):\r?$", re.MULTILINE
)
# Without BuildKit, every instruction is a step; what it says itself is the last line.
_PLAIN_STEP = re.compile(r"^Step (\d+)/\d+ : (\w+)", re.MULTILINE)
_BUILDKIT = re.compile(r"^#\d+ ", re.MULTILINE)
# Before the cause stands what has only handed it on.
_SENTENCE = re.compile(
    r"^error: (?:(?:failed to (?:build|solve(?: with frontend [^\s:]+)?|create LLB definition):"
    r"|rpc error: code = \w+ desc =) )*(.+?)\r?$",
    re.MULTILINE | re.IGNORECASE,
)
_UNNAMED = re.compile(r"stage-(\d+)")
# The instructions that BuildKit counts as steps of a stage.
_COUNTED = ("RUN", "COPY", "ADD", "WORKDIR")


def failed_line(output: str, dockerfile: bytes, build_args: Mapping[str, str]) -> int | None:
    """The line at which a build failed of the Dockerfile that Docker read, if that can be told."""
    shown = _last(_LINE, output)
    if shown:
        return int(shown[1] or shown[2])
    parsed = parse_dockerfile(dockerfile)
    stages = split_stages(parsed, build_args)
    step, loaded, plain = (_last(each, output) for each in (_STEP, _LOADED, _PLAIN_STEP))
    if step:
        return _line(_steps(stages, step[1] or ""), step[2], step[3])
    if loaded:
        names = (loaded[1], loaded[1].removesuffix(":latest"))
        return next((stage.start.line for stage in stages if stage.base in names), None)
    return _line(parsed.instructions, plain[1], plain[2]) if plain else None


def docker_sentence(output: str) -> str:
    """What Docker itself says of a failed build: its error, or else the last line."""
    found = _last(_SENTENCE, output) if _BUILDKIT.search(output) else None
    lines = output.strip().splitlines()
    return found[1] if found else lines[-1].strip() if lines else "Docker said nothing."


def _steps(stages: Sequence[Stage], name: str) -> list[Instruction]:
    """The steps of a stage; the last stage is the one that has no name."""
    names = {stage.name for stage in stages if stage.name}
    unnamed = _UNNAMED.fullmatch(name)
    if unnamed and name not in names:
        found = stages[int(unnamed[1]) :][:1]
    else:
        found = [stage for stage in stages if stage.name and stage.name == name][-1:]
    steps = []
    for stage in found or stages[-1:]:
        # What is there already is no step.
        steps = [] if stage.base == "scratch" or stage.base.lower() in names else [stage.start]
        steps += [each for each in stage.instructions if each.name in _COUNTED]
    return steps


def _line(steps: Sequence[Instruction], number: str, name: str) -> int | None:
    """The line of a step, counted from 1, unless it turns out to be something else."""
    found = [step.line for step in steps[int(number) - 1 :][:1] if step.name == name.upper()]
    return found[0] if found else None


def _last(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    return next(reversed(list(pattern.finditer(text))), None)
