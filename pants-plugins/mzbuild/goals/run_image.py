"""`pants run`: acquires an image and runs it in the foreground."""

from __future__ import annotations

from dataclasses import dataclass

from pants.core.goals.run import RunFieldSet, RunInSandboxBehavior, RunRequest
from pants.engine.fs import EMPTY_DIGEST
from pants.engine.rules import Rule
from pants.engine.unions import UnionRule

from mzbuild.core.docker.arguments import run_command
from mzbuild.pants_api import collect_rules, implicitly, rule
from mzbuild.rules.acquire import AcquireRequest, acquire_image
from mzbuild.rules.docker_engine import DockerClient
from mzbuild.rules.images import Images, ImageWarnings
from mzbuild.rules.registries import Registries
from mzbuild.subsystems.mzbuild import Mzbuild
from mzbuild.target_types import ImageNameField, RunArgsField, RunEnvField


@dataclass(frozen=True)
class RunImageFieldSet(RunFieldSet):
    required_fields = (ImageNameField,)
    run_in_sandbox_behavior = RunInSandboxBehavior.NOT_SUPPORTED

    run_args: RunArgsField
    run_env: RunEnvField


@rule
async def run_image(
    field_set: RunImageFieldSet,
    images: Images,
    client: DockerClient,
    mzbuild: Mzbuild,
    registries: Registries,
    warnings: ImageWarnings,
) -> RunRequest:
    image = await acquire_image(AcquireRequest(images.at(field_set.address).name), **implicitly())
    args = (*mzbuild.docker_run_args, *(field_set.run_args.value or ()))
    env = field_set.run_env.value or ()
    image.check()
    return RunRequest(
        digest=EMPTY_DIGEST,
        # Pants gives the process the whole environment of the user.
        args=run_command(client.path, image.result.spec, env, args, registries.token_variables),
        extra_env=client.env,
    )


def rules() -> tuple[Rule | UnionRule, ...]:
    return (*collect_rules(), *RunImageFieldSet.rules())
