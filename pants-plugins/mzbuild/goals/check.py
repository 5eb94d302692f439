"""`pants mzbuild-check`: whether all images are where they are published to."""

from __future__ import annotations

import json
from collections.abc import Sequence

from pants.engine.console import Console
from pants.engine.rules import Rule
from pants.option.option_types import EnumOption
from pants.util.strutil import softwrap

from mzbuild.core.configuration import Arch
from mzbuild.core.registries.publication import (
    Publication,
    check_exit_code,
    check_rows,
    check_summary,
    publications,
)
from mzbuild.core.text.table import table
from mzbuild.goals.format import TableFormat
from mzbuild.goals.image_goal import ImageGoal
from mzbuild.goals.outcome import GoalOutcome, goal_rules
from mzbuild.goals.reporting import log_errors
from mzbuild.pants_api import collect_rules, concurrently, implicitly, uncacheable_rule
from mzbuild.rules.fingerprints import Fingerprints, PublishedConfigurations
from mzbuild.rules.images import Images
from mzbuild.rules.registries import (
    ExistenceRequest,
    ImageTagsRequest,
    Registries,
    ask_registries,
    configured_tags,
)
from mzbuild.rules.selection import PublishedImages


class CheckSubsystem(ImageGoal):
    name = "mzbuild-check"
    help = softwrap(
        """
        Check that images are in every registry that they are published to.

        For example, `pants mzbuild-check ::` prints a table of all images that are not in one of
        `[mzbuild.registries]`, and ends with exit code 1; or with exit code 2 where that cannot
        be said, for a registry's silence or a mistake in the repository. Nothing is pulled, built
        or pushed, and no Docker engine is needed.
        """
    )

    format = EnumOption(
        default=TableFormat.TABLE,
        help=softwrap(
            """
            `table` prints what is missing; `json` prints a list of all images with `name`,
            `arch`, `status` (`published`, `missing`, `unknown`, or `broken` where it has no
            fingerprint; then with `reason`) and `registries`: for each by its name, `tag`,
            `status`, and `digest` or `reason`. For example:
            `--mzbuild-check-format=json`.
            """
        ),
    )


class Check(GoalOutcome):
    after_mistake = 2  # As where a registry does not say: 1 is for what can be built.


@uncacheable_rule
async def check(
    selected: PublishedImages,
    published_for: PublishedConfigurations,
    registries: Registries,
    images: Images,
    fingerprints: Fingerprints,
    subsystem: CheckSubsystem,
    console: Console,
) -> Check:
    log_errors(selected.broken, images.graph, fingerprints.errors)
    configurations = published_for.configurations
    tags = await concurrently(
        configured_tags(ImageTagsRequest(each), **implicitly()) for each in configurations
    )
    asked = tuple(tag for each in tags for name in selected.names for tag in each.published[name])
    existence = await ask_registries(ExistenceRequest(asked), **implicitly())
    published = tuple(
        image
        for configuration, each in zip(configurations, tags)
        for image in publications(
            configuration.arch, selected.names, each.published, existence.answers
        )
    )
    code = 2 if selected.broken else check_exit_code(published)
    broken = [
        (name, each.arch, why) for name, why in selected.broken.items() for each in configurations
    ]
    if subsystem.format is TableFormat.JSON:
        console.print_stdout(_json(published, broken))
    elif code:
        rows = [(name, arch.value, "-", "broken", why) for name, arch, why in broken]
        header = ("image", "arch", "registry", "status", "")
        for line in table(header, [*check_rows(published), *rows]):
            console.print_stdout(line)
        console.print_stdout(check_summary(published, len(broken)))
    else:
        where = ", ".join(registry.name for registry in registries.registries)
        console.print_stderr(f"All images are published ({where}): {len(published)}.")
    return Check(code)


def _json(published: Sequence[Publication], broken: Sequence[tuple[str, Arch, str]]) -> str:
    return json.dumps(
        [
            *(
                {
                    "name": name,
                    "arch": arch.value,
                    "status": "broken",
                    "registries": {},
                    "reason": why,
                }
                for name, arch, why in broken
            ),
            *(
                {
                    "name": image.name,
                    "arch": image.arch.value,
                    "status": image.status.value,
                    "registries": {
                        **{
                            registry.name: {"tag": tag, "status": "published", "digest": digest}
                            for (registry, tag), digest in image.present.items()
                        },
                        **{
                            registry.name: {"tag": tag, "status": "missing"}
                            for registry, tag in image.missing
                        },
                        **{
                            registry.name: {"tag": tag, "status": "unknown", "reason": reason}
                            for (registry, tag), reason in image.unknown.items()
                        },
                    },
                }
                for image in published
            ),
        ],
        indent=2,
    )


def rules() -> tuple[Rule, ...]:
    return (*collect_rules(), *goal_rules(CheckSubsystem, Check, check))
