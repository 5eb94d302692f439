"""`pants mzbuild-explain`: why fingerprints are not what they were."""

from __future__ import annotations

import logging

from pants.engine.console import Console
from pants.engine.goal import Outputting
from pants.engine.rules import Rule
from pants.option.global_options import GlobalOptions
from pants.option.option_types import BoolOption, EnumOption, StrOption
from pants.util.strutil import softwrap

from mzbuild.core.explain.explanation import explain
from mzbuild.core.explain.log import recorded
from mzbuild.core.explain.report import explanation_json, explanation_lines
from mzbuild.core.fingerprint.survey import concerning, failures
from mzbuild.core.image.report import ReportFormat
from mzbuild.goals.image_goal import ImageGoal
from mzbuild.goals.outcome import GoalOutcome, goal_rules
from mzbuild.goals.reporting import palette, show_json, show_text
from mzbuild.pants_api import collect_rules, implicitly, uncacheable_rule
from mzbuild.rules.fingerprint_logs import FingerprintLogFile
from mzbuild.rules.images import Images, ImageWarnings
from mzbuild.rules.selection import reported_images
from mzbuild.rules.snapshots import (
    RevisionSnapshotRequest,
    current_snapshot,
    snapshot_of_revision,
)

logger = logging.getLogger(__name__)


class ExplainSubsystem(Outputting, ImageGoal):
    name = "mzbuild-explain"
    help = softwrap(
        """
        Explain why the fingerprints of images are not what they were.

        For example, `pants mzbuild-explain --since=main ::` tells of each image whose fingerprint
        in the work tree is another than on the branch `main`: which files were added, removed or
        changed (or their modes), which crate or action brings each of them in, which options
        differ, and which image that it builds on has changed, by which files.

        Nothing is checked out or built. The exit code is 1 where a fingerprint cannot be computed.
        """
    )

    since = StrOption(
        default="HEAD",
        help=softwrap(
            """
            The revision of Git to start from: a commit, a branch or a tag; or, with `...` behind
            it, the merge base of that and of what is explained, so that what has been done there
            since does not count. For example: `--mzbuild-explain-since=v1.2.3`, or
            `--mzbuild-explain-since=main...`, which is what `git diff main...` starts from.
            """
        ),
    )
    fingerprint = StrOption(
        default="",
        help=softwrap(
            """
            The fingerprint to start from, instead of a revision: one that was computed in this
            clone before, whatever the work tree was like then. How it begins will do, and so will a
            tag that ends with it. It says which image is explained, and no targets are needed. For
            example: `--mzbuild-explain-fingerprint=MNU5`.
            """
        ),
    )
    until = StrOption(
        default="",
        help=softwrap(
            """
            The revision of Git to explain, instead of the work tree. For example:
            `--mzbuild-explain-until=main`.
            """
        ),
    )
    all = BoolOption(
        default=False,
        help=softwrap(
            """
            With the format `text`, tell of each image and of each of its files, however many there
            are. Otherwise, what would fill more than a screen is told by its causes: which files
            moved how many images. For example: `--mzbuild-explain-all`.
            """
        ),
    )
    format = EnumOption(
        default=ReportFormat.TEXT,
        help=softwrap(
            """
            `text` is for people; `json` prints an object with `since` (what it starts from),
            `until` (null for the work tree) and `images`: for each that differs `name`, `before`
            and `after` (fingerprints; null where there is no such image),
            `configuration` (options with `before` and `after`), `files` (`path`, `change`: one of
            `added`, `removed`, `changed`, `mode`; `mode_before`, `mode_after`, `brought_in_by`)
            and `dependencies` (`name`, `before`, `after`, and the names of the images that it is
            `because_of`); and `errors`: for each without a fingerprint `name`, `revision` (null for
            the work tree) and `error`. For example: `--mzbuild-explain-format=json`.
            """
        ),
    )


class Explain(GoalOutcome):
    pass


@uncacheable_rule
async def explain_goal(
    images: Images,
    warnings: ImageWarnings,
    log: FingerprintLogFile,
    subsystem: ExplainSubsystem,
    global_options: GlobalOptions,
    console: Console,
) -> Explain:
    since, until = subsystem.fingerprint or subsystem.since, subsystem.until
    everything = False
    if subsystem.fingerprint:
        name, before = recorded(log.path, since)
        names = {name}
    else:
        reported = await reported_images(**implicitly())
        start = f"{since}{until}" if since.endswith("...") else since
        before = (
            await snapshot_of_revision(RevisionSnapshotRequest(start), **implicitly())
        ).snapshot
        names = {*reported.names}
        everything = len(names) == len(images.addresses)
    if until:
        after = (
            await snapshot_of_revision(RevisionSnapshotRequest(until), **implicitly())
        ).snapshot
    else:
        after = await current_snapshot(**implicitly())
    explained = explain(before, after)
    if everything:
        # No specification matches an image that the work tree does not have, but for all of them.
        others = {*explained, *before.survey.errors, *after.survey.errors}
        names |= others - images.addresses.keys()
    told = [explanation for name, explanation in explained.items() if name in names]
    where = (f"`{since}`", f"`{until}`" if until else "the work tree")
    errors = [
        concerning(names, snapshot.dependencies, snapshot.survey.errors)
        for snapshot in (before, after)
    ]
    if subsystem.format is ReportFormat.JSON:
        differing = [explanation_json(explanation) for explanation in told]
        revisions = {"since": since, "until": until or None}
        failed = [
            {"name": name, "revision": revision, "error": error}
            for revision, each in zip(revisions.values(), errors)
            for name, error in each.items()
        ]
        show_json({**revisions, "images": differing, "errors": failed}, console, subsystem)
    else:
        colours = palette(console, subsystem, global_options)
        lines = explanation_lines(
            *(told, explained, where),
            everything=subsystem.all,
            paint_name=colours.cyan,
            paint_change=colours.yellow,
        )
        show_text(lines, console, subsystem)
    for place, each in zip(where, errors):
        for failure in failures(each):
            logger.error("In %s: %s", place, failure)
    return Explain(1 if any(errors) else 0)


def rules() -> tuple[Rule, ...]:
    return (*collect_rules(), *goal_rules(ExplainSubsystem, Explain, explain_goal))
