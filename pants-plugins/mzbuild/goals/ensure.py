"""`pants mzbuild-ensure`: every image in every registry that it is published to."""

from __future__ import annotations

import json

from pants.engine.console import Console
from pants.engine.rules import Rule
from pants.option.option_types import EnumOption
from pants.util.strutil import softwrap

from mzbuild.core.plan.ensured import ensured_json, ensured_lines, without_fingerprint
from mzbuild.goals.format import TableFormat
from mzbuild.goals.image_goal import ImageGoal
from mzbuild.goals.outcome import GoalOutcome, goal_rules
from mzbuild.goals.reporting import log_errors
from mzbuild.pants_api import collect_rules, concurrently, implicitly, uncacheable_rule
from mzbuild.rules.ensured_images import (
    EnsurePlanRequest,
    EnsureRequest,
    ensure_image,
    ensure_plan,
)
from mzbuild.rules.fingerprints import Fingerprints, PublishedConfigurations
from mzbuild.rules.images import Images
from mzbuild.rules.selection import PublishedImages


class EnsureSubsystem(ImageGoal):
    name = "mzbuild-ensure"
    help = softwrap(
        """
        Publish images, with all that they build on, to every registry that lacks them.

        For example, `pants mzbuild-ensure ::` asks all of `[mzbuild.registries]` which images of
        the repository they have, and builds and pushes the others, each as soon as what it builds
        on is there. An image that the Docker engine or one of the registries has is not built
        again. What fails does not stop what does not depend on it; the exit code is 1 then.

        As many images are built and pushed at once as
        `[GLOBAL].process_execution_local_parallelism` says: by default, as many as there are cores.
        Builds that wait more than they compute are done sooner with a higher number.
        """
    )

    format = EnumOption(
        default=TableFormat.TABLE,
        help=softwrap(
            """
            `table` prints what became of each image to which something happened, and how many
            there are of each kind; `json` a list of all, objects with `name`, `arch`,
            `spec`, `outcome` (`already there`, `pushed`, `failed` or `skipped`), `pushed_to` (names
            of registries), `origin` (`reused`, `pulled`, `built`, or null where it was not needed),
            `seconds`, `reason` and `because_of` (the image that failed first). For example:
            `--mzbuild-ensure-format=json`.
            """
        ),
    )


class Ensure(GoalOutcome):
    pass


@uncacheable_rule
async def ensure(
    selected: PublishedImages,
    published_for: PublishedConfigurations,
    images: Images,
    fingerprints: Fingerprints,
    subsystem: EnsureSubsystem,
    console: Console,
) -> Ensure:
    log_errors(selected.broken, images.graph, fingerprints.errors)
    wanted = EnsurePlanRequest(selected.names, published_for.configurations)
    plan = await ensure_plan(wanted, **implicitly())
    plan.check()
    ensured = await concurrently(
        ensure_image(EnsureRequest(name, configuration, wanted), **implicitly())
        for name in sorted(images.graph.closure(selected.names))
        if images.graph.by_name[name].publish
        for configuration in published_for.configurations
    )
    results = [image.result for image in ensured]
    for configuration in published_for.configurations:
        results += without_fingerprint(selected.broken, configuration.arch)
    if subsystem.format is TableFormat.JSON:
        console.print_stdout(json.dumps(ensured_json(results), indent=2))
    else:
        for line in ensured_lines(results):
            console.print_stdout(line)
    return Ensure(exit_code=0 if all(result.ok for result in results) else 1)


def rules() -> tuple[Rule, ...]:
    return (*collect_rules(), *goal_rules(EnsureSubsystem, Ensure, ensure))
