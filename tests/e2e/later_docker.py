"""A Docker engine, and Docker's Compose, that may be later than what this machine has."""

from __future__ import annotations

import os
from pathlib import Path

from tests.e2e.repo import CHECKOUT, Result, finish, start

# The first engine that knows named contexts, which link the targets of bake.
_NAMED_CONTEXTS = 23


def with_later_engine(script: str, cwd: Path) -> Result:
    """Runs a shell script with an engine that can build what bake asks for.

    Where that of the tests is too old, it is one that is gone with its images afterwards.
    """
    command = ["sh", "-ec", script]
    server = _output("docker", "version", "--format={{.Server.Version}}")
    if int(server.partition(".")[0]) >= _NAMED_CONTEXTS:
        return finish(start(command, cwd=cwd, env=os.environ), check=True)
    path = f"{_later_package('docker.io')}/usr/sbin:{os.environ['PATH']}"
    private = [str(CHECKOUT / "bin/with-docker"), "--private", *command]
    return finish(start(private, cwd=cwd, env={**os.environ, "PATH": path}), check=True)


def compose_program() -> str:
    """The path of Docker's Compose, as a program of its own."""
    return f"{_later_package('docker-compose')}/usr/libexec/docker/cli-plugins/docker-compose"


def _later_package(name: str) -> str:
    return _output(str(CHECKOUT / "bin/debian-package"), "--later", name)


def _output(*command: str) -> str:
    return finish(start(list(command), cwd=CHECKOUT, env=os.environ), check=True).stdout.strip()
