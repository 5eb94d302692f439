"""Ensuring an image: it is in all its registries already, or it is built and pushed there."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace

from pants.engine.process import FallibleProcessResult, Process
from pants.engine.rules import Get, MultiGet, Rule, _uncacheable_rule, collect_rules

from mzbuild.core.docker.arguments import (
    HOW_TO_INSTALL_BUILDX,
    push_command,
    retried,
    waits_within,
)
from mzbuild.core.errors import MzbuildError
from mzbuild.core.fingerprint.configuration import Arch, Configuration
from mzbuild.core.plan.acquisition import OnUnknown, Origin
from mzbuild.core.plan.ensure_step import EnsureStep, ensure_step, missing_tags
from mzbuild.core.plan.ensured import Ensured, Outcome, images_to_build
from mzbuild.core.registries.client import Absent, Present, RegistryTag
from mzbuild.core.registries.publication import Publication, publications
from mzbuild.core.registries.round import Unknown
from mzbuild.rules.build_image import BuildRequest
from mzbuild.rules.cargo.batch import ImagesToBuild
from mzbuild.rules.cargo.groups import CargoBatch
from mzbuild.rules.docker_engine import Buildx, DockerClient, TransferLimit
from mzbuild.rules.images import Images
from mzbuild.rules.local_images import LocalImages
from mzbuild.rules.progress import RunProgress
from mzbuild.rules.pull import ObtainedImage, PullRequest
from mzbuild.rules.registries import (
    ConfiguredTags,
    DockerLogin,
    DockerLoginRequest,
    Existence,
    ExistenceRequest,
    ImageTagsRequest,
    RegistryAccess,
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
class EnsurePlan:
    """Which registries lack which images, by the images' local tags.

    `obstacle` says what is in the way of publishing anything, if so. It is no error yet: Pants
    carries out a rule that has failed again for each that waits for it.
    """

    publications: Mapping[str, Publication]
    obstacle: str | None
    # What Cargo is asked for to build those that are built, in each configuration.
    batches: Mapping[Configuration, CargoBatch]

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


@_uncacheable_rule
async def ensure_plan(
    request: EnsurePlanRequest,
    images: Images,
    local: LocalImages,
    mzbuild: Mzbuild,
    access: RegistryAccess,
) -> EnsurePlan:
    names = images.graph.closure(request.wanted)
    tags = await MultiGet(
        Get(ConfiguredTags, ImageTagsRequest(each)) for each in request.configurations
    )
    asked = tuple(tag for each in tags for name in names for tag in each.published[name])
    existence = await Get(Existence, ExistenceRequest(asked))
    published = {
        each.local[image.name]: image
        for configuration, each in zip(request.configurations, tags)
        for image in publications(configuration.arch, names, each.published, existence.answers)
    }
    # One tag stands for all that go to its registry.
    to_push = {
        registry: tag
        for image in published.values()
        for registry, tag in missing_tags(image, mzbuild.unknown)
    }
    obstacle = None
    if to_push:
        buildx = await Get(Buildx)
        if not buildx.builder:
            obstacle = (
                f"Without Docker's buildx plugin, nothing is published. {HOW_TO_INSTALL_BUILDX}"
            )
        for registry in to_push:
            login = await Get(DockerLogin, DockerLoginRequest(registry))
            obstacle = obstacle or login.error
    if to_push and not obstacle:
        with access.client() as client:
            refused = client.check_push(to_push.items(), access.timeout)
        obstacle = _explain_refusals(refused) if refused else None
    batches = await MultiGet(
        Get(
            CargoBatch,
            ImagesToBuild(
                configuration, _to_build(images, each, local, published, mzbuild.unknown)
            ),
        )
        for configuration, each in zip(request.configurations, tags)
    )
    return EnsurePlan(published, obstacle, dict(zip(request.configurations, batches)))


def _to_build(
    images: Images,
    tags: ConfiguredTags,
    local: LocalImages,
    published: Mapping[str, Publication],
    on_unknown: OnUnknown,
) -> tuple[str, ...]:
    known = {name: published[tag] for name, tag in tags.local.items() if tag in published}
    there = {name for name, image in known.items() if image.present}
    there.update(name for name, tag in tags.local.items() if local.id_of(tag))
    to_push = (name for name, image in known.items() if missing_tags(image, on_unknown))
    return images_to_build(images.graph, to_push, there)


def _explain_refusals(refused: Mapping[RegistryTag, Unknown]) -> str:
    lines = [f"  {registry.name}: {answer.reason}" for (registry, _), answer in refused.items()]
    return "These registries do not let images be pushed; nothing was built:\n" + "\n".join(lines)


@_uncacheable_rule
async def ensure_image(
    request: EnsureRequest, images: Images, local: LocalImages, mzbuild: Mzbuild
) -> EnsuredImage:
    name, configuration = request.name, request.configuration
    plan, tags = await MultiGet(
        Get(EnsurePlan, EnsurePlanRequest, request.wanted),
        Get(ConfiguredTags, ImageTagsRequest(configuration)),
    )
    tag = tags.local[name]
    image = plan.publications.get(tag)
    done = Ensured(name, configuration.arch, tag, Outcome.READY)
    image_id = local.id_of(tag)
    step = ensure_step(
        image,
        local=image_id is not None,
        build=mzbuild.build,
        on_unknown=mzbuild.unknown,
    )
    if step is EnsureStep.NOTHING:
        return EnsuredImage(replace(done, outcome=Outcome.PRESENT))
    if image and step is EnsureStep.REFUSE_UNKNOWN:
        return EnsuredImage(done.failed("; ".join(dict.fromkeys(image.unknown.values()))))
    missing = missing_tags(image, mzbuild.unknown)
    start = time.monotonic()
    try:
        if image_id and step is EnsureStep.REUSE:
            obtained = ObtainedImage(image_id, Origin.REUSED, 0.0)
        elif image and step is EnsureStep.PULL:
            obtained = await Get(ObtainedImage, PullRequest, _pull(image, configuration))
        elif step is EnsureStep.REFUSE_BUILD:
            return EnsuredImage(done.failed("it is missing, and [mzbuild].build is `never`"))
        else:
            bases = await MultiGet(
                Get(EnsuredImage, EnsureRequest, replace(request, name=dependency))
                for dependency in images.graph.dependencies[name]
            )
            done = done.after(base.result for base in bases)
            if not done.ok:
                return EnsuredImage(done)
            start = time.monotonic()
            # What the registries have had all along need not be in the engine.
            await MultiGet(
                Get(
                    ObtainedImage,
                    PullRequest,
                    _pull(plan.publications[base.result.spec], configuration),
                )
                for base in bases
                if base.result.outcome is Outcome.PRESENT and not local.id_of(base.result.spec)
            )
            build = BuildRequest(
                name,
                configuration,
                tuple(dict.fromkeys((tag, *(pushed for _, pushed in missing)))),
                plan.batches[configuration],
                push=bool(missing),
            )
            obtained = await Get(ObtainedImage, BuildRequest, build)
        done = replace(done, origin=obtained.origin)
        failures: Mapping[str, str] = {}
        if missing:
            push = PushRequest(name, configuration.arch, obtained.image_id, missing)
            failures = (await Get(PushedImage, PushRequest, push)).failures
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
    return EnsuredImage(replace(done, outcome=Outcome.PUSHED if missing else Outcome.READY))


def _pull(image: Publication, configuration: Configuration) -> PullRequest:
    tag, digest = next(iter(image.present.items()))
    return PullRequest(image.name, configuration, tag, digest)


@_uncacheable_rule
async def push_image(
    request: PushRequest,
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
        pushes = await MultiGet(
            Get(
                FallibleProcessResult,
                Process,
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
