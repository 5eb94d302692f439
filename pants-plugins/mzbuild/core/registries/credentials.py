"""What to log in to a registry with. This module reads Docker's configuration and runs its helpers.

The configuration: https://docs.docker.com/reference/cli/docker/#configuration-files; the protocol
of the helpers: https://github.com/docker/docker-credential-helpers#development
"""

from __future__ import annotations

import base64
import binascii
import json
import subprocess
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

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
    """The environment for a process that needs none of the registries' tokens."""
    tokens = {registry.token_env for registry in registries}
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

        A token in the environment goes before what Docker has saved. Raises `MzbuildError` where
        Docker's configuration cannot be read, or a helper that it names fails.
        """
        # Under the lock, so that a helper which asks the user something does it once.
        with self._lock:
            if registry not in self._found:
                self._found[registry] = self._look_up(registry)
            return self._found[registry]

    def _look_up(self, registry: Registry) -> Credentials | None:
        token = self._env.get(registry.token_env) if registry.token_env else None
        if token:
            return Credentials(
                registry.user, token, f"the environment variable `{registry.token_env}`"
            )
        path = self._config_path()
        config = _read_config(path) if path else {}
        key = _DOCKER_HUB_KEY if registry.host == DOCKER_HUB else registry.host
        # As in Docker: for a registry that has a helper, the file's own entries do not count.
        helper = _map(config, "credHelpers").get(key, config.get("credsStore"))
        if helper:
            return self._ask_helper(f"docker-credential-{helper}", key)
        return _from_file(_map(config, "auths"), key, path)

    def _config_path(self) -> Path | None:
        directory = self._env.get("DOCKER_CONFIG")
        if directory:
            return Path(directory, "config.json")
        home = self._env.get("HOME")
        return Path(home, ".docker/config.json") if home else None

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


def _read_config(path: Path) -> Mapping[str, Any]:
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


def _map(config: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = config.get(name)
    return value if isinstance(value, dict) else {}


def _from_file(auths: Mapping[str, Any], key: str, path: Path | None) -> Credentials | None:
    for name in [key, *(name for name in auths if _host(name) == key)]:
        entry = _map(auths, name)
        if entry.get("identitytoken"):
            return Credentials(None, str(entry["identitytoken"]), str(path))
        if entry.get("auth"):
            try:
                decoded = base64.b64decode(str(entry["auth"]), validate=True).decode()
            except (binascii.Error, UnicodeDecodeError):
                decoded = ""
            user, separator, password = decoded.partition(":")
            if not separator:
                raise MzbuildError(
                    f"{path}: what Docker's configuration has under `auths` for `{name}` is no "
                    f"`user:password` in base64. Run `docker login {_host(name)}` again."
                )
            # Docker itself ends the password at a NUL.
            return Credentials(user, password.strip("\0"), str(path))
        if entry.get("username") and entry.get("password"):
            return Credentials(str(entry["username"]), str(entry["password"]), str(path))
    return None


def _host(name: str) -> str:
    """The host of an entry, which may be given as a URL."""
    return name.partition("://")[2].partition("/")[0] if "://" in name else name.partition("/")[0]
