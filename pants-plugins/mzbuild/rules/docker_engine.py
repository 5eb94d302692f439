"""The local Docker engine: where its client is, and what it can do."""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass, replace

from pants.engine.fs import CreateDigest, Digest, FileContent
from pants.engine.internals.session import RunId
from pants.engine.process import Process, ProcessCacheScope
from pants.engine.rules import Rule
from pants.util.frozendict import FrozenDict
from pants.util.logging import LogLevel

from mzbuild.core.docker.arguments import INSTALL_BUILDX
from mzbuild.core.docker.client_config import engine_builder, plugin_paths
from mzbuild.core.resources import resource
from mzbuild.pants_api import collect_rules, create_digest, execute_process, implicitly, rule
from mzbuild.rules.host_tools import HostToolRequest, file_statuses, find_host_tool
from mzbuild.subsystems.mzbuild import Mzbuild

logger = logging.getLogger(__name__)

# What says where the engine is, and how it is reached.
DOCKER_ENV_NAMES = (
    *("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"),
    *("BUILDX_BUILDER", "BUILDX_CONFIG"),
    # For an engine that is reached by SSH, and one that runs without root.
    *("SSH_AUTH_SOCK", "XDG_RUNTIME_DIR"),
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"),
)
# Docker does not read it: it makes one process another than that with an older plugin.
_PLUGIN_VARIABLE = "MZBUILD_BUILDX_PLUGIN"
# Read when this module is, so that both are of the same version of the plugin.
_LIMIT = FileContent(".mzbuild-limit.py", resource("mzbuild.core.docker", "limit.py"))
_INSTALL_DOCKER = (
    "Install Docker: https://docs.docker.com/engine/install, or `apt-get install docker.io`."
)


@dataclass(frozen=True)
class DockerClient:
    """The `docker` program with the environment that it needs."""

    path: str
    env: FrozenDict[str, str]

    def process(self, args: tuple[str, ...], description: str) -> Process:
        """A process that runs `docker` once in each run of Pants: the engine is no cache."""
        return Process(
            (self.path, *args),
            env=self.env,
            description=description,
            # At a higher one, what failed would be told to be completed.
            level=LogLevel.DEBUG,
            cache_scope=ProcessCacheScope.PER_SESSION,
        )


@dataclass(frozen=True)
class Buildx:
    """The buildx plugin of the client, if there is one.

    `builder` is the name that it has for the engine itself; `None` without the plugin.
    """

    builder: str | None


@dataclass(frozen=True)
class TransferLimit:
    """What ends a command that takes too long to move an image.

    `digest` is to be in the command's sandbox.
    """

    digest: Digest
    seconds: int

    def transfer(self, argv: tuple[str, ...], log: str) -> tuple[str, ...]:
        """The command with a limit; its output goes to `log`."""
        return self._command("transfer", log, argv)

    def build(self, argv: tuple[str, ...], log: str) -> tuple[str, ...]:
        """A build, which writes to `log`, with a limit on its push alone."""
        return self._command("build", log, argv)

    def _command(self, kind: str, log: str, argv: tuple[str, ...]) -> tuple[str, ...]:
        return (sys.executable, "-I", "-S", _LIMIT.path, str(self.seconds), kind, log, *argv)


@rule
async def docker_client() -> DockerClient:
    tool = await find_host_tool(
        HostToolRequest("docker", DOCKER_ENV_NAMES, _INSTALL_DOCKER), **implicitly()
    )
    # Images that were built from the same inputs are not to differ by attestations, nor by what
    # Git says of the directory that they were built in.
    env = {**tool.env, "BUILDX_NO_DEFAULT_ATTESTATIONS": "1", "BUILDX_GIT_INFO": "0"}
    return DockerClient(tool.path, FrozenDict(env))


@rule
async def find_buildx(client: DockerClient, run_id: RunId) -> Buildx:
    process = client.process(("buildx", "version"), "Look for Docker's buildx plugin")
    plugin = file_statuses(plugin_paths("buildx", client.env))
    if plugin:
        # It takes long to start, but what it said of itself holds for as long as it is the same.
        same = {_PLUGIN_VARIABLE: f"{file_statuses([client.path])} {plugin}"}
        process = replace(
            process,
            env=FrozenDict({**client.env, **same}),
            cache_scope=ProcessCacheScope.SUCCESSFUL,
        )
    result = await execute_process(process, **implicitly())
    if result.exit_code:
        logger.warning(INSTALL_BUILDX)
        return Buildx(None)
    return Buildx(engine_builder(client.env))


@rule
async def transfer_limit(mzbuild: Mzbuild) -> TransferLimit:
    digest = await create_digest(CreateDigest([_LIMIT]), **implicitly())
    return TransferLimit(digest, mzbuild.transfer_timeout)


def rules() -> tuple[Rule, ...]:
    return tuple(collect_rules())
