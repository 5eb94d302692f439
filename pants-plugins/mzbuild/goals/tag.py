"""`pants mzbuild-tag`: tags for people, for several architectures at once."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence

from pants.engine.console import Console
from pants.engine.rules import Rule
from pants.option.option_types import BoolOption, EnumOption, StrListOption
from pants.util.strutil import softwrap

from mzbuild.core.registries.addresses import registry_tag
from mzbuild.core.registries.tagging import Step, TagRequest, check_tags, make_tags, plan_tags
from mzbuild.core.text.table import table
from mzbuild.goals.format import TableFormat
from mzbuild.goals.image_goal import ImageGoal
from mzbuild.goals.outcome import GoalOutcome, goal_rules
from mzbuild.goals.reporting import log_errors
from mzbuild.pants_api import collect_rules, concurrently, implicitly, uncacheable_rule
from mzbuild.rules.fingerprints import (
    Fingerprints,
    FingerprintsRequest,
    PublishedConfigurations,
    configured_fingerprints,
)
from mzbuild.rules.images import Images
from mzbuild.rules.registries import Registries, RegistryAccess
from mzbuild.rules.selection import PublishedImages


class TagSubsystem(ImageGoal):
    name = "mzbuild-tag"
    help = softwrap(
        """
        Give published images tags for people, in every registry.

        For example, `pants mzbuild-tag --tags=v1.2.3 ::` makes the tag
        `v1.2.3` for each image of the repository that is published. It stands for the images of
        all architectures in `[mzbuild].archs`, and is made in the registry: nothing is pulled. No
        tag is touched before all images that the tags are to stand for are known to be there.
        """
    )

    tags = StrListOption(
        help="The tags to make. For example: `--tags=v1.2.3 --tags=latest` behind the goal."
    )
    mainline = BoolOption(
        default=False,
        help=softwrap(
            """
            Leave out the images with `mainline: false`, as is right for a release. For example:
            `--mzbuild-tag-mainline`.
            """
        ),
    )
    movable = StrListOption(
        default=["latest", "unstable"],
        help=softwrap(
            """
            The tags that may stand for other images than before. Any other tag that exists and
            stands for something else is an error. For example: `--mzbuild-tag-movable=edge`.
            """
        ),
    )
    format = EnumOption(
        default=TableFormat.TABLE,
        help=softwrap(
            """
            `table` prints which tags were made or moved, or could not be, and how many there are
            of each kind; `json` a list of all, objects with `image`,
            `registry`, `tag`, `outcome` (`made`, `moved`, `already there` or `failed`), `digest`
            and `reason`. For example: `--mzbuild-tag-format=json`.
            """
        ),
    )


class Tag(GoalOutcome):
    pass


@uncacheable_rule
async def tag(
    selected: PublishedImages,
    published_for: PublishedConfigurations,
    registries: Registries,
    access: RegistryAccess,
    images: Images,
    fingerprints: Fingerprints,
    subsystem: TagSubsystem,
    console: Console,
) -> Tag:
    check_tags(subsystem.tags)
    log_errors(selected.broken, images.graph, fingerprints.errors)
    configured = await concurrently(
        configured_fingerprints(FingerprintsRequest(configuration), **implicitly())
        for configuration in published_for.configurations
    )
    specs = {
        configuration.arch: each.specs
        for configuration, each in zip(published_for.configurations, configured)
    }
    names = [i.name for i in selected.images if i.mainline or not subsystem.mainline]
    requests = [
        TagRequest(
            name,
            registry,
            registry_tag(registry, f"{spec.rpartition(':')[0]}:{tag}"),
            {arch: registry_tag(registry, specs[arch][name]) for arch in specs},
        )
        for name in names
        for spec in [configured[0].specs[name]]
        for registry in registries.registries
        for tag in subsystem.tags
    ]
    with access.client() as client:
        steps = plan_tags(client, requests, subsystem.movable, access.timeout)
        steps = make_tags(client, steps, access.timeout)
    rows = [
        {
            "image": step.request.image,
            "registry": step.request.registry.name,
            "tag": step.request.tag,
            "outcome": step.step.value,
            "digest": step.manifest.digest,
            "reason": step.reason,
        }
        for step in steps
    ]
    rows += [
        {
            "image": name,
            "registry": "",
            "tag": "",
            "outcome": Step.FAIL.value,
            "digest": "",
            "reason": reason,
        }
        for name, reason in selected.broken.items()
        if images.graph.by_name[name].mainline or not subsystem.mainline
    ]
    if subsystem.format is TableFormat.JSON:
        console.print_stdout(json.dumps(rows, indent=2))
    else:
        for line in _lines(rows):
            console.print_stdout(line)
    return Tag(exit_code=1 if any(row["outcome"] == Step.FAIL.value for row in rows) else 0)


def _lines(rows: Sequence[Mapping[str, str]]) -> list[str]:
    """A line for each tag that something happened to, and how many there are of each outcome."""
    columns = ("image", "registry", "outcome", "tag", "reason")
    counts = Counter(row["outcome"] for row in rows)
    summary = ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
    told = [[row[c] for c in columns] for row in rows if row["outcome"] != Step.NONE.value]
    if not told:
        return [f"Nothing to do: {summary or 'no tags'}"]
    return [*table((*columns[:-1], ""), told), summary]


def rules() -> tuple[Rule, ...]:
    return (*collect_rules(), *goal_rules(TagSubsystem, Tag, tag))
