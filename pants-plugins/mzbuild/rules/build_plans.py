"""What would be done for images: asks the engine and the registries, and does nothing."""

from __future__ import annotations

from dataclasses import dataclass

from pants.engine.rules import Get, Rule, _uncacheable_rule, collect_rules

from mzbuild.core.fingerprint.configuration import Configuration
from mzbuild.core.plan.planning import BuildPlan, plan_ensure, plan_package
from mzbuild.core.registries.publication import publications
from mzbuild.rules.acquire import AcquisitionDecision, AcquisitionDecisionRequest
from mzbuild.rules.images import Images
from mzbuild.rules.local_images import KnownLocalImages
from mzbuild.rules.registries import (
    ConfiguredTags,
    Existence,
    ExistenceRequest,
    ImageTagsRequest,
    Registries,
)
from mzbuild.subsystems.mzbuild import Mzbuild


@dataclass(frozen=True)
class PackagingPlanRequest:
    """A request for what `package` would do for images, by their names."""

    wanted: tuple[str, ...]


@dataclass(frozen=True)
class EnsuringPlanRequest:
    """A request for what `mzbuild-ensure` would do for images, by their names, in a configuration.

    With `anywhere`, that is on machines whose engines have no images.
    """

    wanted: tuple[str, ...]
    configuration: Configuration
    anywhere: bool


@_uncacheable_rule
async def plan_packaging(
    request: PackagingPlanRequest, images: Images, registries: Registries, mzbuild: Mzbuild
) -> BuildPlan:
    decision = await Get(
        AcquisitionDecision, AcquisitionDecisionRequest(request.wanted, only_looking=True)
    )
    primary = next((registry.name for registry in registries.registries), None)
    return plan_package(
        images.graph,
        request.wanted,
        decision.acquisition,
        decision.answers,
        mzbuild.build,
        primary,
    )


@_uncacheable_rule
async def plan_ensuring(
    request: EnsuringPlanRequest,
    images: Images,
    registries: Registries,
    mzbuild: Mzbuild,
) -> BuildPlan:
    registries.check()
    tags = await Get(ConfiguredTags, ImageTagsRequest(request.configuration))
    names = images.graph.closure(request.wanted)
    asked = tuple(tag for name in names for tag in tags.published[name])
    existence = await Get(Existence, ExistenceRequest(asked))
    local = frozenset[str]()
    if not request.anywhere:
        engine = await Get(KnownLocalImages)
        local = engine.those_of({name: tags.local[name] for name in names})
    published = publications(request.configuration.arch, names, tags.published, existence.answers)
    return plan_ensure(
        images.graph,
        request.wanted,
        {image.name: image for image in published},
        local,
        mzbuild.build,
        mzbuild.unknown,
    )


def rules() -> tuple[Rule, ...]:
    return tuple(collect_rules())
