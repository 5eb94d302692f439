"""Building an image by Docker, from what the pre-image actions have made and the context has."""

from __future__ import annotations

import os
import shlex
import sys
import time
from dataclasses import dataclass, replace
from functools import partial

from pants.base.build_root import BuildRoot
from pants.engine.fs import CreateDigest, FileContent, MergeDigests
from pants.engine.rules import Rule
from pants.option.global_options import GlobalOptions

from mzbuild.core.configuration import Configuration
from mzbuild.core.docker.arguments import build_args, once_args
from mzbuild.core.docker.failures import docker_sentence, failed_line
from mzbuild.core.docker.steps import DockerSteps
from mzbuild.core.errors import MzbuildError
from mzbuild.core.fingerprint.inputs import ImageInputs
from mzbuild.core.image.arguments import build_arguments, image_labels
from mzbuild.core.image.context import CONTEXT, DOCKERFILE
from mzbuild.core.plan.acquisition import Origin
from mzbuild.core.resources import resource
from mzbuild.core.work_tree.own_files import own_file
from mzbuild.pants_api import (
    collect_rules,
    concurrently,
    create_digest,
    execute_process,
    get_digest_contents,
    implicitly,
    merge_digests,
    uncacheable_rule,
)
from mzbuild.rules.docker_context import DockerContextRequest, docker_context
from mzbuild.rules.docker_engine import Buildx, DockerClient, TransferLimit
from mzbuild.rules.fingerprints import (
    FingerprintsRequest,
    configured_fingerprints,
)
from mzbuild.rules.images import Images
from mzbuild.rules.local_images import LocalImages
from mzbuild.rules.pre_image import ImagesToBuild
from mzbuild.rules.progress import RunProgress
from mzbuild.rules.pull import ObtainedImage
from mzbuild.rules.registries import (
    ImageTagsRequest,
    RegistryAccess,
    configured_tags,
)

_IIDFILE = "image.id"
# Read when this module is, so that both are of the same version of the plugin.
_ONCE = FileContent(".mzbuild-once.py", resource("mzbuild.core.docker", "once.py"))

# How much of a failed build's output is in the error.
_SHOWN_LINES = 25


@dataclass(frozen=True)
class BuildRequest:
    """A request to build an image that the engine does not have, by the image's name.

    It is built with `tags` and, with `push`, they go to their registries as well.
    """

    name: str
    configuration: Configuration
    tags: tuple[str, ...]
    # All images that the command builds.
    together: ImagesToBuild
    push: bool = False
    # Whether to build it even if the engine has it.
    again: bool = False


# It may not be remembered beyond a run: between two runs, an image may go.
@uncacheable_rule
async def build_image(
    request: BuildRequest,
    /,
    images: Images,
    inputs: ImageInputs,
    local: LocalImages,
    client: DockerClient,
    buildx: Buildx,
    access: RegistryAccess,
    limit: TransferLimit,
    progress: RunProgress,
    build_root: BuildRoot,
    global_options: GlobalOptions,
) -> ObtainedImage:
    name, configuration = request.name, request.configuration
    image = images.graph.by_name[name]
    start = time.monotonic()
    fingerprints, tags, context = await concurrently(
        configured_fingerprints(FingerprintsRequest(configuration), **implicitly()),
        configured_tags(ImageTagsRequest(configuration), **implicitly()),
        docker_context(
            DockerContextRequest(name, request.together, bool(buildx.builder)), **implicitly()
        ),
    )
    tag = tags.local[name]
    arch = configuration.arch
    log = progress.log(arch, name)
    kept = own_file(progress.workdir, "mzbuild", "failed", arch.value, name)
    arguments = build_arguments(image, configuration)
    args = partial(build_args, builder=buildx.builder, arch=arch, build_arguments=arguments)
    process = client.process(
        args(
            tags=request.tags,
            push=request.push,
            labels=image_labels(image, fingerprints.fingerprints[name], inputs.count(name)),
            dockerfile=DOCKERFILE,
            iidfile=_IIDFILE,
            context=CONTEXT,
        ),
        f"Build the image {name}",
    )
    script = await create_digest(CreateDigest([_ONCE]), **implicitly())
    args_of_script = once_args(
        docker=client.path,
        tag=tag,
        caches=os.path.join(global_options.named_caches_dir, "mzbuild"),
        since=local.asked_at,
        iidfile=_IIDFILE,
        log=log,
        kept=kept,
        command=limit.build(process.argv, log) if request.push else process.argv,
        again=request.again,
    )
    with access.lend_credentials() as lend:
        build = replace(
            process,
            argv=lend((sys.executable, "-I", "-S", _ONCE.path, *args_of_script)),
            input_digest=await merge_digests(
                MergeDigests((context.digest, script, limit.digest)), **implicitly()
            ),
            # Where a process may write, Pants leaves large files their modes; elsewhere it makes
            # them read-only, and so they would be in the image. Nothing of a directory that is
            # named as a file is stored afterwards.
            output_files=(_IIDFILE, CONTEXT),
        )
        steps = DockerSteps(f"Building {tag}; follow it with: tail -F {log}")
        with progress.of_build(log, name, steps):
            result = await execute_process(build, **implicitly())
    if result.exit_code:
        said = (result.stdout + result.stderr).decode(errors="replace").rstrip()
        line = failed_line(said, context.dockerfile, arguments)
        place = f"{image.dockerfile}:{line}" if line else image.dockerfile
        # What it makes of files that somebody has changed there is not to have the image's name.
        files = os.path.relpath(kept, build_root.path)
        command = args(
            tags=(), labels={}, dockerfile=f"{files}/{DOCKERFILE}", context=f"{files}/{CONTEXT}"
        )
        end = "\n".join(said.splitlines()[-_SHOWN_LINES:])
        raise MzbuildError.of_lines(
            f"{place}: {docker_sentence(said)}\n"
            f"{images.addresses[name]}: Docker could not build the image {name}.\n"
            f"To run it again, from the repository's root:\n  {shlex.join(('docker', *command))}\n"
            f"All of its output is in {log}; this is the end:\n{end}"
        )
    (iidfile,) = await get_digest_contents(result.output_digest, **implicitly())
    # Where the build has said nothing, there was none: another process had built the image.
    origin = Origin.BUILT if result.stdout else Origin.REUSED
    return ObtainedImage(iidfile.content.decode().strip(), origin, time.monotonic() - start)


def rules() -> tuple[Rule, ...]:
    return tuple(collect_rules())
