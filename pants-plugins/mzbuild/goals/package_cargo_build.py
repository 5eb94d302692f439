"""`pants package`: the programs of an `mzbuild_cargo_build` in `dist/`, without any image."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass

from pants.core.goals.package import (
    BuiltPackage,
    BuiltPackageArtifact,
    OutputPathField,
    PackageFieldSet,
)
from pants.engine.addresses import Addresses
from pants.engine.fs import AddPrefix, Digest, MergeDigests, Snapshot
from pants.engine.rules import Get, Rule, _uncacheable_rule, collect_rules
from pants.engine.target import Target, Targets
from pants.engine.unions import UnionRule

from mzbuild.core.fingerprint.configuration import Configuration
from mzbuild.core.image.mzbuild_yml import FILE_NAME
from mzbuild.rules.cargo.actions import CargoAction
from mzbuild.rules.cargo.groups import CargoBatch
from mzbuild.rules.cargo.pre_image import CargoBuildRequest, CargoBuildResult
from mzbuild.rules.images import cargo_build
from mzbuild.rules.selection import SelectedImages
from mzbuild.target_types import BinField, ExampleField, MzbuildCargoBuildTarget


@dataclass(frozen=True)
class PackageCargoBuildFieldSet(PackageFieldSet):
    required_fields = (BinField, ExampleField)

    output_path: OutputPathField

    @classmethod
    def opt_out(cls, tgt: Target) -> bool:
        # That of an image which needs no building would be compiled for nothing.
        return posixpath.basename(tgt.description_of_origin) == FILE_NAME


# Another command may select others to be built at once.
@_uncacheable_rule
async def package_cargo_build(
    field_set: PackageCargoBuildFieldSet, selected: SelectedImages, configuration: Configuration
) -> BuiltPackage:
    addresses = Addresses(sorted({field_set.address, *selected.addresses}))
    actions = {
        target.address: CargoAction(cargo_build(target), target.address.spec, configuration)
        for target in await Get(Targets, Addresses, addresses)
        if target.alias == MzbuildCargoBuildTarget.alias
        and not PackageCargoBuildFieldSet.opt_out(target)
    }
    batch = CargoBatch(configuration, tuple(actions.values()))
    built = await Get(CargoBuildResult, CargoBuildRequest(actions[field_set.address], batch))
    directory = field_set.output_path.value_or_default(file_ending=None)
    files = await Get(Digest, MergeDigests((built.digest, built.debug)))
    packaged = await Get(Snapshot, AddPrefix(files, directory))
    return BuiltPackage(
        packaged.digest, tuple(BuiltPackageArtifact(path) for path in packaged.files)
    )


def rules() -> tuple[Rule | UnionRule, ...]:
    return (*collect_rules(), UnionRule(PackageFieldSet, PackageCargoBuildFieldSet))
