"""Which target depends on which: read from Dockerfiles, actions and manifests."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from pants.engine.addresses import Address
from pants.engine.internals.graph import OwnersRequest
from pants.engine.rules import Rule
from pants.engine.target import FieldSet, InferDependenciesRequest, InferredDependencies
from pants.engine.unions import UnionRule

from mzbuild.core.cargo.workspace import CargoWorkspace, Crate
from mzbuild.core.errors import MzbuildError
from mzbuild.core.fingerprint.configuration import Configuration
from mzbuild.core.image.copy_action import matching_files
from mzbuild.core.image.declaration import CargoBuild, Copy
from mzbuild.core.work_tree.listing import Listing
from mzbuild.pants_api import collect_rules, find_owners, implicitly, rule
from mzbuild.rules.images import Images, MzbuildTargets
from mzbuild.rules.synthetic_targets import WORKSPACE_TARGET_NAME, MadeTargets
from mzbuild.target_types import (
    BinField,
    CopyMatchingField,
    CopySourceField,
    CrateInputsField,
    ExampleField,
    ImageNameField,
)


@dataclass(frozen=True)
class ImageDependenciesFieldSet(FieldSet):
    required_fields = (ImageNameField,)


@dataclass(frozen=True)
class CargoBuildDependenciesFieldSet(FieldSet):
    required_fields = (BinField, ExampleField)

    bin: BinField
    example: ExampleField


@dataclass(frozen=True)
class CopyDependenciesFieldSet(FieldSet):
    required_fields = (CopySourceField, CopyMatchingField)

    source: CopySourceField
    matching: CopyMatchingField


@dataclass(frozen=True)
class CrateDependenciesFieldSet(FieldSet):
    required_fields = (CrateInputsField,)


class InferImageDependencies(InferDependenciesRequest[ImageDependenciesFieldSet]):
    infer_from = ImageDependenciesFieldSet


class InferCargoBuildDependencies(InferDependenciesRequest[CargoBuildDependenciesFieldSet]):
    infer_from = CargoBuildDependenciesFieldSet


class InferCopyDependencies(InferDependenciesRequest[CopyDependenciesFieldSet]):
    infer_from = CopyDependenciesFieldSet


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
def infer_cargo_build_dependencies(
    request: InferCargoBuildDependencies,
    workspace: CargoWorkspace,
    targets: MzbuildTargets,
    configuration: Configuration,
) -> InferredDependencies:
    build = CargoBuild(
        bins=request.field_set.bin.value or (), examples=request.field_set.example.value or ()
    )
    workspace.check_known()
    crates: tuple[Crate, ...] = ()
    # What no crate has depends on none. Whoever asks for the image's fingerprint is told.
    with suppress(MzbuildError):
        crates = workspace.roots(build, configuration.scheme, str(request.field_set.address))
    shared = Address("", target_name=WORKSPACE_TARGET_NAME)
    return InferredDependencies([shared, *_addresses(crates, targets)])


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
    return InferredDependencies([*_addresses(crates, targets), *linked])


@rule
async def infer_copy_dependencies(
    request: InferCopyDependencies, listing: Listing, targets: MzbuildTargets
) -> InferredDependencies:
    source, matching = request.field_set.source.value, request.field_set.matching.value
    copied = matching_files(Copy(source or "", "", matching or "*"), listing)
    owners = await find_owners(OwnersRequest(tuple(copied)), **implicitly())
    # Others may own the files as well, for purposes of their own: a crate, say, most of whose
    # files are not copied.
    return InferredDependencies(address for address in owners if address in targets.files)


def _addresses(crates: Iterable[Crate], targets: MzbuildTargets) -> list[Address]:
    return [
        targets.crates[crate.directory] for crate in crates if crate.directory in targets.crates
    ]


def rules() -> Iterable[Rule | UnionRule]:
    requests = (
        InferImageDependencies,
        InferCargoBuildDependencies,
        InferCopyDependencies,
        InferCrateDependencies,
    )
    return (
        *collect_rules(),
        *(UnionRule(InferDependenciesRequest, request) for request in requests),
    )
