"""All images of the repository, from wherever they are declared, as one graph."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from pants.build_graph.address import ResolveError
from pants.engine.addresses import Address
from pants.engine.internals.build_files import BuildFileOptions
from pants.engine.rules import Rule
from pants.engine.target import (
    AllUnexpandedTargets,
    Dependencies,
    DescriptionField,
    Field,
    Target,
)
from pants.option.global_options import GlobalOptions

from mzbuild.core.actions.action import Action
from mzbuild.core.cargo.workspace import Crate
from mzbuild.core.errors import MzbuildError, listed
from mzbuild.core.image.declaration import Image
from mzbuild.core.image.graph import ImageGraph, build_graph
from mzbuild.core.image.mzbuild_yml import FILE_NAME, check_image_name, unseen, without_target
from mzbuild.core.safe import printable
from mzbuild.core.work_tree.files import FileCache, WorkTree, read_content
from mzbuild.core.work_tree.listing import Listing
from mzbuild.pants_api import (
    collect_rules,
    implicitly,
    resolve_unparsed_targets,
    rule,
    uncacheable_rule,
)
from mzbuild.rules.build_files import BuildFiles, DeclaredTargets
from mzbuild.rules.declarations import Declarations
from mzbuild.rules.pre_image import PreImageActions
from mzbuild.rules.repository import DeclaredImages
from mzbuild.rules.synthetic_targets import MadeTargets
from mzbuild.target_types import (
    BuildArgsField,
    CargoCrateTarget,
    ImageNameField,
    MainlineField,
    MzbuildFilesTarget,
    MzbuildImageTarget,
    PreImageField,
    PublishField,
)

logger = logging.getLogger(__name__)

_DOCKERFILES = FileCache(lambda absolute, _: read_content(absolute))


@dataclass(frozen=True)
class MzbuildTargets:
    """The targets that stand for images, actions and crates, by their directories."""

    images: Mapping[str, Target]
    actions: Mapping[str, tuple[Address, ...]]
    crates: Mapping[str, Address]
    # The `mzbuild_files` targets, wherever they are.
    files: frozenset[Address]
    # What is wrong in directories where two targets stand for an image.
    errors: Mapping[str, str]


@dataclass(frozen=True)
class BuildFileImages:
    """The targets that stand for images, and their addresses, by the images' contexts.

    Where no BUILD file speaks of images, all targets are made from `mzbuild.yml` files, and their
    addresses are known without making any: in a large repository, that takes long.
    """

    images: Mapping[str, Target]
    addresses: Mapping[str, Address]
    errors: Mapping[str, str]


@dataclass(frozen=True)
class Images:
    """All images, and the addresses of their targets by the images' names."""

    graph: ImageGraph
    addresses: Mapping[str, Address]
    warnings: tuple[str, ...]

    @cached_property
    def names(self) -> Mapping[Address, str]:
        """The images' names by the addresses of their targets."""
        return {address: name for name, address in self.addresses.items()}

    def at(self, address: Address) -> Image:
        """The image that a target stands for.

        Raises `MzbuildError` where Git does not see what declares it.
        """
        if address not in self.names:
            raise MzbuildError(
                f"{address}: Git sees no `{FILE_NAME}` in `{address.spec_path}`: an ignore rule "
                "matches it, or it has just gone. Have Git see it to use the image."
            )
        return self.graph.by_name[self.names[address]]


@dataclass(frozen=True)
class ImageWarnings:
    """Shown once in each run that asks for this: what is ignored in declarations, what is risky."""

    texts: tuple[str, ...]


@rule
def mzbuild_targets(
    all_targets: AllUnexpandedTargets, made: MadeTargets, known: PreImageActions
) -> MzbuildTargets:
    images: dict[str, Target] = {}
    actions: dict[str, tuple[Address, ...]] = {}
    crates: dict[str, Address] = {}
    files: set[Address] = set()
    errors: dict[str, str] = {}
    for target in all_targets:
        directory = target.address.spec_path
        in_its_place = made.by_address.get(target.address)
        if in_its_place and in_its_place.type_alias != target.alias:
            raise MzbuildError(
                f"{target.description_of_origin}: the `{target.alias}` target "
                f"`{target.address.target_name}` has the name of the `{in_its_place.type_alias}` "
                f"target that {in_its_place.description_of_origin} stands for. Give it another "
                f'one, such as `name="{target.address.target_name}-{target.alias}"`.'
            )
        if target.alias == MzbuildImageTarget.alias:
            other = images.setdefault(directory, target)
            if other is not target:
                errors[directory] = (
                    f"{target.description_of_origin}: {other.address} and {target.address} both "
                    f"stand for the image in `{directory}`. Remove one of them from the BUILD "
                    "file; beside an `mzbuild.yml`, leave out the target's name."
                )
        elif target.alias in known.target_types:
            actions[directory] = (*actions.get(directory, ()), target.address)
        elif target.alias == CargoCrateTarget.alias:
            crates.setdefault(directory, target.address)
        elif target.alias == MzbuildFilesTarget.alias:
            files.add(target.address)
    return MzbuildTargets(images, actions, crates, frozenset(files), errors)


@rule
async def build_file_images(
    declarations: Declarations,
    build_files: BuildFiles,
    declared: DeclaredTargets,
    build_file_options: BuildFileOptions,
) -> BuildFileImages:
    # A prelude may have macros that make targets of any type, under any name, and the environment
    # may give one the name of another.
    markers = (MzbuildImageTarget.alias.encode(), b"env(")
    if build_file_options.prelude_globs or any(
        marker in content for content in build_files.contents.values() for marker in markers
    ):
        targets = await mzbuild_targets(**implicitly())
        return BuildFileImages(
            targets.images,
            {context: target.address for context, target in targets.images.items()},
            targets.errors,
        )
    return BuildFileImages(
        {},
        {
            image.context: Address(image.context, target_name=declared.image_target_name(image))
            for image in declarations.images
        },
        {},
    )


