"""The configuration of Docker's client, and its plugins. This module reads files.

The configuration: https://docs.docker.com/reference/cli/docker/#configuration-files
"""

from __future__ import annotations

import json
import os
from collections.abc import Container, Mapping
from pathlib import Path
from typing import Any

from mzbuild.core.errors import MzbuildError
from mzbuild.core.text.json_reader import read_json

_PLUGIN_DIRECTORIES = (
    "/usr/local/lib/docker/cli-plugins",
    "/usr/local/libexec/docker/cli-plugins",
    "/usr/lib/docker/cli-plugins",
    "/usr/libexec/docker/cli-plugins",
)
_DEFAULT_CONTEXT = "default"

# Clients read it since 28.3, and before what `docker login` has saved, or a helper:
# https://github.com/docker/cli/pull/6008
AUTH_VARIABLE = "DOCKER_AUTH_CONFIG"


def config_directory(env: Mapping[str, str]) -> Path:
    """Where the client has its configuration, in an environment."""
    return Path(env.get("DOCKER_CONFIG") or os.path.join(env.get("HOME") or "/", ".docker"))


def config_path(env: Mapping[str, str]) -> Path:
    """The file with the client's configuration, which need not be there."""
    return config_directory(env) / "config.json"


def read_config(env: Mapping[str, str]) -> Mapping[str, Any]:
    """The client's configuration. Raises `MzbuildError` for a file that cannot be read."""
    path = config_path(env)
    try:
        config = read_json(path.read_bytes() or b"{}")
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise MzbuildError(
            f"{path}, Docker's configuration, cannot be read: {error.strerror}. Mend its "
            "permissions, or name another directory in DOCKER_CONFIG."
        ) from None
    except ValueError as error:
        line = f":{error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise MzbuildError(
            f"{path}{line}: Docker's configuration is not valid JSON. Mend the file."
        ) from None
    if not isinstance(config, dict):
        raise MzbuildError(f"{path}: Docker's configuration must be a JSON object. Mend the file.")
    return config


def auths_of_environment(env: Mapping[str, str]) -> Mapping[str, Any]:
    """The credentials in `DOCKER_AUTH_CONFIG`, in the form that `auths` of the configuration has.

    What says nothing of a host, as where a helper has its credentials, is left out.
    Raises `MzbuildError`, which does not show the value, for one that has no such form.
    """
    value = env.get(AUTH_VARIABLE)
    if not value:
        return {}
    try:
        auths = read_json(value).get("auths", {})
    except (ValueError, AttributeError):
        auths = None
    if not isinstance(auths, dict):
        raise MzbuildError(
            f"The environment variable {AUTH_VARIABLE} must hold JSON as `docker login` saves it, "
            '`{"auths": {"HOST": {"auth": "…"}}}`, and does not. Mend or unset it.'
        )
    return {
        name: entry
        for name, entry in auths.items()
        if isinstance(entry, dict) and any(entry.values())
    }


def config_with_auths(env: Mapping[str, str], hosts: Container[str]) -> Mapping[str, Any] | None:
    """The client's configuration with what `DOCKER_AUTH_CONFIG` adds to it, `None` if that is
    nothing.

    Of `hosts`, it adds nothing. Older clients do not read the variable, and newer ones should not
    have to: Pants keeps the environment of its processes.
    """
    auths = {
        name: entry for name, entry in auths_of_environment(env).items() if host(name) not in hosts
    }
    if not auths:
        return None
    config = read_config(env)
    # An empty name of a helper is that of none.
    helpers = {key: "" for name in auths for key in (name, host(name))}
    return {
        **config,
        "auths": {**(config.get("auths") or {}), **auths},
        "credHelpers": {**(config.get("credHelpers") or {}), **helpers},
    }


def host(name: str) -> str:
    """The host of an entry of `auths`, which may be given as a URL."""
    return name.partition("://")[2].partition("/")[0] if "://" in name else name.partition("/")[0]


def engine_builder(env: Mapping[str, str]) -> str:
    """The name of buildx's builder that is the engine itself: that of the client's context.

    `docker build` uses it, whatever `docker buildx use` has selected; another one does not see the
    images of the engine. Raises `MzbuildError` for a configuration that cannot be read.
    """
    if env.get("DOCKER_HOST"):
        return _DEFAULT_CONTEXT
    return env.get("DOCKER_CONTEXT") or str(
        read_config(env).get("currentContext") or _DEFAULT_CONTEXT
    )


def plugin_paths(name: str, env: Mapping[str, str]) -> tuple[str, ...]:
    """The files that may be a plugin in the client's environment.

    They are those of
    https://github.com/docker/cli/blob/master/cli-plugins/manager/manager_unix.go. The client's
    configuration may name further directories.
    """
    directories = (str(config_directory(env) / "cli-plugins"), *_PLUGIN_DIRECTORIES)
    return tuple(os.path.join(directory, f"docker-{name}") for directory in directories)
