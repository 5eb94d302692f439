"""All rules of the linter together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence

from mzbuild.core.errors import listed
from mzbuild.core.lint import context, declaration, dockerfile
from mzbuild.core.lint.findings import Finding, Linted, at_place
from mzbuild.core.lint.registry import RULES, find_rule, repository_rule
from mzbuild.core.text.quantities import show_count
from mzbuild.core.text.table import WIDTH, wrapped

__all__ = ["RULES", "context", "declaration", "dockerfile", "find_rule", "findings_lines", "lint"]

_SHOWN = 3


def lint(linted: Linted, ignored: Collection[str]) -> tuple[Finding, ...]:
    """The findings of all rules that are not ignored, sorted by place, each once."""
    found = {
        finding
        for rule in RULES.values()
        if rule.name not in ignored
        for finding in rule.check(linted)
    }
    return tuple(sorted(found, key=lambda each: (each.path, each.line, str(each))))


def findings_lines(findings: Sequence[Finding]) -> Iterator[str]:
    """The lines of each finding, and how many there are of each rule."""
    if findings:
        yield from (line for finding in findings for line in finding.lines)
        rules = Counter(finding.rule for finding in findings).most_common()
        counts = ", ".join(f"{count} {rule}" for rule, count in rules)
        files = show_count(len({finding.path for finding in findings}))
        number = f"{len(findings)} finding{'s' * (len(findings) > 1)}"
        yield from wrapped(f"{number} in {files}: {counts}", WIDTH, more=" " * 4)


@repository_rule("no-fingerprint", "what keeps an image from having one: see below")
def check_fingerprints(linted: Linted) -> Iterator[Finding]:
    """What is wrong with an image that has no fingerprint."""
    for image, error in linted.broken.items():
        # A cycle has no place of its own.
        otherwise = image.dockerfile if "`MZFROM`" in error else image.origin
        yield at_place(error, otherwise, linted.contents)


@repository_rule("missed-input", "a file that Cargo reads and the fingerprint scheme leaves out")
def check_missed_inputs(linted: Linted) -> Iterator[Finding]:
    """An input that the scheme leaves out, once for all images that have it."""
    missing: dict[str, list[str]] = {}
    for image in linted.images:
        if not any(switch.rule == "missed-input" for switch in image.switches):
            for path in image.missed:
                missing.setdefault(path, []).append(image.image.name)
    for path, names in missing.items():
        shown = listed(names[:_SHOWN])
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        yield Finding(
            path,
            1,
            f"Cargo reads this for {shown}{more}, but the fingerprint scheme `mzbuild` leaves it "
            "out: when only this changes, the image keeps its name. Use the scheme `strict`. What "
            "one crate alone reads may be moved into its directory instead.",
        )
