"""Ensuring an image: it is in all its registries already, or it is built and pushed there."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial

from pants.engine.rules import Rule

from mzbuild.core.configuration import Arch, Configuration
from mzbuild.core.docker.arguments import HOW_TO_INSTALL_BUILDX, push_command, retried, waits_within
from mzbuild.core.errors import MzbuildError
from mzbuild.core.plan.acquisition import Origin
from mzbuild.core.plan.ensured import Ensured, Outcome
from mzbuild.core.plan.planning import BuildPlan, Work, missing_tags, never_refused, plan_ensure
from mzbuild.core.plan.report import blocked_lines
from mzbuild.core.registries.client import Absent, Present, RegistryTag
from mzbuild.core.registries.publication import Publication, publications
from mzbuild.core.registries.round import Unknown
from mzbuild.pants_api import (
    collect_rules,
    concurrently,
    execute_process,
    implicitly,
    uncacheable_rule,
)
from mzbuild.rules.build_image import BuildRequest, build_image
from mzbuild.rules.docker_engine import DockerClient, TransferLimit, find_buildx
from mzbuild.rules.images import Images
from mzbuild.rules.local_images import (
    KnownLocalImages,
    LocalImages,
    known_local_images,
    local_images,
)
from mzbuild.rules.pre_image import ImagesToBuild
from mzbuild.rules.progress import RunProgress
from mzbuild.rules.pull import ObtainedImage, PullRequest, pull_image
from mzbuild.rules.refusals import ActionRefusals
from mzbuild.rules.registries import (
    DockerLoginRequest,
    ExistenceRequest,
    ImageTagsRequest,
    Registries,
    RegistryAccess,
    ask_registries,
    configured_tags,
    docker_login,
)
from mzbuild.subsystems.mzbuild import Mzbuild

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class EnsurePlanRequest:
    """A request for what the registries have of some images and all that they build on.

    It is about each image in each configuration.
    """

    wanted: tuple[str, ...]
    configurations: tuple[Configuration, ...]


@dataclass(frozen=True)
class EnsureDecisionRequest:
    """A request for how to have some images in all registries, in each configuration.

    With `only_looking`, a missing engine is no error: it counts as one without images. With
    `anywhere`, the plan is for machines whose engines have none.
    """

    wanted: tuple[str, ...]
    configurations: tuple[Configuration, ...]
    only_looking: bool = False
    anywhere: bool = False


@dataclass(frozen=True)
class EnsureDecision:
    """How to have images in all registries, in each configuration, and what the registries have
    of them, by the images' local tags."""

    plans: Mapping[Configuration, BuildPlan]
    publications: Mapping[str, Publication]


@dataclass(frozen=True)
class EnsurePlan:
    """How to have images in all registries, in each configuration, as soon as nothing is in the
    way.

    `obstacle` says what is in the way of publishing anything, if so. It is no error yet: Pants
    carries out a rule that has failed again for each that waits for it.
    """

    decision: EnsureDecision
    obstacle: str | None

    def check(self) -> None:
        """Raises `MzbuildError` where nothing can be published."""
        if self.obstacle:
            raise MzbuildError.of_lines(self.obstacle)


@dataclass(frozen=True)
class EnsureRequest:
    """A request for an image to be in all its registries, by its name.

    What is there is asked for together with all else that is `wanted`.
    """

    name: str
    configuration: Configuration
    wanted: EnsurePlanRequest


@dataclass(frozen=True)
class EnsuredImage:
    """What became of an image."""

    result: Ensured


@dataclass(frozen=True)
class PushRequest:
    """A request to push an image that the engine has to where it is missing.

    It may be there already: building it may have pushed it, as may another process.
    """

    name: str
    arch: Arch
    image_id: str
    tags: tuple[RegistryTag, ...]


@dataclass(frozen=True)
class PushedImage:
    """What went wrong with a push, by the names of registries."""

    failures: Mapping[str, str]


