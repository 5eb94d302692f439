"""The rules of the linter that look at how an image is declared."""

from __future__ import annotations

from collections.abc import Iterator

from mzbuild.core.image.mzbuild_yml import FILE_NAME
from mzbuild.core.lint.findings import Finding, LintedImage, at_place
from mzbuild.core.lint.registry import lint_rule
from mzbuild.core.paths import under


@lint_rule("unknown-field", "a field of an `mzbuild.yml` that means nothing")
def check_fields(linted: LintedImage) -> Iterator[Finding]:
    """A field that is not known."""
    for warning in linted.warnings:
        yield at_place(warning, linted.image.mzbuild_yml)


@lint_rule("idle-copy", "a `copy` action that copies nothing, since its `matching` matches nothing")
def check_copy_actions(linted: LintedImage) -> Iterator[Finding]:
    """A `copy` action that copies nothing."""
    return _of_actions(linted, "idle-copy")


@lint_rule("cargo-build", "a `cargo-build` action that Cargo would refuse")
def check_cargo_actions(linted: LintedImage) -> Iterator[Finding]:
    """A feature that no crate has, a profile that the workspace does not define, and the like."""
    return _of_actions(linted, "cargo-build")


def _of_actions(linted: LintedImage, rule: str) -> Iterator[Finding]:
    declared = linted.image.mzbuild_yml
    contents = {declared: linted.contents.get(FILE_NAME, b"")}
    for complaint in linted.complaints:
        if complaint.rule == rule:
            found = at_place(complaint.message, linted.image.origin, contents)
            if (found.path, found.line) == (declared, 1):
                found = linted.in_declaration(complaint.word, found.message)
            yield found


@lint_rule("unignored-result", "a result of a pre-image action that Git would see in the work tree")
def check_results(linted: LintedImage) -> Iterator[Finding]:
    """A result that would be an input, if another tool made it in the work tree."""
    tops = {path.partition("/")[0] for path in linted.unignored}
    for top in sorted(tops):
        yield linted.in_declaration(
            top,
            f"a pre-image action makes `{top}`, which no ignore rule matches: made in the work "
            f"tree by another tool, it would be an input. Add `/{top}` to "
            f"{under(linted.image.context, '.gitignore')}.",
        )
