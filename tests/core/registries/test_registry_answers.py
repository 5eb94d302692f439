from __future__ import annotations

from email.message import Message

import pytest
from mzbuild.core.registries.addresses import Server
from mzbuild.core.registries.answers import describe, fault, says_absent
from mzbuild.core.registries.http_transport import Response
from mzbuild.core.registries.retry import TransientError

SERVER = Server("https", "reg.example", 443)
API = {"Docker-Distribution-Api-Version": "registry/2.0"}


def response(status: int, body: str = "", **headers: str) -> Response:
    message = Message()
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    return Response(status, message, body.encode(), "https://reg.example/v2/")


def errors(code: object) -> str:
    return f'{{"errors": [{{"code": "{code}", "message": "s3cr3t"}}]}}'


@pytest.mark.parametrize(
    ("answer", "absent"),
    [
        (response(404, **API), True),
        (response(404, errors("MANIFEST_UNKNOWN")), True),
        (response(404, errors("NAME_UNKNOWN")), True),
        (response(404), False),
        (response(404, "<html>not found</html>"), False),
        (response(404, errors("DENIED"), **API), False),
        (response(404, "[]"), False),
        (response(200, errors("MANIFEST_UNKNOWN"), **API), False),
        (response(401, errors("NAME_UNKNOWN"), **API), False),
        (response(404, "[" * 60_000), False),
        (response(404, errors("MANIFEST_UNKNOWN") + " " * (1 << 16)), False),
    ],
)
def test_only_a_404_of_the_registry_itself_says_absent(answer: Response, absent: bool) -> None:
    assert says_absent(answer) == absent


def test_an_answer_is_described_without_what_anybody_put_into_it() -> None:
    body = '{"errors": [{"code": "DENIED", "detail": "s3cr3t"}, {"code": "s3cr3t"}, {"code": 1}]}'
    assert describe(SERVER, response(403, body)) == "reg.example answers 403 Forbidden (DENIED)"
    assert describe(SERVER, response(599, "s3cr3t")) == "reg.example answers 599"


def test_of_many_codes_a_few_are_shown() -> None:
    codes = ", ".join(f'{{"code": "{"A" * length}"}}' for length in range(3, 30))
    said = describe(SERVER, response(403, f'{{"errors": [{codes}]}}'))
    assert said == "reg.example answers 403 Forbidden (AAA, AAAA, AAAAA)"


@pytest.mark.parametrize(
    ("answer", "retry_after", "of_server"),
    [
        (response(429), 0, True),
        (response(429, Retry_After="3"), 3, True),
        (response(503, Retry_After="3"), 3, True),
        (response(503), 0, False),
        (response(500), 0, False),
        (response(502), 0, False),
        (response(504), 0, False),
        (response(408), 0, False),
    ],
)
def test_what_is_worth_another_try(answer: Response, retry_after: float, of_server: bool) -> None:
    error = fault(SERVER, answer, 0)
    assert isinstance(error, TransientError)
    assert (error.retry_after, error.of_server) == (retry_after, of_server)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 410])
def test_what_is_not(status: int) -> None:
    assert not isinstance(fault(SERVER, response(status), 0), TransientError)
