"""What every pre-image action has: how it is declared, what it takes, what it leaves in a context.

A type of action is a frozen dataclass that derives from `Action`. Nothing else knows the types but
who hands them to the reader of declarations, and who runs them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, ClassVar, NamedTuple, Protocol

from mzbuild.core.actions.pants_targets import TargetInputs, TargetReference
from mzbuild.core.cargo.settings import CargoOptions
from mzbuild.core.cargo.vendored import NOTHING_VENDORED, Vendored
from mzbuild.core.cargo.workspace import CargoWorkspace
from mzbuild.core.configuration import Configuration, Scheme
from mzbuild.core.text.fields import Fields
from mzbuild.core.work_tree.listing import Listing

# The types of actions that there are.
ActionTypes = tuple[type["Action"], ...]

_NO_WORKSPACE = CargoWorkspace()
_NO_OPTIONS = CargoOptions(())


class InputKind:
    """What brings a file in, as people and programs read it; an action may have its own kinds."""

    CONTEXT = "context"
    SHARED = "shared"
    CRATE = "crate"
    VENDORED = "vendored crate"
    COPY = "copy"


@dataclass(frozen=True)
class InputGroup:
    """Files that come in together: a context, a crate, a copy, or what all Cargo builds share.

    `definition` is a hash of what decides over them, or what is made of them, and is in no file.
    """

    kind: str
    name: str
    paths: tuple[str, ...]
    definition: str = ""


class ResultKind(Enum):
    """What puts a file into a context."""

    BINARY = "binary"
    EXTRACTED = "extracted"
    COPIED = "copied"


class Result(NamedTuple):
    """A file that an action leaves in a context, with the path of its original in the repository
    if it has one."""

    kind: ResultKind
    original: str | None = None


class Taken(NamedTuple):
    """Files of the repository that an action takes: Pants globs for them, relative to the root, and
    the directory that has all of them."""

    directory: str
    globs: tuple[str, ...]


class Complaint(NamedTuple):
    """What a linter has to say of an action: the rule, a word of the declaration, and a message
    that begins with a place."""

    rule: str
    word: str
    message: str


class Owner(Protocol):
    """The image that an action belongs to."""

    @property
    def origin(self) -> str:
        """Where it is declared, for messages."""

    @property
    def context(self) -> str:
        """The directory, relative to the root, that is its context."""


@dataclass(frozen=True)
class Repository:
    """Where actions find their inputs.

    `crate_files` has the files of each crate of the workspace, by its name; `vendored` has crates
    that only the strict scheme looks at; `targets` has what Pants says of those that actions take.
    """

    listing: Listing
    workspace: CargoWorkspace = _NO_WORKSPACE
    crate_files: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    scheme: Scheme = Scheme.MZBUILD
    vendored: Vendored = NOTHING_VENDORED
    cargo_options: CargoOptions = _NO_OPTIONS
    targets: Mapping[TargetReference, TargetInputs] = field(default_factory=dict)


class Action(ABC):
    """A pre-image action. Each method that takes an owner raises `MzbuildError`, beginning with
    its origin, for an action that cannot be followed."""

    type: ClassVar[str]
    # Fields that are left out of the canonical form while they say nothing: they came later, and
    # images without them keep the fingerprints that they had.
    later_fields: ClassVar[tuple[str, ...]] = ()

    # Whether what it makes takes the place of a file that the context has already.
    replaces: ClassVar[bool] = False

    @classmethod
    @abstractmethod
    def parse(cls, fields: Fields) -> Action:
        """Reads an action. Raises `MzbuildError` for fields that make no sense."""

    @abstractmethod
    def fields(self) -> Mapping[str, Any]:
        """What `parse` reads the same action from, without its type."""

    @abstractmethod
    def inputs(self, owner: Owner, repository: Repository) -> Iterable[InputGroup]:
        """The files that it takes."""

    @abstractmethod
    def results(self, owner: Owner, repository: Repository) -> Mapping[str, Result]:
        """What it leaves in the context, by the paths there, as far as that is known before."""

    def canonical(self) -> Mapping[str, Any]:
        """The fields that an image which a BUILD file declares is hashed with, in a fixed order."""
        return {
            name: value
            for name, value in self.fields().items()
            if value or name not in self.later_fields
        }

    def extra(self, configuration: Configuration) -> str:
        """What of the configuration makes another result."""
        return ""

    def strict_extra(self, configuration: Configuration) -> str:
        """What more of it the strict scheme knows; the same from several actions counts once."""
        return ""

    def refusal(self, owner: Owner, repository: Repository, configuration: Configuration) -> str:
        """Why it cannot be run; empty where it can be tried."""
        return ""

    def complaints(
        self, owner: Owner, repository: Repository, configuration: Configuration
    ) -> Iterable[Complaint]:
        """What a linter has to say of it: that it does nothing, or would fail."""
        return ()

    def references(self, owner: Owner) -> tuple[TargetReference, ...]:
        """The targets of Pants that it takes."""
        return ()

    @property
    def taken(self) -> tuple[Taken, ...]:
        """The files that it takes from elsewhere, so that they have a target."""
        return ()

    def select(self, listing: Listing) -> tuple[str, ...]:
        """Those of some files that it takes from elsewhere."""
        return ()

    def used_crates(self, owner: Owner, repository: Repository) -> tuple[str, ...]:
        """The crates that it builds, by name."""
        return ()

    @property
    def label(self) -> str:
        """What a message calls it, after "the"."""
        return f"action of type `{self.type}`"

    @property
    def leaves_debug(self) -> bool:
        """Whether it makes files that are kept beside the image, and not in it."""
        return False
