"""What rows need that build images: an engine whose calls are counted, and a registry."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from benchmarks.bench import CommandError, run

CHECKOUT = Path(__file__).resolve().parent.parent
PREFIX = "PANTS_MZBUILD_IMAGE_PREFIX"  # The variable with what the names of our images begin with.


def with_engine() -> None:
    """Start this program again where there is a Docker engine, if none answers here."""
    if (
        shutil.which("docker")
        and not subprocess.run(["docker", "info"], capture_output=True).returncode
    ):
        return
    command = [str(CHECKOUT / "bin/with-docker"), sys.executable, "-m", "benchmarks", *sys.argv[1:]]
    os.execv(command[0], command)


@contextmanager
def engine(scratch: Path, calls: Path) -> Iterator[Mapping[str, str]]:
    """The environment in which Pants builds images and publishes them to an own registry.

    Each call of `docker` adds a line to `calls`. In the end no image is left in the engine.
    """
    real = shutil.which("docker")
    shadow = scratch / "bin/docker"
    shadow.parent.mkdir()
    shadow.write_text(f'#!/bin/sh\necho "$*" >>{calls}\nexec {real} "$@"\n')
    shadow.chmod(0o755)
    calls.touch()
    prefix = f"benchmark-{secrets.token_hex(4)}-"
    with registry(scratch / "registry") as address:
        try:
            yield {
                "PATH": f"{shadow.parent}:{os.environ['PATH']}",
                "PANTS_MZBUILD_REGISTRIES": json.dumps({"local": {"address": address}}),
                PREFIX: prefix,
            }
        finally:
            listed = ("docker", "image", "ls", "--format={{.Repository}}:{{.Tag}}")
            tags = run(scratch, os.environ, *listed).split()
            ours = [tag for tag in tags if tag.rpartition("/")[2].startswith(prefix)]
            if ours:
                run(scratch, os.environ, "docker", "image", "rm", "--force", *ours)


@contextmanager
def registry(directory: Path) -> Iterator[str]:
    """A registry that keeps what it gets in `directory`, by its address."""
    program = run(CHECKOUT, os.environ, str(CHECKOUT / "bin/docker-registry")).strip()
    directory.mkdir()
    configuration, log = directory / "config.yml", directory / "log"
    # JSON is YAML.
    configuration.write_text(
        json.dumps(
            {
                "version": "0.1",
                "storage": {"filesystem": {"rootdirectory": str(directory / "data")}},
                "http": {"addr": "localhost:0"},
            }
        )
    )
    with log.open("wb") as output:
        process = subprocess.Popen(
            [program, "serve", str(configuration)], stdout=output, stderr=output
        )
    try:
        deadline = time.monotonic() + 30
        while not (listening := re.search(r"listening on \S+:(\d+)", log.read_text())):
            if process.poll() is not None or time.monotonic() > deadline:
                raise CommandError(f"the registry does not start:\n{log.read_text()}")
            time.sleep(0.02)
        yield f"localhost:{listening[1]}"
    finally:
        process.kill()
        process.wait()
