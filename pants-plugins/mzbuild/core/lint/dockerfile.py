"""The rules of the linter that look at a Dockerfile by itself."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mzbuild.core.docker.mzfrom import all_mzfrom_lines
from mzbuild.core.docker.stages import used_stages
from mzbuild.core.errors import MzbuildError, nearest
from mzbuild.core.image.context import DOCKERFILE
from mzbuild.core.lint.findings import Finding, LintedImage
from mzbuild.core.lint.registry import RULES, SYNTAX, find_rule, lint_rule

_MZFROM_COMMENT = re.compile(r"MZFROM\s+\S+")
_INSTRUCTIONS = (
    *("ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL"),
    *("MAINTAINER", "ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR", "MZFROM"),
)
_STAGE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")
_MARK = b"\xef\xbb\xbf"
# Of a text that is no Dockerfile at all, a few lines are enough.
_MOST_UNKNOWN = 20


@lint_rule(
    SYNTAX,
    "what Docker or the plugin cannot read: an unknown instruction, a Dockerfile without a stage, "
    "a heredoc that never ends, an `MZFROM` with more than a name, a comment that switches off "
    "what is no rule",
)
def check_syntax(linted: LintedImage) -> Iterator[Finding]:
    """What is no Dockerfile."""
    dockerfile = linted.dockerfile
    # Another frontend than Docker's own may know other instructions.
    syntax = dict(dockerfile.directives).get("syntax", "docker/dockerfile")
    unknown = [each for each in dockerfile.instructions if each.name not in _INSTRUCTIONS]
    for instruction in unknown[:_MOST_UNKNOWN] if "docker/dockerfile" in syntax else ():
        yield linted.in_dockerfile(
            instruction.line,
            f"there is no instruction `{instruction.keyword}`."
            f"{nearest(instruction.keyword, _INSTRUCTIONS)}",
        )
    if not linted.stages and not unknown:
        yield linted.in_dockerfile(
            1,
            "no stage begins in this Dockerfile, so there is nothing to build. Add `FROM scratch`, "
            "or the image that it starts from, by `FROM` or `MZFROM`.",
        )
    yield from _check_arguments(linted)
    heredoc = dockerfile.unfinished
    if heredoc is not None:
        message = f"the heredoc `{heredoc}` never ends. Add a line that is just `{heredoc}`."
        yield linted.in_dockerfile(dockerfile.instructions[-1].line, message)
    for switch in [each for each in linted.switches if each.rule not in RULES][:_MOST_UNKNOWN]:
        try:
            find_rule(switch.rule, "`# mzbuild: ignore=…`")
        except MzbuildError as error:
            yield linted.in_dockerfile(switch.line, str(error))


def _check_arguments(linted: LintedImage) -> Iterator[Finding]:
    begun = not linted.stages
    for instruction in linted.dockerfile.instructions:
        name, wrong = instruction.name, ""
        if name == "FROM" or instruction.is_mzfrom:
            begun = True
            words = instruction.rest.split() if instruction.is_mzfrom else instruction.words
            wrong = _wrong_with_stage(name, *words)
        elif not begun and name in _INSTRUCTIONS and name != "ARG":
            begun = True
            wrong = f"`{name}` belongs to no stage. Begin one above it, by `FROM` or `MZFROM`."
        elif name in ("COPY", "ADD") and len(instruction.words) < 2:
            wrong = f"`{name}` needs a source and a destination: write `{name} source destination`."
        if wrong:
            yield linted.in_dockerfile(instruction.line, wrong)


def _wrong_with_stage(keyword: str, base: str = "", *more: str) -> str:
    start = f"{keyword} {base}"
    if not base:
        return f"`{keyword}` names no image: write `{keyword} name`."
    if more and (len(more) != 2 or more[0].upper() != "AS"):
        return (
            f"`{' '.join(more)}` cannot follow `{start}`: write just that, or `{start} AS stage`."
        )
    if more and not _STAGE_NAME.fullmatch(more[1]):
        return (
            f"`{more[1]}` cannot name a stage: a name begins with a letter, and has letters, "
            "digits, `-`, `_` and `.` in it."
        )
    return ""


@lint_rule(
    "unpinned-from",
    "an image from elsewhere without a digest, in `FROM`, `COPY --from` or `RUN --mount`",
)
def check_pins(linted: LintedImage) -> Iterator[Finding]:
    """An image from elsewhere that is not named by its digest."""
    for references in linted.references:
        for reference in references:
            name = reference.name
            if reference.stages or name.isdigit() or _own_name(linted, name):
                continue
            # Of a variable that only the build knows, nothing can be said.
            if name in ("", "scratch") or "@" in name or "$" in name:
                continue
            tag = name.rpartition("/")[2].partition(":")[2]
            which = f"the tag `{tag}`" if tag else "no tag, which means `latest`,"
            yield linted.in_dockerfile(
                reference.line,
                f"`{name}` has {which} and can be another image tomorrow, under the same "
                f"fingerprint. Add its digest, `{name}@sha256:…`; `docker buildx imagetools "
                f"inspect {name}` shows it.",
            )


@lint_rule(
    "missing-mzfrom",
    "an image of the repository that is named without `MZFROM`: Docker would look for it elsewhere",
)
def check_own_images(linted: LintedImage) -> Iterator[Finding]:
    """An image of the repository in `FROM`, `COPY --from` or `RUN --mount`."""
    for stage, references in zip(linted.stages, linted.references):
        for reference in references:
            name = _own_name(linted, reference.name)
            if reference.stages or not name:
                continue
            if reference.line == stage.start.line:
                told = f"`MZFROM {' '.join([name, *stage.start.words[1:]])}`"
            else:
                told = f"`MZFROM {name} AS {name}` before this stage, which gives it that name"
            yield linted.in_dockerfile(
                reference.line,
                f"`{reference.name}` is an image of this repository, but not a stage here: Docker "
                f"would look for it elsewhere. Write {told}.",
            )


def _own_name(linted: LintedImage, name: str) -> str:
    """The image of the repository that is meant, if one is."""
    bare = name[: -len(":latest")] if name.endswith(":latest") else name
    return bare if bare in linted.images and bare != "scratch" else ""


@lint_rule(
    "misplaced-mzfrom",
    "an `MZFROM` that does nothing: indented, not in capitals, inside of another instruction, "
    "behind a byte order mark",
)
def check_mzfroms(linted: LintedImage) -> Iterator[Finding]:
    """An `MZFROM` that is no instruction, or that only looks like one."""
    dockerfile, content = linted.dockerfile, linted.contents[DOCKERFILE]
    starts = set()
    for instruction in dockerfile.instructions:
        if instruction.name != "MZFROM":
            continue
        starts.add(instruction.line)
        if instruction.is_mzfrom and instruction.line == 1 and content.startswith(_MARK):
            yield linted.in_dockerfile(
                1,
                "a byte order mark stands before this `MZFROM`, so it is not replaced, and Docker "
                "does not know it. Save the file as UTF-8 without a byte order mark.",
            )
        if not instruction.is_mzfrom:
            how = "indented" if instruction.indented else "not in capitals"
            yield linted.in_dockerfile(
                instruction.line,
                f"this `MZFROM` is {how}, so it is not replaced, and Docker does not know it. "
                "Write it in capitals at the start of the line.",
            )
    for line in all_mzfrom_lines(content):
        if line not in starts:
            yield linted.in_dockerfile(
                line,
                "this `MZFROM` belongs to the instruction or heredoc that begins above it: the "
                "image counts as built upon, but no stage starts from it. Indent the line, or end "
                "the instruction before it.",
            )
    for comment in dockerfile.comments:
        if comment.inside and _MZFROM_COMMENT.match(comment.text):
            yield linted.in_dockerfile(
                comment.line,
                "this `MZFROM` is in a comment inside of another instruction, where it does "
                "nothing. Remove it, or end the instruction before it.",
            )


@lint_rule("unused-stage", "a stage of which nothing gets into the image")
def check_stages(linted: LintedImage) -> Iterator[Finding]:
    """A stage that the image is not made of."""
    used = used_stages(linted.references)
    for index, stage in enumerate(linted.stages):
        if index not in used:
            name = f"`{stage.name}`" if stage.name else f"{index}"
            yield linted.in_dockerfile(
                stage.start.line,
                f"nothing of the stage {name} gets into the image. Remove the stage, or copy from "
                "it.",
            )