@rule
async def all_images(
    targets: BuildFileImages,
    declarations: Declarations,
    declared: DeclaredImages,
    known: PreImageActions,
    work_tree: WorkTree,
    listing: Listing,
    global_options: GlobalOptions,
) -> Images:
    images = [file.image for file in declared.files]
    faults = {file.image.origin: file.error for file in declared.files if file.error is not None}
    in_files = {image.context: image for image in (*declarations.images, *images)}
    declaring = [
        target
        for context, target in targets.images.items()
        if context not in in_files or target.description_of_origin != in_files[context].origin
    ]
    for target in declaring:
        context, origin = target.address.spec_path, target.description_of_origin
        in_file = in_files.get(context)
        image = in_file or Image.unreadable(context, origin)
        try:
            addresses = target[PreImageField].to_unparsed_address_inputs()
            # One by one: together, one that leads nowhere would be the end of all.
            own_actions = await resolve_unparsed_targets(addresses, **implicitly())
            actions = [known.declared_by(action, target) for action in own_actions]
            declared_here = declared_image(target, actions)
            if in_file is None:
                image = declared_here
            elif in_file.origin not in faults:
                _refuse_contradiction(target, declared_here, in_file)
            if image.origin not in faults:
                for each in (target, *own_actions):
                    _refuse_dependencies(each)
        except MzbuildError as error:
            faults[image.origin] = str(error)
        except ResolveError as error:
            faults[image.origin] = f"{origin}: {error}"
        if in_file is None:
            images.append(image)
    for image in images:
        if image.context in targets.errors:
            faults.setdefault(image.origin, targets.errors[image.context])
    graph = build_graph(images, listing, lambda path: _DOCKERFILES.get(work_tree, path), faults)
    hidden = [image.origin for image in images if image.context not in targets.addresses]
    left_out = [origin for origin in hidden if origin in work_tree.left_out]
    return Images(
        graph,
        {
            image.name: targets.addresses[image.context]
            for image in graph.images
            if image.context in targets.addresses
        },
        (
            *(
                unseen(origin, global_options.pants_ignore, ".gitignore" in listing)
                for origin in hidden
                if origin not in left_out
            ),
            *((without_target(left_out),) if left_out else ()),
            *(warning for file in declared.files for warning in file.warnings),
            *(
                f"{image.origin}: the build argument {listed(image.secret_build_args)} sounds "
                "like a secret, and whoever has the image can read it. Mount secrets with "
                "`RUN --mount=type=secret`, or have the image read them when it runs."
                for image in graph.images
                if image.secret_build_args
            ),
        ),
    )


@uncacheable_rule
def show_warnings(images: Images) -> ImageWarnings:
    for warning in images.warnings:
        logger.warning("%s", printable(warning))
    return ImageWarnings(images.warnings)


def _refuse_contradiction(target: Target, image: Image, in_file: Image) -> None:
    """A target beside an `mzbuild.yml` may repeat what the file says, but not contradict it.

    A field that has its default value is taken as one that says nothing.
    """
    said: Mapping[type[Field], tuple[object, object, object]] = {
        ImageNameField: (target[ImageNameField].value, None, in_file.name),
        DescriptionField: (image.description, None, in_file.description),
        PublishField: (image.publish, True, in_file.publish),
        MainlineField: (image.mainline, True, in_file.mainline),
        BuildArgsField: (dict(image.build_args), {}, dict(in_file.build_args)),
        PreImageField: (image.pre_image, (), in_file.pre_image),
    }
    for field, (here, default, there) in said.items():
        if here not in (default, there):
            raise MzbuildError(
                f"{target.description_of_origin}: the field `{field.alias}` contradicts "
                f"{in_file.origin}. Remove the field, or declare the image in the BUILD file alone."
            )


def _refuse_dependencies(target: Target) -> None:
    """What an image or an action depends on is inferred; what is said besides would mislead."""
    if dependencies := target[Dependencies].value:
        raise MzbuildError(
            f"{target.description_of_origin}: the field `dependencies` of an `{target.alias}` has "
            f"no effect: nothing of {listed(dependencies)} would get into the image. Remove the "
            "field. To build on another image, name it by `MZFROM` in the Dockerfile; to have "
            "files or programs in the context, use a `pre_image` action: an `mzbuild_copy` or an "
            "`mzbuild_cargo_build`."
        )


def declared_image(target: Target, actions: Iterable[Action]) -> Image:
    """The image that an `mzbuild_image` target declares, with its `pre_image` actions."""
    name = target[ImageNameField].value or target.address.target_name
    origin = target.description_of_origin
    check_image_name(name, origin)
    return Image(
        name=name,
        context=target.address.spec_path,
        origin=origin,
        description=target[DescriptionField].value,
        publish=target[PublishField].value,
        mainline=target[MainlineField].value,
        build_args=tuple((target[BuildArgsField].value or {}).items()),
        pre_image=tuple(actions),
    )


def crate_addresses(crates: Iterable[Crate], targets: MzbuildTargets) -> list[Address]:
    """The addresses of the targets that stand for crates."""
    return [
        targets.crates[crate.directory] for crate in crates if crate.directory in targets.crates
    ]


def rules() -> tuple[Rule, ...]:
    return tuple(collect_rules())
