"""Where Docker's client has its plugins."""

from __future__ import annotations

import os
from collections.abc import Mapping

_SYSTEM = (
    "/usr/local/lib/docker/cli-plugins",
    "/usr/local/libexec/docker/cli-plugins",
    "/usr/lib/docker/cli-plugins",
    "/usr/libexec/docker/cli-plugins",
)


def plugin_paths(name: str, env: Mapping[str, str]) -> tuple[str, ...]:
    """The files that may be a plugin in the client's environment.

    They are those of
    https://github.com/docker/cli/blob/master/cli-plugins/manager/manager_unix.go. The client's
    configuration may name further directories.
    """
    config = env.get("DOCKER_CONFIG") or os.path.join(env.get("HOME", ""), ".docker")
    directories = (os.path.join(config, "cli-plugins"), *_SYSTEM)
    return tuple(os.path.join(directory, f"docker-{name}") for directory in directories)