@uncacheable_rule
async def decide_to_ensure(
    request: EnsureDecisionRequest,
    /,
    images: Images,
    registries: Registries,
    refusals: ActionRefusals,
    mzbuild: Mzbuild,
) -> EnsureDecision:
    registries.check()
    names = images.graph.closure(request.wanted)
    tags = await concurrently(
        configured_tags(ImageTagsRequest(each), **implicitly()) for each in request.configurations
    )
    asked = tuple(tag for each in tags for name in names for tag in each.published[name])
    existence = await ask_registries(ExistenceRequest(asked), **implicitly())
    if request.anywhere:
        engine = KnownLocalImages(None)
    elif request.only_looking:
        engine = await known_local_images(**implicitly())
    else:
        engine = KnownLocalImages(await local_images(**implicitly()))
    plans: dict[Configuration, BuildPlan] = {}
    published: dict[str, Publication] = {}
    for configuration, each in zip(request.configurations, tags):
        refused: Callable[[str], str] = partial(refusals.of, configuration)
        if request.anywhere:
            # Each job is to tell by itself: there is no pipeline where images are blocked.
            refused = never_refused
        found = publications(configuration.arch, names, each.published, existence.answers)
        published.update({each.local[image.name]: image for image in found})
        plans[configuration] = plan_ensure(
            images.graph,
            request.wanted,
            {image.name: image for image in found},
            engine.those_of({name: each.local[name] for name in names}),
            mzbuild.build,
            mzbuild.unknown,
            refused,
        )
    return EnsureDecision(plans, published)


@uncacheable_rule
async def ensure_plan(
    request: EnsurePlanRequest, /, mzbuild: Mzbuild, access: RegistryAccess
) -> EnsurePlan:
    decision = await decide_to_ensure(
        EnsureDecisionRequest(request.wanted, request.configurations), **implicitly()
    )
    obstacle = None
    if mzbuild.fail_fast:
        obstacle = blocked_lines(
            "Nothing is done", [(each.arch, plan) for each, plan in decision.plans.items()]
        )
    # One tag stands for all that go to its registry.
    to_push = {
        registry: tag
        for image in decision.publications.values()
        for registry, tag in missing_tags(image, mzbuild.unknown)
    }
    if to_push and not obstacle:
        buildx = await find_buildx(**implicitly())
        if not buildx.builder:
            obstacle = (
                f"Without Docker's buildx plugin, nothing is published. {HOW_TO_INSTALL_BUILDX}"
            )
        for registry in to_push:
            login = await docker_login(DockerLoginRequest(registry), **implicitly())
            obstacle = obstacle or login.error
    if to_push and not obstacle:
        with access.client() as client:
            refused = client.check_push(to_push.items(), access.timeout)
        obstacle = _explain_refusals(refused) if refused else None
    for advice in dict.fromkeys(each for plan in decision.plans.values() for each in plan.advice):
        logger.error(advice)
    return EnsurePlan(decision, obstacle)


def _explain_refusals(refused: Mapping[RegistryTag, Unknown]) -> str:
    lines = [f"  {registry.name}: {answer.reason}" for (registry, _), answer in refused.items()]
    return "These registries do not let images be pushed; nothing was built:\n" + "\n".join(lines)


