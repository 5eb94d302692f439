"""The rules of the linter that look at a context: what is in it, and what a Dockerfile takes."""

from __future__ import annotations

from collections.abc import Iterator

from mzbuild.core.docker.patterns import IgnorePattern, clean, ignoring, selects
from mzbuild.core.docker.stages import copied_from, mounts
from mzbuild.core.docker.syntax import Instruction
from mzbuild.core.image.context import DOCKERFILE, IGNORE_FILE
from mzbuild.core.lint.findings import Finding, LintedImage, ResultKind
from mzbuild.core.lint.registry import lint_rule

_MIB = 1 << 20

# Files that are about building: that Docker does not get them is as it should be.
_ABOUT_BUILDING = frozenset(
    {DOCKERFILE, IGNORE_FILE, f"{DOCKERFILE}{IGNORE_FILE}", "mzbuild.yml", ".gitignore", "BUILD"}
)


@lint_rule("copy-source", "a source of `COPY` that neither the context nor a pre-image action has")
def check_copies(linted: LintedImage) -> Iterator[Finding]:
    """A source of a `COPY` that is not in the context."""
    there = [*linted.sizes, *linted.results]
    extracted = [path for path, kind in linted.results.items() if kind is ResultKind.EXTRACTED]
    for instruction, source in _copied(linted):
        pattern = clean(source)
        # What a build script makes may be a directory: its files are not known before.
        inside = any(f"{pattern}/".startswith(f"{path}/") for path in extracted)
        if "$" in source or not pattern or inside or any(selects(pattern, path) for path in there):
            continue
        yield linted.in_dockerfile(
            instruction.line,
            f"there is no `{source}` in the context that Git sees, and no pre-image action makes "
            "it. Add the file, or correct the path, which is relative to the context.",
        )


@lint_rule(
    "hidden-input",
    "a pattern of `.dockerignore` that hides an input: it renames the image, to no effect",
)
def check_ignore_file(linted: LintedImage) -> Iterator[Finding]:
    """A pattern of the ignore file by which Docker does not get an input."""
    hidden: dict[IgnorePattern, list[str]] = {}
    for path in sorted({*linted.sizes, *linted.results} - _ABOUT_BUILDING):
        pattern = ignoring(linted.ignore_patterns, path)
        if pattern is not None:
            hidden.setdefault(pattern, []).append(path)
    for pattern, paths in hidden.items():
        assert linted.ignore_file is not None
        more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
        yield linted.in_context(
            linted.ignore_file,
            pattern.line,
            f"`{pattern.text}` hides `{paths[0]}`{more} from Docker, but a change of it renames "
            "the image. Move what is hidden out of the context, or remove the pattern.",
        )


@lint_rule("uncopied-binary", "a binary that Cargo builds, and the Dockerfile never copies")
def check_binaries(linted: LintedImage) -> Iterator[Finding]:
    """A binary that is compiled for the image, but that no instruction takes."""
    taken = [clean(source) for _, source in _copied(linted)]
    unknown = any("$" in source for source in taken)
    mounted = any(
        mount.get("type", "bind") == "bind" and "from" not in mount
        for stage in linted.stages
        for instruction in stage.instructions
        for mount in mounts(instruction)
    )
    for path, kind in linted.results.items():
        if kind is not ResultKind.BINARY or unknown or mounted:
            continue
        if not any(not pattern or selects(pattern, path) for pattern in taken):
            yield linted.in_declaration(
                path.rpartition("/")[2],
                f"Cargo builds `{path}` for this image, but the Dockerfile never copies it. Add a "
                f"`COPY {path} …`, or do not build it.",
            )


@lint_rule("large-context", "a context of more MiB than `[mzbuild-lint].max_context_size`")
def check_size(linted: LintedImage) -> Iterator[Finding]:
    """A context that is larger than it should be."""
    limit_mib = linted.max_context_size
    size = sum(linted.sizes.values())
    if size > limit_mib * _MIB:
        largest = max(linted.sizes, key=lambda path: linted.sizes[path])
        yield linted.in_context(
            largest,
            1,
            f"this is the largest file of a context of {size / _MIB:.1f} MiB, more than the "
            f"{limit_mib} MiB of [mzbuild-lint].max_context_size. Move what the image does not "
            "need out of its directory.",
        )


def _copied(linted: LintedImage) -> Iterator[tuple[Instruction, str]]:
    """The sources of all `COPY` and `ADD` instructions that are in the context."""
    for stage in linted.stages:
        for instruction in stage.instructions:
            if instruction.name not in ("COPY", "ADD") or copied_from(instruction) is not None:
                continue
            for source in instruction.words[:-1]:
                if "://" not in source and not source.startswith(("git@", "<<")):
                    yield instruction, source
