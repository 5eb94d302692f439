"""How `pants package` has images: from the engine, else from the primary registry, else built."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tests.e2e.fault_proxy import FaultProxy, answer, reset, silent
from tests.e2e.registries.site import MANIFESTS
from tests.e2e.registries.workshop import PUBLISHED, Workshop, working
from tests.e2e.registry import RunningRegistry
from tests.e2e.repo import Result, finish


def publish(shop: Workshop, *names: str) -> None:
    """Has only the registry have some images."""
    shop.pants("package", *(f"images/{name}" for name in names))
    tags = shop.tags()
    for name in names:
        shop.docker("push", "--quiet", tags[name])
    shop.clear()


def test_what_the_registry_has_is_pulled_and_the_rest_is_built(
    shop: Workshop, proxy: FaultProxy
) -> None:
    publish(shop, "left")
    shop.pants("package", "images/left", "images/right", "images/top")
    assert shop.origins() == {"left": "pulled", "right": "built", "top": "built"}
    tags = shop.tags()
    left, top = shop.described()["left"], shop.described()["top"]
    assert left["spec"] == tags["left"]
    assert left["dependencies"] == [tags["base"]]
    found = shop.docker("image", "inspect", "--format={{.Id}}", tags["left"]).stdout
    assert found.strip() == left["image_id"]
    history = shop.docker("history", "--quiet", "--no-trunc", tags["top"]).stdout
    assert top["image_id"] in history
    shop.pants("package", "images/top")
    assert shop.origins()["top"] == "reused"


def test_what_a_pulled_image_builds_on_is_not_needed(shop: Workshop) -> None:
    publish(shop, "top")
    shop.pants("package", "images/top")
    assert shop.images() == {shop.tags()["top"]}
    assert shop.calls("buildx") == []


def test_all_are_asked_for_in_one_round_and_then_remembered(
    shop: Workshop, proxy: FaultProxy
) -> None:
    publish(shop, *PUBLISHED - {"on-private"})
    proxy.clear()
    shop.pants("--mzbuild-registry-max-age=0", "package", "::")
    assert proxy.count("HEAD", MANIFESTS) == len(PUBLISHED)
    asked = [request.path for request in proxy.requests if request.method == "HEAD"]
    assert not any("/private/" in path for path in asked), "it is not published"

    shop.clear()
    shop.pants("package", "images/top")  # This is remembered...
    shop.clear()
    proxy.clear()
    shop.pants("package", "images/top")  # ...so that Docker alone asks.
    agents = {request.headers["User-Agent"] for request in proxy.requests}
    assert agents
    assert all(agent.startswith("docker/") for agent in agents)

    proxy.clear()
    shop.pants("package", "images/top")
    assert proxy.requests == [], "the engine has it"


def outcomes(result: Result) -> dict[str, str]:
    """What became of the images in the table that `package` logs, by their names."""
    rows = [line.partition("[INFO] ")[2].split() for line in result.stderr.splitlines()]
    return {row[0]: row[2] for row in rows if len(row) > 2 and row[1] == "x86_64"}


def test_never_has_what_is_there_and_tells_what_is_not(shop: Workshop, proxy: FaultProxy) -> None:
    publish(shop, "left")
    options = ("--mzbuild-build=never", "package", "images::")
    refused = shop.pants("--mzbuild-fail-fast", *options, check=False)
    assert refused.returncode == 1
    assert "Nothing is done, as these images are blocked:\n  alone (" in refused.stderr
    assert "  left (" not in refused.stderr
    assert "[mzbuild].build is `never`\nAn earlier step should have" in refused.stderr
    assert {" ".join(call.split()[:2]) for call in shop.calls()} == {"image ls"}

    result = shop.pants(*options, check=False)
    assert result.returncode == 1
    assert outcomes(result) == {
        **dict.fromkeys([*PUBLISHED, "private"], "failed"),
        "left": "pulled",
    }
    assert "it is missing, and [mzbuild].build is `never`" in result.stderr
    assert "it is never published, and [mzbuild].build is `never`" in result.stderr
    assert f"{len(PUBLISHED)} of {len(PUBLISHED) + 1} images failed: " in result.stderr
    assert shop.origins() == {"left": "pulled"}
    assert shop.calls("buildx", "build") == []


def test_never_is_content_with_what_can_be_pulled(shop: Workshop) -> None:
    publish(shop, "left", "top")
    shop.pants("--mzbuild-build=never", "package", "images/left", "images/top")
    assert shop.origins() == {"left": "pulled", "top": "pulled"}


def test_always_builds_what_was_asked_for(shop: Workshop) -> None:
    publish(shop, "base", "left")
    shop.pants("--mzbuild-build=always", "package", "images/left")
    assert shop.origins() == {"left": "built"}
    assert len(shop.calls("buildx", "build")) == 1
    shop.pants("--mzbuild-build=always", "package", "images/left")
    assert len(shop.calls("buildx", "build")) == 1


def test_an_image_that_is_not_what_its_tag_says_is_refused(shop: Workshop) -> None:
    tags = shop.tags()
    shop.repo.write({"wrong/Dockerfile": "FROM scratch\nLABEL mzbuild.fingerprint=WRONG\n"})
    shop.docker("build", "--quiet", "--tag", tags["alone"], str(shop.repo.root / "wrong"))
    shop.docker("push", "--quiet", tags["alone"])
    shop.clear()
    result = shop.pants("package", "images/alone", check=False)
    assert result.returncode == 1
    fingerprint = tags["alone"].rpartition("-")[2]
    assert f"its fingerprint is {fingerprint} by the tag, and WRONG by the label" in result.stderr
    assert shop.images() == set()
    assert shop.calls("buildx", "build") == []


def test_an_image_that_was_tagged_as_another_is_neither_used_nor_published(
    shop: Workshop, plain: RunningRegistry
) -> None:
    shop.pants("package", "images/alone")
    other = shop.tags()["alone"]
    shop.change()
    tag = shop.tags()["alone"]
    shop.docker("tag", other, tag)
    result = shop.pants("package", "images/alone")
    told = f"its fingerprint is {tag.rpartition('-')[2]} by the tag, and {other.rpartition('-')[2]}"
    assert f"{told} by the label `mzbuild.fingerprint`. It is not used." in result.stderr
    assert f"`docker rmi {tag}` removes the tag." in result.stderr
    assert shop.origins() == {"alone": "built"}

    # It has been mended. One look at what is new is for all images, and for all later runs.
    shop.pants("package", "images/base", "images/left")
    packages = ("package", "images/alone", "images/base", "images/left")
    assert "It is not used" not in shop.pants(*packages).stderr
    assert len(shop.calls("image", "inspect")) == 1
    shop.pants(*packages)
    assert [call.split()[:2] for call in shop.calls()] == [["image", "ls"]]

    shop.docker("tag", other, tag)
    assert shop.ensure(what="images/alone")["alone"]["outcome"] == "pushed"
    assert tag.rpartition(":")[2] in shop.published(plain, "alone")
    shop.clear()
    shop.pants("package", "images/alone")
    assert shop.origins() == {"alone": "pulled"}


def test_an_image_without_a_label_is_used_with_a_warning_or_refused(shop: Workshop) -> None:
    tag = shop.tags()["alone"]
    shop.repo.write({"bare/Dockerfile": "FROM scratch\nCOPY Dockerfile /\n"})
    shop.docker("build", "--quiet", "--tag", tag, str(shop.repo.root / "bare"))
    shop.docker("push", "--quiet", tag)
    shop.clear()
    refuse = ("--mzbuild-unlabelled=refuse", "package", "images/alone")
    result = shop.pants(*refuse, check=False)
    assert result.returncode == 1
    assert "it has no label `mzbuild.fingerprint` that says what it is" in result.stderr
    assert shop.images() == set()
    result = shop.pants("package", "images/alone")
    assert "no label says what it is, so it is taken for what its tag says" in result.stderr
    assert "`--mzbuild-unlabelled=refuse` refuses such images" in result.stderr
    assert shop.origins() == {"alone": "pulled"}
    assert "is `refuse`. It is not used" in shop.pants(*refuse, check=False).stderr

    # So is one in the engine that somebody has tagged.
    shop.change()
    tag = shop.tags()["alone"]
    shop.docker("build", "--quiet", "--tag", tag, str(shop.repo.root / "bare"))
    said = f"`{tag}`: no label says what it is, so it is taken for what its tag says"
    package = ("--no-pantsd", "package", "images/alone")
    assert said in shop.pants(*package).stderr
    assert shop.origins() == {"alone": "reused"}
    shop.pants("--mzbuild-unlabelled=refuse", *package)
    assert shop.origins() == {"alone": "built"}


def test_a_bad_day_of_the_registry_does_no_harm(shop: Workshop, proxy: FaultProxy) -> None:
    publish(shop, "left")
    for fault in (answer(503), reset, answer(500)):
        proxy.inject(fault, 1, "HEAD", MANIFESTS)
    proxy.inject(answer(500), 2, "GET", MANIFESTS)
    shop.pants("--mzbuild-registry-max-age=0", "package", "images/left")
    assert shop.origins() == {"left": "pulled"}
    assert shop.calls("buildx", "build") == []


def test_a_registry_that_does_not_answer_is_an_error_or_a_build(
    shop: Workshop, proxy: FaultProxy
) -> None:
    proxy.inject(answer(503), 1000)
    options = ("--mzbuild-registry-timeout=1", "package", "images/alone")
    result = shop.pants(*options, check=False)
    assert result.returncode == 1
    assert outcomes(result) == {"alone": "failed"}
    assert "main does not say whether it has it: " in result.stderr
    assert "503" in result.stderr
    assert "or build instead: `--mzbuild-unknown=build`" in result.stderr
    assert shop.images() == set()
    shop.pants("--mzbuild-unknown=build", *options)
    assert shop.origins() == {"alone": "built"}


def test_what_nobody_knows_stops_only_what_builds_on_it(shop: Workshop, proxy: FaultProxy) -> None:
    proxy.inject(answer(403), times=99, method="HEAD", path="/left/")
    refused = shop.pants("--mzbuild-fail-fast", "package", "images::", check=False)
    assert refused.returncode == 1
    assert "  top (x86_64): it builds on `left`\n" in refused.stderr
    assert shop.images() == set()

    result = shop.pants("package", "images/top", "images/right", check=False)
    assert result.returncode == 1
    # What had to be had for others is told of, too.
    expected = {"base": "built", "left": "failed", "right": "built", "top": "skipped"}
    assert outcomes(result) == expected
    assert "2 of 4 images failed: `left`, `top`." in result.stderr
    assert shop.origins() == {"right": "built"}
    ensured = shop.pants("mzbuild-ensure", "images/top", "images/right", check=False)
    assert ensured.returncode == 1
    rows = {line.split()[0]: line.split()[2] for line in ensured.stdout.splitlines()[1:-1]}
    assert rows == {"base": "pushed", "left": "failed", "right": "pushed", "top": "skipped"}
    run = shop.pants("run", "images/left", check=False)
    assert run.returncode == 1
    assert "left: main does not say whether it has it: " in run.stderr


def test_an_image_that_cannot_be_pulled_is_not_built_instead(
    shop: Workshop, proxy: FaultProxy
) -> None:
    publish(shop, "alone")
    proxy.inject(answer(500), 1000, "GET", MANIFESTS)
    result = shop.pants("--mzbuild-registry-timeout=1", "package", "images/alone", check=False)
    assert result.returncode == 1
    assert f"{shop.tags()['alone']} could not be pulled:" in result.stderr
    assert shop.calls("buildx", "build") == []

    # It was there a while ago, and now nobody says so.
    proxy.inject(answer(500), 1000)
    result = shop.pants("--mzbuild-registry-timeout=1", "package", "images/alone", check=False)
    assert result.returncode == 1
    assert "or build instead: `--mzbuild-unknown=build`" in result.stderr
    assert shop.calls("buildx", "build") == []


def test_a_pull_that_nobody_answers_is_given_up(shop: Workshop, proxy: FaultProxy) -> None:
    publish(shop, "alone")
    proxy.inject(silent, 1000, "GET", MANIFESTS)
    result = shop.pants("--mzbuild-transfer-timeout=2", "package", "images/alone", check=False)
    assert result.returncode == 1
    assert f"{shop.tags()['alone']} could not be pulled:\ngiven up after 2 s" in result.stderr
    assert len(shop.calls("pull")) == 1
    assert shop.calls("buildx", "build") == []


def test_two_clones_build_an_image_once(
    shop: Workshop, cold_caches: Mapping[str, str], tmp_path: Path
) -> None:
    env = {**cold_caches, "PANTS_REMOTE_CACHE_READ": "false"}
    with working(tmp_path, env, shop.registries, shop.acme) as other:
        other.repo.env["PANTS_NAMED_CACHES_DIR"] = shop.repo.env["PANTS_NAMED_CACHES_DIR"]
        for path in ("images/base/mzbuild.yml", "images/alone/mzbuild.yml"):
            other.repo.write({path: (shop.repo.root / path).read_text()})
        assert other.tags() == shop.tags()
        shop.calls_file.write_text("")
        other.calls_file.write_text("")
        processes = [
            each.repo.start_pants("package", "images/top", env=each.shadow)
            for each in (shop, other)
        ]
        for process in processes:
            finish(process, check=True)
        built = [*shop.calls("buildx", "build"), *other.calls("buildx", "build")]
        assert len(built) == 4, built
        assert shop.images() == {shop.tags()[name] for name in ("base", "left", "right", "top")}


def test_two_runs_in_one_clone_build_an_image_once_and_publish_it(
    shop: Workshop, plain: RunningRegistry
) -> None:
    shop.calls_file.write_text("")
    env = {**shop.shadow, "PANTS_CONCURRENT": "true"}
    runs = [shop.repo.start_pants("mzbuild-ensure", "images/top", env=env) for _ in range(2)]
    for run in runs:
        finish(run, check=True)
    assert len(shop.calls("buildx", "build")) == 4
    for name, tag in shop.tags().items():
        is_there = tag.rpartition(":")[2] in shop.published(plain, name)
        assert is_there == (name in {"base", "left", "right", "top"})
