"""Which images a command is about."""

from __future__ import annotations

import logging
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, replace

from pants.backend.project_info.filter_targets import FilterSubsystem, TargetGranularity
from pants.base.build_root import BuildRoot
from pants.base.glob_match_error_behavior import GlobMatchErrorBehavior
from pants.base.specs import (
    AddressLiteralSpec,
    FileLiteralSpec,
    RawSpecs,
    RawSpecsWithoutFileOwners,
    Spec,
    Specs,
)
from pants.base.specs_parser import SpecsParser
from pants.build_graph.address import ResolveError
from pants.engine.addresses import Address, AddressInput
from pants.engine.env_vars import CompleteEnvironmentVars
from pants.engine.internals.options_parsing import _Options
from pants.engine.internals.session import SessionValues
from pants.option.global_options import GlobalOptions
from pants.util.frozendict import FrozenDict
from pants.vcs import changed, git
from pants.vcs.changed import ChangedOptions
from pants.vcs.git import GitWorktreeRequest

from mzbuild.core.errors import MzbuildError, listed
from mzbuild.core.image.declaration import Image
from mzbuild.core.image.report import near_misses, no_image
from mzbuild.core.safe import printable
from mzbuild.core.work_tree.listing import Listing, is_under
from mzbuild.pants_api import (
    changed_request,
    collect_rules,
    find_changed_owners,
    get_git_worktree,
    implicitly,
    resolve_addresses,
    rule,
    uncacheable_rule,
)
from mzbuild.rules.fingerprints import Fingerprints
from mzbuild.rules.images import Images, ImageWarnings
from mzbuild.rules.registries import Registries
from mzbuild.subsystems.mzbuild import Mzbuild

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class SpecifiedImages:
    """The names of the images among what a command's specifications stand for, sorted."""

    names: tuple[str, ...]


@dataclass(frozen=True)
class ReportedImages:
    """The names of the images among a goal's targets, sorted.

    There are none only where `--changed-since` has found none: other specifications that match no
    image are an error.
    """

    names: tuple[str, ...]


