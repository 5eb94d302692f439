"""`pants mzbuild-plan`: what would be done for images."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from enum import Enum

import yaml
from pants.engine.console import Console
from pants.engine.goal import Outputting
from pants.engine.rules import Rule
from pants.option.global_options import GlobalOptions
from pants.option.option_types import BoolOption, EnumOption
from pants.option.ranked_value import Rank
from pants.util.strutil import softwrap

from mzbuild.core.configuration import Arch, Configuration
from mzbuild.core.plan.pipelines import buildkite_pipeline, github_matrix, pipeline_jobs
from mzbuild.core.plan.planning import BuildPlan, with_broken
from mzbuild.core.plan.report import check_plans, plan_json, plan_lines
from mzbuild.core.safe import github_json
from mzbuild.goals.image_goal import ImageGoal
from mzbuild.goals.outcome import GoalOutcome, goal_rules
from mzbuild.goals.reporting import log_errors, palette, show_document, show_json, show_text
from mzbuild.pants_api import collect_rules, concurrently, implicitly, uncacheable_rule
from mzbuild.rules.acquire import (
    AcquisitionDecisionRequest,
    decide_acquisition,
)
from mzbuild.rules.cargo.batch import cargo_batch
from mzbuild.rules.cargo.groups import cargo_groups
from mzbuild.rules.ensured_images import EnsureDecisionRequest, decide_to_ensure
from mzbuild.rules.fingerprints import (
    Fingerprints,
    FingerprintsRequest,
    PublishedConfigurations,
    configured_fingerprints,
)
from mzbuild.rules.images import Images, ImageWarnings
from mzbuild.rules.pre_image import ImagesToBuild
from mzbuild.rules.selection import ReportedImages
from mzbuild.subsystems.mzbuild import Mzbuild

# The options that decide which images there are and where they go.
_DECISIVE = (
    *("arch", "profile", "coverage", "sanitizer", "fingerprint_scheme"),
    *("image_registry", "image_prefix", "primary_registry"),
)

logger = logging.getLogger(__name__)

_NO_FINGERPRINT = "it has no fingerprint"


class PlanFormat(Enum):
    """For people, for programs, or for a CI system."""

    TEXT = "text"
    JSON = "json"
    GITHUB_MATRIX = "github-matrix"
    BUILDKITE = "buildkite"


class PlanSubsystem(Outputting, ImageGoal):
    name = "mzbuild-plan"
    help = softwrap(
        """
        Tell what would be done for images, in which order and why. Nothing is built, pulled or
        pushed.

        For example, `pants mzbuild-plan ::` tells which images `pants package ::` would reuse, pull
        or build, and what waits for what; `pants mzbuild-plan --ensure ::` tells what
        `pants mzbuild-ensure ::` would build and push. An image is blocked where what it takes is
        not allowed, or a registry does not say whether it has it. Where no Docker engine answers,
        the plan is that for an engine without images.

        The exit code is 1 where an image is blocked, else 0; with `--exit-code`, it is 2 where
        there is something to do.
        """
    )

    ensure = BoolOption(
        default=False,
        help=softwrap(
            """
            Plan `mzbuild-ensure` and not `package`. Whether the registries let images be pushed is
            not tried. For example: `--mzbuild-plan-ensure`.
            """
        ),
    )
    exit_code = BoolOption(
        default=False,
        help=softwrap(
            """
            End with exit code 2 where there is something to do, with 0 where there is nothing, and
            with 1 where an image is blocked or something else is wrong. For example, in a script:
            `pants mzbuild-plan --exit-code ::`.
            """
        ),
    )
    all = BoolOption(
        default=False,
        help=softwrap(
            """
            With the format `text`, give each image a line, however many there are. Otherwise, more
            of them than fit on a screen are told of in groups. For example: `--mzbuild-plan-all`.
            """
        ),
    )
    format = EnumOption(
        default=PlanFormat.TEXT,
        help=softwrap(
            """
            `text` prints a table; `json` a list of objects with `name`, `arch`, `address`, `spec`,
            `work` (in this order, some of `pull`, `build`, `push`), `blocked`, `stage` (from 1;
            null where there is nothing to do), `waits_for` (the names of other images),
            `cargo_runs` (the invocations of Cargo that build for it, from 1) and `reason`.

            The others print a CI pipeline that does what `--ensure` tells, with a job for each
            image that has to be pushed. The engine of this machine does not count then: jobs run
            elsewhere. Where a registry does not say what it has, or an image may not be built, no
            pipeline is printed at all, and the exit code is 1. An image without a fingerprint gets
            a job that fails and says why.

            `github-matrix` prints one line of JSON, an object with `stages`: a list of matrices for
            GitHub Actions, each for a job that needs that of the stage before. Every entry has
            `image`, `arch`, `address`, `spec`, `command` and `needs`. `buildkite` prints YAML for
            `buildkite-agent pipeline upload`. For example: `--mzbuild-plan-format=buildkite`.
            """
        ),
    )

    @property
    def for_ci(self) -> bool:
        """Whether a pipeline is asked for."""
        return self.format in (PlanFormat.GITHUB_MATRIX, PlanFormat.BUILDKITE)


class Plan(GoalOutcome):
    pass


@uncacheable_rule
async def plan_goal(
    reported: ReportedImages,
    images: Images,
    warnings: ImageWarnings,
    configuration: Configuration,
    fingerprints: Fingerprints,
    published_for: PublishedConfigurations,
    subsystem: PlanSubsystem,
    mzbuild: Mzbuild,
    global_options: GlobalOptions,
    console: Console,
) -> Plan:
    errors = fingerprints.errors
    broken = {name: errors[name] for name in reported.names if name in errors}
    if subsystem.for_ci and mzbuild.fail_fast:
        fingerprints.check(images.graph, broken)
    names = tuple(name for name in reported.names if name not in broken)
    plans: Sequence[BuildPlan]
    if subsystem.ensure or subsystem.for_ci:
        configurations = published_for.configurations
        decision = await decide_to_ensure(
            EnsureDecisionRequest(
                names,
                configurations,
                only_looking=True,
                anywhere=subsystem.for_ci,
            ),
            **implicitly(),
        )
        plans = tuple(decision.plans.values())
    else:
        configurations = (configuration,)
        request = AcquisitionDecisionRequest(names, only_looking=True)
        plans = ((await decide_acquisition(request, **implicitly())).plan,)
    configured = await concurrently(
        configured_fingerprints(FingerprintsRequest(each), **implicitly())
        for each in configurations
    )
    archs = [each.arch for each in configurations]
    specs = [each.specs for each in configured]
    addresses = {name: address.spec for name, address in images.addresses.items()}
    if subsystem.for_ci:
        log_errors(broken, images.graph, errors)
        # A pipeline without what is blocked would pass.
        check_plans("No pipeline is printed", list(zip(archs, plans)))
        plans = [with_broken(plan, broken) for plan in plans]
        jobs = [
            job
            for plan, arch, known in zip(plans, archs, specs)
            for job in pipeline_jobs(
                plan, arch, images.graph, addresses, known, _flags(mzbuild, arch)
            )
        ]
        if subsystem.format is PlanFormat.GITHUB_MATRIX:
            shown = github_json(github_matrix(jobs))
        else:
            shown = yaml.safe_dump(buildkite_pipeline(jobs), sort_keys=False).rstrip()
        show_document(shown, console, subsystem)
        return Plan(_exit_code(plans, subsystem))
    batches = await concurrently(
        cargo_batch(ImagesToBuild(each, plan.built), **implicitly())
        for each, plan in zip(configurations, plans)
    )
    # Without anything for Cargo to build, there need be none.
    groups = await concurrently(
        cargo_groups(replace(each, only_looking=True), **implicitly())
        for each in batches
        if each.actions
    )
    groups_of = dict(zip([arch for arch, each in zip(archs, batches) if each.actions], groups))
    runs = [groups_of[arch].groups if arch in groups_of else () for arch in archs]
    if subsystem.format is PlanFormat.JSON:
        plans = [with_broken(plan, broken) for plan in plans]
        told = [
            plan_json(plan, arch, each, images.graph, addresses, known)
            for plan, arch, each, known in zip(plans, archs, runs, specs)
        ]
        show_json([image for each in told for image in each], console, subsystem)
    else:
        plans = [with_broken(plan, dict.fromkeys(broken, _NO_FINGERPRINT)) for plan in plans]
        colours = palette(console, subsystem, global_options)
        lines = plan_lines(
            tuple(zip(archs, plans, runs)),
            everything=subsystem.all,
            paint_name=colours.cyan,
            paint_work=colours.yellow,
        )
        show_text(lines, console, subsystem)
    log_errors(broken, images.graph, errors)
    for advice in dict.fromkeys(each for plan in plans for each in plan.advice):
        logger.error(advice)
    return Plan(_exit_code(plans, subsystem))


def _exit_code(plans: Sequence[BuildPlan], subsystem: PlanSubsystem) -> int:
    codes = {plan.exit_code for plan in plans}
    return 1 if 1 in codes else max(codes) if subsystem.exit_code else 0


def _flags(mzbuild: Mzbuild, arch: Arch) -> tuple[str, ...]:
    """What a job has to be given for the same images, since no file of the repository says so."""
    given = [name for name in _DECISIVE if mzbuild.options.get_rank(name) > Rank.CONFIG]
    values = {name: mzbuild.options[name] for name in given}
    flags = [
        f"--mzbuild-{name.replace('_', '-')}={value.value if isinstance(value, Enum) else value}"
        for name, value in values.items()
    ]
    if mzbuild.archs:
        flags.append(f'--mzbuild-archs=["{arch.value}"]')
    return tuple(flags)


def rules() -> tuple[Rule, ...]:
    return (*collect_rules(), *goal_rules(PlanSubsystem, Plan, plan_goal))
