"""Where images are to be had: what the Docker engine and the registries say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pants.engine.rules import Rule

from mzbuild.core.configuration import Configuration
from mzbuild.core.fingerprint.survey import Survey
from mzbuild.core.registries.addresses import registry_tag
from mzbuild.core.registries.publication import image_statuses
from mzbuild.pants_api import collect_rules, implicitly, uncacheable_rule
from mzbuild.rules.images import Images
from mzbuild.rules.local_images import known_local_images
from mzbuild.rules.registries import ExistenceRequest, Registries, ask_registries
from mzbuild.subsystems.mzbuild import Mzbuild


@dataclass(frozen=True)
class ImageStatusesRequest:
    """A question where some images are to be had, by their names."""

    names: tuple[str, ...]


@dataclass(frozen=True)
class ImageStatuses:
    """Where images are to be had, by their names; those without a fingerprint are left out.

    `published`: in every registry; `local`: in the Docker engine; `missing`: to be built;
    `unknown`: it is not in every registry, and the engine or a registry does not say whether it
    has it.
    """

    statuses: Mapping[str, str]


@uncacheable_rule
async def find_image_statuses(
    request: ImageStatusesRequest,
    /,
    survey: Survey,
    images: Images,
    registries: Registries,
    configuration: Configuration,
    mzbuild: Mzbuild,
) -> ImageStatuses:
    specs = {
        name: mzbuild.spec(name, survey.fingerprints[name])
        for name in request.names
        if name in survey.fingerprints
    }
    tags = {
        name: tuple((registry, registry_tag(registry, spec)) for registry in registries.registries)
        for name, spec in specs.items()
    }
    published = {n: tags[n] if images.graph.by_name[n].publish else () for n in specs}
    asked = tuple(tag for name in specs for tag in published[name])
    existence = await ask_registries(ExistenceRequest(asked), **implicitly())
    engine = await known_local_images(**implicitly())
    local = engine.those_of(
        {name: tags[name][0][1] if tags[name] else spec for name, spec in specs.items()}
    )
    return ImageStatuses(
        image_statuses(
            configuration.arch,
            published,
            existence.answers,
            local if engine.images is not None else None,
        )
    )


def rules() -> tuple[Rule, ...]:
    return tuple(collect_rules())
