"""Which target depends on which: read from Dockerfiles, actions and manifests."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pants.engine.rules import Rule
from pants.engine.target import FieldSet, InferDependenciesRequest, InferredDependencies
from pants.engine.unions import UnionRule

from mzbuild.core.cargo.workspace import CargoWorkspace
from mzbuild.core.configuration import Configuration
from mzbuild.pants_api import collect_rules, rule
from mzbuild.rules.images import Images, MzbuildTargets, crate_addresses
from mzbuild.rules.synthetic_targets import MadeTargets
from mzbuild.target_types import (
    CrateInputsField,
    ImageNameField,
)


@dataclass(frozen=True)
class ImageDependenciesFieldSet(FieldSet):
    required_fields = (ImageNameField,)


@dataclass(frozen=True)
class CrateDependenciesFieldSet(FieldSet):
    required_fields = (CrateInputsField,)


class InferImageDependencies(InferDependenciesRequest[ImageDependenciesFieldSet]):
    infer_from = ImageDependenciesFieldSet


class InferCrateDependencies(InferDependenciesRequest[CrateDependenciesFieldSet]):
    infer_from = CrateDependenciesFieldSet


@rule
def infer_image_dependencies(
    request: InferImageDependencies, images: Images, targets: MzbuildTargets, made: MadeTargets
) -> InferredDependencies:
    name = images.names.get(request.field_set.address)
    if name is None:
        return InferredDependencies(())
    image = images.graph.by_name[name]
    built_on = [
        images.addresses[dependency]
        for dependency in images.graph.dependencies[name]
        if dependency in images.addresses
    ]
    # What a BUILD file declares names its actions itself, in `pre_image`.
    actions = targets.actions.get(image.context, ()) if image.declared_in_file else ()
    linked = made.dependencies(request.field_set.address)
    return InferredDependencies([*built_on, *actions, *linked])


@rule
def infer_crate_dependencies(
    request: InferCrateDependencies,
    workspace: CargoWorkspace,
    targets: MzbuildTargets,
    made: MadeTargets,
    configuration: Configuration,
) -> InferredDependencies:
    workspace.check_known()
    crate = workspace.by_directory.get(request.field_set.address.spec_path)
    if crate is None:
        return InferredDependencies(())
    crates = workspace.direct_dependencies(crate, configuration.scheme)
    linked = made.dependencies(request.field_set.address)
    return InferredDependencies([*crate_addresses(crates, targets), *linked])


def rules() -> Iterable[Rule | UnionRule]:
    requests = (
        InferImageDependencies,
        InferCrateDependencies,
    )
    return (
        *collect_rules(),
        *(UnionRule(InferDependenciesRequest, request) for request in requests),
    )
