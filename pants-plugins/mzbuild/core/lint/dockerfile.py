"""The rules of the linter that look at a Dockerfile by itself."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mzbuild.core.docker.mzfrom import all_mzfrom_lines
from mzbuild.core.docker.stages import references, stage_index, used_stages
from mzbuild.core.image.context import DOCKERFILE
from mzbuild.core.lint.findings import Finding, LintedImage, LintRule

_MZFROM_COMMENT = re.compile(r"MZFROM\s+\S+")


def check_syntax(linted: LintedImage) -> Iterator[Finding]:
    """A heredoc that never ends."""
    heredoc = linted.dockerfile.unfinished
    if heredoc is not None:
        line = linted.dockerfile.instructions[-1].line
        message = f"the heredoc `{heredoc}` never ends. Add a line that is just `{heredoc}`."
        yield linted.in_dockerfile(line, LintRule.SYNTAX, message)


def check_pins(linted: LintedImage) -> Iterator[Finding]:
    """An image from elsewhere that is not named by its digest."""
    for index, stage in enumerate(linted.stages):
        for name, line in references(stage):
            if name.isdigit() or stage_index(linted.stages[:index], name) is not None:
                continue
            # Of a variable that only the build knows, nothing can be said.
            if name == "scratch" or "@" in name or "$" in name:
                continue
            tag = name.rpartition("/")[2].partition(":")[2]
            which = f"the tag `{tag}`" if tag else "no tag, which means `latest`,"
            yield linted.in_dockerfile(
                line,
                LintRule.UNPINNED_FROM,
                f"`{name}` has {which} and can be another image tomorrow, under the same "
                f"fingerprint. Add its digest, `{name}@sha256:…`; `docker buildx imagetools "
                f"inspect {name}` shows it.",
            )


def check_mzfroms(linted: LintedImage) -> Iterator[Finding]:
    """An `MZFROM` that is no instruction, or that only looks like one."""
    dockerfile = linted.dockerfile
    starts = set()
    for instruction in dockerfile.instructions:
        if instruction.name != "MZFROM":
            continue
        starts.add(instruction.line)
        if not instruction.is_mzfrom:
            how = "indented" if instruction.indented else "not in capitals"
            yield linted.in_dockerfile(
                instruction.line,
                LintRule.MISPLACED_MZFROM,
                f"this `MZFROM` is {how}, so it is not replaced, and Docker does not know it. "
                "Write it in capitals at the start of the line.",
            )
    for line in all_mzfrom_lines(linted.contents[DOCKERFILE]):
        if line not in starts:
            yield linted.in_dockerfile(
                line,
                LintRule.MISPLACED_MZFROM,
                "this `MZFROM` belongs to the instruction or heredoc that begins above it: the "
                "image counts as built upon, but no stage starts from it. Indent the line, or end "
                "the instruction before it.",
            )
    for comment in dockerfile.comments:
        if comment.inside and _MZFROM_COMMENT.match(comment.text):
            yield linted.in_dockerfile(
                comment.line,
                LintRule.MISPLACED_MZFROM,
                "this `MZFROM` is in a comment inside of another instruction, where it does "
                "nothing. Remove it, or end the instruction before it.",
            )


def check_stages(linted: LintedImage) -> Iterator[Finding]:
    """A stage that the image is not made of."""
    used = used_stages(linted.stages)
    for index, stage in enumerate(linted.stages):
        if index not in used:
            name = f"`{stage.name}`" if stage.name else f"{index}"
            yield linted.in_dockerfile(
                stage.start.line,
                LintRule.UNUSED_STAGE,
                f"nothing of the stage {name} gets into the image. Remove the stage, or copy from "
                "it.",
            )
