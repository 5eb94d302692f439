"""Registries of all kinds, one of each for all tests here: a test uses names of its own in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from mzbuild.core.registries.http_transport import Response, Transport

from tests.e2e.fault_proxy import FaultProxy
from tests.e2e.registries.workshop import Workshop, working
from tests.e2e.registry import (
    RunningRegistry,
    TokenServer,
    plain_registry,
    secure_registry,
    token_registry,
)


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRegistry]:
    with plain_registry(tmp_path_factory.mktemp("plain")) as registry:
        yield registry


@pytest.fixture(scope="session")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRegistry]:
    with secure_registry(tmp_path_factory.mktemp("secure")) as registry:
        yield registry


@pytest.fixture(scope="session")
def guarded(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[RunningRegistry, TokenServer]]:
    with token_registry(tmp_path_factory.mktemp("guarded")) as both:
        yield both


@pytest.fixture
def faulty(plain: RunningRegistry) -> Iterator[FaultProxy]:
    """The plain registry, with the faults that a test makes."""
    with FaultProxy(plain.address) as proxy:
        yield proxy


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Collects every request that leaves, `METHOD URL`."""
    requests: list[str] = []
    send = Transport.request

    def request(self: Transport, method: str, url: str, *args: Any, **kwargs: Any) -> Response:
        requests.append(f"{method} {url}")
        return send(self, method, url, *args, **kwargs)

    monkeypatch.setattr(Transport, "request", request)
    return requests


@pytest.fixture(scope="module")
def front(plain: RunningRegistry) -> Iterator[FaultProxy]:
    """What a module's workshop has in front of the plain registry."""
    with FaultProxy(plain.address) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def registries(front: FaultProxy) -> Mapping[str, str]:
    """The addresses of a workshop's registries, by their names; a module may have others."""
    return {"main": front.address}


@pytest.fixture(scope="module")
def mirrored(plain: RunningRegistry, front: FaultProxy) -> Mapping[str, str]:
    """Two registries for a workshop, of which only the second makes faults."""
    return {"one": plain.address, "two": f"{front.address}/mirror"}


@pytest.fixture(scope="module")
def workshop(
    tmp_path_factory: pytest.TempPathFactory,
    cold_caches: Mapping[str, str],
    registries: Mapping[str, str],
) -> Iterator[Workshop]:
    """What a module's tests work in; a module may have another one."""
    with working(tmp_path_factory.mktemp("workshop"), cold_caches, registries) as workshop:
        yield workshop


@pytest.fixture
def shop(workshop: Workshop) -> Workshop:
    """The workshop of a module, with images that are nowhere yet."""
    workshop.change()
    workshop.clear()
    return workshop


@pytest.fixture
def proxy(front: FaultProxy) -> Iterator[FaultProxy]:
    """What the workshop of a module has in front of a registry, without a fault yet."""
    front.clear()
    yield front
    front.clear()
