"""An engine that dies while an image is built and pushed."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.e2e.fault_proxy import FaultProxy, slow
from tests.e2e.images import is_locked, until
from tests.e2e.registries.workshop import working
from tests.e2e.registry import RunningRegistry
from tests.e2e.repo import CHECKOUT, finish, start

MANIFESTS = "/manifests/"


@contextlib.contextmanager
def own_engine(directory: Path) -> Iterator[str]:
    """An engine that a test may kill; gives where it listens."""
    told = directory / "docker-host"
    command = [str(CHECKOUT / "bin/with-docker"), "--private", "sh", "-c"]
    script = f'echo "$DOCKER_HOST" >{told}.new; mv {told}.new {told}; exec sleep 600'
    process = start([*command, script], cwd=directory, env=os.environ)
    try:
        until(lambda: told.exists() or process.poll() is not None, "an engine")
        assert process.poll() is None, finish(process, check=False)
        yield told.read_text().strip()
    finally:
        process.terminate()
        finish(process, check=False)


def kill_engine(docker_host: str) -> None:
    place = docker_host.rpartition(":")[2].rpartition("/")[0].lstrip("/").encode()
    killed = 0
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (process / "cmdline").read_bytes().split(b"\0")
            if words[0].endswith(b"dockerd") and any(place in word for word in words):
                os.kill(int(process.name), signal.SIGKILL)
                killed += 1
    assert killed == 1


def test_the_next_run_finishes_the_work(
    tmp_path: Path, cold_caches: Mapping[str, str], plain: RunningRegistry
) -> None:
    with (
        FaultProxy(plain.address) as proxy,
        working(tmp_path, cold_caches, {"main": proxy.address}) as shop,
    ):
        with own_engine(tmp_path) as docker_host:
            proxy.inject(slow(5), 1, "PUT", MANIFESTS)
            env = {"DOCKER_HOST": docker_host}
            process = shop.repo.start_pants("mzbuild-ensure", "images/left", env=env)
            until(lambda: proxy.count("PUT", MANIFESTS), "a push")
            kill_engine(docker_host)
            result = finish(process, check=False)
        assert result.returncode == 1
        assert "Traceback (most recent call last)" not in result.text
        rows = {line.split()[0]: line.split()[1] for line in result.stdout.splitlines()}
        assert rows["left"] in ("failed", "skipped")

        shop.pants("mzbuild-ensure", "images/left")
        shop.pants("mzbuild-check", "images/left", "images/base")
        locks = Path(shop.repo.env["PANTS_NAMED_CACHES_DIR"], "mzbuild/locks")
        assert not any(is_locked(lock) for lock in locks.iterdir())
