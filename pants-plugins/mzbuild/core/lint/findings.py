"""What a linter has to say of images: findings, and what is needed to come to them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property

from mzbuild.core.docker.patterns import IgnorePattern, parse_ignore_file
from mzbuild.core.docker.stages import Stage, split_stages
from mzbuild.core.docker.syntax import Dockerfile, parse_dockerfile
from mzbuild.core.image.context import DOCKERFILE, IGNORE_FILE
from mzbuild.core.image.declaration import Image, under
from mzbuild.core.text.safe import printable


class LintRule(Enum):
    """What is looked for; the names are those that switch a rule off."""

    SYNTAX = "syntax"
    NO_FINGERPRINT = "no-fingerprint"
    UNPINNED_FROM = "unpinned-from"
    MISPLACED_MZFROM = "misplaced-mzfrom"
    UNUSED_STAGE = "unused-stage"
    COPY_SOURCE = "copy-source"
    HIDDEN_INPUT = "hidden-input"
    UNCOPIED_BINARY = "uncopied-binary"
    UNIGNORED_RESULT = "unignored-result"
    LARGE_CONTEXT = "large-context"
    MISSED_INPUT = "missed-input"


@dataclass(frozen=True)
class Finding:
    """Something to mend; `path` is relative to the repository's root, lines count from 1."""

    path: str
    line: int
    rule: LintRule
    message: str

    def __str__(self) -> str:
        return printable(f"{self.path}:{self.line}: {self.message} [{self.rule.value}]")


class ResultKind(Enum):
    """What puts a file into a context."""

    BINARY = "binary"
    EXTRACTED = "extracted"
    COPIED = "copied"


@dataclass(frozen=True)
class LintedImage:
    """An image with all that the rules look at.

    `contents` has the files that are read, by their paths in the context; `sizes` those of all
    files of the context in bytes; `results` what pre-image actions put there. `unignored` are
    those results that Git would see if another tool made them in the work tree; `missed` the
    inputs that the fingerprint scheme leaves out, by their paths in the repository.
    """

    image: Image
    contents: Mapping[str, bytes]
    sizes: Mapping[str, int]
    results: Mapping[str, ResultKind]
    unignored: frozenset[str] = frozenset()
    missed: tuple[str, ...] = ()

    @cached_property
    def dockerfile(self) -> Dockerfile:
        """The Dockerfile, read."""
        return parse_dockerfile(self.contents[DOCKERFILE])

    @cached_property
    def stages(self) -> tuple[Stage, ...]:
        """The Dockerfile's stages."""
        return split_stages(self.dockerfile, dict(self.image.build_args))

    @cached_property
    def ignore_file(self) -> str | None:
        """The path in the context of the ignore file that holds, if there is one."""
        names = (f"{DOCKERFILE}{IGNORE_FILE}", IGNORE_FILE)
        return next((name for name in names if name in self.contents), None)

    @cached_property
    def ignore_patterns(self) -> tuple[IgnorePattern, ...]:
        """The patterns of that file."""
        return parse_ignore_file(self.contents[self.ignore_file]) if self.ignore_file else ()

    def in_dockerfile(self, line: int, rule: LintRule, message: str) -> Finding:
        """A finding about a line of the Dockerfile."""
        return Finding(self.image.dockerfile, line, rule, message)

    def in_declaration(self, word: str, rule: LintRule, message: str) -> Finding:
        """A finding about a word of the `mzbuild.yml`, or about the Dockerfile where none is."""
        declaration = self.contents.get("mzbuild.yml")
        if declaration is None:
            return self.in_dockerfile(1, rule, message)
        lines = declaration.decode(errors="replace").splitlines()
        start = next((n for n, line in enumerate(lines) if line.startswith("pre-image")), 0)
        pattern = re.compile(rf"(?<![\w-]){re.escape(word)}(?![\w-])")
        found = (n for n, line in enumerate(lines) if n >= start and pattern.search(line))
        return Finding(self.image.mzbuild_yml, next(found, 0) + 1, rule, message)

    def in_context(self, path: str, line: int, rule: LintRule, message: str) -> Finding:
        """A finding about a file of the context."""
        return Finding(under(self.image.context, path), line, rule, message)
