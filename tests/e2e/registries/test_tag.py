"""`mzbuild-tag`: tags for people, over the images of several architectures."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from tests.e2e.fault_proxy import FaultProxy, answer
from tests.e2e.registries.workshop import PUBLISHED, Workshop
from tests.e2e.registry import RunningRegistry

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
ALL = tuple(ARCHITECTURES)


@pytest.fixture(scope="module")
def registries(mirrored: Mapping[str, str]) -> Mapping[str, str]:
    return mirrored


def publish(shop: Workshop, *archs: str, what: str = "::") -> None:
    shop.pants(f"--mzbuild-archs={json.dumps(archs)}", "mzbuild-ensure", what)


def tag(
    shop: Workshop,
    *tags: str,
    what: str = "::",
    archs: tuple[str, ...] = ("x86_64",),
    more: tuple[str, ...] = (),
    code: int = 0,
) -> str:
    """Makes tags, which is to end with an exit code, and returns what was printed."""
    wanted = (f"--mzbuild-archs={json.dumps(archs)}", f"--mzbuild-tag-tags={json.dumps(tags)}")
    result = shop.pants(*wanted, *more, "mzbuild-tag", what, check=False)
    assert result.returncode == code, str(result)
    return result.text


def manifest(
    shop: Workshop, registry: RunningRegistry, name: str, tag: str, namespace: str = ""
) -> Mapping[str, str]:
    """The digests that a tag stands for, by architecture."""
    accept = "application/vnd.docker.distribution.manifest.list.v2+json"
    path = f"/v2/{namespace}{shop.acme}/{name}/manifests/{tag}"
    content = json.loads(registry.request("GET", path, headers={"Accept": accept}).read())
    return {part["platform"]["architecture"]: part["digest"] for part in content["manifests"]}


def test_a_tag_stands_for_all_architectures_in_all_registries(
    shop: Workshop, plain: RunningRegistry
) -> None:
    publish(shop, *ALL)
    built = shop.calls("buildx", "build")
    assert len(built) == len(set(built)) == 2 * len(PUBLISHED | {"private"})
    check = ("mzbuild-check", "::")
    assert shop.pants(f"--mzbuild-archs={json.dumps(ALL)}", *check).returncode == 0
    shop.clear()
    tag(shop, "v1", "v1.0", archs=ALL)
    assert shop.calls() == [], "no engine is needed"
    for name in PUBLISHED:
        for namespace in ("", "mirror/"):
            parts = manifest(shop, plain, name, "v1", namespace)
            assert set(parts) == set(ARCHITECTURES.values())
            assert manifest(shop, plain, name, "v1.0", namespace) == parts
    assert shop.published(plain, "private") == []

    address = next(iter(shop.registries.values()))
    pulled = f"{address}/{shop.acme}/top:v1"
    for arch in ARCHITECTURES.values():
        shop.docker("pull", "--quiet", f"--platform=linux/{arch}", pulled)
        found = shop.docker("image", "inspect", "--format={{.Architecture}}", pulled).stdout
        assert found.strip() == arch
        # The next image would leave this one without a name.
        shop.docker("image", "rm", pulled)

    assert "made" not in tag(shop, "v1", "v1.0", archs=ALL)


def test_no_tag_is_made_before_all_images_are_there(shop: Workshop, plain: RunningRegistry) -> None:
    publish(shop, "x86_64")
    publish(shop, "aarch64", what="images/alone")
    said = tag(shop, "v2", archs=ALL, code=1)
    assert "not known to be in their registries, so no tag was made or moved:" in said
    assert f"/{shop.acme}/top:mzbuild-" in said
    assert f"/{shop.acme}/alone:mzbuild-" not in said
    assert all("v2" not in shop.published(plain, name) for name in PUBLISHED)
    tag(shop, "v2", what="images/alone", archs=ALL)
    tag(shop, "v2-x86")
    assert set(manifest(shop, plain, "top", "v2-x86")) == {"amd64"}


def test_only_movable_tags_move(shop: Workshop, plain: RunningRegistry) -> None:
    publish(shop, "x86_64", what="images/alone")
    tag(shop, "v3", "latest", what="images/alone")
    before = manifest(shop, plain, "alone", "v3")
    shop.change()
    publish(shop, "x86_64", what="images/alone")
    said = tag(shop, "latest", "v3", what="images/alone", code=1)
    assert (
        f"stand for something else already, and no tag was made or moved:\n  {plain.address}/"
        in (said)
    )
    assert manifest(shop, plain, "alone", "latest") == before
    assert "moved" in tag(shop, "latest", what="images/alone")
    assert manifest(shop, plain, "alone", "latest") != before
    assert manifest(shop, plain, "alone", "v3") == before


def test_a_release_is_of_the_main_line_where_that_is_wanted(
    shop: Workshop, plain: RunningRegistry
) -> None:
    shop.repo.write({"images/alone/mzbuild.yml": "name: alone\nmainline: false\n"})
    publish(shop, "x86_64", what="images::")
    tag(shop, "v4", more=("--mzbuild-tag-mainline",))
    assert "v4" in shop.published(plain, "top")
    assert "v4" not in shop.published(plain, "alone")
    tag(shop, "v4")
    assert "v4" in shop.published(plain, "alone")


def test_faults_are_waited_out_or_told(
    shop: Workshop, proxy: FaultProxy, plain: RunningRegistry
) -> None:
    publish(shop, "x86_64", what="images/alone")
    proxy.inject(answer(500), 3, "PUT")
    tag(shop, "v5", what="images/alone")
    proxy.inject(answer(500), 100000, "PUT")
    more = ("--mzbuild-registry-timeout=1",)
    said = tag(shop, "v6", what="images/alone", more=more, code=1)
    rows = [line.split()[:3] for line in said.splitlines() if line.startswith("alone")]
    assert rows == [["alone", "one", "made"], ["alone", "two", "failed"]]
    proxy.clear()
    tag(shop, "v6", what="images/alone")


@pytest.mark.parametrize("bad", ["mzbuild-V", "-v", "v/1", ""])
def test_what_cannot_be_a_tag_is_refused(shop: Workshop, bad: str) -> None:
    said = tag(shop, bad, code=1)
    assert f"`{bad}` cannot be a tag" in said


def test_without_a_registry_the_goals_say_what_to_configure(shop: Workshop) -> None:
    toml = shop.repo.root / "pants.toml"
    configured = toml.read_text()
    toml.write_text(configured.partition("[mzbuild.registries")[0])
    try:
        for goal, code in (("mzbuild-check", 2), ("mzbuild-ensure", 1), ("publish", 1)):
            result = shop.pants(goal, "images/alone", check=False)
            assert result.returncode == code
            assert "[mzbuild.registries]" in result.stderr
            assert "Traceback (most recent call last)" not in result.text
    finally:
        toml.write_text(configured)
