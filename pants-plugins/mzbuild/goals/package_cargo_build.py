"""`pants package`: the programs of an `mzbuild_cargo_build` in `dist/`, without any image."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from pants.core.goals.package import (
    BuiltPackage,
    BuiltPackageArtifact,
    OutputPathField,
    PackageFieldSet,
)
from pants.engine.addresses import Addresses
from pants.engine.fs import EMPTY_DIGEST, AddPrefix, MergeDigests
from pants.engine.rules import Rule
from pants.engine.unions import UnionRule

from mzbuild.actions.cargo_build import BinField, ExampleField
from mzbuild.core.configuration import Configuration
from mzbuild.core.errors import MzbuildError
from mzbuild.goals.outcome import NotPackaged
from mzbuild.pants_api import (
    collect_rules,
    implicitly,
    merge_digests,
    resolve_targets,
    snapshot_with_prefix,
    uncacheable_rule,
)
from mzbuild.rules.acquire import AcquisitionPlanRequest, acquisition_plan
from mzbuild.rules.cargo.batch import SelectedPrograms, cargo_batch, of_mzbuild_yml, program_action
from mzbuild.rules.cargo.groups import CargoBatch
from mzbuild.rules.cargo.pre_image import CargoBuildRequest, cargo_build
from mzbuild.rules.selection import SelectedImages, SelectedTargets
from mzbuild.subsystems.mzbuild import Mzbuild

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class PackageCargoBuildFieldSet(PackageFieldSet):
    required_fields = (BinField, ExampleField)

    output_path: OutputPathField


# Another command may select others to be built at once.
@uncacheable_rule
async def package_cargo_build(
    field_set: PackageCargoBuildFieldSet,
    selected: SelectedImages,
    targets: SelectedTargets,
    programs: SelectedPrograms,
    configuration: Configuration,
    mzbuild: Mzbuild,
) -> BuiltPackage:
    if refusal := programs.errors.get(field_set.address):
        if mzbuild.fail_fast:
            raise MzbuildError.of_lines(refusal)
        return _without_programs(field_set, refusal)
    action = programs.actions.get(field_set.address)
    if action is None:
        (target,) = await resolve_targets(Addresses([field_set.address]), **implicitly())
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
        plan = await acquisition_plan(AcquisitionPlanRequest(selected.names), **implicitly())
        batch = await cargo_batch(plan.together, **implicitly())
    else:
        batch = CargoBatch(configuration, tuple(programs.actions.values()))
    try:
        built = await cargo_build(CargoBuildRequest(action, batch), **implicitly())
    except Exception as error:
        # Whatever it was, it must not keep the command's other targets from being packaged.
        if mzbuild.fail_fast or field_set.address not in programs.actions:
            raise
        return _without_programs(field_set, str(error))
    directory = field_set.output_path.value_or_default(file_ending=None)
    files = await merge_digests(MergeDigests((built.digest, built.debug)), **implicitly())
    packaged = await snapshot_with_prefix(AddPrefix(files, directory), **implicitly())
    return BuiltPackage(
        packaged.digest, tuple(BuiltPackageArtifact(path) for path in packaged.files)
    )


def _without_programs(field_set: PackageCargoBuildFieldSet, error: str) -> BuiltPackage:
    """Tells what is wrong at once, and in the end that the command has failed."""
    logger.error("%s", error)
    failure = NotPackaged(f"{field_set.address}: its programs could not be built.")
    return BuiltPackage(EMPTY_DIGEST, (BuiltPackageArtifact(None, (failure,)),))


def rules() -> tuple[Rule | UnionRule, ...]:
    return (*collect_rules(), UnionRule(PackageFieldSet, PackageCargoBuildFieldSet))
