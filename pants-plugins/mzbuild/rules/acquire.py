"""Acquiring an image: it is in the local engine already, or it is pulled, or it is built."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import resources

from pants.engine.fs import CreateDigest, Digest, DigestContents, FileContent, MergeDigests
from pants.engine.process import FallibleProcessResult, Process
from pants.engine.rules import Get, MultiGet, Rule, _uncacheable_rule, collect_rules
from pants.option.global_options import GlobalOptions
from pants.util.logging import LogLevel

from mzbuild.core.docker.arguments import (
    build_args,
    build_arguments,
    familiar,
    image_labels,
    once_args,
)
from mzbuild.core.errors import MzbuildError
from mzbuild.core.fingerprint.configuration import Configuration
from mzbuild.core.fingerprint.inputs import ImageInputs
from mzbuild.core.image.context import CONTEXT, DOCKERFILE
from mzbuild.core.plan.acquisition import (
    Acquisition,
    Build,
    OnUnknown,
    Origin,
    decide_acquisition,
    to_look_up,
)
from mzbuild.core.plan.ensured import Ensured, Outcome, without_fingerprint
from mzbuild.core.registries.client import Answer, Present
from mzbuild.rules.cargo.batch import ImagesToBuild, SelectedPrograms
from mzbuild.rules.cargo.groups import CargoBatch
from mzbuild.rules.docker_context import DockerContext, DockerContextRequest
from mzbuild.rules.docker_engine import (
    Buildx,
    DockerClient,
    KnownLocalImages,
    LocalImages,
    TransferLimit,
)
from mzbuild.rules.fingerprints import ConfiguredFingerprints, Fingerprints, FingerprintsRequest
from mzbuild.rules.images import Images
from mzbuild.rules.pull import ObtainedImage, PullRequest
from mzbuild.rules.registries import (
    ConfiguredTags,
    Existence,
    ExistenceRequest,
    ImageTags,
    ImageTagsRequest,
    RegistryAccess,
)
from mzbuild.rules.selection import SelectedImages
from mzbuild.subsystems.mzbuild import Mzbuild

logger = logging.getLogger(__name__)

_IIDFILE = "image.id"
# Read when this module is, so that both are of the same version of the plugin.
_ONCE = FileContent(".mzbuild-once.py", resources.read_binary("mzbuild.core.docker", "once.py"))

# How much of a failed build's output is in the error.
_SHOWN_LINES = 40


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
    # What Cargo was asked for together with what this image needs.
    batch: CargoBatch | None = None

    def check(self) -> None:
        """Raises `MzbuildError` where the engine does not have it."""
        if not self.result.ok:
            raise MzbuildError(f"{self.result.name}: {self.result.reason}")


@dataclass(frozen=True)
class AcquisitionPlanRequest:
    """A request for what to do to have some images, by their names."""

    wanted: tuple[str, ...]


@dataclass(frozen=True)
class AcquisitionPlan:
    """How each of the images comes to be in the local engine, and what it is pulled as.

    `batch` is what Cargo is asked for to build those that are built, and for whatever else the same
    command packages.
    """

    origins: Mapping[str, Origin]
    digests: Mapping[str, str]
    batch: CargoBatch


@dataclass(frozen=True)
class AcquisitionDecisionRequest:
    """A request for the same, without an error where something is in the way.

    With `only_looking`, not even a missing engine is one: then it counts as one without images.
    """

    wanted: tuple[str, ...]
    only_looking: bool = False


@dataclass(frozen=True)
class AcquisitionDecision:
    """How images are to be had, and what the primary registry has said of them."""

    acquisition: Acquisition
    answers: Mapping[str, Answer]


@dataclass(frozen=True)
class BuildRequest:
    """A request to build an image that the engine does not have, by the image's name.

    It is built with `tags` and, with `push`, they go to their registries as well.
    """

    name: str
    configuration: Configuration
    tags: tuple[str, ...]
    # What Cargo is asked for, for this image and others.
    batch: CargoBatch
    push: bool = False
    # Whether to build it even if the engine has it.
    again: bool = False


# None of these rules may be remembered beyond a run: between two runs, an image may come or go.
@_uncacheable_rule
async def acquire_image(
    request: AcquireRequest,
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
    if mzbuild.fail_fast:
        fingerprints.check(images.graph, wanted)
    for broken in without_fingerprint(fingerprints.broken([name]), configuration.arch):
        return AcquiredImage(broken)
    tag = tags.local[name]
    done = Ensured(name, configuration.arch, tag, Outcome.READY)
    plan = await Get(AcquisitionPlan, AcquisitionPlanRequest(wanted))
    origin = plan.origins[name]
    try:
        if origin is Origin.REUSED:
            obtained = ObtainedImage(local.ids[familiar(tag)], origin, 0.0)
        elif origin is Origin.PULLED:
            pull = PullRequest(name, configuration, tags.published[name][0], plan.digests[name])
            obtained = await Get(ObtainedImage, PullRequest, pull)
        else:
            bases = await MultiGet(
                Get(AcquiredImage, AcquireRequest(dependency, wanted))
                for dependency in images.graph.dependencies[name]
            )
            done = done.after(base.result for base in bases)
            if not done.ok:
                return AcquiredImage(done)
            again = mzbuild.build is Build.ALWAYS and name in wanted
            build = BuildRequest(name, configuration, (tag,), plan.batch, again=again)
            obtained = await Get(ObtainedImage, BuildRequest, build)
    except Exception as error:
        # Whatever it was, it must not keep independent images from being had.
        if mzbuild.fail_fast:
            raise
        logger.error(f"{error}")  # noqa: TRY400  # A mistake of the user's has no traceback.
        return AcquiredImage(done.failed(f"{error}"))
    done = replace(done, origin=obtained.origin, seconds=obtained.seconds)
    return AcquiredImage(done, obtained.image_id, plan.batch)


@_uncacheable_rule
async def decide(
    request: AcquisitionDecisionRequest,
    images: Images,
    tags: ImageTags,
    mzbuild: Mzbuild,
) -> AcquisitionDecision:
    if request.only_looking:
        engine = await Get(KnownLocalImages)
    else:
        engine = KnownLocalImages(await Get(LocalImages))
    there = engine.those_of(tags.local)
    asked = {
        name: tags.published[name][0]
        for name in to_look_up(images.graph, request.wanted, there, mzbuild.build)
        if tags.published[name]
    }
    # Who builds what a registry does not tell of may be offline, where nothing can be pulled.
    remembered = mzbuild.unknown is OnUnknown.ERROR
    found = await Get(Existence, ExistenceRequest(tuple(asked.values()), remembered=remembered))
    answers = {name: found.answers[tag] for name, tag in asked.items()}
    acquisition = decide_acquisition(
        images.graph, request.wanted, there, answers, mzbuild.build, mzbuild.unknown
    )
    return AcquisitionDecision(acquisition, answers)


@_uncacheable_rule
async def acquisition_plan(
    request: AcquisitionPlanRequest,
    images: Images,
    fingerprints: Fingerprints,
    selected: SelectedImages,
    configuration: Configuration,
    mzbuild: Mzbuild,
) -> AcquisitionPlan:
    # What has no fingerprint is had by nobody; each is told of in its turn.
    sound = tuple(name for name in request.wanted if name not in fingerprints.errors)
    decision = await Get(AcquisitionDecision, AcquisitionDecisionRequest(sound))
    decision.acquisition.check(images.graph, mzbuild.build)
    digests = {
        name: answer.digest
        for name, answer in decision.answers.items()
        if isinstance(answer, Present)
    }
    built = ImagesToBuild(configuration, decision.acquisition.built)
    batch = await Get(CargoBatch, ImagesToBuild, built)
    if request.wanted == selected.names:
        programs = (await Get(SelectedPrograms)).actions.values()
        batch = replace(batch, actions=(*batch.actions, *programs))
    return AcquisitionPlan(decision.acquisition.origins, digests, batch)


@_uncacheable_rule
async def build_image(
    request: BuildRequest,
    images: Images,
    inputs: ImageInputs,
    local: LocalImages,
    client: DockerClient,
    buildx: Buildx,
    access: RegistryAccess,
    limit: TransferLimit,
    global_options: GlobalOptions,
) -> ObtainedImage:
    name, configuration = request.name, request.configuration
    image = images.graph.by_name[name]
    start = time.monotonic()
    fingerprints, tags, context = await MultiGet(
        Get(ConfiguredFingerprints, FingerprintsRequest(configuration)),
        Get(ConfiguredTags, ImageTagsRequest(configuration)),
        Get(DockerContext, DockerContextRequest(name, request.batch, bool(buildx.builder))),
    )
    tag = tags.local[name]
    logs = os.path.join(global_options.pants_workdir, "mzbuild", "logs")
    log = os.path.join(logs, configuration.arch.value, f"{name}.log")
    os.makedirs(os.path.dirname(log), exist_ok=True)
    args = build_args(
        builder=buildx.builder,
        arch=configuration.arch,
        tags=request.tags,
        push=request.push,
        build_arguments=build_arguments(image, configuration),
        labels=image_labels(image, fingerprints.fingerprints[name], inputs.count(name)),
        dockerfile=DOCKERFILE,
        iidfile=_IIDFILE,
        context=CONTEXT,
    )
    script = await Get(Digest, CreateDigest([_ONCE]))
    logger.info(f"Building {tag}; follow it with: tail -F {log}")
    process = client.process(args, f"Build the image {name}", LogLevel.INFO)
    command = limit.command(process.argv, log) if request.push else process.argv
    args_of_script = once_args(
        docker=client.path,
        tag=tag,
        caches=os.path.join(global_options.named_caches_dir, "mzbuild"),
        since=local.asked_at,
        iidfile=_IIDFILE,
        log=log,
        command=command,
        again=request.again,
    )
    with access.lend_credentials() as lend:
        build = replace(
            process,
            argv=lend((sys.executable, "-I", "-S", _ONCE.path, *args_of_script)),
            input_digest=await Get(Digest, MergeDigests((context.digest, script, limit.digest))),
            # Where a process may write, Pants leaves large files their modes; elsewhere it makes
            # them read-only, and so they would be in the image. Nothing of a directory that is
            # named as a file is stored afterwards.
            output_files=(_IIDFILE, CONTEXT),
        )
        result = await Get(FallibleProcessResult, Process, build)
    if result.exit_code:
        raise MzbuildError.of_lines(
            f"{images.addresses[name]}: Docker could not build the image {name}.\n"
            f"Command: docker {' '.join(args)}\n"
            f"All of its output is in {log}; this is the end:\n{_end(_said(result))}"
        )
    (iidfile,) = await Get(DigestContents, Digest, result.output_digest)
    # Where the build has said nothing, there was none: another process had built the image.
    origin = Origin.BUILT if result.stdout else Origin.REUSED
    return ObtainedImage(iidfile.content.decode().strip(), origin, time.monotonic() - start)


def _said(result: FallibleProcessResult) -> str:
    return (result.stdout + result.stderr).decode(errors="replace")


def _end(output: str) -> str:
    return "\n".join(output.rstrip().splitlines()[-_SHOWN_LINES:])


def rules() -> tuple[Rule, ...]:
    return tuple(collect_rules())
