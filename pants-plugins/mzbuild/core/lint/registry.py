"""The rules of the linter: each a function that finds something, with its name and a summary."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Callable

from mzbuild.core.errors import MzbuildError, listed, nearest
from mzbuild.core.lint.findings import Finding, Linted, LintedImage, at_place

SYNTAX = "syntax"
"""The rule for what cannot be read."""


@dataclass(frozen=True)
class LintRule:
    """A rule: the name that switches it off, what it finds, and the function that finds that."""

    name: str
    summary: str
    check: Callable[[Linted], Iterator[Finding]]


RULES: dict[str, LintRule] = {}
"""All rules by their names, once their modules are imported."""


def lint_rule(
    name: str, summary: str
) -> Callable[[Callable[[LintedImage], Iterator[Finding]]], object]:
    """Makes a rule of a function that finds something in one image."""

    def register(check: Callable[[LintedImage], Iterator[Finding]]) -> object:
        def check_each(linted: Linted) -> Iterator[Finding]:
            for image in linted.images:
                try:
                    yield from image.not_off(name, check(image))
                except MzbuildError as error:
                    # What is too large to be looked at; several rules may come to it.
                    yield replace(at_place(str(error), image.image.dockerfile), rule=SYNTAX)

        return repository_rule(name, summary)(check_each)

    return register


def repository_rule(
    name: str, summary: str
) -> Callable[[Callable[[Linted], Iterator[Finding]]], object]:
    """Makes a rule of a function that looks at all images together."""

    def register(check: Callable[[Linted], Iterator[Finding]]) -> object:
        def check_all(linted: Linted) -> Iterator[Finding]:
            yield from (replace(finding, rule=finding.rule or name) for finding in check(linted))

        RULES[name] = LintRule(name, summary, check_all)
        return check

    return register


def find_rule(name: str, where: str) -> str:
    """The name, or `MzbuildError`, which begins with `where`, if there is no rule of that name."""
    if name not in RULES:
        known = sorted(RULES)
        raise MzbuildError(
            f"{where}: there is no rule `{name}`.{nearest(name, known)} The rules are "
            f"{listed(known)}."
        )
    return name
