"""The rules of the linter that look at a context: what is in it, and what a Dockerfile takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mzbuild.core.actions.action import ResultKind
from mzbuild.core.docker.patterns import IgnorePattern, Paths, clean, has_wildcards, ignoring
from mzbuild.core.docker.stages import copied_from, mounts
from mzbuild.core.docker.syntax import Instruction
from mzbuild.core.errors import MzbuildError
from mzbuild.core.image.context import DOCKERFILE, IGNORE_FILE
from mzbuild.core.lint.findings import Finding, LintedImage
from mzbuild.core.lint.registry import lint_rule
from mzbuild.core.work_tree.listing import with_directories

_MIB = 1 << 20
# Each is compared with each file.
_MOST_WILDCARDS = 200

# Files that are about building: that Docker does not get them is as it should be.
_ABOUT_BUILDING = frozenset(
    {DOCKERFILE, IGNORE_FILE, f"{DOCKERFILE}{IGNORE_FILE}", "mzbuild.yml", ".gitignore", "BUILD"}
)


@lint_rule("copy-source", "a source of `COPY` that neither the context nor a pre-image action has")
def check_copies(linted: LintedImage) -> Iterator[Finding]:
    """A source of a `COPY` that is not in the context."""
    there = Paths([*linted.sizes, *linted.results])
    # What a build script makes may be a directory: its files are not known before.
    extracted = set(linted.results_of(ResultKind.EXTRACTED))
    for instruction, source in _copied(linted):
        inside = not extracted.isdisjoint(with_directories(clean(source)))
        if "$" in source or inside or _selected(there, instruction, source):
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
    binaries = linted.results_of(ResultKind.BINARY)
    there = Paths(binaries)
    taken: set[str] = set()
    sources = {source: instruction for instruction, source in _copied(linted)}
    for source, instruction in sources.items():
        taken.update(_selected(there, instruction, source))
    unknown = any("$" in source for source in sources)
    mounted = any(
        mount.get("type", "bind") == "bind" and "from" not in mount
        for stage in linted.stages
        for instruction in stage.instructions
        for mount in mounts(instruction)
    )
    for path in () if unknown or mounted else binaries:
        if path not in taken:
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
    """The sources of all `COPY` and `ADD` instructions that are in the context.

    Raises `MzbuildError` for too many with wildcards.
    """
    patterns: set[str] = set()
    for stage in linted.stages:
        for instruction in stage.instructions:
            if instruction.name not in ("COPY", "ADD") or copied_from(instruction) is not None:
                continue
            for source in dict.fromkeys(instruction.words[:-1]):
                if "://" in source or source.startswith(("git@", "<<")):
                    continue
                if has_wildcards(source):
                    patterns.add(source)
                if len(patterns) > _MOST_WILDCARDS:
                    raise MzbuildError(
                        f"{linted.image.dockerfile}:{instruction.line}: no more than "
                        f"{_MOST_WILDCARDS} sources with wildcards are looked at. Copy directories."
                    )
                yield instruction, source


def _selected(paths: Paths, instruction: Instruction, source: str) -> Sequence[str]:
    return paths.selected(source, parents=instruction.flag("parents") is not None)
