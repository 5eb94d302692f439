"""The `package` and `files` pre-image actions: what Pants makes of targets, and their sources."""

from __future__ import annotations

from abc import abstractmethod
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
)
from mzbuild.core.actions.pants_targets import TargetReference, TargetUse
from mzbuild.core.errors import MzbuildError, listed
from mzbuild.core.paths import inside
from mzbuild.core.text.fields import Fields


@dataclass(frozen=True)
class _TargetsAction(Action):
    """Takes something of targets into a directory of the context."""

    use: ClassVar[TargetUse]

    targets: tuple[str, ...]
    destination: str = ""

    @classmethod
    @abstractmethod
    def parse(cls, fields: Fields) -> _TargetsAction: ...

    def fields(self) -> Mapping[str, Any]:
        return {"target": self.targets, "destination": self.destination}

    def references(self, owner: Owner) -> tuple[TargetReference, ...]:
        return tuple(TargetReference(self.use, each, owner.context) for each in self.targets)

    def inputs(self, owner: Owner, repository: Repository) -> Iterator[InputGroup]:
        self.place(owner)
        for reference in self.references(owner):
            found = repository.targets[reference]
            if found.error:
                raise MzbuildError.of_lines(f"{owner.origin}: {found.error}")
            yield InputGroup(self.use.value, reference.spec, found.paths, found.definition)

    def results(self, owner: Owner, repository: Repository) -> Mapping[str, Result]:
        # What Pants makes of a target is only known when it has made it.
        return {self.place(owner): Result(ResultKind.EXTRACTED)}

    @property
    def label(self) -> str:
        return f"`{self.type}` of {listed(self.targets)}"

    def place(self, owner: Owner) -> str:
        """The directory in the context, `""` for the context itself."""
        return inside(owner.origin, "destination", self.destination, "the context")


@dataclass(frozen=True)
class PackageAction(_TargetsAction):
    """Has Pants package targets, as `pants package` does."""

    type: ClassVar[str] = "package"
    use: ClassVar[TargetUse] = TargetUse.PACKAGE

    @classmethod
    def parse(cls, fields: Fields) -> PackageAction:
        return cls(_targets(fields), fields.string("destination") or "")


@dataclass(frozen=True)
class FilesAction(_TargetsAction):
    """Takes the sources of targets, those that Pants generates among them."""

    type: ClassVar[str] = "files"
    use: ClassVar[TargetUse] = TargetUse.FILES

    @classmethod
    def parse(cls, fields: Fields) -> FilesAction:
        return cls(_targets(fields), fields.string("destination") or "")


def _targets(fields: Fields) -> tuple[str, ...]:
    targets = fields.strings("target")
    if not targets:
        raise MzbuildError(
            f"{fields.place('target')}: the required field `target` is missing. Add the address "
            "of a target, or a list of them."
        )
    return targets
