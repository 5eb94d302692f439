"""What a linter has to say of images: findings, and what is needed to come to them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property

from mzbuild.core.docker.patterns import IgnorePattern, parse_ignore_file
from mzbuild.core.docker.stages import Reference, Stage, find_references, split_stages
from mzbuild.core.docker.syntax import Dockerfile, parse_dockerfile
from mzbuild.core.image.context import DOCKERFILE, IGNORE_FILE
from mzbuild.core.image.declaration import CargoBuild, Copy, Image, under
from mzbuild.core.image.mzbuild_yml import FILE_NAME
from mzbuild.core.lint.switches import Switch, parse_switches
from mzbuild.core.text.safe import printable
from mzbuild.core.text.table import WIDTH, wrapped


@dataclass(frozen=True)
class Finding:
    """Something to mend; `path` is relative to the repository's root, lines count from 1."""

    path: str
    line: int
    message: str
    # The name of the rule that found it, which is put in when it is through.
    rule: str = ""

    def __str__(self) -> str:
        return f"{self._text} [{self.rule}]"

    @property
    def _text(self) -> str:
        return printable(f"{self.path}:{self.line}: {self.message}")

    @property
    def lines(self) -> list[str]:
        """The same in lines that fit a screen, the first of which has the place and the rule."""
        rule = f" [{self.rule}]"
        # The indent is room for the rule.
        first, *more = wrapped(self._text, WIDTH, " " * len(rule), " " * 4)
        return [first[len(rule) :] + rule, *more]


# A file, and perhaps a line of it.
_SCALAR, _WORD = re.compile(r"[^\s\"',\[\]{}]+"), re.compile(r"[\w-]+")
_PLACE = re.compile(r"([^:\s]+)(?::(\d+))?: ")


def at_place(message: str, otherwise: str) -> Finding:
    """What a message says, at the place that it begins with, or else in the file `otherwise`."""
    text = " ".join(message.split())
    match = _PLACE.match(text)
    if match is None:
        return Finding(otherwise, 1, text)
    return Finding(match[1], int(match[2] or 1), text[match.end() :])


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
    inputs that the fingerprint scheme leaves out, by their paths in the repository. `idle` are the
    actions that copy nothing, `refused` those that Cargo would not build, with the reasons;
    `images` the names of all images.
    """

    image: Image
    contents: Mapping[str, bytes]
    sizes: Mapping[str, int]
    results: Mapping[str, ResultKind]
    unignored: frozenset[str] = frozenset()
    missed: tuple[str, ...] = ()
    idle: tuple[Copy, ...] = ()
    refused: Mapping[CargoBuild, str] = field(default_factory=dict)
    images: frozenset[str] = frozenset()
    # How large a context may be, in MiB.
    max_context_size: int = 100

    @cached_property
    def dockerfile(self) -> Dockerfile:
        """The Dockerfile, read."""
        return parse_dockerfile(self.contents[DOCKERFILE])

    @cached_property
    def stages(self) -> tuple[Stage, ...]:
        """The Dockerfile's stages."""
        return split_stages(self.dockerfile, dict(self.image.build_args))

    @cached_property
    def references(self) -> tuple[tuple[Reference, ...], ...]:
        """What each of the stages is made of."""
        return find_references(self.stages, self.image.dockerfile)

    @cached_property
    def switches(self) -> tuple[Switch, ...]:
        """The rules that comments in the Dockerfile switch off."""
        return parse_switches(self.dockerfile)

    def not_off(self, rule: str, findings: Iterable[Finding]) -> Iterator[Finding]:
        """What a rule has found, less that for which it is switched off."""
        switched = {switch.covered for switch in self.switches if switch.rule == rule}
        lines = {line for covered in switched for line in covered or ()}
        for finding in findings:
            # What is found elsewhere belongs to no instruction.
            elsewhere = bool(switched) and finding.path != self.image.dockerfile
            if None not in switched and not elsewhere and finding.line not in lines:
                yield finding

    @cached_property
    def ignore_file(self) -> str | None:
        """The path in the context of the ignore file that holds, if there is one."""
        names = (f"{DOCKERFILE}{IGNORE_FILE}", IGNORE_FILE)
        return next((name for name in names if name in self.contents), None)

    @cached_property
    def ignore_patterns(self) -> tuple[IgnorePattern, ...]:
        """The patterns of that file."""
        if self.ignore_file is None:
            return ()
        where = under(self.image.context, self.ignore_file)
        return parse_ignore_file(self.contents[self.ignore_file], where)

    def in_dockerfile(self, line: int, message: str) -> Finding:
        """A finding about a line of the Dockerfile."""
        return Finding(self.image.dockerfile, line, message)

    def in_declaration(self, word: str, message: str) -> Finding:
        """A finding about a word of the `mzbuild.yml`, or about the Dockerfile where none is."""
        if FILE_NAME not in self.contents:
            return self.in_dockerfile(1, message)
        lines = (self._words.get(each) for each in (word, *_WORD.findall(word), "pre-image"))
        return Finding(self.image.mzbuild_yml, next(filter(None, lines), 1), message)

    @cached_property
    def _words(self) -> Mapping[str, int]:
        """The first line of each scalar and word of the `mzbuild.yml` from `pre-image` on."""
        lines = self.contents[FILE_NAME].decode(errors="replace").split("\n")
        start = next((n for n, line in enumerate(lines) if line.startswith("pre-image")), 0)
        found: dict[str, int] = {}
        for number, line in enumerate(lines[start:], start + 1):
            for word in (*_SCALAR.findall(line), *_WORD.findall(line)):
                found.setdefault(word, number)
        return found

    def in_context(self, path: str, line: int, message: str) -> Finding:
        """A finding about a file of the context."""
        return Finding(under(self.image.context, path), line, message)


@dataclass(frozen=True)
class Linted:
    """What all rules look at: images, and others that have no fingerprint, with the reasons."""

    images: tuple[LintedImage, ...]
    broken: Mapping[Image, str] = field(default_factory=dict)
