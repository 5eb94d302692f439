"""What the actions share that take targets of other backends."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from pants.build_graph.address import ResolveError
from pants.engine.fs import DigestEntries, Directory
from pants.engine.rules import Rule
from pants.engine.target import (
    FieldSet,
    InferDependenciesRequest,
    InferredDependencies,
    StringField,
    StringSequenceField,
)
from pants.engine.unions import UnionRule
from pants.util.strutil import help_text

from mzbuild.core.actions.pants_targets import TargetReference, TargetUse
from mzbuild.core.errors import MzbuildError
from mzbuild.pants_api import collect_rules, implicitly, rule
from mzbuild.rules.pants_targets import referenced_targets
from mzbuild.rules.pre_image import Entry


class TargetField(StringSequenceField):
    alias = "target"
    required = True


class DestinationField(StringField):
    alias = "destination"
    default = ""
    help = help_text(
        """
        The directory in the context to put it into; the context itself if not set. For example,
        `destination="bin"`.
        """
    )


@dataclass(frozen=True)
class TargetDependenciesFieldSet(FieldSet):
    required_fields = (TargetField, DestinationField)

    target: TargetField


class InferTargetDependencies(InferDependenciesRequest[TargetDependenciesFieldSet]):
    infer_from = TargetDependenciesFieldSet


@rule
async def infer_target_dependencies(request: InferTargetDependencies) -> InferredDependencies:
    found = []
    field_set = request.field_set
    for spec in field_set.target.value or ():
        reference = TargetReference(TargetUse.FILES, spec, field_set.address.spec_path)
        # Who asks for the image's fingerprint is told of what is not there.
        with suppress(MzbuildError, ResolveError):
            referenced = await referenced_targets(reference, **implicitly())
            found += [target.address for target in referenced.targets]
    return InferredDependencies(found)


def entries_of(found: DigestEntries) -> tuple[Entry, ...]:
    """The files and symlinks of a digest."""
    return tuple(entry for entry in found if not isinstance(entry, Directory))


def rules() -> Iterable[Rule | UnionRule]:
    return (*collect_rules(), UnionRule(InferDependenciesRequest, InferTargetDependencies))
