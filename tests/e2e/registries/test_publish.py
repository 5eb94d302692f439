"""`publish`: what `mzbuild-ensure` does, as Pants does it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.e2e.fault_proxy import FaultProxy, answer
from tests.e2e.images import described, image, shadow
from tests.e2e.registries.site import MANIFESTS
from tests.e2e.registries.workshop import PUBLISHED, Workshop
from tests.e2e.registry import RunningRegistry


@pytest.fixture(scope="module")
def registries(mirrored: Mapping[str, str]) -> Mapping[str, str]:
    return mirrored


def test_publish_does_the_same_as_pants_does_it(shop: Workshop, tmp_path: Path) -> None:
    output = tmp_path / "published.json"
    shop.pants(f"--publish-output={output}", "publish", "images/left", "images/private")
    told = {data["target"]: data for data in json.loads(output.read_text())}
    assert set(told) == {"images/left:left", "images/private:private"}
    left = told["images/left:left"]
    assert (left["published"], left["publisher"]) == (True, "mzbuild")
    assert left["names"] == [shop.tags(registry)["left"] for registry in ("one", "two")]
    assert told["images/private:private"]["published"] is False
    assert built_and_pushed(shop) == {"base", "left"}
    shop.pants("mzbuild-check", "images/base", "images/left")

    shop.clear()
    again = shop.pants("publish", "images/left")
    assert "skipped (already in one, two)" in again.stderr
    assert shop.images() == set(), "nothing is pulled only to be looked at"
    assert described(shop.repo) == {}


def built_and_pushed(shop: Workshop) -> set[str]:
    """The images that were pushed where they were built, with all else that was done to images."""
    calls = [call for call in shop.calls() if call.split()[0] not in ("login", "image")]
    builds = [call for call in calls if call.startswith("buildx build")]
    assert set(calls) - set(builds) <= {"buildx version"}
    assert all(" --push " in call and call.count(" --tag=") == 2 for call in builds)
    return {call.split(f"/{shop.acme}/")[1].partition(":")[0] for call in builds}


def test_publish_goes_on_past_a_failure(shop: Workshop, tmp_path: Path) -> None:
    output = tmp_path / "published.json"
    dockerfile = shop.repo.root / "images/left/Dockerfile"
    good = dockerfile.read_text()
    dockerfile.write_text("MZFROM base\nCOPY no-such-file /\n")
    try:
        result = shop.pants(f"--publish-output={output}", "publish", "::", check=False)
    finally:
        dockerfile.write_text(good)
    assert result.returncode == 1
    assert "images/left:left: Docker could not build the image left." in result.stderr
    assert "left: images/left/Dockerfile:2: " in result.stderr
    assert "top: it builds on left, which failed" in result.stderr
    told = {data["target"].partition(":")[2]: data for data in json.loads(output.read_text())}
    done = {name for name, data in told.items() if data["published"]}
    assert done == PUBLISHED - {"left", "top"}
    assert {told[name]["status"] for name in ("left", "top")} == {"failed for one, two"}
    assert told["private"]["status"] == "skipped (`publish: false`)"


def test_publish_tells_what_could_not_be_pushed(shop: Workshop, proxy: FaultProxy) -> None:
    proxy.inject(answer(500), 100000, "PUT", MANIFESTS)
    timeout = "--mzbuild-registry-timeout=1"
    result = shop.pants(timeout, "publish", "images/alone", check=False)
    assert result.returncode == 1
    assert "failed for one, two" in result.stderr
    assert "alone: two: " in result.stderr


def test_package_and_publish_in_one_command_build_once(shop: Workshop) -> None:
    shop.pants("package", "publish", "images/left", "images/private")
    assert shop.origins() == {"left": "built", "private": "built"}
    builds = shop.calls("buildx", "build")
    assert len(builds) == 3
    assert all(" --load " in call for call in builds)
    shop.pants("mzbuild-check", "images/base", "images/left")


def test_publish_handles_several_architectures(
    shop: Workshop, plain: RunningRegistry, tmp_path: Path
) -> None:
    output = tmp_path / "published.json"
    archs = '--mzbuild-archs=["x86_64", "aarch64"]'
    shop.pants(archs, f"--publish-output={output}", "publish", "images/alone")
    one, two = json.loads(output.read_text())
    assert one["published"] is two["published"] is True
    assert not set(one["names"]) & set(two["names"])
    tags = {name.rpartition(":")[2] for told in (one, two) for name in told["names"]}
    assert set(shop.published(plain, "alone")) >= tags
    shop.pants(archs, "mzbuild-check", "images/alone")


def test_no_more_images_are_built_at_once_than_pants_may_run_processes(
    shop: Workshop, tmp_path: Path
) -> None:
    count = tmp_path / "count"
    many = {f"many-{number}": "FROM scratch\nCOPY mzbuild.yml /\n" for number in range(6)}
    for name, dockerfile in many.items():
        shop.repo.write(image(name, dockerfile, f"# {tmp_path}\n"))
    counting = (
        f'case "$*" in "buildx build"*) echo + >>{count}; sleep 2; "$real" "$@"; code=$?;\n'
        f'echo - >>{count}; exit $code;; *) exec "$real" "$@";; esac'
    )
    env = {
        **shadow(tmp_path / "bin", "docker", counting),
        "PANTS_PROCESS_EXECUTION_LOCAL_PARALLELISM": "4",
    }
    shop.pants("mzbuild-ensure", *(f"images/{name}" for name in many), env=env)
    steps = [1 if line == "+" else -1 for line in count.read_text().split()]
    at_once = [sum(steps[:end]) for end in range(1, len(steps) + 1)]
    assert len(steps) == 2 * len(many)
    assert max(at_once) == 4
