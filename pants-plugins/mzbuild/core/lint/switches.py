"""Comments in a Dockerfile that switch rules of the linter off."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass

from mzbuild.core.docker.syntax import Dockerfile

_SWITCH = re.compile(r"mzbuild:\s*ignore=(.*)")


@dataclass(frozen=True)
class Switch:
    """A rule that a comment switches off, if there is one of that name.

    It is off for the image or, where there are `covered` lines, for these of its Dockerfile.
    """

    rule: str
    line: int
    covered: range | None


def parse_switches(dockerfile: Dockerfile) -> tuple[Switch, ...]:
    """What comments such as `# mzbuild: ignore=rule, rule` switch off.

    It is off for the image if no instruction stands above the comment, else for the instruction
    that the comment stands in or above.
    """
    instructions = dockerfile.instructions
    ends = [instruction.last_line for instruction in instructions]
    switches = []
    for comment in dockerfile.comments:
        match = _SWITCH.match(comment.text)
        if match is None:
            continue
        covered = None
        if instructions and instructions[0].line < comment.line:
            below = instructions[bisect_right(ends, comment.line) :][:1]
            covered = range(below[0].line, below[0].last_line + 1) if below else range(0)
        rules = re.split(r"[,\s]+", match[1].strip())
        switches += [Switch(rule, comment.line, covered) for rule in dict.fromkeys(rules)]
    return tuple(switches)
