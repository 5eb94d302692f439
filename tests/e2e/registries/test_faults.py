"""What a registry's bad day does to the answers: nothing, or there is none."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest
from mzbuild.core.registries.addresses import Registry, registry_tag
from mzbuild.core.registries.client import Absent, Answer, Present, RegistryClient, RegistryTag

from tests.e2e.fault_proxy import FaultProxy, answer, reset, slow, trickle, truncate
from tests.e2e.registries.site import BUDGET, TAG, Site, reason, site
from tests.e2e.registry import RunningRegistry, plain_registry


@pytest.mark.parametrize(
    "fault",
    [
        *(answer(status) for status in (429, 500, 502, 503, 504)),
        answer(429, Retry_After="1"),
        answer(503, Retry_After="1"),
        truncate,
        reset,
        answer(404, b"<html>no such page</html>", Content_Type="text/html"),
        answer(200, b"<html>log in</html>", Content_Type="text/html"),
    ],
    ids=lambda fault: getattr(fault, "__qualname__", "").split(".")[0],
)
def test_faults_below_the_budget_change_no_answer_and_above_it_there_is_none(
    plain: RunningRegistry, faulty: FaultProxy, fault: Any
) -> None:
    there = Present(plain.push("acme/there", TAG))
    faulty.inject(fault, 1, "HEAD")
    answers = site(faulty.address).check("acme/there", "acme/nowhere")
    assert answers == [there, Absent()]
    assert faulty.count() <= 2 + 4

    faulty.inject(fault, 1000)
    started = time.monotonic()
    answers = site(faulty.address).check("acme/there", "acme/nowhere", budget=1.2)
    assert time.monotonic() - started < 2.5
    for unknown in answers:
        assert faulty.address in reason(unknown)


def test_retry_after_is_kept_by_all_requests(plain: RunningRegistry, faulty: FaultProxy) -> None:
    names = [f"acme/x{number}" for number in range(40)]
    faulty.inject(answer(429, Retry_After="1"), 1)
    started = time.monotonic()
    assert set(site(faulty.address).check(*names)) == {Absent()}
    assert 1 <= time.monotonic() - started < 5
    assert faulty.count() == 41


def test_a_longer_wait_than_there_is_time_for_is_not_begun(faulty: FaultProxy) -> None:
    faulty.inject(answer(429, Retry_After="60"), 1000)
    started = time.monotonic()
    answers = site(faulty.address).check(*(f"acme/x{number}" for number in range(40)))
    assert time.monotonic() - started < 5
    assert faulty.count() == 1
    for unknown in answers:
        assert "429 Too Many Requests" in reason(unknown)
        assert "asks to be left alone for 60 s" in reason(unknown)


def test_a_stale_token_of_a_proxy(plain: RunningRegistry, faulty: FaultProxy) -> None:
    plain.push("acme/there", TAG)
    faulty.inject_stale_token(3)
    login = {"TOKEN": "s3cr3t"}
    stale = Site(Registry("r", faulty.address, "robot", "TOKEN"), login)
    assert isinstance(stale.check("acme/there")[0], Present)
    tokens = [r.headers["Authorization"] for r in faulty.requests if "Authorization" in r.headers]
    assert len({token for token in tokens if token.startswith("Bearer")}) >= 2

    faulty.inject_stale_token(1000)
    assert "401 Unauthorized" in reason(stale.check("acme/there", budget=1)[0])


def test_denied_though_the_token_is_good(plain: RunningRegistry, faulty: FaultProxy) -> None:
    plain.push("acme/there", TAG)
    realm = f'Bearer realm="http://{faulty.address}/token"'
    faulty.inject(answer(401, WWW_Authenticate=realm), 1, path="/v2/")
    faulty.inject(answer(403), 2, path="/v2/")
    denied = Site(Registry("r", faulty.address, "robot", "TOKEN"), {"TOKEN": "s3cr3t"})
    assert isinstance(denied.check("acme/there")[0], Present)
    assert faulty.count(path="/v2/") == 4


def test_silence_is_a_fault(
    plain: RunningRegistry, faulty: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mzbuild.core.registries.http_transport._SILENCE", 0.3)
    faulty.inject(slow(1), 2)
    assert site(faulty.address).check("acme/nowhere") == [Absent()]
    faulty.inject(slow(1), 1000)
    assert "no answer" in reason(site(faulty.address).check("acme/nowhere", budget=1)[0])


def test_an_answer_that_never_ends_does_not_outlast_the_budget(faulty: FaultProxy) -> None:
    faulty.inject(trickle(3), 1000)
    started = time.monotonic()
    answers = site(faulty.address).check(*(f"acme/x{number}" for number in range(40)), budget=0.5)
    assert time.monotonic() - started < 2.5
    for unknown in answers:
        assert faulty.address in reason(unknown)


def test_a_registry_that_is_not_there_costs_one_budget_and_few_requests(
    plain: RunningRegistry, sent: list[str]
) -> None:
    there = Present(plain.push("acme/there", TAG))
    with plain_registry(plain.directory / "gone") as gone:
        pass
    up, down = Registry("up", plain.address), Registry("down", gone.address)
    tags: list[RegistryTag] = [
        (registry, registry_tag(registry, f"acme/{name}:{TAG}"))
        for registry in (down, up)
        for name in ("there", *map(str, range(50)))
    ]
    started = time.monotonic()
    with RegistryClient([up, down], {}) as client:
        answers = client.check(tags, 1.5)
    assert time.monotonic() - started < 4
    assert answers[tags[51]] == there
    assert [answers[tag] for tag in tags[52:]] == [Absent()] * 50
    for tag in tags[:51]:
        assert f"{gone.address}: connection refused (tried" in reason(answers[tag])
    assert sum(gone.address in request for request in sent) <= 10


def test_a_registry_that_comes_up_in_time(plain: RunningRegistry, tmp_path: Path) -> None:
    there = Present(plain.push("acme/there", TAG))
    with FaultProxy(plain.address) as proxy:
        address = proxy.address
    answers: list[Answer] = []
    thread = threading.Thread(target=lambda: answers.extend(site(address).check("acme/there")))
    thread.start()
    time.sleep(0.5)
    with FaultProxy(plain.address, port=int(address.rpartition(":")[2])):
        thread.join(BUDGET)
    assert answers == [there]


def test_a_host_that_does_not_exist(sent: list[str]) -> None:
    started = time.monotonic()
    for unknown in site("registry.invalid").check(*"abcdefgh"):
        assert "registry.invalid" in reason(unknown)
    assert len(sent) == 1
    assert time.monotonic() - started < 5
