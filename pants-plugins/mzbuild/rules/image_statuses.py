"""Where images are to be had: what the Docker engine and the registries say."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from pants.engine.rules import Get, Rule, _uncacheable_rule, collect_rules

from mzbuild.core.errors import MzbuildError
from mzbuild.core.fingerprint.configuration import Configuration
from mzbuild.core.fingerprint.survey import Survey
from mzbuild.core.registries.addresses import registry_tag
from mzbuild.core.registries.publication import image_statuses
from mzbuild.rules.docker_engine import LocalImages
from mzbuild.rules.images import Images
from mzbuild.rules.registries import Existence, ExistenceRequest, Registries
from mzbuild.subsystems.mzbuild import Mzbuild

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ImageStatusesRequest:
    """A question where some images are to be had, by their names."""

    names: tuple[str, ...]


@dataclass(frozen=True)
class ImageStatuses:
    """Where images are to be had, by their names; those without a fingerprint are left out.

    `published`: in every registry; `local`: in the Docker engine; `missing`: to be built;
    `unknown`: neither the engine has it, nor do all registries say whether they have it.
    """

    statuses: Mapping[str, str]


@_uncacheable_rule
async def find_image_statuses(
    request: ImageStatusesRequest,
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
    existence = await Get(Existence, ExistenceRequest(asked))
    local = set()
    try:
        engine = await Get(LocalImages)
        names = {name: tags[name][0][1] if tags[name] else spec for name, spec in specs.items()}
        local = {name for name in names if engine.id_of(names[name]) is not None}
    except MzbuildError as error:
        # What is published is known all the same.
        logger.warning("No Docker engine says which images it has: %s", error)
    return ImageStatuses(image_statuses(configuration.arch, published, existence.answers, local))


def rules() -> tuple[Rule, ...]:
    return tuple(collect_rules())
