"""What a command needs of Cargo altogether."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass

from pants.engine.addresses import Address, Addresses
from pants.engine.rules import Rule
from pants.engine.target import Target
from pants.util.frozendict import FrozenDict

from mzbuild.core.cargo.arguments import cargo_build_args, refused_builds
from mzbuild.core.cargo.settings import CargoOptions
from mzbuild.core.cargo.workspace import CargoWorkspace
from mzbuild.core.errors import MzbuildError
from mzbuild.core.fingerprint.configuration import Configuration
from mzbuild.core.image.declaration import CargoBuild
from mzbuild.core.image.mzbuild_yml import FILE_NAME
from mzbuild.pants_api import collect_rules, implicitly, resolve_targets, rule
from mzbuild.rules.cargo.actions import CargoAction
from mzbuild.rules.cargo.groups import CargoBatch
from mzbuild.rules.images import Images, cargo_build
from mzbuild.rules.selection import CommandSpecs, SelectedTargets
from mzbuild.target_types import MzbuildCargoBuildTarget


@dataclass(frozen=True)
class ImagesToBuild:
    """The names of the images that a command builds in a configuration, sorted."""

    configuration: Configuration
    names: tuple[str, ...]


@dataclass(frozen=True)
class SelectedPrograms:
    """The `mzbuild_cargo_build` targets that a command is to package by themselves, each as the
    action that it stands for.

    Those are what a BUILD file declares and, of those that an `mzbuild.yml` does, what is named by
    its address. `errors` says why those are not among them that Cargo would refuse to build.
    """

    actions: FrozenDict[Address, CargoAction]
    errors: FrozenDict[Address, str]


@dataclass(frozen=True)
class CargoRefusals:
    """Why Cargo would not begin to build what images need."""

    images: Images
    workspace: CargoWorkspace
    options: CargoOptions

    def of(self, configuration: Configuration, name: str) -> str:
        """The reason for an image; empty where there is none."""
        image, settings = self.images.graph.by_name[name], self.options.settings(configuration)
        return next(iter(refused_builds(image, self.workspace, settings).values()), "")

    def check(self, action: CargoAction) -> None:
        """Raises `MzbuildError` where that is so of an action."""
        settings = self.options.settings(action.configuration)
        cargo_build_args(action.build, self.workspace, settings, None, action.where)


@rule
def cargo_refusals(
    images: Images, workspace: CargoWorkspace, options: CargoOptions
) -> CargoRefusals:
    return CargoRefusals(images, workspace, options)


@rule
def cargo_batch(request: ImagesToBuild, /, images: Images) -> CargoBatch:
    built = [images.graph.by_name[name] for name in request.names]
    return CargoBatch(
        request.configuration,
        tuple(
            CargoAction(action, image.origin, request.configuration)
            for image in built
            for action in image.pre_image
            if isinstance(action, CargoBuild)
        ),
    )


@rule
async def selected_programs(
    selected: SelectedTargets,
    command: CommandSpecs,
    configuration: Configuration,
    refusals: CargoRefusals,
) -> SelectedPrograms:
    named = {
        (literal.path_component, literal.target_component)
        for literal in command.specs.includes.address_literals
        if not command.specs.includes.from_change_detection
    }
    actions, errors = {}, {}
    for target in await resolve_targets(Addresses(selected.addresses), **implicitly()):
        is_named = (target.address.spec_path, target.address.target_name) in named
        if target.alias == MzbuildCargoBuildTarget.alias and (
            is_named or not of_mzbuild_yml(target)
        ):
            try:
                action = program_action(target, configuration)
                refusals.check(action)
                actions[target.address] = action
            except MzbuildError as error:
                errors[target.address] = str(error)
    return SelectedPrograms(FrozenDict(actions), FrozenDict(errors))


def of_mzbuild_yml(target: Target) -> bool:
    """Whether a target stands for what an `mzbuild.yml` says."""
    return posixpath.basename(target.description_of_origin) == FILE_NAME


def program_action(target: Target, configuration: Configuration) -> CargoAction:
    """The action that an `mzbuild_cargo_build` target stands for by itself."""
    return CargoAction(cargo_build(target), target.description_of_origin, configuration)


def rules() -> tuple[Rule, ...]:
    return tuple(collect_rules())
