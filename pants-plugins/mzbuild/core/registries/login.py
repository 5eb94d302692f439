"""Logging Docker's client in to a registry. This module runs `docker login`.

It is no process of the build system's, which would keep a record of all that goes into it: the
token goes from this process's memory to the client's standard input, and nowhere else.
"""

from __future__ import annotations

import math
import subprocess
import time
from collections.abc import Mapping

from mzbuild.core.errors import MzbuildError
from mzbuild.core.registries.addresses import Registry
from mzbuild.core.registries.retry import backoff

# So long, a try may take in any case: a budget may have been spent on others.
_LEAST = 1.0  # seconds
# What the client says of a registry that is out of reach.
_UNREACHED = ("connection refused", "no such host", "name resolution", "unreachable")
# What a registry says of a wrong password, which is not tried twice: some lock the account.
_REFUSALS = ("unauthorized", "denied", "forbidden", "incorrect username or password")


def log_in(
    registry: Registry,
    token: str,
    docker: str,
    env: Mapping[str, str],
    budget: float,
    patience: float = math.inf,
) -> None:
    """Runs `docker login` for a registry that has a user, trying for `budget` seconds, and for
    `patience` where it is out of reach.

    `env` is the client's environment; the token is not in it. Raises `MzbuildError` where the
    registry does not let the user in.
    """
    started = time.monotonic()
    deadline = started + budget
    command = [docker, "login", "--username", registry.user or "", "--password-stdin"]
    failures = 0
    while True:
        failures += 1
        left = max(_LEAST, deadline - time.monotonic())
        said = _try([*command, registry.host], token, env, left)
        if said is None:
            return
        wait = backoff(failures)
        if any(word in said.lower() for word in _UNREACHED):
            deadline = min(deadline, started + patience)
        if any(word in said.lower() for word in _REFUSALS) or time.monotonic() + wait > deadline:
            raise MzbuildError.of_lines(
                f"`docker login {registry.host}` failed for the user `{registry.user}` with the "
                f"token of the environment variable `{registry.token_env}`:\n{said}"
            )
        time.sleep(wait)


def _try(command: list[str], token: str, env: Mapping[str, str], seconds: float) -> str | None:
    """What the client said when it failed, or did not answer in time."""
    try:
        done = subprocess.run(
            command,
            env=env,
            input=token.encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"no answer within {seconds:.0f} seconds"
    said = done.stdout.decode(errors="replace").strip()
    return said.replace(token, "…") if done.returncode else None
