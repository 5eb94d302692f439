"""`pants mzbuild-describe`: all that is known of an image."""

from __future__ import annotations

from functools import cache

from pants.engine.console import Console
from pants.engine.goal import Outputting
from pants.engine.rules import Rule
from pants.option.global_options import GlobalOptions
from pants.option.option_types import BoolOption, EnumOption
from pants.util.strutil import softwrap

from mzbuild.core.describe.description import describe_image, description_lines
from mzbuild.core.fingerprint.survey import Survey
from mzbuild.core.image.report import ReportFormat
from mzbuild.core.registries.addresses import registry_tag
from mzbuild.core.work_tree.files import WorkTree
from mzbuild.goals.image_goal import ImageGoal
from mzbuild.goals.outcome import GoalOutcome, goal_rules
from mzbuild.goals.reporting import log_errors, palette, show_json, show_text
from mzbuild.pants_api import collect_rules, uncacheable_rule
from mzbuild.rules.fingerprints import input_files
from mzbuild.rules.images import Images, ImageWarnings
from mzbuild.rules.registries import Registries
from mzbuild.rules.selection import ReportedImages
from mzbuild.subsystems.mzbuild import Mzbuild


class DescribeSubsystem(Outputting, ImageGoal):
    name = "mzbuild-describe"
    help = softwrap(
        """
        Describe images: how they are declared and named, what they build on, what goes into them.

        For example, `pants mzbuild-describe misc/images/environmentd` tells of the image in that
        directory. No registry and no Docker engine is asked.
        """
    )

    format = EnumOption(
        default=ReportFormat.TEXT,
        help=softwrap(
            """
            `text` is for people; `json` prints a list of objects with `name`, `address`,
            `description`, `fingerprint`, `spec`, `error` (why there is no fingerprint), `tags`
            (by the registries' names), `publish`, `mainline`, `build_args`, `pre_image`,
            `dependencies`, `dependents`, `transitive_dependencies` and `transitive_dependents`
            (null without `--mzbuild-describe-transitive`), and `inputs`: groups with
            `kind` (`context`, `shared`, `crate` or `copy`), `name` and `files`, each with `path`,
            `mode`, `size` (in bytes) and `sha1`. For example: `--mzbuild-describe-format=json`.
            """
        ),
    )
    transitive = BoolOption(
        default=False,
        help=softwrap(
            """
            Tell also what the image builds on, and what builds on it, by way of other images. For
            example: `--mzbuild-describe-transitive`.
            """
        ),
    )
    files = BoolOption(
        default=False,
        help=softwrap(
            """
            With the format `text`, give each input file a line with its mode, its size in bytes
            and its SHA-1; `json` always has them. For example: `--mzbuild-describe-files`.
            """
        ),
    )


class Describe(GoalOutcome):
    pass


@uncacheable_rule
async def describe(
    reported: ReportedImages,
    images: Images,
    survey: Survey,
    registries: Registries,
    work_tree: WorkTree,
    warnings: ImageWarnings,
    mzbuild: Mzbuild,
    subsystem: DescribeSubsystem,
    global_options: GlobalOptions,
    console: Console,
) -> Describe:
    # Images have crates in common.
    file = cache(input_files(images, work_tree))
    described = []
    for name in reported.names:
        image = images.graph.by_name[name]
        fingerprint = survey.fingerprints.get(name)
        spec = mzbuild.spec(name, fingerprint) if fingerprint else None
        tags = {
            registry.name: registry_tag(registry, spec)
            for registry in registries.registries
            if spec and image.publish
        }
        address = images.addresses[name].spec
        described.append(
            describe_image(
                *(image, address, images.graph, survey, spec, tags, file),
                transitive=subsystem.transitive,
            )
        )
    if subsystem.format is ReportFormat.JSON:
        show_json(described, console, subsystem)
    else:
        heading = palette(console, subsystem, global_options).cyan
        lines = [
            line
            for image in described
            for line in ("", *description_lines(image, heading, files=subsystem.files))
        ]
        show_text(lines[1:], console, subsystem)
    return Describe(log_errors(reported.names, images.graph, survey.errors))


def rules() -> tuple[Rule, ...]:
    return (*collect_rules(), *goal_rules(DescribeSubsystem, Describe, describe))
