"""`mzbuild-ensure` and `mzbuild-check` with two registries: one of them anybody may
push to, through a proxy that makes faults, and the other has TLS and wants a password."""

from __future__ import annotations

import contextlib
import json
import re
import secrets
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from mzbuild.core.configuration import Arch

from tests.e2e.fault_proxy import (
    FaultProxy,
    accept_then_fail,
    answer,
    reset,
    silent,
    slow,
    truncate,
)
from tests.e2e.images import changed, until, without_buildx
from tests.e2e.registries.site import MANIFESTS
from tests.e2e.registries.workshop import PUBLISHED, Workshop, working
from tests.e2e.registry import RunningRegistry
from tests.e2e.repo import finish

UPLOADS = "/blobs/uploads/"
HOST = Arch.host().value


@pytest.fixture(scope="module")
def workshop(
    tmp_path_factory: pytest.TempPathFactory,
    cold_caches: Mapping[str, str],
    front: FaultProxy,
    secure: RunningRegistry,
) -> Iterator[Workshop]:
    directory = tmp_path_factory.mktemp("ensure")
    login = {"ROBOT": secure.user, "ROBOT_TOKEN": secure.password}
    env = {**cold_caches, **login, "SSL_CERT_FILE": str(secure.authority)}
    more = 'plain_http = false\nuser_env = "ROBOT"\ntoken_env = "ROBOT_TOKEN"\n'
    registries = {"open": front.address, "guarded": secure.address}
    with working(directory, env, registries, more=more) as workshop:
        yield workshop


