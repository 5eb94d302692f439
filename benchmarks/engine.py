"""What rows need that build images: an engine whose calls are counted, and a registry."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from benchmarks.bench import CommandError, Engine, run

CHECKOUT = Path(__file__).resolve().parent.parent


def with_engine() -> None:
    """Start this program again where there is a Docker engine, if none answers here."""
    if shutil.which("docker"):
        info = subprocess.run(["docker", "info"], capture_output=True, check=False)
        if info.returncode == 0:
            return
    command = [str(CHECKOUT / "bin/with-docker"), sys.executable, "-m", "benchmarks", *sys.argv[1:]]
    os.execv(command[0], command)


@contextmanager
def engine(scratch: Path) -> Iterator[tuple[Engine, Mapping[str, str]]]:
    """An engine, and the environment in which Pants uses it and publishes to its own registry.

    In the end, no image is left in it.
    """
    calls, shadow = scratch / "calls", scratch / "bin/docker"
    calls.touch()
    shadow.parent.mkdir()
    shadow.write_text(f'#!/bin/sh\necho "$*" >>{calls}\nexec {shutil.which("docker")} "$@"\n')
    shadow.chmod(0o755)
    prefix = f"benchmark-{secrets.token_hex(4)}-"
    with registry(scratch / "registry") as address, slow_server() as slow:
        environment = {
            "PATH": f"{shadow.parent}:{os.environ['PATH']}",
            "PANTS_MZBUILD_REGISTRIES": json.dumps({"local": {"address": address}}),
            "PANTS_MZBUILD_IMAGE_PREFIX": prefix,
        }
        try:
            yield Engine(calls, prefix, slow), environment
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


@contextmanager
def slow_server() -> Iterator[str]:
    """A server for images that take a second each, and hardly compute, by the URL of its files."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            time.sleep(1)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        request_queue_size = 128  # Nobody is to wait for longer than that second.

    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
