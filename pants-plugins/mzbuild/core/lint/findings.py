"""What a linter has to say of images: findings, and what is needed to come to them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from mzbuild.core.actions.action import Complaint, Result, ResultKind
from mzbuild.core.docker.patterns import IgnorePattern, parse_ignore_file
from mzbuild.core.docker.stages import Reference, Stage, find_references, split_stages
from mzbuild.core.docker.syntax import Dockerfile, parse_dockerfile
from mzbuild.core.image.context import DOCKERFILE, IGNORE_FILE
from mzbuild.core.image.declaration import Image
from mzbuild.core.image.mzbuild_yml import FILE_NAME
from mzbuild.core.lint.switches import Switch, parse_switches
from mzbuild.core.paths import under
from mzbuild.core.safe import printable
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
        return printable(f"{self.path}:{self.line}: {self.message} [{self.rule}]")

    @property
    def lines(self) -> list[str]:
        """The same in lines that fit a screen, the first of which has the place and the rule."""
        if len(str(self)) <= WIDTH:
            return [str(self)]
        indent = " " * 4
        message = wrapped(printable(self.message), WIDTH, indent, indent)
        return [printable(f"{self.path}:{self.line}: [{self.rule}]"), *message]


_SCALAR, _WORD = re.compile(r"[^\s\"',\[\]{}]+"), re.compile(r"[\w-]+")
# The field of an `mzbuild.yml` that most is said of.
_ACTIONS = "pre-image"
_NO_CONTENTS: Mapping[str, bytes] = {}
_QUOTED = re.compile("`([^`]+)`")
# A file, perhaps a line of it, and what is said of it.
_PLACE = re.compile(r"(.+?)(?::(\d+))?: (.*)", re.DOTALL)


def at_place(message: str, otherwise: str, contents: Mapping[str, bytes] = _NO_CONTENTS) -> Finding:
    """What a message says, at the place that it begins with, or else at `otherwise`.

    Where that is a file without a line, it is the first line that has something which the message
    quotes, as far as `contents` has the file.
    """
    text = " ".join(message.split())
    match = _PLACE.match(text)
    # Other words than a path may stand before a colon.
    if match is None or (match[1] not in contents and re.search(r"[:\s]", match[1])):
        match = _PLACE.match(f"{otherwise}: {text}")
    assert match
    path, line, said = match.groups()
    if line is None:
        # A program may have the name of its image.
        start = "" if "the image `" in said else _ACTIONS
        known = _word_lines(contents.get(path, b""), start)
        # Of a field with its value, it is the value.
        quoted = (_SCALAR.findall(each) for each in _QUOTED.findall(said))
        line = next((known[words[-1]] for words in quoted if words and words[-1] in known), 1)
    return Finding(path, int(line), said)


def _word_lines(content: bytes, start: str) -> Mapping[str, int]:
    """The first line that has each scalar and each word, from one on that begins with `start`."""
    lines = content.decode(errors="replace").split("\n")
    first = next((n for n, line in enumerate(lines) if line.startswith(start)), 0)
    found: dict[str, int] = {}
    for number, line in enumerate(lines[first:], first + 1):
        for word in (*_SCALAR.findall(line), *_WORD.findall(line)):
            found.setdefault(word, number)
    return found


@dataclass(frozen=True)
class LintedImage:
    """An image with all that the rules look at.

    `contents` has the files that are read, by their paths in the context; `sizes` those of all
    files of the context in bytes; `results` what pre-image actions put there. `unignored` are
    those results that Git would see if another tool made them in the work tree; `missed` the
    inputs that the fingerprint scheme leaves out, by their paths in the repository. `complaints`
    are those of actions; `images` the names of all images.
    """

    image: Image
    contents: Mapping[str, bytes]
    sizes: Mapping[str, int]
    results: Mapping[str, Result]
    unignored: frozenset[str] = frozenset()
    missed: tuple[str, ...] = ()
    complaints: tuple[Complaint, ...] = ()
    images: frozenset[str] = frozenset()
    # What was not understood of the declaration.
    warnings: tuple[str, ...] = ()
    # How large a context may be, in MiB.
    max_context_size: int = 100

    def results_of(self, kind: ResultKind) -> list[str]:
        """The paths of the results of a kind."""
        return [path for path, result in self.results.items() if result.kind is kind]

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
        """A finding about a word of the `mzbuild.yml`, or about the target in a BUILD file."""
        if FILE_NAME not in self.contents:
            return at_place(message, self.image.origin)
        lines = (self._words.get(each) for each in (word, *_WORD.findall(word), _ACTIONS))
        return Finding(self.image.mzbuild_yml, next(filter(None, lines), 1), message)

    @cached_property
    def _words(self) -> Mapping[str, int]:
        """The lines of what the `mzbuild.yml` has from `pre-image` on."""
        return _word_lines(self.contents[FILE_NAME], _ACTIONS)

    def in_context(self, path: str, line: int, message: str) -> Finding:
        """A finding about a file of the context."""
        return Finding(under(self.image.context, path), line, message)


@dataclass(frozen=True)
class Linted:
    """What all rules look at: images, and others that have no fingerprint, with the reasons.

    `contents` has the files of those others that are read, by their paths in the repository.
    """

    images: tuple[LintedImage, ...]
    broken: Mapping[Image, str] = field(default_factory=dict)
    contents: Mapping[str, bytes] = field(default_factory=dict)
