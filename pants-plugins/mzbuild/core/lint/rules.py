"""All rules of the linter, and what switches them off."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from mzbuild.core.errors import MzbuildError, listed, nearest
from mzbuild.core.image.declaration import Image
from mzbuild.core.lint.context import (
    check_binaries,
    check_copies,
    check_ignore_file,
    check_results,
    check_size,
)
from mzbuild.core.lint.dockerfile import check_mzfroms, check_pins, check_stages, check_syntax
from mzbuild.core.lint.findings import Finding, LintedImage, LintRule
from mzbuild.core.text.quantities import show_count
from mzbuild.core.text.table import SCREEN

_SWITCH = re.compile(r"mzbuild:\s*ignore=(.*)")
_SHOWN = 3
# A file, and perhaps a line of it.
_PLACE = re.compile(r"([^:\s]+)(?::(\d+))?: ")


def lint(
    images: Iterable[LintedImage],
    ignored: Collection[LintRule],
    max_context_size: int,
    broken: Mapping[Image, str] = MappingProxyType({}),
) -> tuple[Finding, ...]:
    """The findings about images, sorted by place; `max_context_size` is in MiB.

    `broken` says of other images why they have no fingerprint.

    A comment `# mzbuild: ignore=rule` in a Dockerfile, with one rule or several after commas,
    switches rules off: for its image if no instruction stands above it, else for the instruction
    that it stands in or above.
    """
    findings = [_broken(image, error) for image, error in broken.items()]
    missing: dict[str, list[str]] = {}
    for linted in images:
        switches, wrong = _switches(linted)
        checked = (
            *check_syntax(linted),
            *check_pins(linted),
            *check_mzfroms(linted),
            *check_stages(linted),
            *check_copies(linted),
            *check_ignore_file(linted),
            *check_binaries(linted),
            *check_results(linted),
            *check_size(linted, max_context_size),
        )
        findings += wrong
        findings += [each for each in checked if not any(off.covers(each) for off in switches)]
        if not any(off.rule is LintRule.MISSED_INPUT for off in switches):
            for path in linted.missed:
                missing.setdefault(path, []).append(linted.image.name)
    findings += _missed(missing)
    kept = [finding for finding in findings if finding.rule not in ignored]
    return tuple(sorted(set(kept), key=lambda each: (each.path, each.line, str(each))))


def findings_lines(findings: Sequence[Finding]) -> Iterator[str]:
    """A line for each finding; what fills more than a screen is summed up at its end."""
    yield from map(str, findings)
    if len(findings) > SCREEN:
        rules = Counter(finding.rule.value for finding in findings).most_common()
        counts = ", ".join(f"{count} {rule}" for rule, count in rules)
        files = len({finding.path for finding in findings})
        yield f"{len(findings)} findings in {show_count(files)}: {counts}"


def find_rule(name: str, where: str) -> LintRule:
    """The rule of a name; raises `MzbuildError`, which begins with `where`, if there is none."""
    known = {rule.value: rule for rule in LintRule}
    if name not in known:
        raise MzbuildError(
            f"{where}: there is no rule `{name}`.{nearest(name, known)} The rules are "
            f"{listed(known)}."
        )
    return known[name]


@dataclass(frozen=True)
class _Switch:
    """A rule that is off for an image or, where there are `lines`, for these of its Dockerfile."""

    rule: LintRule
    dockerfile: str
    lines: range | None

    def covers(self, finding: Finding) -> bool:
        # What is found elsewhere belongs to no instruction.
        near = self.lines is None or finding.path != self.dockerfile or finding.line in self.lines
        return near and finding.rule is self.rule


def _switches(linted: LintedImage) -> tuple[list[_Switch], list[Finding]]:
    """The rules that comments switch off, and findings about those that are none."""
    switches, wrong = [], []
    instructions = linted.dockerfile.instructions
    for comment in linted.dockerfile.comments:
        match = _SWITCH.match(comment.text)
        lines = None
        if any(each.line < comment.line for each in instructions):
            below = (each for each in instructions if each.last_line > comment.line)
            lines = next((range(each.line, each.last_line + 1) for each in below), range(0))
        for word in re.split(r"[,\s]+", match[1].strip()) if match else ():
            try:
                rule = find_rule(word, "`# mzbuild: ignore=…`")
                switches.append(_Switch(rule, linted.image.dockerfile, lines))
            except MzbuildError as error:
                wrong.append(linted.in_dockerfile(comment.line, LintRule.SYNTAX, str(error)))
    return switches, wrong


def _broken(image: Image, error: str) -> Finding:
    """What is wrong, at the place that is named at its beginning, or else where the image is."""
    match = _PLACE.match(error)
    if match:
        return Finding(match[1], int(match[2] or 1), LintRule.NO_FINGERPRINT, error[match.end() :])
    path = image.mzbuild_yml if image.declared_in_file else image.dockerfile
    return Finding(path, 1, LintRule.NO_FINGERPRINT, error)


def _missed(missing: dict[str, list[str]]) -> Iterator[Finding]:
    for path, names in missing.items():
        shown = listed(names[:_SHOWN])
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        yield Finding(
            path,
            1,
            LintRule.MISSED_INPUT,
            f"Cargo reads this for {shown}{more}, but the fingerprint scheme `mzbuild` leaves it "
            "out: when only this changes, the image keeps its name. Use the scheme `strict`, or "
            "move the file into a crate that depends on it.",
        )
