"""`pants publish`: packages an image, and pushes it to every registry that lacks it."""

from __future__ import annotations

from dataclasses import dataclass

from pants.core.goals.publish import (
    PublishFieldSet,
    PublishOutputData,
    PublishPackages,
    PublishProcesses,
    PublishRequest,
)
from pants.engine.process import InteractiveProcess
from pants.engine.rules import Get, MultiGet, Rule, collect_rules, rule
from pants.engine.unions import UnionRule

from mzbuild.core.ensuring import Ensured, Outcome
from mzbuild.rules.ensured_images import EnsuredImage, EnsurePlan, EnsurePlanRequest, EnsureRequest
from mzbuild.rules.images import Images
from mzbuild.rules.registries import ImageTags, Registries
from mzbuild.rules.selection import SelectedImages
from mzbuild.target_types import ImageNameField

_REPORT = '[ -z "$1" ] || { printf "%s\\n" "$1" >&2; exit 1; }'


class PublishImageRequest(PublishRequest["PublishImageFieldSet"]):
    pass


@dataclass(frozen=True)
class PublishImageFieldSet(PublishFieldSet[PublishImageRequest]):
    publish_request_type = PublishImageRequest
    required_fields = (ImageNameField,)

    def get_output_data(self) -> PublishOutputData:
        return PublishOutputData({"publisher": "mzbuild", **super().get_output_data()})


@rule
async def publish_image(
    request: PublishImageRequest,
    images: Images,
    tags: ImageTags,
    registries: Registries,
    selected: SelectedImages,
) -> PublishProcesses:
    registries.check()
    image = images.at(request.field_set.address)
    if not image.publish:
        skipped = PublishPackages((tags.local[image.name],), description="(`publish: false`)")
        return PublishProcesses([skipped])
    wanted = selected.names if image.name in selected.names else (image.name,)
    plan = await Get(EnsurePlan, EnsurePlanRequest(wanted))
    plan.check()
    # What it builds on is published, too, whether or not that was asked for.
    ensured = await MultiGet(
        Get(EnsuredImage, EnsureRequest(name, wanted, acquired=True))
        for name in images.graph.closure([image.name])
        if images.graph.by_name[name].publish
    )
    results = [each.result for each in ensured]
    return PublishProcesses([_packages(results[-1], results[:-1], tags)])


def _packages(image: Ensured, bases: list[Ensured], tags: ImageTags) -> PublishPackages:
    published = tags.published[image.name]
    names = tuple(tag for _, tag in published)
    failed = next((each for each in (*bases, image) if not each.ok), None)
    where = ", ".join(registry.name for registry, _ in published)
    if failed is None and image.outcome is Outcome.PRESENT:
        return PublishPackages(names, description=f"(already in {where})")
    # The work is done: rules do it for many images at once. What Pants wants is a process, by
    # whose exit code it knows how that went.
    reason = f"{failed.name}: {failed.reason}" if failed else ""
    report = InteractiveProcess(("/bin/sh", "-c", _REPORT, "sh", reason), run_in_workspace=True)
    return PublishPackages(names, report, where)


def rules() -> tuple[Rule | UnionRule, ...]:
    return (*collect_rules(), *PublishImageFieldSet.rules())
