"""Acquiring an image: it is in the local engine already, or it is built."""

from __future__ import annotations

import logging
import os
import time
from dataclasses import dataclass, replace
from enum import Enum

from pants.engine.fs import Digest, DigestContents
from pants.engine.process import FallibleProcessResult, Process
from pants.engine.rules import Get, MultiGet, Rule, _uncacheable_rule, collect_rules
from pants.option.global_options import GlobalOptions
from pants.util.logging import LogLevel

from mzbuild.core.configuration import Configuration
from mzbuild.core.context import CONTEXT, DOCKERFILE
from mzbuild.core.docker import build_args, build_arguments, image_labels, logged
from mzbuild.core.errors import MzbuildError
from mzbuild.rules.docker_context import DockerContext, DockerContextRequest
from mzbuild.rules.docker_engine import Buildx, DockerClient, LocalImages
from mzbuild.rules.fingerprints import Fingerprints, ImageInputs
from mzbuild.rules.images import Images

logger = logging.getLogger(__name__)

_IIDFILE = "image.id"

# How much of a failed build's output is in the error.
_SHOWN_LINES = 40


class Origin(Enum):
    """How an image came to be in the local engine."""

    REUSED = "reused"
    BUILT = "built"


@dataclass(frozen=True)
class AcquireRequest:
    """A request for an image in the local engine, by its name."""

    name: str


@dataclass(frozen=True)
class AcquiredImage:
    """An image that the local engine has, and how it came there."""

    name: str
    spec: str
    fingerprint: str
    image_id: str
    origin: Origin
    # How long it took to build it, without what it builds on.
    seconds: float


@dataclass(frozen=True)
class BuildRequest:
    """A request to build an image that the engine does not have, by the image's name."""

    name: str


@dataclass(frozen=True)
class BuiltImage:
    """An image that was just built, and how long that took."""

    image_id: str
    seconds: float


# Neither rule may be remembered beyond a run: between two runs, somebody may remove an image.
@_uncacheable_rule
async def acquire_image(
    request: AcquireRequest, images: Images, fingerprints: Fingerprints, local: LocalImages
) -> AcquiredImage:
    name = request.name
    spec, fingerprint = fingerprints.specs[name], fingerprints.fingerprints[name]
    image_id = local.id_of(spec)
    if image_id is not None:
        return AcquiredImage(name, spec, fingerprint, image_id, Origin.REUSED, 0.0)
    await MultiGet(
        Get(AcquiredImage, AcquireRequest(dependency))
        for dependency in images.graph.dependencies[name]
    )
    built = await Get(BuiltImage, BuildRequest(name))
    return AcquiredImage(name, spec, fingerprint, built.image_id, Origin.BUILT, built.seconds)


@_uncacheable_rule
async def build_image(
    request: BuildRequest,
    images: Images,
    inputs: ImageInputs,
    fingerprints: Fingerprints,
    client: DockerClient,
    buildx: Buildx,
    configuration: Configuration,
    global_options: GlobalOptions,
) -> BuiltImage:
    name = request.name
    image = images.graph.by_name[name]
    start = time.monotonic()
    context = await Get(DockerContext, DockerContextRequest(name))
    log = os.path.join(global_options.pants_workdir, "mzbuild", "logs", f"{name}.log")
    os.makedirs(os.path.dirname(log), exist_ok=True)
    args = build_args(
        buildx=buildx.available,
        arch=configuration.arch,
        spec=fingerprints.specs[name],
        build_arguments=build_arguments(image, configuration),
        labels=image_labels(image, fingerprints.fingerprints[name], len(inputs.paths[name])),
        dockerfile=DOCKERFILE,
        iidfile=_IIDFILE,
        context=CONTEXT,
    )
    logger.info(f"Building {fingerprints.specs[name]}; follow it with: tail -F {log}")
    process = client.process(args, f"Build the image {name}", LogLevel.INFO)
    result = await Get(
        FallibleProcessResult,
        Process,
        replace(
            process,
            argv=logged(process.argv, log),
            input_digest=context.digest,
            # Where a process may write, Pants leaves large files their modes; elsewhere it makes
            # them read-only, and so they would be in the image. Nothing of a directory that is
            # named as a file is stored afterwards.
            output_files=(_IIDFILE, CONTEXT),
        ),
    )
    output = result.stdout.decode(errors="replace")
    if result.exit_code:
        raise MzbuildError(
            f"{images.addresses[name]}: Docker could not build the image {name}.\n"
            f"Command: docker {' '.join(args)}\n"
            f"All of its output is in {log}; this is the end:\n{_end(output)}"
        )
    (iidfile,) = await Get(DigestContents, Digest, result.output_digest)
    return BuiltImage(iidfile.content.decode().strip(), time.monotonic() - start)


def _end(output: str) -> str:
    return "\n".join(output.rstrip().splitlines()[-_SHOWN_LINES:])


def rules() -> tuple[Rule, ...]:
    return tuple(collect_rules())
