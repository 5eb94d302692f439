"""What to log in to a registry with. This module reads Docker's configuration and runs its helpers.

The configuration: https://docs.docker.com/reference/cli/docker/#configuration-files; the protocol
of the helpers: https://github.com/docker/docker-credential-helpers#development
"""

from __future__ import annotations

import base64
import binascii
import subprocess
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mzbuild.core.docker.client_config import (
    AUTH_VARIABLE,
    auths_of_environment,
    config_path,
    host,
    read_config,
)
from mzbuild.core.errors import MzbuildError
from mzbuild.core.registries.addresses import DOCKER_HUB, Registry
from mzbuild.core.text.json_reader import read_json

# What Docker calls its own registry in its configuration, for a reason lost in time.
_DOCKER_HUB_KEY = "https://index.docker.io/v1/"
# The user name by which a helper says that the secret is no password.
_IDENTITY_TOKEN_USER = "<token>"
# A helper may ask the user to unlock a keychain.
_HELPER_SECONDS = 60
_NOT_FOUND = b"credentials not found"


@dataclass(frozen=True)
class Credentials:
    """A user with a password; or, without a user, an identity token.

    `origin` says in words where they were found. The secret is never shown.
    """

    user: str | None
    secret: str = field(repr=False)
    origin: str


def without_tokens(env: Mapping[str, str], registries: Iterable[Registry]) -> dict[str, str]:
    """The environment for a process that needs none of the registries' credentials."""
    tokens = {AUTH_VARIABLE, *(registry.token_env for registry in registries)}
    return {name: value for name, value in env.items() if name not in tokens}


class Keychain:
    """The credentials for some registries; threads may share it."""

    def __init__(self, registries: Iterable[Registry], env: Mapping[str, str]):
        """`env` is the environment of the user's command."""
        self._env = env
        self._helper_env = without_tokens(env, registries)
        self._lock = threading.Lock()
        self._found: dict[Registry, Credentials | None] = {}

    def find(self, registry: Registry) -> Credentials | None:
        """The credentials for a registry, `None` where there are none.

        A token in the environment goes before the credentials in `DOCKER_AUTH_CONFIG`, and both
        before what Docker has saved. Raises `MzbuildError` where
        Docker's configuration cannot be read, or a helper that it names fails.
        """
        # Under the lock, so that a helper which asks the user something does it once.
        with self._lock:
            if registry not in self._found:
                self._found[registry] = self._look_up(registry)
            return self._found[registry]

    def _look_up(self, registry: Registry) -> Credentials | None:
        token = self._env.get(registry.token_env) if registry.token_env else None
        # Without a user, it would be an identity token.
        if token and registry.user:
            return Credentials(
                registry.user, token, f"the environment variable `{registry.token_env}`"
            )
        key = _DOCKER_HUB_KEY if registry.host == DOCKER_HUB else registry.host
        lent = auths_of_environment(self._env)
        found = _of_auths(lent, key, f"the environment variable `{AUTH_VARIABLE}`")
        if found:
            return found
        config = read_config(self._env)
        # As in Docker: for a registry that has a helper, the file's own entries do not count.
        helper = _map(config, "credHelpers").get(key, config.get("credsStore"))
        if helper:
            return self._ask_helper(f"docker-credential-{helper}", key)
        return _of_auths(_map(config, "auths"), key, str(config_path(self._env)))

    def _ask_helper(self, helper: str, key: str) -> Credentials | None:
        named = f"`{helper}`, which Docker's configuration names for the credentials of {key},"
        by_hand = f"Try it: `echo {key} | {helper} get`."
        try:
            answer = subprocess.run(
                [helper, "get"],
                env=self._helper_env,
                input=key.encode(),
                capture_output=True,
                timeout=_HELPER_SECONDS,
                check=False,
            )
        except OSError as error:
            raise MzbuildError(
                f"{named} cannot be run: {error.strerror}. Install it where the PATH has it, or "
                "take it out of Docker's configuration."
            ) from None
        except subprocess.TimeoutExpired:
            raise MzbuildError(
                f"{named} has not answered within {_HELPER_SECONDS} seconds. Unlock the keychain, "
                f"or see what it waits for. {by_hand}"
            ) from None
        if answer.returncode != 0:
            if _NOT_FOUND in answer.stdout:
                return None
            # What it wrote is not shown: it may be anything, a secret included.
            raise MzbuildError(f"{named} failed with exit code {answer.returncode}. {by_hand}")
        try:
            found = read_json(answer.stdout)
            user, secret = str(found["Username"]), str(found["Secret"])
        except (ValueError, LookupError, TypeError):
            raise MzbuildError(
                f"{named} has not answered as such a helper does. {by_hand}"
            ) from None
        return Credentials(
            None if user == _IDENTITY_TOKEN_USER else user, secret, f"the helper `{helper}`"
        )


def _map(config: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = config.get(name)
    return value if isinstance(value, dict) else {}


def _of_auths(auths: Mapping[str, Any], key: str, origin: str) -> Credentials | None:
    for name in [key, *(name for name in auths if host(name) == key)]:
        entry = _map(auths, name)
        if entry.get("identitytoken"):
            return Credentials(None, str(entry["identitytoken"]), origin)
        if entry.get("auth"):
            try:
                decoded = base64.b64decode(str(entry["auth"]), validate=True).decode()
            except (binascii.Error, UnicodeDecodeError):
                decoded = ""
            user, separator, password = decoded.partition(":")
            if not separator:
                raise MzbuildError(
                    f"{origin}: what it has under `auths` for `{name}` is no `user:password` in "
                    f"base64. Run `docker login {host(name)}` again, or mend it."
                )
            # Docker itself ends the password at a NUL.
            return Credentials(user, password.strip("\0"), origin)
        if entry.get("username") and entry.get("password"):
            return Credentials(str(entry["username"]), str(entry["password"]), origin)
    return None
