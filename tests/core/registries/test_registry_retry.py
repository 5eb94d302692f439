from __future__ import annotations

import email.utils
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mzbuild.core.registries.retry import (
    FinalError,
    Gate,
    TransientError,
    backoff,
    parse_retry_after,
)

NOW = 1_700_000_000.0


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, 0),
        ("", 0),
        ("7", 7),
        (" 7 ", 7),
        (email.utils.formatdate(NOW + 90, usegmt=True), 90),
        (email.utils.formatdate(NOW - 90, usegmt=True), 0),
        ("soon", 0),
        ("-1", 0),
        ("²", 0),
        ("9" * 400, 999999999),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str | None, seconds: float) -> None:
    assert parse_retry_after(value, NOW) == seconds


@given(st.text())
def test_retry_after_may_be_anything(value: str) -> None:
    assert parse_retry_after(value, NOW) >= 0


@given(st.integers(1, 10_000))
def test_backoff_doubles_up_to_a_limit(failures: int) -> None:
    full = min(10.0, 0.2 * 2 ** min(failures - 1, 20))
    assert full / 2 <= backoff(failures) <= full


def test_backoff_is_not_the_same_for_all() -> None:
    assert len({backoff(3) for _ in range(20)}) > 1


class Script:
    """What is asked for: faults first, then the answer."""

    def __init__(self, *faults: Exception):
        self.faults = list(faults)
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        if self.faults:
            raise self.faults.pop(0)
        return "answer"


@pytest.mark.parametrize("of_server", [False, True])
def test_faults_are_waited_out(of_server: bool) -> None:
    script = Script(*(TransientError("busy", of_server=of_server) for _ in range(2)))
    started = time.monotonic()
    assert Gate("one.example").attempt(script, started + 10) == "answer"
    assert script.calls == 3
    assert time.monotonic() - started > 0.1 + 0.2


@pytest.mark.parametrize("of_server", [False, True])
def test_time_runs_out(of_server: bool) -> None:
    script = Script(*(TransientError("busy", of_server=of_server) for _ in range(99)))
    started = time.monotonic()
    with pytest.raises(FinalError, match=r"busy \(tried \d times\)"):
        Gate("one.example").attempt(script, started + 0.5)
    assert 0.25 < time.monotonic() - started < 1.5
    assert 2 <= script.calls <= 7


@pytest.mark.parametrize("of_server", [False, True])
def test_a_wait_is_kept_when_it_is_asked_for(of_server: bool) -> None:
    started = time.monotonic()
    script = Script(TransientError("busy", 0.7, of_server=of_server))
    assert Gate("one.example").attempt(script, started + 10) == "answer"
    assert time.monotonic() - started >= 0.7


@pytest.mark.parametrize("of_server", [False, True])
def test_a_wait_beyond_the_budget_is_not_begun(of_server: bool) -> None:
    started = time.monotonic()
    script = Script(TransientError("busy", 60, of_server=of_server))
    with pytest.raises(
        FinalError, match=r"busy \(tried once, and asks to be left alone for 60 s\)"
    ):
        Gate("one.example").attempt(script, started + 10)
    assert time.monotonic() - started < 2


def test_what_is_final_is_not_tried_again() -> None:
    script = Script(FinalError("no"))
    with pytest.raises(FinalError, match="no"):
        Gate("one.example").attempt(script, time.monotonic() + 10)
    assert script.calls == 1