@uncacheable_rule
async def ensure_image(
    request: EnsureRequest, /, images: Images, local: LocalImages, mzbuild: Mzbuild
) -> EnsuredImage:
    name, configuration = request.name, request.configuration
    plan, tags = await concurrently(
        ensure_plan(request.wanted, **implicitly()),
        configured_tags(ImageTagsRequest(configuration), **implicitly()),
    )
    tag = tags.local[name]
    image = plan.decision.publications.get(tag)
    planned, image_id = plan.decision.plans[configuration].images[name], local.id_of(tag)
    missing = missing_tags(image, mzbuild.unknown)
    done = Ensured(name, configuration.arch, tag, Outcome.PRESENT if image else Outcome.READY)
    if planned.blocked:
        return EnsuredImage(done.blocked(planned))
    if planned.idle:
        return EnsuredImage(done)
    start = time.monotonic()
    try:
        if image_id and planned.work == (Work.PUSH,):
            obtained = ObtainedImage(image_id, Origin.REUSED, 0.0)
        elif image and Work.PULL in planned.work:
            there, digest = next(iter(image.present.items()))
            pull = PullRequest(name, configuration, there, digest)
            obtained = await pull_image(pull, **implicitly())
        else:
            bases = await concurrently(
                ensure_image(replace(request, name=dependency), **implicitly())
                for dependency in images.graph.dependencies[name]
            )
            done = done.after(base.result for base in bases)
            if not done.ok:
                return EnsuredImage(done)
            start = time.monotonic()
            build = BuildRequest(
                name,
                configuration,
                tuple(dict.fromkeys((tag, *(pushed for _, pushed in missing)))),
                ImagesToBuild(configuration, plan.decision.plans[configuration].built),
                push=bool(missing),
            )
            obtained = await build_image(build, **implicitly())
        done = replace(done, origin=obtained.origin)
        failures: Mapping[str, str] = {}
        if missing:
            push = PushRequest(name, configuration.arch, obtained.image_id, missing)
            failures = (await push_image(push, **implicitly())).failures
    except Exception as error:
        if mzbuild.fail_fast:
            raise
        # Whatever it was, it must not keep independent images from being published.
        logger.error(f"{error}")  # noqa: TRY400  # A mistake of the user's has no traceback.
        failures = {"": f"{error}"}
    done = replace(
        done,
        seconds=time.monotonic() - start,
        pushed_to=tuple(
            registry.name
            for registry, _ in missing
            if "" not in failures and registry.name not in failures
        ),
    )
    if failures:
        reason = "; ".join(
            f"{registry}: {said}" if registry else said for registry, said in failures.items()
        )
        return EnsuredImage(done.failed(reason))
    return EnsuredImage(replace(done, outcome=Outcome.PUSHED) if missing else done)


@uncacheable_rule
async def push_image(
    request: PushRequest,
    /,
    client: DockerClient,
    access: RegistryAccess,
    limit: TransferLimit,
    progress: RunProgress,
) -> PushedImage:
    # This is also to see that each registry answers: Docker would wait for it for a long time.
    answers = access.check(request.tags)
    unknown = {
        registry.name: answer.reason
        for (registry, _), answer in answers.items()
        if isinstance(answer, Unknown)
    }
    left = tuple(tag for tag, answer in answers.items() if isinstance(answer, Absent))
    logs = [
        progress.log(request.arch, f"{request.name}.push-{number}") for number in range(len(left))
    ]
    with ExitStack() as stack:
        lend = stack.enter_context(access.lend_credentials())
        for (_, tag), log in zip(left, logs):
            stack.enter_context(progress.of_transfer(log, request.name, f"Pushing {tag}"))
        pushes = await concurrently(
            execute_process(
                replace(
                    client.process((), f"Push {tag}"),
                    argv=lend(
                        retried(
                            limit.transfer(push_command(client.path, request.image_id, tag), log),
                            waits_within(access.timeout, tag),
                        )
                    ),
                    input_digest=limit.digest,
                ),
                **implicitly(),
            )
            for (_, tag), log in zip(left, logs)
        )
    said = {
        tag: (push.stdout + push.stderr).decode(errors="replace").strip()
        for (_, tag), push in zip(left, pushes)
    }
    # Only the registry knows what it has: a push that failed may have come through, and the other
    # way round.
    failures = {
        registry.name: said[tag].rpartition("\n")[2] or "it does not have what was pushed"
        for (registry, tag), answer in access.check(left).items()
        if not isinstance(answer, Present)
    }
    return PushedImage({**unknown, **failures})


def rules() -> tuple[Rule, ...]:
    return tuple(collect_rules())
