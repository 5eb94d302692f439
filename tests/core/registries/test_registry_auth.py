from __future__ import annotations

import pytest
from mzbuild.core.registries.auth import Challenge, parse_challenges


@pytest.mark.parametrize(
    ("header", "challenges"),
    [
        (
            'Bearer realm="https://a.example/token?x=1,2",service="s",scope="repository:a/b:pull"',
            [
                Challenge(
                    "bearer",
                    {
                        "realm": "https://a.example/token?x=1,2",
                        "service": "s",
                        "scope": "repository:a/b:pull",
                    },
                )
            ],
        ),
        ('Basic realm="a \\"b\\""', [Challenge("basic", {"realm": 'a "b"'})]),
        ("BASIC", [Challenge("basic", {})]),
        (
            'Negotiate, Basic realm=x, bearer Realm = "y" , error=invalid_token',
            [
                Challenge("negotiate", {}),
                Challenge("basic", {"realm": "x"}),
                Challenge("bearer", {"realm": "y", "error": "invalid_token"}),
            ],
        ),
        ("", []),
        ('realm="x"', []),
        (", " * 32_000 + "\x01", []),
        (", " * 4_000 + "Basic", [Challenge("basic", {})]),
        ("Basic a=" + "x" * 9_000, []),
        ('Basic realm="' + "\\" * 4_001, [Challenge("basic", {}), Challenge("realm", {})]),
    ],
)
def test_challenges(header: str, challenges: list[Challenge]) -> None:
    assert parse_challenges([header]) == challenges


def test_challenges_of_several_headers() -> None:
    challenges = parse_challenges(["Negotiate", 'Basic realm="x"'])
    assert challenges == [Challenge("negotiate", {}), Challenge("basic", {"realm": "x"})]


def test_many_headers_offer_no_more_than_a_long_one() -> None:
    assert parse_challenges(['Basic realm="x"'] * 90) != []
    assert parse_challenges(["Basic, " * 1_000] * 90) == []
