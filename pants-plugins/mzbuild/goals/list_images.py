"""`pants mzbuild-list`: which images there are."""

from __future__ import annotations

from pants.engine.console import Console
from pants.engine.goal import Outputting
from pants.engine.rules import Rule
from pants.option.global_options import GlobalOptions
from pants.option.option_types import EnumOption
from pants.util.strutil import softwrap

from mzbuild.core.describe.list import list_images, list_rows, list_summary
from mzbuild.core.fingerprint.survey import Survey
from mzbuild.core.image.report import ReportFormat
from mzbuild.core.text.table import WIDTH, table
from mzbuild.goals.image_goal import ImageGoal
from mzbuild.goals.outcome import GoalOutcome, goal_rules
from mzbuild.goals.reporting import log_errors, palette, show_json, show_text
from mzbuild.pants_api import collect_rules, uncacheable_rule
from mzbuild.rules.images import Images, ImageWarnings
from mzbuild.rules.selection import ReportedImages


class ListSubsystem(Outputting, ImageGoal):
    name = "mzbuild-list"
    help = softwrap(
        """
        List images: where they are, what they are for and what they build on.

        For example, `pants mzbuild-list ::` prints a line for each image of the repository, and
        `pants --changed-since=main mzbuild-list` for each that has changed since `main`.
        """
    )

    format = EnumOption(
        default=ReportFormat.TEXT,
        help=softwrap(
            """
            `text` prints a table, with long descriptions shortened; `json` a list of objects with
            `name`, `address`, `publish`, `mainline`, `description`, `inputs` (how many files go
            into the image; null where that cannot be said), `dependencies` (the names of the images
            that it builds on directly) and `error` (why it has no fingerprint; null where it has
            one). An image whose declaration cannot be read goes by the place of that, as its
            `name`. For example: `--mzbuild-list-format=json`.
            """
        ),
    )


class ListImages(GoalOutcome):
    pass


@uncacheable_rule
async def list_goal(
    reported: ReportedImages,
    images: Images,
    survey: Survey,
    warnings: ImageWarnings,
    subsystem: ListSubsystem,
    global_options: GlobalOptions,
    console: Console,
) -> ListImages:
    addresses = {name: images.addresses[name].spec for name in reported.names}
    listed = list_images(images.graph, survey, addresses)
    if subsystem.format is ReportFormat.JSON:
        show_json(listed, console, subsystem)
    else:
        header = ("image", "address", "inputs", "publish", "mainline", "builds on", "description")
        colours = palette(console, subsystem, global_options)
        lines = table(header, list_rows(listed), {0: colours.cyan}, WIDTH, cut=True)
        show_text([*lines, *list_summary(listed)], console, subsystem)
    return ListImages(log_errors(reported.names, images.graph, survey.errors))


def rules() -> tuple[Rule, ...]:
    return (*collect_rules(), *goal_rules(ListSubsystem, ListImages, list_goal))
