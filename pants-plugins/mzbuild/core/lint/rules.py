"""All rules of the linter, and what switches them off."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator

from mzbuild.core.errors import MzbuildError, listed, nearest
from mzbuild.core.lint.context import (
    check_binaries,
    check_copies,
    check_ignore_file,
    check_results,
    check_size,
)
from mzbuild.core.lint.dockerfile import check_mzfroms, check_pins, check_stages, check_syntax
from mzbuild.core.lint.findings import Finding, LintedImage, LintRule

_SWITCH = re.compile(r"mzbuild:\s*ignore=(.*)")
_SHOWN = 3


def lint(
    images: Iterable[LintedImage], ignored: Collection[LintRule], max_context_size: int
) -> tuple[Finding, ...]:
    """The findings about images, sorted by place; `max_context_size` is in MiB.

    A comment `# mzbuild: ignore=rule` in a Dockerfile, with one rule or several after commas,
    switches rules off for its image.
    """
    findings: list[Finding] = []
    missing: dict[str, list[str]] = {}
    for linted in images:
        off, wrong = _switched_off(linted)
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
        findings += [each for each in checked if each.rule not in off]
        if LintRule.MISSED_INPUT not in off:
            for path in linted.missed:
                missing.setdefault(path, []).append(linted.image.name)
    findings += _missed(missing)
    kept = [finding for finding in findings if finding.rule not in ignored]
    return tuple(sorted(set(kept), key=lambda each: (each.path, each.line, str(each))))


def find_rule(name: str, where: str) -> LintRule:
    """The rule of a name; raises `MzbuildError`, which begins with `where`, if there is none."""
    known = {rule.value: rule for rule in LintRule}
    if name not in known:
        raise MzbuildError(
            f"{where}: there is no rule `{name}`.{nearest(name, known)} The rules are "
            f"{listed(known)}."
        )
    return known[name]


def _switched_off(linted: LintedImage) -> tuple[set[LintRule], list[Finding]]:
    """The rules that comments switch off, and findings about those that are none."""
    off, wrong = set(), []
    for comment in linted.dockerfile.comments:
        match = _SWITCH.match(comment.text)
        for word in re.split(r"[,\s]+", match[1].strip()) if match else ():
            try:
                off.add(find_rule(word, "`# mzbuild: ignore=…`"))
            except MzbuildError as error:
                wrong.append(linted.in_dockerfile(comment.line, LintRule.SYNTAX, str(error)))
    return off, wrong


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
