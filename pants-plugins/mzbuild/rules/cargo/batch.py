"""What a command needs of Cargo altogether."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass

from pants.engine.addresses import Address, Addresses
from pants.engine.rules import Rule
from pants.engine.target import Target
from pants.util.frozendict import FrozenDict

from mzbuild.core.actions.cargo_build import CargoBuildAction
from mzbuild.core.cargo.arguments import cargo_build_args
from mzbuild.core.cargo.settings import CargoOptions
from mzbuild.core.cargo.workspace import CargoWorkspace
from mzbuild.core.configuration import Configuration
from mzbuild.core.errors import MzbuildError
from mzbuild.core.image.mzbuild_yml import FILE_NAME
from mzbuild.pants_api import collect_rules, implicitly, resolve_targets, rule
from mzbuild.rules.cargo.actions import CargoAction
from mzbuild.rules.cargo.groups import CargoBatch
from mzbuild.rules.images import Images
from mzbuild.rules.pre_image import ImagesToBuild, PreImageActions, target_fields
from mzbuild.rules.selection import CommandSpecs, SelectedTargets


@dataclass(frozen=True)
class SelectedPrograms:
    """The `mzbuild_cargo_build` targets that a command is to package by themselves, each as the
    action that it stands for.

    Those are what a BUILD file declares and, of those that an `mzbuild.yml` does, what is named by
    its address. `errors` says why those are not among them that Cargo would refuse to build.
    """

    actions: FrozenDict[Address, CargoAction]
    errors: FrozenDict[Address, str]


@rule
async def cargo_batch(request: ImagesToBuild, /, images: Images) -> CargoBatch:
    built = [images.graph.by_name[name] for name in request.names]
    actions = tuple(
        CargoAction(action, image.origin, request.configuration)
        for image in built
        for action in image.pre_image
        if isinstance(action, CargoBuildAction)
    )
    if request.selected:
        # Cargo is asked at once for what is packaged by itself, too.
        actions += tuple((await selected_programs(**implicitly())).actions.values())
    return CargoBatch(request.configuration, actions)


@rule
async def selected_programs(
    selected: SelectedTargets,
    command: CommandSpecs,
    configuration: Configuration,
    known: PreImageActions,
    workspace: CargoWorkspace,
    options: CargoOptions,
) -> SelectedPrograms:
    named = {
        (literal.path_component, literal.target_component)
        for literal in command.specs.includes.address_literals
        if not command.specs.includes.from_change_detection
    }
    programs = {
        alias
        for alias, request in known.target_types.items()
        if request.action_type is CargoBuildAction
    }
    settings = options.settings(configuration)
    actions, errors = {}, {}
    for target in await resolve_targets(Addresses(selected.addresses), **implicitly()):
        is_named = (target.address.spec_path, target.address.target_name) in named
        if target.alias in programs and (is_named or not of_mzbuild_yml(target)):
            try:
                action = program_action(target, configuration)
                # What Cargo would refuse is told before anything is built.
                cargo_build_args(action.build, workspace, settings, None, action.where)
                actions[target.address] = action
            except MzbuildError as error:
                errors[target.address] = str(error)
    return SelectedPrograms(FrozenDict(actions), FrozenDict(errors))


def of_mzbuild_yml(target: Target) -> bool:
    """Whether a target stands for what an `mzbuild.yml` says."""
    return posixpath.basename(target.description_of_origin) == FILE_NAME


def program_action(target: Target, configuration: Configuration) -> CargoAction:
    """The action that an `mzbuild_cargo_build` target stands for by itself."""
    build = CargoBuildAction.parse(target_fields(target))
    return CargoAction(build, target.description_of_origin, configuration)


def rules() -> tuple[Rule, ...]:
    return tuple(collect_rules())