def outcomes(ensured: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    return {name: image["outcome"] for name, image in ensured.items()}


def everywhere(outcome: str) -> dict[str, str]:
    return dict.fromkeys(PUBLISHED, outcome)


def test_from_nothing_to_everywhere(
    shop: Workshop, plain: RunningRegistry, secure: RunningRegistry
) -> None:
    before = shop.pants("mzbuild-check", "::", check=False)
    assert before.returncode == 1
    rows = {tuple(line.split()[:4]) for line in before.stdout.splitlines()[1:-1]}
    registries = ("open", "guarded")
    assert rows == {(name, HOST, where, "missing") for name in PUBLISHED for where in registries}
    assert shop.calls() == [], "no engine is needed"

    ensured = shop.ensure()
    assert outcomes(ensured) == everywhere("pushed")
    assert {tuple(image["pushed_to"]) for image in ensured.values()} == {registries}
    assert len(shop.calls("buildx", "build")) == len(PUBLISHED | {"private"})
    tags = {name: tag.rpartition(":")[2] for name, tag in shop.tags().items()}
    for registry in (plain, secure):
        for name in PUBLISHED:
            assert tags[name] in shop.published(registry, name)
        assert shop.published(registry, "private") == []
        assert registry.uploads(f"{shop.acme}/alone") == []

    after = shop.pants("mzbuild-check", "::")
    assert after.stdout == ""
    assert f"All images are published (open, guarded): {len(PUBLISHED)}." in after.stderr

    again = shop.pants("mzbuild-ensure", "::")
    assert again.stdout == f"Nothing to do: {len(PUBLISHED)} already there\n"
    assert shop.calls("buildx", "build") == shop.calls("push") == shop.calls("login") == []

    shop.clear()
    shop.pants("--mzbuild-build=never", "package", "images/top", "images/on-private")
    assert shop.origins() == {"top": "pulled", "on-private": "pulled"}


def test_what_is_asked_for_is_published_with_what_it_builds_on(shop: Workshop) -> None:
    shop.pants("mzbuild-ensure", "images/on-private")
    status = json.loads(shop.pants(*CHECK_JSON, "images::", check=False).stdout)
    published = {image["name"] for image in status if image["status"] == "published"}
    assert published == {"base", "on-private"}


CHECK_JSON = ("--mzbuild-check-format=json", "mzbuild-check")


def test_what_the_engine_has_is_pushed_and_not_built_again(shop: Workshop) -> None:
    shop.pants("package", "images/left")
    ensured = shop.ensure()
    origins = {name: image["origin"] for name, image in ensured.items()}
    assert origins == {**everywhere("built"), "base": "reused", "left": "reused"}
    assert len(shop.calls("buildx", "build")) == len(PUBLISHED | {"private"}) - 2


def test_what_one_registry_has_is_brought_to_the_other(shop: Workshop) -> None:
    shop.pants("package", "images/alone")
    shop.docker("push", "--quiet", shop.tags()["alone"])
    shop.clear()
    alone = shop.ensure()["alone"]
    assert (alone["origin"], alone["pushed_to"]) == ("pulled", ["guarded"])
    assert not any("alone" in call for call in shop.calls("buildx", "build"))


def test_a_failure_stops_only_what_depends_on_it(shop: Workshop) -> None:
    dockerfile = shop.repo.root / "images/left/Dockerfile"
    good = dockerfile.read_text()
    dockerfile.write_text("MZFROM base\nCOPY no-such-file /\n")
    try:
        ensured = shop.ensure(check=False)
    finally:
        dockerfile.write_text(good)
    assert outcomes(ensured) == {**everywhere("pushed"), "left": "failed", "top": "skipped"}
    assert "Docker could not build the image left" in ensured["left"]["reason"]
    assert ensured["top"]["because_of"] == "left"

    again = shop.ensure()
    expected = {**everywhere("already there"), "left": "pushed", "top": "pushed"}
    assert outcomes(again) == expected
    assert len(shop.calls("buildx", "build")) == 2


def test_faults_below_the_budget_cost_nothing(
    shop: Workshop, proxy: FaultProxy, secure: RunningRegistry
) -> None:
    proxy.inject(answer(503, Retry_After="1"), 1, "HEAD", MANIFESTS)
    proxy.inject(answer(500), 3, "POST", UPLOADS)
    proxy.inject(reset, 2, "PATCH")
    proxy.inject(answer(502), 4, "PUT", MANIFESTS)
    proxy.inject(accept_then_fail(504), 1, "PUT", MANIFESTS)
    proxy.inject(truncate, 2, "HEAD", MANIFESTS)
    ensured = shop.ensure("--mzbuild-registry-timeout=60")
    assert outcomes(ensured) == everywhere("pushed")
    assert len(shop.calls("buildx", "build")) == len(PUBLISHED | {"private"})
    # Docker pushes a build's tags one after the other, so the others may have been left out.
    elsewhere = [call for call in shop.calls("push") if secure.address in call]
    assert len(elsewhere) == len(set(elsewhere)), "what failed is tried again in its registry alone"
    done = [request.path for request in proxy.requests if request.method == "PUT"]
    assert len([path for path in done if MANIFESTS in path]) == len(PUBLISHED) + 4 + 1
    assert shop.pants("mzbuild-check", "::").returncode == 0


def test_faults_above_the_budget_are_told_and_mended_without_a_build(
    shop: Workshop, proxy: FaultProxy, secure: RunningRegistry
) -> None:
    proxy.inject(answer(500), 100000, "PUT", MANIFESTS)
    failed = shop.ensure("--mzbuild-registry-timeout=2", check=False)
    assert outcomes(failed) == {
        **everywhere("skipped"),
        "base": "failed",
        "alone": "failed",
    }
    assert failed["alone"]["reason"].startswith("open: ")
    assert failed["alone"]["pushed_to"] == ["guarded"]
    checked = shop.pants("mzbuild-check", "images/alone", check=False)
    assert (checked.returncode, len(checked.stdout.splitlines())) == (1, 3)

    proxy.clear()
    mended = shop.ensure()
    assert outcomes(mended) == everywhere("pushed")
    assert (mended["alone"]["origin"], mended["alone"]["pushed_to"]) == ("reused", ["open"])
    built = shop.calls("buildx", "build")
    assert not any("alone" in call or f"{shop.acme}/base:" in call for call in built)


LIMITS = ("--mzbuild-transfer-timeout=3", "--mzbuild-registry-timeout=3")


def test_a_push_tells_how_far_it_has_come(shop: Workshop, proxy: FaultProxy) -> None:
    dockerfile = "FROM scratch\nCOPY data /\n"
    files = {"images/alone/Dockerfile": dockerfile, "images/alone/data": secrets.token_hex(5000000)}
    with changed(shop.repo, files):
        shop.pants("package", "images/alone")
        proxy.inject(slow(9), 1, "PUT", MANIFESTS)
        said = shop.pants("mzbuild-ensure", "images/alone").stderr
    told = re.findall(rf"alone: Pushing {proxy.address}/\S+( \(.* of .*, \d+ s in all\))?", said)
    assert "" in told
    assert len(told) > 1, said


def test_a_push_that_nobody_answers_is_given_up(shop: Workshop, proxy: FaultProxy) -> None:
    shop.pants("package", "images/alone")
    proxy.inject(silent, 100000, "PUT", MANIFESTS)
    alone = shop.ensure(*LIMITS, what="images/alone", check=False)["alone"]
    assert (alone["outcome"], alone["pushed_to"]) == ("failed", ["guarded"])
    assert alone["reason"].startswith("open: given up after 3 s")
    assert proxy.count("PUT", MANIFESTS) == 1, "it is not tried again"
    proxy.clear()
    alone = shop.ensure(what="images/alone")["alone"]
    assert (alone["origin"], alone["pushed_to"]) == ("reused", ["open"])


def test_a_registry_that_falls_silent_holds_up_no_build_for_ever(
    shop: Workshop, proxy: FaultProxy
) -> None:
    proxy.inject(silent, 100000, "PUT", MANIFESTS)
    args = (*LIMITS, "mzbuild-ensure", "images/alone")
    process = shop.repo.start_pants(*args, env=shop.shadow)
    until(lambda: proxy.count("PUT", MANIFESTS), "a push")
    proxy.inject(silent, 100000)
    shop.calls_file.write_text("")
    result = finish(process, check=False)
    assert result.returncode == 1
    assert f"open: {proxy.address}: no answer" in result.stdout
    assert not any(proxy.address in call for call in shop.calls("push"))
    proxy.clear()
    alone = shop.ensure(what="images/alone")["alone"]
    assert (alone["outcome"], alone["origin"]) == ("pushed", "reused")


def test_the_right_to_push_is_tried_before_anything_is_built(
    shop: Workshop, proxy: FaultProxy
) -> None:
    proxy.inject(answer(403, b'{"errors": [{"code": "DENIED"}]}'), 100000, "POST", UPLOADS)
    result = shop.pants("mzbuild-ensure", "::", check=False)
    assert result.returncode == 1
    assert "do not let images be pushed; nothing was built:\n  open: " in result.stderr
    assert "Traceback (most recent call last)" not in result.text
    assert shop.calls("buildx", "build") == shop.calls("push") == []


def test_a_wrong_token_is_tried_once(shop: Workshop) -> None:
    result = shop.pants("mzbuild-ensure", "::", env={"ROBOT_TOKEN": "not-this-one"}, check=False)
    assert result.returncode != 0
    assert "not-this-one" not in result.text
    assert len(shop.calls("login")) <= 1
    assert shop.calls("buildx", "build") == []


def test_a_registry_that_does_not_answer_is_not_taken_for_one_that_has_nothing(
    shop: Workshop, proxy: FaultProxy
) -> None:
    proxy.inject(answer(503), 100000)
    timeout = "--mzbuild-registry-timeout=1"
    checked = shop.pants(timeout, "mzbuild-check", "::", check=False)
    assert checked.returncode == 2
    assert "503" in checked.stdout
    ensured = shop.ensure(timeout, check=False)
    assert outcomes(ensured) == everywhere("failed")
    assert "503" in ensured["alone"]["reason"]
    assert shop.calls("buildx", "build") == shop.calls("push") == []


def test_what_one_registry_lacks_and_another_may_have(shop: Workshop, proxy: FaultProxy) -> None:
    def ensure(unknown: str) -> Mapping[str, object]:
        # What refuses the question once would not refuse the push.
        proxy.inject(answer(403), 1, "HEAD", MANIFESTS)
        option = f"--mzbuild-unknown={unknown}"
        alone: Mapping[str, object] = shop.ensure(option, what="images/alone", check=False)["alone"]
        return alone

    proxy.inject(answer(403), 1, "HEAD", MANIFESTS)
    checked = shop.pants("mzbuild-check", "images/alone", check=False)
    assert checked.returncode == 2
    rows = {tuple(line.split()[2:4]) for line in checked.stdout.splitlines()[1:-1]}
    assert rows == {("open", "unknown"), ("guarded", "missing")}

    # It might be there, and then it would be built for nothing.
    failed = ensure("error")
    assert (failed["outcome"], failed["pushed_to"]) == ("failed", [])
    assert str(failed["reason"]).startswith(f"open does not say whether it has it: {proxy.address}")
    assert shop.calls("buildx", "build") == shop.calls("push") == []

    built = ensure("build")
    assert (built["outcome"], built["pushed_to"]) == ("pushed", ["guarded", "open"])
    assert len(shop.calls("buildx", "build")) == 1


def test_a_registry_that_is_not_there_costs_its_time_and_no_more(
    shop: Workshop, proxy: FaultProxy
) -> None:
    with socket.create_server(("localhost", 0)) as server:
        gone = f"localhost:{server.getsockname()[1]}"
    options = (
        f'--mzbuild-registries=+{{"gone": {{"address": "{gone}"}}}}',
        "--mzbuild-registry-timeout=2",
    )
    start = time.monotonic()
    checked = shop.pants(*options, "mzbuild-check", "::", check=False)
    assert time.monotonic() - start < 10
    assert checked.returncode == 2
    assert gone in checked.stdout
    assert proxy.count("HEAD", MANIFESTS) == len(PUBLISHED), "the others are asked once"
    assert outcomes(shop.ensure(*options, check=False)) == everywhere("failed")
    assert shop.calls("buildx", "build") == shop.calls("push") == []


def test_without_buildx_nothing_is_published(shop: Workshop, tmp_path: Path) -> None:
    result = shop.pants("mzbuild-ensure", "::", env=without_buildx(tmp_path), check=False)
    assert result.returncode == 1
    assert "Without Docker's buildx plugin, nothing is published. To install it:" in result.stderr


def test_the_token_is_seen_nowhere(shop: Workshop, secure: RunningRegistry) -> None:
    shop.repo.stop_pantsd()  # So that the new one's whole life is watched.
    token = secure.password.encode()
    seen: list[str] = []
    docker_environments: list[bytes] = []
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.005):
            for process in Path("/proc").glob("[0-9]*"):
                with contextlib.suppress(OSError):
                    arguments = (process / "cmdline").read_bytes()
                    if token in arguments:
                        seen.append(arguments.decode(errors="replace"))
                    if arguments.split(b"\0")[0].endswith(b"/docker"):
                        docker_environments.append((process / "environ").read_bytes())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        result = shop.pants("-ltrace", "mzbuild-ensure", "::")
    finally:
        over.set()
        watcher.join()
    assert seen == []
    assert docker_environments
    assert not any(token in environment for environment in docker_environments)
    assert secure.password not in result.text
    caches = [shop.repo.env[name] for name in CACHES]
    for directory in (shop.repo.root, *map(Path, caches)):
        for path in directory.rglob("*"):
            if path.is_file() and not path.is_symlink():
                assert token not in path.read_bytes(), path


CACHES = ("PANTS_NAMED_CACHES_DIR", "PANTS_LOCAL_STORE_DIR")
