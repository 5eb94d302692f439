"""What is published of sound images where one is broken, goal by goal."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import yaml

from tests.e2e.images import image
from tests.e2e.registries.workshop import PUBLISHED, Workshop
from tests.e2e.repo import Result

SOUND = {"alone", "base", "left", "on-private", "right"}
BROKEN = {"top", "above"}
WHY = "`MZFROM lefft`: there is no image of that name. Did you mean `left`?"


@pytest.fixture(autouse=True)
def _broken(shop: Workshop) -> Iterator[None]:
    top = (shop.repo.root / "images/top/Dockerfile").read_text()
    shop.repo.write({"images/top/Dockerfile": "MZFROM lefft\n", **image("above", "MZFROM top\n")})
    yield
    shop.repo.write({"images/top/Dockerfile": top})
    for path in ("Dockerfile", "mzbuild.yml"):
        (shop.repo.root / "images/above" / path).unlink()


def run(shop: Workshop, *args: str, code: int = 1) -> Result:
    result = shop.pants(*args, check=False)
    assert result.returncode == code, str(result)
    assert WHY in result.stderr
    assert "Traceback (most recent call last)" not in result.stderr
    return result


def test_sound_images_are_ensured_checked_and_tagged(shop: Workshop) -> None:
    assert SOUND | {"top"} == PUBLISHED
    ensured = run(shop, "mzbuild-ensure", "::")
    outcomes = {line.split()[0]: line.split()[2] for line in ensured.stdout.splitlines()[1:-1]}
    assert outcomes == {**dict.fromkeys(SOUND, "pushed"), **dict.fromkeys(BROKEN, "failed")}
    assert ensured.stdout.splitlines()[-1] == "5 pushed, 2 failed"
    assert "`above` has no fingerprint: built on `top`, which has no fingerprint." in ensured.stderr
    again = run(shop, "--mzbuild-ensure-format=json", "mzbuild-ensure", "::")
    assert {each["name"]: each["outcome"] for each in json.loads(again.stdout)} == {
        **dict.fromkeys(SOUND, "already there"),
        **dict.fromkeys(BROKEN, "failed"),
    }

    checked = run(shop, "mzbuild-check", "::", code=2).stdout.splitlines()
    assert {line.split()[0] for line in checked[1:-1]} == BROKEN
    assert checked[-1] == "5 published, 2 broken"
    told = run(shop, "--mzbuild-check-format=json", "mzbuild-check", "::", code=2)
    statuses = {each["name"]: each["status"] for each in json.loads(told.stdout)}
    assert statuses == {**dict.fromkeys(SOUND, "published"), **dict.fromkeys(BROKEN, "broken")}

    tagged = run(shop, "--mzbuild-tag-tags=v1", "mzbuild-tag", "::").stdout.splitlines()
    assert tagged[-1] == f"{len(SOUND) * len(shop.registries)} made, 2 failed"
    again = run(shop, "--mzbuild-tag-tags=v1", "mzbuild-tag", "::")
    assert {line.split()[0] for line in again.stdout.splitlines()[1:-1]} == BROKEN
    sound = shop.pants("--mzbuild-tag-tags=v1", "mzbuild-tag", "images/left", "images/base")
    assert sound.stdout == f"Nothing to do: {2 * len(shop.registries)} already there\n"


def test_sound_images_are_published(shop: Workshop) -> None:
    shop.change()
    result = run(shop, "publish", "::")
    assert "above: built on `top`, which has no fingerprint." in result.stderr
    assert "✕ above failed." in result.stderr
    shop.pants("mzbuild-check", *(f"images/{name}" for name in SOUND))


def test_a_pipeline_has_jobs_that_fail_for_broken_images(shop: Workshop) -> None:
    shop.change()
    result = run(shop, "mzbuild-plan", "--format=buildkite", "::")
    steps = {each["label"].split()[0]: each for each in yaml.safe_load(result.stdout)["steps"]}
    assert steps.keys() == SOUND | BROKEN
    _, *command = steps["top"]["command"].split()
    run(shop, *command)
    matrix = run(shop, "mzbuild-plan", "--format=github-matrix", "::")
    jobs = [job for stage in json.loads(matrix.stdout)["stages"] for job in stage["include"]]
    assert {job["image"] for job in jobs if job["spec"] is None} == BROKEN
    refused = run(shop, "--mzbuild-fail-fast", "mzbuild-plan", "--format=buildkite", "::")
    assert refused.stdout == ""
