"""Runs that end in the middle, since Pants or the engine is killed: the next one finishes them."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.fault_proxy import FaultProxy, slow
from tests.e2e.images import image, is_locked, log_file, probe_image, run_step, until
from tests.e2e.registries.site import MANIFESTS
from tests.e2e.registries.workshop import Workshop
from tests.e2e.registry import RunningRegistry
from tests.e2e.repo import CHECKOUT, finish, is_running, start

BLOBS = "/blobs/"
PATIENCE = 20  # seconds: for what goes on after its end was asked for


def assert_no_lock(shop: Workshop) -> None:
    locks = Path(shop.repo.env["PANTS_NAMED_CACHES_DIR"], "mzbuild/locks")
    until(lambda: not any(is_locked(lock) for lock in locks.iterdir()), "no lock is held", PATIENCE)


@pytest.mark.parametrize(
    ("step", "signal_number"),
    [
        (MANIFESTS, signal.SIGINT),
        (MANIFESTS, signal.SIGTERM),
        (MANIFESTS, signal.SIGKILL),
        (BLOBS, signal.SIGKILL),
    ],
)
def test_pants_is_killed_while_it_pushes(
    shop: Workshop, proxy: FaultProxy, plain: RunningRegistry, step: str, signal_number: int
) -> None:
    proxy.inject(slow(3), 1, "PUT", step)
    process = shop.repo.start_pants("mzbuild-ensure", "images/alone")
    until(lambda: proxy.count("PUT", step), "a push")
    os.killpg(process.pid, signal_number)
    assert finish(process, check=False).returncode != 0
    if step == BLOBS:
        # A part of an image is no image.
        assert shop.pants("mzbuild-check", "images/alone", check=False).returncode == 1
        tag = shop.tags()["alone"].rpartition(":")[2]
        assert tag not in shop.published(plain, "alone")
    assert_finished_by_the_next_run(shop, "alone")


def test_the_daemon_is_killed_while_it_pushes(shop: Workshop, proxy: FaultProxy) -> None:
    proxy.inject(slow(3), 1, "PUT", BLOBS)
    process = shop.repo.start_pants("mzbuild-ensure", "images/alone")
    until(lambda: proxy.count("PUT", BLOBS), "a push")
    (pid,) = shop.repo.pantsds()
    os.kill(pid, signal.SIGKILL)
    # What it has started goes on without it, and whoever wants the image waits for that: Pants'
    # client, which starts over with another daemon, or the next run.
    finish(process, check=False)
    assert_finished_by_the_next_run(shop, "alone")


def assert_finished_by_the_next_run(shop: Workshop, name: str) -> None:
    shop.pants("mzbuild-ensure", f"images/{name}")
    shop.pants("mzbuild-check", f"images/{name}")
    assert_no_lock(shop)
    shop.clear()
    shop.pants("--mzbuild-build=never", "package", f"images/{name}")
    assert shop.origins() == {name: "pulled"}


@contextlib.contextmanager
def own_engine(directory: Path) -> Iterator[str]:
    """An engine that a test may kill, with its data where the next one finds it; gives where it
    listens."""
    told = directory / "docker-host"
    told.unlink(missing_ok=True)
    keep = ("--private", "--keep", str(directory / "data"))
    script = f'echo "$DOCKER_HOST" >{told}.new; mv {told}.new {told}; exec sleep 600'
    command = [str(CHECKOUT / "bin/with-docker"), *keep, "sh", "-c", script]
    process = start(command, cwd=directory, env=os.environ)
    try:
        until(lambda: told.exists() or process.poll() is not None, "an engine")
        assert process.poll() is None, finish(process, check=False)
        yield told.read_text().strip()
    finally:
        process.terminate()
        finish(process, check=False)


def kill_engine(docker_host: str) -> None:
    place = docker_host.rpartition(":")[2].rpartition("/")[0].lstrip("/").encode()
    engines = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (process / "cmdline").read_bytes().split(b"\0")
            if words[0].endswith(b"dockerd") and any(place in word for word in words):
                engines.append(int(process.name))
    (engine,) = engines
    os.kill(engine, signal.SIGKILL)
    until(lambda: not is_running(engine), "the engine has ended")


@pytest.mark.parametrize("step", ["push", "RUN"])
def test_the_engine_is_killed(
    shop: Workshop, proxy: FaultProxy, plain: RunningRegistry, tmp_path: Path, step: str
) -> None:
    # Not the images of the other step.
    steps = image("steps", "MZFROM probe\n" + run_step("say", "started", "sleep", "5"))
    shop.repo.write({**probe_image(), **steps, "images/probe/new": step})
    (shop.repo.root / "images/probe/probe").chmod(0o755)
    ensure = ("mzbuild-ensure", "images/steps")
    log = log_file(shop.repo, "steps")
    log.unlink(missing_ok=True)
    with own_engine(tmp_path) as docker_host:
        if step == "push":
            proxy.inject(slow(5), 1, "PUT", MANIFESTS)
        process = shop.repo.start_pants(*ensure, env={"DOCKER_HOST": docker_host})
        if step == "push":
            until(lambda: proxy.count("PUT", MANIFESTS), "a push")
        else:
            until(lambda: log.exists() and " started" in log.read_text(), "a step of the build")
        kill_engine(docker_host)
        result = finish(process, check=False)
    assert result.returncode == 1
    assert "Traceback (most recent call last)" not in result.text
    rows = {line.split()[0]: line.split()[2] for line in result.stdout.splitlines()[1:]}
    assert rows["steps"] in ("failed", "skipped")
    assert shop.tags()["steps"].rpartition(":")[2] not in shop.published(plain, "steps")
    assert_no_lock(shop)

    with own_engine(tmp_path) as docker_host:
        env = {"DOCKER_HOST": docker_host}
        shop.pants(*ensure, env=env)
        shop.pants("mzbuild-check", "images/steps", "images/probe")
    shop.pants("--mzbuild-build=never", "package", "images/steps")
    assert shop.docker("run", "--rm", shop.tags()["steps"], "say", "whole").stdout == "whole\n"
