"""What a registry may do that means no good: it gets no secret, and no more than its time."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Callable

import pytest
from mzbuild.core.registries.addresses import registry_tag
from mzbuild.core.registries.client import Absent, Answer, RegistryClient, RegistryError
from mzbuild.core.registries.http_transport import Transport
from mzbuild.core.registries.manifests import Manifest
from mzbuild.core.registries.retry import FinalError, TransientError
from mzbuild.core.registries.round import Unknown

from tests.core.registries.hostile import Exchange, Hostile, hostile

TAG = "mzbuild-" + "A" * 32
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
UNKNOWN = b'{"errors": [{"code": "MANIFEST_UNKNOWN"}]}'


def check(server: Hostile, *names: str, budget: float = 10, **env: str) -> list[Answer]:
    tags = [(server.registry, registry_tag(server.registry, f"{name}:{TAG}")) for name in names]
    with RegistryClient([server.registry], env) as client:
        answers = client.check(tags, budget)
    return [answers[tag] for tag in tags]


def reason(answer: Answer) -> str:
    assert isinstance(answer, Unknown)
    return answer.reason


def other(exchange: Exchange) -> None:
    exchange.answer(200, b'{"token": "x"}')


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "entry", [{"identitytoken": "s3cr3t"}, {"username": "u", "password": "pw"}]
)
def test_credentials_follow_no_redirect_to_another_server(
    tmp_path: Path, status: int, entry: dict[str, str]
) -> None:
    with hostile(other) as elsewhere:

        def behave(exchange: Exchange) -> None:
            if exchange.path.startswith("/token"):
                exchange.answer(status, Location=f"http://127.0.0.1:{elsewhere.port}/stolen")
            elif "Authorization" in exchange.headers:
                exchange.answer(404, UNKNOWN)
            else:
                realm = f'Bearer realm="http://{exchange.headers["Host"]}/token"'
                exchange.answer(401, WWW_Authenticate=realm)

        with hostile(behave) as server:
            auths = {"auths": {f"localhost:{server.port}": entry}}
            (tmp_path / "config.json").write_text(json.dumps(auths))
            (answer,) = check(server, "x", DOCKER_CONFIG=str(tmp_path))
            if status in (307, 308) and "identitytoken" in entry:
                here, there = f"localhost:{server.port}", f"127.0.0.1:{elsewhere.port}"
                assert reason(answer) == f"{here} redirects to {there} what only {here} may see"
            assert "s3cr3t" not in elsewhere.seen
            assert "Authorization" not in elsewhere.seen


# 202 is the answer to an upload that begins, and says where it goes on.
@pytest.mark.parametrize("status", [202, 301, 302, 303, 307, 308])
def test_no_request_takes_its_login_to_another_server(tmp_path: Path, status: int) -> None:
    with hostile(other) as elsewhere:

        def behave(exchange: Exchange) -> None:
            if "Authorization" in exchange.headers:
                exchange.answer(status, Location=f"http://127.0.0.1:{elsewhere.port}/stolen")
            else:
                exchange.answer(401, WWW_Authenticate='Basic realm="x"')

        with hostile(behave) as server:
            auths = {"auths": {f"localhost:{server.port}": {"username": "u", "password": "pw"}}}
            (tmp_path / "config.json").write_text(json.dumps(auths))
            registry, tag = server.registry, registry_tag(server.registry, f"x:{TAG}")
            with RegistryClient([registry], {"DOCKER_CONFIG": str(tmp_path)}) as client:
                client.check([(registry, tag)], 1)
                client.check_push([(registry, tag)], 1)
                with pytest.raises(RegistryError):
                    client.manifest(registry, tag, 1)
                with pytest.raises(RegistryError):
                    client.put_manifest(registry, tag, Manifest(MANIFEST, b"{}"), 1)
            assert {method for method, *_ in server.requests} == {"HEAD", "GET", "POST", "PUT"}
            assert "Authorization" not in elsewhere.seen


def test_a_redirect_within_a_server_keeps_the_login() -> None:
    def behave(exchange: Exchange) -> None:
        if exchange.path == "/a":
            exchange.answer(307, Location="/b")
        else:
            exchange.answer(200)

    with hostile(behave) as server, Transport({}) as transport:
        deadline = time.monotonic() + 10
        transport.request("POST", f"{server.url}/a", {"Authorization": "s"}, deadline, b"secret")
        _, (method, headers, body) = server.requests
        assert (method, body) == ("POST", "secret")
        assert "Authorization: s" in headers


def endless(exchange: Exchange) -> None:
    exchange.send_response(200)
    exchange.send_header("Content-Type", MANIFEST)
    exchange.send_header("Transfer-Encoding", "chunked")
    exchange.end_headers()
    while True:
        exchange.wfile.write(b"100000\r\n" + b" " * 0x100000 + b"\r\n")


def until_closed(exchange: Exchange) -> None:
    exchange.send_response(200)
    exchange.send_header("Connection", "close")
    exchange.end_headers()
    while True:
        exchange.wfile.write(b" " * 0x100000)


def too_long(exchange: Exchange) -> None:
    exchange.send_response(200)
    exchange.send_header("Content-Length", str(1 << 40))
    exchange.end_headers()


@pytest.mark.parametrize("behave", [endless, until_closed, too_long])
def test_an_answer_has_a_limit_whether_or_not_it_says_its_length(
    behave: Callable[[Exchange], None],
) -> None:
    with (
        hostile(behave) as server,
        Transport({}) as transport,
        pytest.raises(FinalError, match=r"localhost:\d+ answers with more than 4194304 bytes"),
    ):
        transport.request("GET", server.url, {}, time.monotonic() + 10)


@pytest.mark.parametrize("header", [("Content-Length", "5000"), ("Connection", "close")])
def test_nothing_outlasts_the_client(header: tuple[str, str]) -> None:
    begun, ended = threading.Event(), threading.Event()

    def drip(exchange: Exchange) -> None:
        exchange.send_response(200)
        exchange.send_header(*header)
        exchange.end_headers()
        begun.set()
        while not ended.wait(0.05):
            exchange.wfile.write(b" ")

    said: list[str] = []

    def ask(transport: Transport, url: str) -> None:
        try:
            said.append(f"{transport.request('GET', url, {}, time.monotonic() + 1000).status}")
        except TransientError as fault:
            said.append(fault.reason)

    with hostile(drip) as server:
        with Transport({}) as transport:
            thread = threading.Thread(target=ask, args=(transport, server.url))
            thread.start()
            assert begun.wait(10)
        thread.join(10)
        ended.set()
        assert not thread.is_alive()
        # An answer that ends with its connection is not known to be cut short.
        cut = f"localhost:{server.port} cut its answer short"
        assert said == [cut if header[0] == "Content-Length" else "200"]


@pytest.mark.parametrize(
    ("location", "why"),
    [
        ("http://[x", "there is a URL in the answer that is none of HTTP"),
        ("//[", "there is a URL in the answer that is none of HTTP"),
        ("ftp://x/", "there is a URL in the answer that is none of HTTP"),
        ("http://x:99999/", "there is a URL in the answer that is none of HTTP"),
        ("http://a b/", "there is a URL in the answer that is none of HTTP"),
        ("http://\x9b31m/", "there is a URL in the answer that is none of HTTP"),
        ("http://a..b/", "a..b: no host has such a name"),
        (f"https://{'a' * 64}/", f"{'a' * 64}: no host has such a name"),
    ],
)
def test_a_registry_may_name_a_place_that_there_is_not(location: str, why: str) -> None:
    def redirect(exchange: Exchange) -> None:
        exchange.answer(302, Location=location)

    def log_in(exchange: Exchange) -> None:
        exchange.answer(401, WWW_Authenticate=f'Bearer realm="{location}"')

    for behave in (redirect, log_in):
        with hostile(behave) as server:
            (answer,) = check(server, "x")
            assert reason(answer) == why

    def upload(exchange: Exchange) -> None:
        exchange.answer(202, Location=location)

    with hostile(upload) as server, RegistryClient([server.registry], {}) as client:
        assert client.check_push([(server.registry, f"{server.registry.address}/x:t")], 10) == {}


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (401, b"", "answers 401 Unauthorized and does not say how to log in"),
        (404, b"[" * 60_000, "answers 404 Not Found"),
        (404, b"[" * 200_000, "answers 404 Not Found"),
        (
            200,
            b'{"schemaVersion":' + b"[" * 200_000,
            "answers with a broken manifest: it is not JSON",
        ),
    ],
)
def test_what_makes_no_sense_is_no_answer(status: int, body: bytes, said: str) -> None:
    def behave(exchange: Exchange) -> None:
        headers = {"Content_Type": MANIFEST, "WWW_Authenticate": ", " * 32_000 + "\x01"}
        exchange.answer(
            status if exchange.command == "GET" or status == 401 else 405, body, **headers
        )

    with hostile(behave) as server:
        (answer,) = check(server, "x", budget=0.5)
        assert reason(answer).startswith(f"localhost:{server.port} {said}")


def test_a_token_that_is_nested_too_deep_is_none() -> None:
    def behave(exchange: Exchange) -> None:
        if exchange.path.startswith("/token"):
            exchange.answer(200, b"[" * 200_000)
        else:
            realm = f'Bearer realm="http://{exchange.headers["Host"]}/token"'
            exchange.answer(401, WWW_Authenticate=realm)

    with hostile(behave) as server:
        (answer,) = check(server, "x", budget=0.5)
        assert reason(answer).startswith(f"localhost:{server.port} answers without a token (tried")


@pytest.mark.parametrize("to_head", [404, 405])
def test_a_registry_whose_headers_say_too_little_is_asked_by_get_from_then_on(to_head: int) -> None:
    def behave(exchange: Exchange) -> None:
        exchange.answer(to_head if exchange.command == "HEAD" else 404, UNKNOWN)

    with hostile(behave) as server:
        assert check(server, *(f"x{number}" for number in range(100))) == [Absent()] * 100
        methods = [method for method, _, _ in server.requests]
        assert methods == ["HEAD", *["GET"] * 100]


def test_a_registry_that_says_what_it_is_is_asked_by_head() -> None:
    def behave(exchange: Exchange) -> None:
        exchange.answer(404, UNKNOWN, Docker_Distribution_Api_Version="registry/2.0")

    with hostile(behave) as server:
        assert check(server, *(f"x{number}" for number in range(20))) == [Absent()] * 20
        assert {method for method, _, _ in server.requests} == {"HEAD"}
        assert len(server.requests) == 20
