from __future__ import annotations

import re
import threading
import time

import pytest
from mzbuild.core.registries.retry import FinalError, TransientError
from mzbuild.core.registries.round import Unknown, ask_all

ONE, TWO = "one.example", "two.example"
QUESTIONS = dict.fromkeys(range(50), ONE)


def test_all_are_answered_side_by_side_once_the_server_has_answered() -> None:
    running, most = 0, 0
    lock = threading.Lock()

    def ask(question: int, deadline: float) -> int:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.01)
        with lock:
            running -= 1
        return question * 2

    assert ask_all(QUESTIONS, ask, 10) == {n: n * 2 for n in range(50)}
    assert 2 < most <= 16


def test_a_server_that_is_down_is_tried_by_one_for_all_within_one_budget() -> None:
    calls = []

    def ask(question: int, deadline: float) -> int:
        calls.append(question)
        raise TransientError("one.example: connection refused", of_server=True)

    started = time.monotonic()
    answers = ask_all(QUESTIONS, ask, 1)
    assert 0.5 < time.monotonic() - started < 3
    assert len(calls) <= 10
    assert {type(answer) for answer in answers.values()} == {Unknown}
    assert all("connection refused (tried" in str(answer) for answer in answers.values())


def test_a_server_that_comes_back_answers_all() -> None:
    calls = []

    def ask(question: int, deadline: float) -> str:
        calls.append(question)
        if len(calls) <= 3:
            raise TransientError("down", of_server=True)
        return "answer"

    assert ask_all(QUESTIONS, ask, 10) == dict.fromkeys(QUESTIONS, "answer")
    assert len(calls) == 53


def test_a_server_that_wants_to_be_left_alone_is_left_alone_by_all() -> None:
    busy_at: list[float] = []
    calls: list[float] = []

    def ask(question: int, deadline: float) -> str:
        calls.append(time.monotonic())
        time.sleep(0.01)
        if question == 20 and not busy_at:
            busy_at.append(time.monotonic())
            raise TransientError("busy", 0.6, of_server=True)
        time.sleep(0.01)  # Answers to what was under way come after that.
        return "answer"

    assert ask_all(QUESTIONS, ask, 10) == dict.fromkeys(QUESTIONS, "answer")
    assert max(calls) > busy_at[0] + 0.6
    assert [at for at in calls if busy_at[0] + 0.2 < at < busy_at[0] + 0.6] == []


def test_what_no_request_can_mend_is_asked_once() -> None:
    calls = []

    def ask(question: int, deadline: float) -> str:
        calls.append(question)
        raise FinalError("wrong password", of_server=True)

    assert set(ask_all(QUESTIONS, ask, 10).values()) == {Unknown("wrong password")}
    assert len(calls) == 1


def test_a_fault_of_one_question_is_none_of_the_others() -> None:
    def ask(question: int, deadline: float) -> str:
        if question == 7:
            raise TransientError("500")
        return "answer"

    answers = ask_all(QUESTIONS, ask, 0.5)
    assert {n for n, answer in answers.items() if answer != "answer"} == {7}


def test_a_server_that_hangs_holds_up_neither_another_nor_the_caller() -> None:
    hang = threading.Event()
    started = time.monotonic()

    def ask(question: int, deadline: float) -> str:
        if question < 25:
            hang.wait(30)
        return "answer"

    answers = ask_all({n: ONE if n < 25 else TWO for n in range(50)}, ask, 0.5)
    assert time.monotonic() - started < 5
    hang.set()
    assert answers[0] == Unknown("one.example: no answer within 0.5 s")
    assert [answers[n] for n in range(25, 50)] == ["answer"] * 25


def test_an_error_of_the_users_ends_the_round() -> None:
    def ask(question: int, deadline: float) -> str:
        raise LookupError("settings")

    with pytest.raises(LookupError, match="settings"):
        ask_all(QUESTIONS, ask, 10)


def test_no_questions() -> None:
    assert ask_all({}, lambda question, deadline: question, 1) == {}


def test_a_server_that_was_never_reached_has_no_more_than_the_patience() -> None:
    def ask(question: int, deadline: float) -> str:
        raise TransientError("refused", of_server=True, unreached=True)

    answers = ask_all(QUESTIONS, ask, 60, patience=0)
    assert set(answers.values()) == {Unknown("refused (tried once)")}


def test_a_server_that_was_reached_once_may_be_out_of_reach_for_a_while() -> None:
    faults = [TransientError("busy"), TransientError("refused", of_server=True, unreached=True)]

    def ask(question: int, deadline: float) -> str:
        if faults:
            raise faults.pop(0)
        return "answer"

    assert ask_all({0: ONE}, ask, 60, patience=0) == {0: "answer"}


def test_a_wait_is_announced_once_for_each_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mzbuild.core.registries.round._QUIET", 0.0)
    said: list[str] = []
    done = threading.Event()

    def ask(question: int, deadline: float) -> int:
        if question == 0:
            assert done.wait(10)
        return question

    def say(sentence: str) -> None:
        said.append(sentence)
        done.set()

    assert ask_all({0: ONE, 1: ONE}, ask, 60, say=say) == {0: 0, 1: 1}
    (sentence,) = said
    assert re.fullmatch(rf"{ONE} does not answer: trying until \d\d:\d\d:\d\d\.", sentence)


def test_nothing_is_announced_of_a_server_that_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    assert ask_all(QUESTIONS, lambda question, deadline: question, 60, say=said.append)
    assert said == []
