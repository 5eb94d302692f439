"""Pulling an image: it gets its tag only where it is what the tag says."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, replace

from pants.engine.rules import Rule

from mzbuild.core.configuration import Configuration
from mzbuild.core.docker.arguments import (
    by_digest,
    inspect_args,
    parse_inspected,
    pull_args,
    retried,
    waits_within,
)
from mzbuild.core.docker.labels import doubt, is_unlabelled, refusal
from mzbuild.core.docker.limit import GIVEN_UP
from mzbuild.core.errors import MzbuildError
from mzbuild.core.plan.acquisition import WITHOUT_ANSWER, Origin
from mzbuild.core.registries.client import Present, RegistryTag
from mzbuild.core.registries.round import Unknown
from mzbuild.pants_api import (
    collect_rules,
    concurrently,
    execute_process,
    execute_process_or_raise,
    implicitly,
    uncacheable_rule,
)
from mzbuild.rules.docker_engine import DockerClient, TransferLimit
from mzbuild.rules.fingerprints import (
    FingerprintsRequest,
    configured_fingerprints,
)
from mzbuild.rules.progress import RunProgress
from mzbuild.rules.registries import (
    DockerLoginRequest,
    ImageTagsRequest,
    RegistryAccess,
    configured_tags,
    docker_login,
)
from mzbuild.subsystems.mzbuild import Mzbuild

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class PullRequest:
    """A request to pull an image, by its name, from a registry that has it with this digest."""

    name: str
    configuration: Configuration
    registry_tag: RegistryTag
    digest: str


@dataclass(frozen=True)
class ObtainedImage:
    """An image that was just pulled or built, or found when its turn to be built had come."""

    image_id: str
    origin: Origin
    seconds: float


@uncacheable_rule
async def pull_image(
    request: PullRequest,
    /,
    client: DockerClient,
    access: RegistryAccess,
    limit: TransferLimit,
    mzbuild: Mzbuild,
    progress: RunProgress,
) -> ObtainedImage:
    start = time.monotonic()
    configuration, (registry, tag) = request.configuration, request.registry_tag
    fingerprints, tags = await concurrently(
        configured_fingerprints(FingerprintsRequest(configuration), **implicitly()),
        configured_tags(ImageTagsRequest(configuration), **implicitly()),
    )
    login = await docker_login(DockerLoginRequest(registry), **implicitly())
    login.check()
    # The image gets its tag only when it has turned out to be the right one.
    reference = by_digest(tag, request.digest)
    process = client.process(pull_args(configuration.arch, reference), f"Pull {tag}")
    log = progress.log(configuration.arch, f"{request.name}.pull")
    command = limit.transfer(process.argv, log)
    following = progress.of_transfer(log, request.name, f"Pulling {tag}")
    with access.lend_credentials() as lend, following:
        process = replace(process, argv=lend(command), input_digest=limit.digest)
        pulled = await execute_process(process, **implicitly())
        if pulled.exit_code not in (0, GIVEN_UP):
            # What was seen there a while ago may be gone, or the registry out of reach, which
            # Docker would not tell from a bad day. This waits no longer for it than it should.
            answer = access.check([request.registry_tag])[request.registry_tag]
            if isinstance(answer, Unknown):
                raise MzbuildError(f"{tag} could not be pulled: {answer.reason}. {WITHOUT_ANSWER}")
            if isinstance(answer, Present):
                again = lend(retried(command, waits_within(access.timeout, tag)))
                pulled = await execute_process(replace(process, argv=again), **implicitly())
    if pulled.exit_code:
        # Perhaps it is not there any more.
        access.memory.forget([tag])
        said = (pulled.stdout + pulled.stderr).decode(errors="replace").strip()
        raise MzbuildError.of_lines(f"{tag} could not be pulled:\n{said}")
    inspected = await execute_process_or_raise(
        client.process(inspect_args(reference), f"Look at {tag}"), **implicitly()
    )
    ((image_id, labels),) = parse_inspected(inspected.stdout.decode()).items()
    refused = refusal(fingerprints.fingerprints[request.name], labels, mzbuild.unlabelled)
    if refused:
        await execute_process(
            client.process(("image", "rm", reference), f"Remove {reference}"), **implicitly()
        )
        raise MzbuildError(
            f"{tag} ({request.digest}): {refused} Somebody has pushed it by mistake: delete it "
            "from the registry, and publish the right one with `pants mzbuild-ensure`."
        )
    if is_unlabelled(labels):
        logger.warning(doubt([f"{tag} ({request.digest})"]))
    tagging = client.process(("tag", reference, tags.local[request.name]), f"Tag {tag}")
    await execute_process_or_raise(tagging, **implicitly())
    return ObtainedImage(image_id, Origin.PULLED, time.monotonic() - start)


def rules() -> tuple[Rule, ...]:
    return tuple(collect_rules())
