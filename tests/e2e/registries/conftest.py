"""Registries of all kinds, one of each for all tests here: a test uses names of its own in them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from mzbuild.core.http_transport import Response, Transport

from tests.e2e.fault_proxy import FaultProxy
from tests.e2e.registries.workshop import Workshop
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


@pytest.fixture
def shop(bench: tuple[Workshop, FaultProxy]) -> Workshop:
    """The workshop of a module's `bench`, with images that are nowhere yet."""
    bench[0].change()
    bench[0].clear()
    return bench[0]


@pytest.fixture
def proxy(bench: tuple[Workshop, FaultProxy]) -> Iterator[FaultProxy]:
    """What the workshop of a module's `bench` has in front of a registry, without a fault yet."""
    bench[1].clear()
    yield bench[1]
    bench[1].clear()
