"""Acquiring an image: it is in the local engine already, or it is pulled, or it is built."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

from pants.engine.rules import Rule

from mzbuild.core.configuration import Configuration
from mzbuild.core.errors import MzbuildError
from mzbuild.core.plan.acquisition import Build, OnUnknown, Origin, to_look_up
from mzbuild.core.plan.ensured import Ensured, Outcome, without_fingerprint
from mzbuild.core.plan.planning import BuildPlan, Work, plan_package
from mzbuild.core.plan.report import check_plans
from mzbuild.core.registries.client import Answer, Present
from mzbuild.pants_api import collect_rules, concurrently, implicitly, uncacheable_rule
from mzbuild.rules.build_image import BuildRequest, build_image
from mzbuild.rules.fingerprints import Fingerprints
from mzbuild.rules.images import Images
from mzbuild.rules.local_images import (
    KnownLocalImages,
    LocalImages,
    known_local_images,
    local_images,
)
from mzbuild.rules.pre_image import ImagesToBuild
from mzbuild.rules.pull import ObtainedImage, PullRequest, pull_image
from mzbuild.rules.refusals import ActionRefusals
from mzbuild.rules.registries import (
    ExistenceRequest,
    ImageTags,
    Registries,
    ask_registries,
)
from mzbuild.rules.selection import SelectedImages
from mzbuild.subsystems.mzbuild import Mzbuild

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class AcquireRequest:
    """A request for an image in the local engine, by its name.

    What is to be done for it is planned together with all else that is `wanted`: by default, with
    the images that the command was given, if it is one of them.
    """

    name: str
    wanted: tuple[str, ...] = ()


@dataclass(frozen=True)
class AcquiredImage:
    """What became of an image that the local engine was to have.

    It is no error yet where it could not be had: Pants carries out a rule that has failed again for
    each that waits for it, and ends all others.
    """

    result: Ensured
    image_id: str = ""
    # The images that were built together with this one.
    together: ImagesToBuild | None = None

    def check(self) -> None:
        """Raises `MzbuildError` where the engine does not have it."""
        if not self.result.ok:
            raise MzbuildError.of_lines(f"{self.result.name}: {self.result.reason}")


@dataclass(frozen=True)
class AcquisitionPlanRequest:
    """A request for what to do to have some images, by their names."""

    wanted: tuple[str, ...]


@dataclass(frozen=True)
class AcquisitionPlan:
    """How each of the images comes to be in the local engine, and what it is pulled as.

    `together` are those that are built.
    """

    plan: BuildPlan
    digests: Mapping[str, str]
    together: ImagesToBuild


@dataclass(frozen=True)
class AcquisitionDecisionRequest:
    """A request for how to have some images in the local engine, by their names.

    With `only_looking`, a missing engine is no error: it counts as one without images.
    """

    wanted: tuple[str, ...]
    only_looking: bool = False


@dataclass(frozen=True)
class AcquisitionDecision:
    """How images are to be had, and what the primary registry has said of them."""

    plan: BuildPlan
    answers: Mapping[str, Answer]


# None of these rules may be remembered beyond a run: between two runs, an image may come or go.
@uncacheable_rule
async def acquire_image(
    request: AcquireRequest,
    /,
    images: Images,
    fingerprints: Fingerprints,
    tags: ImageTags,
    local: LocalImages,
    selected: SelectedImages,
    configuration: Configuration,
    mzbuild: Mzbuild,
) -> AcquiredImage:
    name = request.name
    wanted = request.wanted or (selected.names if name in selected.names else (name,))
    plan = await acquisition_plan(AcquisitionPlanRequest(wanted), **implicitly())
    for broken in without_fingerprint(fingerprints.broken([name]), configuration.arch):
        return AcquiredImage(broken)
    tag = tags.local[name]
    done = Ensured(name, configuration.arch, tag, Outcome.READY)
    planned, image_id = plan.plan.images[name], local.id_of(tag)
    if planned.blocked:
        return AcquiredImage(done.blocked(planned))
    try:
        if image_id and planned.idle:
            obtained = ObtainedImage(image_id, Origin.REUSED, 0.0)
        elif Work.PULL in planned.work:
            pull = PullRequest(name, configuration, tags.published[name][0], plan.digests[name])
            obtained = await pull_image(pull, **implicitly())
        else:
            bases = await concurrently(
                acquire_image(AcquireRequest(dependency, wanted), **implicitly())
                for dependency in images.graph.dependencies[name]
            )
            done = done.after(base.result for base in bases)
            if not done.ok:
                return AcquiredImage(done)
            again = mzbuild.build is Build.ALWAYS and name in wanted
            build = BuildRequest(name, configuration, (tag,), plan.together, again=again)
            obtained = await build_image(build, **implicitly())
    except Exception as error:
        # Whatever it was, it must not keep independent images from being had.
        if mzbuild.fail_fast:
            raise
        logger.error(f"{error}")  # noqa: TRY400  # A mistake of the user's has no traceback.
        return AcquiredImage(done.failed(f"{error}"))
    done = replace(done, origin=obtained.origin, seconds=obtained.seconds)
    return AcquiredImage(done, obtained.image_id, plan.together)


@uncacheable_rule
async def decide_acquisition(
    request: AcquisitionDecisionRequest,
    /,
    images: Images,
    tags: ImageTags,
    registries: Registries,
    refusals: ActionRefusals,
    configuration: Configuration,
    mzbuild: Mzbuild,
) -> AcquisitionDecision:
    if request.only_looking:
        engine = await known_local_images(**implicitly())
    else:
        engine = KnownLocalImages(await local_images(**implicitly()))
    there = engine.those_of(tags.local)
    asked = {
        name: tags.published[name][0]
        for name in to_look_up(images.graph, request.wanted, there, mzbuild.build)
        if tags.published[name]
    }
    # Who builds what a registry does not tell of may be offline, where nothing can be pulled.
    remembered = mzbuild.unknown is OnUnknown.ERROR
    found = await ask_registries(
        ExistenceRequest(tuple(asked.values()), remembered=remembered), **implicitly()
    )
    answers = {name: found.answers[tag] for name, tag in asked.items()}
    primary = next((registry.name for registry in registries.registries), "")
    plan = plan_package(
        images.graph,
        request.wanted,
        there,
        answers,
        mzbuild.build,
        mzbuild.unknown,
        primary,
        partial(refusals.of, configuration),
    )
    return AcquisitionDecision(plan, answers)


@uncacheable_rule
async def acquisition_plan(
    request: AcquisitionPlanRequest,
    /,
    images: Images,
    fingerprints: Fingerprints,
    selected: SelectedImages,
    configuration: Configuration,
    mzbuild: Mzbuild,
) -> AcquisitionPlan:
    if mzbuild.fail_fast:
        fingerprints.check(images.graph, request.wanted)
    # What has no fingerprint is had by nobody; each is told of in its turn.
    sound = tuple(name for name in request.wanted if name not in fingerprints.errors)
    decision = await decide_acquisition(AcquisitionDecisionRequest(sound), **implicitly())
    if mzbuild.fail_fast:
        check_plans("Nothing is done", [(configuration.arch, decision.plan)])
    for advice in decision.plan.advice:
        logger.error(advice)
    digests = {
        name: answer.digest
        for name, answer in decision.answers.items()
        if isinstance(answer, Present)
    }
    built = ImagesToBuild(configuration, decision.plan.built, request.wanted == selected.names)
    return AcquisitionPlan(decision.plan, digests, built)


def rules() -> tuple[Rule, ...]:
    return tuple(collect_rules())
