"""`pants publish`: pushes an image, with all that it builds on, to every registry that lacks it."""

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
from pants.engine.rules import Rule
from pants.engine.unions import UnionRule

from mzbuild.core.configuration import Configuration
from mzbuild.core.plan.ensured import Ensured, Outcome
from mzbuild.pants_api import collect_rules, concurrently, implicitly, rule
from mzbuild.rules.ensured_images import (
    EnsurePlanRequest,
    EnsureRequest,
    ensure_image,
    ensure_plan,
)
from mzbuild.rules.fingerprints import Fingerprints, PublishedConfigurations
from mzbuild.rules.images import Images, ImageWarnings
from mzbuild.rules.registries import ImageTagsRequest, Registries, configured_tags
from mzbuild.rules.selection import SelectedImages
from mzbuild.subsystems.mzbuild import Mzbuild
from mzbuild.target_types import ImageNameField

_REPORT = 'printf "%s" "$1" >&2; [ -z "$1" ]'


class PublishImageRequest(PublishRequest["PublishImageFieldSet"]):
    pass


@dataclass(frozen=True)
class PublishImageFieldSet(PublishFieldSet[PublishImageRequest]):
    publish_request_type = PublishImageRequest
    required_fields = (ImageNameField,)

    def get_output_data(self) -> PublishOutputData:
        return PublishOutputData({"publisher": "mzbuild", **super().get_output_data()})


@dataclass(frozen=True)
class PublishForRequest:
    """A request to publish an image in one of the configurations it is published for."""

    name: str
    configuration: Configuration
    wanted: EnsurePlanRequest


@rule
async def publish_image(
    request: PublishImageRequest,
    images: Images,
    published_for: PublishedConfigurations,
    registries: Registries,
    selected: SelectedImages,
    fingerprints: Fingerprints,
    warnings: ImageWarnings,
    mzbuild: Mzbuild,
) -> PublishProcesses:
    registries.check()
    image = images.at(request.field_set.address)
    names = selected.names if image.name in selected.names else (image.name,)
    if mzbuild.fail_fast:
        fingerprints.check(images.graph, names)
    if image.name in fingerprints.errors:
        reason = fingerprints.errors[image.name]
        return PublishProcesses([PublishPackages((image.name,), _report(image.name, reason))])
    sound = tuple(name for name in names if name not in fingerprints.errors)
    wanted = EnsurePlanRequest(sound, published_for.configurations)
    return PublishProcesses(
        await concurrently(
            publish_for(PublishForRequest(image.name, configuration, wanted), **implicitly())
            for configuration in published_for.configurations
        )
    )


@rule
async def publish_for(request: PublishForRequest, /, images: Images) -> PublishPackages:
    name, configuration = request.name, request.configuration
    tags = await configured_tags(ImageTagsRequest(configuration), **implicitly())
    if not images.graph.by_name[name].publish:
        return PublishPackages((tags.local[name],), description="(`publish: false`)")
    plan = await ensure_plan(request.wanted, **implicitly())
    plan.check()
    # What it builds on is published, too, whether or not that was asked for.
    ensured = await concurrently(
        ensure_image(EnsureRequest(each, configuration, request.wanted), **implicitly())
        for each in images.graph.closure([name])
        if images.graph.by_name[each].publish
    )
    *bases, image = [each.result for each in ensured]
    published = tags.published[name]
    where = ", ".join(registry.name for registry, _ in published)
    return _packages(image, bases, tuple(tag for _, tag in published), where)


def _packages(
    image: Ensured, bases: list[Ensured], tags: tuple[str, ...], where: str
) -> PublishPackages:
    failed = next((each for each in (image, *bases) if not each.ok), None)
    if failed is None and image.outcome is Outcome.PRESENT:
        return PublishPackages(tags, description=f"(already in {where})")
    report = _report(failed.name, failed.summary) if failed else _report()
    return PublishPackages(tags, report, where)


def _report(name: str = "", reason: str = "") -> InteractiveProcess:
    """What Pants wants though the work is done, for rules do it for many images at once: a process,
    by whose exit code it knows how that went. Without a reason it went well."""
    said = f"{name}: {reason}\n" if reason else ""
    return InteractiveProcess(("/bin/sh", "-c", _REPORT, "sh", said), run_in_workspace=True)


def rules() -> tuple[Rule | UnionRule, ...]:
    return (*collect_rules(), *PublishImageFieldSet.rules())
