"""Running Cargo: once for each group of actions whose results are not there yet."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass, replace
from functools import cache, partial

from pants.base.build_root import BuildRoot
from pants.engine.rules import Rule
from pants.option.global_options import GlobalOptions
from pants.util.frozendict import FrozenDict

from mzbuild.core.cargo.arguments import build_directory, cargo_build_args
from mzbuild.core.cargo.build import CargoBuild
from mzbuild.core.cargo.causes import cargo_by_hand
from mzbuild.core.cargo.command import cargo_command, scripts
from mzbuild.core.cargo.config_file import CargoConfig
from mzbuild.core.cargo.groups import CargoGroup, group_builds
from mzbuild.core.cargo.missing_inputs import missing_inputs, unread_files
from mzbuild.core.cargo.plan import group_args, names, process_plan
from mzbuild.core.cargo.program import notes
from mzbuild.core.cargo.resolution import FeatureRules
from mzbuild.core.cargo.sanitizers import sanitizer_advice
from mzbuild.core.cargo.settings import CargoOptions
from mzbuild.core.cargo.sources import SourceTree
from mzbuild.core.cargo.staged_files import DIRECTORY, SOURCES
from mzbuild.core.cargo.steps import CargoSteps
from mzbuild.core.cargo.workspace import CargoWorkspace
from mzbuild.core.configuration import Configuration, Sanitizer
from mzbuild.core.safe import without_colours
from mzbuild.core.text.table import some
from mzbuild.core.work_tree.files import real_path
from mzbuild.core.work_tree.links import LinkedListing
from mzbuild.pants_api import collect_rules, concurrently, implicitly, uncacheable_rule
from mzbuild.rules.cargo.actions import CargoAction, plan_cargo_action
from mzbuild.rules.cargo.metadata import CargoMetadataRequest, known_packages
from mzbuild.rules.cargo.processes import CargoProcess, carry_out
from mzbuild.rules.cargo.results import (
    CACHE,
    CargoCache,
    CargoResults,
    CollectResults,
    FindResults,
    collect_results,
    find_results,
)
from mzbuild.rules.cargo.toolchain import available_cores, rust_toolchain
from mzbuild.rules.images import Images
from mzbuild.rules.progress import RunProgress
from mzbuild.rules.repository import workspace_lock

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class CargoBatch:
    """A request for the results of all actions that a command needs in a configuration.

    Whoever is only looking at the groups runs nothing, and may see more of them.
    """

    configuration: Configuration
    actions: tuple[CargoAction, ...]
    only_looking: bool = False


@dataclass(frozen=True)
class CargoGroups:
    """The actions that Cargo has to build, in groups that share an invocation; and the results of
    the others."""

    groups: tuple[CargoGroup, ...]
    there: CargoResults

    def index(self, build: CargoBuild) -> int | None:
        """The number of the group with an action, from 0; None where its results are there."""
        return next(
            (index for index, group in enumerate(self.groups) if build in group.builds), None
        )


@dataclass(frozen=True)
class CargoRunRequest:
    """A request to have a group built, after those before it."""

    batch: CargoBatch
    index: int


@dataclass(frozen=True)
class CargoRun:
    """What an invocation of Cargo has made and said, and a command that does the same in the work
    tree.

    Where it has failed, there may be results of some of its actions all the same. `advice` tells
    what it lacks, in sentences: files that are not among its inputs, parts of the toolchain.
    """

    made: CargoResults
    command: str
    log: str
    output: str
    advice: tuple[str, ...]


# What the cache has may change between two commands.
@uncacheable_rule
async def cargo_groups(
    batch: CargoBatch,
    /,
    workspace: CargoWorkspace,
    config: CargoConfig,
    listing: LinkedListing,
    options: CargoOptions,
    build_root: BuildRoot,
) -> CargoGroups:
    if batch.actions and not batch.only_looking:
        located = partial(real_path, build_root.path)
        # Without these, Cargo may make something else than in the work tree.
        for sentence in missing_inputs(config.unseen, (), located, listing, workspace):
            logger.warning(sentence)
    plans = await concurrently(
        plan_cargo_action(action, **implicitly()) for action in batch.actions
    )
    keys = tuple(plan.key for plan in plans)
    there = await find_results(FindResults(batch.configuration, keys), **implicitly())
    missing = [action.build for action, key in zip(batch.actions, keys) if key not in there.by_key]
    lock = (await workspace_lock(**implicitly())).lock
    settings = options.settings(batch.configuration)
    rules = FeatureRules(workspace, lock, settings.target, settings.flags.args)
    groups = group_builds(missing, rules, unified=settings.unified_features)
    if settings.unified_features:
        return CargoGroups(groups, there)
    if len(groups) > 1 and lock is not None and lock.external_packages:
        # They may be fewer when it is known what those packages ask of one another.
        may_run = not batch.only_looking
        asked_for = CargoMetadataRequest(batch.configuration, tuple(missing), may_run)
        known = (await known_packages(asked_for, **implicitly())).metadata
        groups = group_builds(missing, replace(rules, metadata=known))
    return CargoGroups(groups, there)


# To find out whether what it remembers of this rule still holds, Pants would first do again all
# that the rule did in an earlier command: it would run Cargo though nothing is missing any more.
@uncacheable_rule
async def run_cargo(
    request: CargoRunRequest,
    /,
    workspace: CargoWorkspace,
    listing: LinkedListing,
    options: CargoOptions,
    tree: SourceTree,
    cache: CargoCache,
    images: Images,
    progress: RunProgress,
    build_root: BuildRoot,
    global_options: GlobalOptions,
) -> CargoRun:
    # Cargo builds one group at a time. Were the others to wait in processes, these would keep
    # Pants from running those of images that Cargo has nothing to do with.
    if request.index:
        await run_cargo(CargoRunRequest(request.batch, request.index - 1), **implicitly())
    configuration = request.batch.configuration
    groups = (await cargo_groups(request.batch, **implicitly())).groups
    if request.index >= len(groups):
        return CargoRun(CargoResults(FrozenDict()), "", "", "", ())
    group = groups[request.index]
    by_build = {action.build: action for action in request.batch.actions}
    actions = [by_build[build] for build in group.builds]
    settings = options.settings(configuration)
    toolchain = await rust_toolchain(settings, **implicitly())
    settings = settings.adding(group.together.flags).on_cores(available_cores())
    where = actions[0].where
    sources = tree.of(group.together, where)
    plans = await concurrently(plan_cargo_action(action, **implicitly()) for action in actions)
    lock = (await workspace_lock(**implicitly())).lock
    args = cargo_build_args(group.together, workspace, settings, lock, where)
    args = group_args(args, group.builds, toolchain.compiler)
    directory = build_directory(configuration)
    plan = process_plan(
        f"{CACHE}/{directory}",
        build_root.path,
        workspace.root,
        sources,
        scripts(toolchain.compiler),
        cargo_command(toolchain.cargo, args, settings, workspace.root),
        settings,
        {plan.key: {**plan.steps, **sources.beyond(plan.sources)} for plan in plans},
    )
    built = names(group.builds)
    number = f" (group {request.index + 1} of {len(groups)})" if len(groups) > 1 else ""
    place = global_options.named_caches_dir / cache.name / directory
    if group.changed:
        _tell_once(
            f"Cargo builds {built} with the union of their features. These may be others than "
            f"when built alone: {names(group.changed)}. See [mzbuild-cargo].features."
        )
    log = f"{place}/build.log"
    logger.info(f"Cargo builds {built}{number}; follow it with: tail -F {log}")
    building = CargoProcess(plan, settings, f"Build {built} with Cargo")
    for_images = [
        image.name
        for image in images.graph.by_name.values()
        if {*image.pre_image} & {*group.builds}
    ]
    who = some(for_images, 2) or built
    with progress.of_build(log, who, CargoSteps(), grace=0):
        result = (await carry_out(building, **implicitly())).result
    output = (result.stdout + result.stderr).decode(errors="replace")
    for note in notes(output):
        logger.warning(note)
    advice: tuple[str, ...] = ()
    if result.exit_code:
        plain, directory = without_colours(output), os.path.realpath(place / SOURCES)
        advice = missing_inputs(
            unread_files(plain, directory, workspace.root),
            {*sources.files, *sources.empty},
            partial(real_path, build_root.path),
            listing,
            workspace,
        )
        sanitizer = configuration.sanitizer
        if sanitizer is not Sanitizer.NONE:
            flags = options.sanitizer_rustflags(sanitizer)
            advice += sanitizer_advice(plain, sanitizer, flags, settings.target)
    # All that was made is cached now. Whoever waits for what was not made may end this command.
    keys = tuple(plan.key for plan in plans)
    made = await collect_results(CollectResults(configuration, keys), **implicitly())
    command = cargo_by_hand(args, settings, workspace.root)
    command = command.replace(f"{DIRECTORY}/{SOURCES}", build_root.path)
    return CargoRun(made, command, log, output, advice)


@cache
def _tell_once(message: str) -> None:
    """Says something of builds that go together, and not again when they are edited."""
    logger.info(message)


def rules() -> tuple[Rule, ...]:
    return tuple(collect_rules())