@dataclass(frozen=True)
class PublishedImages:
    """The images among a goal's targets that are published, sorted by name.

    `broken` says of those that have no fingerprint why; they are not among the others.
    """

    images: tuple[Image, ...]
    broken: Mapping[str, str]

    @property
    def names(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(image.name for image in self.images)


@dataclass(frozen=True)
class CommandSpecs:
    """What the command was given, for rules that Pants hands its targets one at a time.

    With `to_publish`, `publish` is all that the command is to do with it; with `to_package`,
    `package` is the first thing.
    """

    specs: Specs
    to_publish: bool
    to_package: bool


@dataclass(frozen=True)
class SelectedTargets:
    """The command's targets, for rules that Pants hands them one at a time."""

    addresses: tuple[Address, ...]


@dataclass(frozen=True)
class SelectedImages:
    """The names of the images among the command's targets, sorted; see `CommandSpecs`."""

    names: tuple[str, ...]
    to_publish: bool
    to_package: bool


@rule
async def specified_images(
    specs: Specs, /, images: Images, filters: FilterSubsystem, global_options: GlobalOptions
) -> SpecifiedImages:
    specs = Specs(_by_address(specs.includes, images), _by_address(specs.ignores, images))
    if not specs.ignores and not _is_filtered(filters, global_options):
        names = _known_names(specs.includes, images)
        if names is not None:
            return SpecifiedImages(tuple(sorted(names)))
    addresses = await resolve_addresses(specs, **implicitly())
    names = {images.names[address] for address in addresses if address in images.names}
    return SpecifiedImages(tuple(sorted(names)))


def _by_address(specs: RawSpecs, images: Images) -> RawSpecs:
    """The same with addresses for the names of images.

    A name looks like a directory. Where a directory of that name has an image, it is meant.
    """
    contexts = {address.spec_path for address in images.names}
    named = {
        spec: images.addresses[spec.directory]
        for spec in specs.dir_literals
        if spec.directory in images.addresses and spec.directory not in contexts
    }
    if not named:
        return specs
    return replace(
        specs,
        dir_literals=tuple(spec for spec in specs.dir_literals if spec not in named),
        address_literals=(*specs.address_literals, *map(_literal, named.values())),
    )


# Not cached, so that its warnings come with every run.
@uncacheable_rule
async def reported_images(
    specs: Specs, images: Images, listing: Listing, parsed: _Options
) -> ReportedImages:
    try:
        selected = await specified_images(specs, **implicitly())
    except Exception as error:
        # Pants has an exception of its own for each kind of specification of what is not there.
        odd = _odd(specs.includes, images)
        told = [no_image(odd, images.graph.images, listing)] if odd else []
        # Of a directory, it tells of a glob, which nobody typed.
        if not odd or "Unmatched glob from" not in str(error):
            told.append(str(error))
        raise MzbuildError.of_lines("\n\n".join(told)) from None
    if specs.includes.from_change_detection:
        return ReportedImages(selected.names)
    odd = _odd(specs.includes, images)
    if not selected.names:
        typed = _typed(specs.includes)
        goals = [goal for goal in parsed.options.goals if goal in images.addresses]
        if goals and not typed:
            places = (images.graph.by_name[goal].context or "//:" for goal in goals)
            raise MzbuildError(
                f"No image is named: Pants has goals called {listed(goals)}. Name images of that "
                f"name by their directories: {listed(places)}."
            )
        if odd or not typed:
            raise MzbuildError.of_lines(no_image(odd, images.graph.images, listing))
        raise MzbuildError(
            f"{listed(map(str, typed))}: no image is left of that, by what begins with `-` or by "
            "the options `--filter-…` and `--tag`. Leave one of them out."
        )
    # What else is there, such as a shell's `*` may have named, is nobody's mistake.
    for hint in near_misses(odd, images.graph.images, listing).values():
        logger.warning("%s", printable(hint))
    return ReportedImages(selected.names)


def _typed(includes: RawSpecs) -> list[Spec]:
    return [
        *includes.address_literals,
        *RawSpecsWithoutFileOwners.from_raw_specs(includes).glob_specs(),
        *includes.file_literals,
        *includes.file_globs,
    ]


def _odd(includes: RawSpecs, images: Images) -> list[str]:
    """What was typed of which nothing stands for an image."""
    return [str(spec) for spec in _typed(includes) if not _matches(spec, images)]


def _matches(spec: Spec, images: Images) -> bool:
    """Whether what was typed stands for an image, or is a file of one."""
    if isinstance(spec, FileLiteralSpec):
        return any(is_under(spec.file, image.context) for image in images.graph.images)
    alone = RawSpecs.create([spec], description_of_origin="the command line")
    return _known_names(_by_address(alone, images), images) is not None


def _known_names(includes: RawSpecs, images: Images) -> set[str] | None:
    """The names of the images that specifications stand for, where no target need be asked for.

    None where one of them stands for no image: then there is more to it, or something is wrong
    with it, and Pants has the words for that.
    """
    if includes.file_literals or includes.file_globs:
        return None
    found: set[str] = set()
    by_target = {
        (address.spec_path, address.target_name): name
        for address, name in images.names.items()
        if not address.parameters
    }
    for literal in includes.address_literals:
        path = literal.path_component
        name = by_target.get((path, literal.target_component or posixpath.basename(path)))
        if name is None or literal.generated_component or literal.parameters:
            return None
        found.add(name)
    for spec in RawSpecsWithoutFileOwners.from_raw_specs(includes).glob_specs():
        names = {
            name
            for address, name in images.names.items()
            if spec.matches_target_residence_dir(address.spec_path)
        }
        if not names:
            return None
        found |= names
    return found or None


def _is_filtered(filters: FilterSubsystem, global_options: GlobalOptions) -> bool:
    return bool(
        filters.target_type
        or filters.address_regex
        or filters.tag_regex
        or filters.granularity is not TargetGranularity.all_targets
        or global_options.tag
    )


@uncacheable_rule
def published_images(
    selected: ReportedImages,
    images: Images,
    fingerprints: Fingerprints,
    registries: Registries,
    warnings: ImageWarnings,
    mzbuild: Mzbuild,
) -> PublishedImages:
    registries.check()
    found = [images.graph.by_name[name] for name in selected.names]
    published = tuple(image for image in found if image.publish)
    names = [image.name for image in published]
    if mzbuild.fail_fast:
        fingerprints.check(images.graph, names)
    if not published:
        logger.warning("None of the targets is an image to publish. `::` stands for all images.")
    broken = fingerprints.broken(names)
    return PublishedImages(tuple(i for i in published if i.name not in broken), broken)


# Pants tells goals what was selected, but not the rules that package one target each. So it is
# found out here as Pants does it before it starts a goal (`pants.init.specs_calculator`), but for
# the directory that the command was given in: of that, only the shell's word is to be had here.
# Where it is wrong, so is the selection; then what is packaged is planned one by one.
@rule
async def command_specs(
    parsed: _Options, session_values: SessionValues, build_root: BuildRoot
) -> CommandSpecs:
    options = parsed.options
    to_publish = options.goals == ["publish"]
    to_package = options.goals[:1] == ["package"]
    changes = ChangedOptions.from_options(options.for_scope("changed"))
    if changes.provided:
        git_worktree = (await get_git_worktree(GitWorktreeRequest(), **implicitly())).git_worktree
        files = changes.changed_files(git_worktree) if git_worktree else []
        request = changed_request(tuple(files), changes.dependents)
        literals = map(_literal, await find_changed_owners(request, **implicitly()))
        found = RawSpecs.create(
            literals, description_of_origin="`--changed-since`", from_change_detection=True
        )
        return CommandSpecs(replace(Specs.empty(), includes=found), to_publish, to_package)
    directory = session_values[CompleteEnvironmentVars].get("PWD", "")
    inside = f"{directory}/".startswith(f"{build_root.path}/")
    try:
        specs = SpecsParser(working_dir=directory if inside else None).parse_specs(
            options.specs,
            description_of_origin="the command line",
            unmatched_glob_behavior=GlobMatchErrorBehavior.ignore,
        )
    except SpecsParser.BadSpecError as error:
        logger.debug(f"The command was not given in {directory}: {error}")
        specs = Specs.empty()
    return CommandSpecs(specs, to_publish, to_package)


def _literal(address: Address) -> AddressLiteralSpec:
    parsed = AddressInput.parse(address.spec, description_of_origin="`--changed-since`")
    return AddressLiteralSpec(
        path_component=parsed.path_component,
        target_component=parsed.target_component,
        generated_component=parsed.generated_component,
        parameters=FrozenDict(parsed.parameters),
    )


@rule
async def selected_targets(command: CommandSpecs) -> SelectedTargets:
    try:
        return SelectedTargets(tuple(await resolve_addresses(command.specs, **implicitly())))
    except ResolveError as error:
        logger.debug(f"The command was given elsewhere: {error}")
        return SelectedTargets(())


@rule
async def selected_images(command: CommandSpecs) -> SelectedImages:
    try:
        names = (await specified_images(command.specs, **implicitly())).names
    except ResolveError as error:
        logger.debug(f"The command was given elsewhere: {error}")
        names = ()
    return SelectedImages(names, command.to_publish, command.to_package)


def rules() -> tuple[object, ...]:
    return (*collect_rules(), *changed.rules(), *git.rules())  # type: ignore[no-untyped-call]
