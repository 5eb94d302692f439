"""The `shell` pre-image action: a command, which Pants runs in a sandbox of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from mzbuild.core.actions.action import (
    Action,
    InputGroup,
    Owner,
    Repository,
    Result,
    ResultKind,
    Taken,
)
from mzbuild.core.docker.patterns import clean, compile_glob
from mzbuild.core.errors import MzbuildError
from mzbuild.core.paths import inside
from mzbuild.core.text.fields import Fields
from mzbuild.core.work_tree.listing import Listing

# What a pattern begins with that leaves files out: https://git-scm.com/docs/gitglossary, pathspec.
_EXCEPT = (":^", ":!")

_TOOL = re.compile(r"[\w.+-]+")


@dataclass(frozen=True)
class ShellAction(Action):
    """Runs a command that makes files of the context of files of the repository.

    `patterns` are globs relative to the root, in which `**` stands for any directories; those that
    begin with `:^` or `:!`, as with Git, leave files out. `outputs` are files and directories of
    the context.
    """

    type: ClassVar[str] = "shell"

    command: str
    outputs: tuple[str, ...]
    tools: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()

    @classmethod
    def parse(cls, fields: Fields) -> ShellAction:
        action = cls(
            command=fields.required("command"),
            outputs=fields.strings("outputs"),
            tools=fields.strings("tools"),
            patterns=fields.strings("inputs"),
        )
        if not action.outputs:
            raise MzbuildError(
                f"{fields.place('outputs')}: a `shell` action needs `outputs`: the files and "
                "directories of the context that its command makes."
            )
        for tool in action.tools:
            if not _TOOL.fullmatch(tool):
                raise MzbuildError(
                    f"{fields.place('tools')}: `{tool}` cannot be the name of a program. Give "
                    "names without a path; they are looked for on the PATH."
                )
        return action

    def fields(self) -> Mapping[str, Any]:
        return {
            "command": self.command,
            "tools": self.tools,
            "inputs": self.patterns,
            "outputs": self.outputs,
        }

    def inputs(self, owner: Owner, repository: Repository) -> Iterator[InputGroup]:
        self.places(owner)
        yield InputGroup(
            "shell", self.command.split("\n", 1)[0], self.files(owner, repository.listing)
        )

    def results(self, owner: Owner, repository: Repository) -> Mapping[str, Result]:
        # Only the command knows whether it makes a file or a directory of that name.
        return dict.fromkeys(self.places(owner), Result(ResultKind.EXTRACTED))

    @property
    def label(self) -> str:
        return f"`shell` command `{self.command}`"

    def places(self, owner: Owner) -> tuple[str, ...]:
        """The paths of the outputs in the context.

        Raises `MzbuildError` for one that leads out of it.
        """
        return tuple(
            inside(owner.origin, "outputs", output, "the context") for output in self.outputs
        )

    def files(self, owner: Owner, listing: Listing) -> tuple[str, ...]:
        """The files that its patterns select.

        Raises `MzbuildError` for a pattern that selects none.
        """
        for pattern in self.patterns:
            if not pattern.startswith(_EXCEPT) and not _matching(pattern, listing):
                raise MzbuildError(
                    f"{owner.origin}: `inputs: {pattern}` matches no file that Git sees. Paths "
                    "begin at the repository's root; `**` stands for any directories."
                )
        return self.select(listing)

    def directories(self, owner: Owner) -> tuple[str, ...]:
        """The outputs that the command takes for directories that are there."""
        return tuple(
            place
            for place, output in zip(self.places(owner), self.outputs)
            if output.endswith("/") or f"{output}/" in self.command
        )

    @property
    def taken(self) -> tuple[Taken, ...]:
        globs = [
            glob for pattern in self.patterns for glob in _pants_globs(*_without_mark(pattern))
        ]
        return (Taken("", tuple(globs)),) if globs else ()

    def select(self, listing: Listing) -> tuple[str, ...]:
        selected: set[str] = set()
        left_out: set[str] = set()
        for pattern in self.patterns:
            path, is_exception = _without_mark(pattern)
            (left_out if is_exception else selected).update(_matching(path, listing))
        return tuple(sorted(selected - left_out))


def _without_mark(pattern: str) -> tuple[str, bool]:
    """The pattern itself, and whether it leaves files out."""
    is_exception = pattern.startswith(_EXCEPT)
    return pattern[2:] if is_exception else pattern, is_exception


def _matching(pattern: str, listing: Listing) -> list[str]:
    regex = compile_glob(clean(pattern))
    return [path for path in listing.paths if regex.match(f"{path}/")]


def _pants_globs(pattern: str, is_exception: bool) -> list[str]:
    mark, path = "!" * is_exception, clean(pattern)
    return [f"{mark}{path}", f"{mark}{path}/**"]
