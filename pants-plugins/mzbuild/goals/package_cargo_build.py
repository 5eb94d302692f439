"""`pants package`: the programs of an `mzbuild_cargo_build` in `dist/`, without any image."""

from __future__ import annotations

from dataclasses import dataclass

from pants.core.goals.package import (
    BuiltPackage,
    BuiltPackageArtifact,
    OutputPathField,
    PackageFieldSet,
)
from pants.engine.addresses import Addresses
from pants.engine.fs import EMPTY_DIGEST, AddPrefix, Digest, MergeDigests, Snapshot
from pants.engine.rules import Get, Rule, _uncacheable_rule, collect_rules
from pants.engine.target import Targets
from pants.engine.unions import UnionRule

from mzbuild.core.fingerprint.configuration import Configuration
from mzbuild.rules.acquire import AcquisitionPlan, AcquisitionPlanRequest
from mzbuild.rules.cargo.batch import SelectedPrograms, of_mzbuild_yml, program_action
from mzbuild.rules.cargo.groups import CargoBatch
from mzbuild.rules.cargo.pre_image import CargoBuildRequest, CargoBuildResult
from mzbuild.rules.selection import SelectedImages, SelectedTargets
from mzbuild.target_types import BinField, ExampleField


@dataclass(frozen=True)
class PackageCargoBuildFieldSet(PackageFieldSet):
    required_fields = (BinField, ExampleField)

    output_path: OutputPathField


# Another command may select others to be built at once.
@_uncacheable_rule
async def package_cargo_build(
    field_set: PackageCargoBuildFieldSet,
    selected: SelectedImages,
    targets: SelectedTargets,
    programs: SelectedPrograms,
    configuration: Configuration,
) -> BuiltPackage:
    action = programs.actions.get(field_set.address)
    if action is None:
        (target,) = await Get(Targets, Addresses([field_set.address]))
        if (
            selected.to_package
            and field_set.address in targets.addresses
            and of_mzbuild_yml(target)
        ):
            # It was selected along with its image, which may need no building: it would be
            # compiled for nothing.
            return BuiltPackage(EMPTY_DIGEST, ())
        # It is not the command's own target, but that of another one which needs it.
        action = program_action(target, configuration)
        batch = CargoBatch(configuration, (action,))
    elif selected.names:
        # Cargo is asked at once for what images need, too.
        plan = await Get(AcquisitionPlan, AcquisitionPlanRequest(selected.names))
        batch = plan.batch
    else:
        batch = CargoBatch(configuration, tuple(programs.actions.values()))
    built = await Get(CargoBuildResult, CargoBuildRequest(action, batch))
    directory = field_set.output_path.value_or_default(file_ending=None)
    files = await Get(Digest, MergeDigests((built.digest, built.debug)))
    packaged = await Get(Snapshot, AddPrefix(files, directory))
    return BuiltPackage(
        packaged.digest, tuple(BuiltPackageArtifact(path) for path in packaged.files)
    )


def rules() -> tuple[Rule | UnionRule, ...]:
    return (*collect_rules(), UnionRule(PackageFieldSet, PackageCargoBuildFieldSet))
