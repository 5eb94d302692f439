"""Many questions to some servers at once, within one budget of time."""

from __future__ import annotations

import functools
import math
import queue
import threading
import time
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Callable, TypeVar

from mzbuild.core.registries.retry import FinalError, Gate

K = TypeVar("K")
T = TypeVar("T")

_PARALLEL = 16  # questions to one server
# How much longer than its budget a round may take, for those asked to say why they had no answer.
_GRACE = 0.25  # seconds
# How long nothing is said of a server that does not answer.
_QUIET = 2.0  # seconds


@dataclass(frozen=True)
class Unknown:
    """There was no answer that can be trusted; why, with the host and what it did."""

    reason: str


def ask_all(
    questions: Mapping[K, str],
    ask: Callable[[K, float], T],
    budget: float,
    patience: float = math.inf,
    say: Callable[[str], None] = lambda sentence: None,
) -> Mapping[K, T | Unknown]:
    """The answer to each question, which `ask` gets from its server before a deadline.

    `questions` has the names of the servers. What is one to the user may be two here: two
    namespaces of one host that are logged in to as different users, say.

    `ask` raises `TransientError` for what is worth another try within the budget of seconds, and
    `FinalError` for what is not; then the answer is `Unknown`. Raises what else `ask` raises. A
    server that cannot be reached has `patience` seconds. `say` is told of those that keep the
    questions waiting.
    """
    started = time.monotonic()
    deadline = started + budget
    by_server: defaultdict[str, deque[K]] = defaultdict(deque)
    for question, server in questions.items():
        by_server[server].append(question)
    answers: queue.SimpleQueue[tuple[K, T | Unknown | BaseException]] = queue.SimpleQueue()

    def work(waiting: deque[K], gate: Gate) -> None:
        while True:
            try:
                question = waiting.popleft()
            except IndexError:
                return
            try:
                request = functools.partial(ask, question, deadline)
                answers.put((question, gate.attempt(request, deadline)))
            except FinalError as error:
                answers.put((question, Unknown(error.reason)))
            except BaseException as error:
                answers.put((question, error))

    # Each server has threads of its own, so that a slow one does not keep the others waiting.
    # They are daemons, as what they wait for may take longer than there is time.
    gates = {server: Gate(server, started + patience) for server in by_server}
    for server, waiting in by_server.items():
        for _ in range(min(_PARALLEL, len(waiting))):
            threading.Thread(target=work, args=(waiting, gates[server]), daemon=True).start()

    result: dict[K, T | Unknown] = {
        question: Unknown(f"{server}: no answer within {budget:g} s")
        for question, server in questions.items()
    }
    left = len(questions)
    end, quiet_until = deadline + _GRACE, started + _QUIET
    try:
        while left:
            try:
                timeout = max(0.0, min(end, quiet_until) - time.monotonic())
                question, answer = answers.get(timeout=timeout)
            except queue.Empty:
                if end <= quiet_until:
                    break
                quiet_until = math.inf
                for server, gate in gates.items():
                    _announce(server, gate.waits_until(deadline), say)
                continue
            if isinstance(answer, BaseException):
                raise answer
            result[question] = answer
            left -= 1
    finally:
        for waiting in by_server.values():
            waiting.clear()
    return result


def _announce(server: str, until: float | None, say: Callable[[str], None]) -> None:
    if until is not None:
        clock = time.localtime(time.time() + until - time.monotonic())
        say(f"{server} does not answer: trying until {time.strftime('%H:%M:%S', clock)}.")
