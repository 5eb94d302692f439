"""A newcomer who types what the README's section on registries says, with our sample images."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.e2e.images import described, shadow, until
from tests.e2e.repo import CHECKOUT, PANTS, Content, Docker, Repo, Result, finish, own_files, start

README = (CHECKOUT / "README.md").read_text()


def blocks(title: str) -> list[str]:
    """The indented and the fenced blocks of a section, up to the next headline."""
    text = README.partition(f"\n{title}\n")[2].partition("\n#")[0]
    fenced = re.findall(r"^```\w+\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    indented = re.findall(r"^(?: {4}.*\n|\n(?= {4}))+", text, flags=re.MULTILINE)
    return [textwrap.dedent(block).strip("\n") for block in (*fenced, *indented)]


class Newcomer:
    """Somebody with a clone, and with caches of their own."""

    def __init__(self, directory: Path, files: Mapping[str, Content]) -> None:
        env = {
            "PANTS_LOCAL_STORE_DIR": str(directory / "lmdb_store"),
            "PANTS_NAMED_CACHES_DIR": str(directory / "named_caches"),
            **shadow(directory / "bin", "docker", f'echo "$*" >>{directory}/calls; "$real" "$@"'),
        }
        (directory / "bin/pants").symlink_to(PANTS)
        self.calls = directory / "calls"
        self.repo = Repo(directory / "repo", files, env)

    def types(self, script: str) -> Result:
        process = start(["bash", "-euc", script], cwd=self.repo.root, env=self.repo.env)
        return finish(process, check=True, timeout=900)

    def builds(self) -> int:
        return self.calls.read_text().count("buildx build ")


@contextlib.contextmanager
def running(script: str, port: int) -> Iterator[None]:
    """What a script starts in the background, a server that listens on a port."""
    quiet = f"exec >/dev/null 2>&1\n{script}\nwait"
    process = start(["bash", "-euc", quiet], cwd=CHECKOUT, env=os.environ)

    def listens() -> bool:
        with socket.socket() as client:
            return client.connect_ex(("localhost", port)) == 0

    try:
        until(listens, "a registry")
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        finish(process, check=False)


@pytest.fixture
def free_port() -> int:
    with socket.create_server(("localhost", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def clear(docker: Docker, registry: str) -> None:
    """Leaves the engine without the images of a registry."""
    listed = docker("image", "ls", "--format", "{{.Repository}}:{{.Tag}}").stdout.split()
    images = [tag for tag in listed if tag.startswith(f"{registry}/")]
    if images:
        docker("image", "rm", "--force", *images)


def test_from_nothing_to_images_that_all_share(tmp_path: Path, free_port: int) -> None:
    docker = Docker("")
    (plugin,) = (block for block in blocks("## In your repository") if "pants_version" in block)
    # Others may use the same port and the same directory at the same time.
    run, configuration, publish, use, tag = (
        block.replace("5001", str(free_port)).replace("/tmp/", f"{tmp_path}/")
        for block in blocks("## Registries")
    )
    files = {**own_files(), "pants.toml": f"{plugin}\n{configuration}\n"}
    first, second = (Newcomer(tmp_path / name, files) for name in ("first", "second"))
    registry = f"localhost:{free_port}"
    with running(run, free_port):
        try:
            said = first.types(publish)
            pushed = said.stdout.count(" pushed ")
            assert f"All images are published (team): {pushed}." in said.stderr
            assert first.builds() == pushed > 3

            clear(docker, registry)
            second.types(use)
            assert described(second.repo)["environmentd"]["origin"] == "pulled"
            assert second.builds() == 0

            said = first.types(tag)
            assert "All images are published (team): 2." in said.stderr
            tagged = docker("buildx", "imagetools", "inspect", f"{registry}/acme/base:v1.2.3")
            platforms = re.findall(r"Platform: +linux/(\w+)", tagged.stdout)
            assert sorted(platforms) == ["amd64", "arm64"]
        finally:
            for newcomer in (first, second):
                newcomer.repo.stop_pantsd()
            clear(docker, registry)
