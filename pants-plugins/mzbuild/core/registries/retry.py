"""Trying again: what a fault is, how long to wait after one, and when to give up.

There are two kinds of waiting. A request that met a fault of its own (a 500, a cut connection)
waits by itself. A fault of the server as a whole (it is not there, it asks to be left alone) is
learned once for all requests to it: they wait together, and one of them goes ahead to see.
"""

from __future__ import annotations

import email.utils
import math
import random
import threading
import time
from typing import Callable, TypeVar

T = TypeVar("T")

_FIRST_WAIT = 0.2  # seconds
_LONGEST_WAIT = 10.0


class TransientError(Exception):
    """A fault that may pass; with `of_server`, it is one that every request to the server meets.

    `reason` names the host and what it did; `retry_after` are the seconds that it asked for. Where
    it is `unreached`, nobody was there to be asked.
    """

    def __init__(
        self,
        reason: str,
        retry_after: float = 0,
        *,
        of_server: bool = False,
        unreached: bool = False,
    ):
        super().__init__(reason)
        self.reason = reason
        self.retry_after = retry_after
        self.of_server = of_server
        self.unreached = unreached


class FinalError(Exception):
    """There is no answer, and trying again would not give one; `reason` says why.

    With `of_server`, no other request to the server would get one either.
    """

    def __init__(self, reason: str, *, of_server: bool = False):
        super().__init__(reason)
        self.reason = reason
        self.of_server = of_server


def parse_retry_after(value: str | None, now: float) -> float:
    """The seconds that a `Retry-After` header asks for: a number of them, or a date.

    `now` is the time of day, in seconds since the epoch. What cannot be read asks for nothing.
    """
    text = (value or "").strip()
    if text.isdecimal() and text.isascii():
        # No date is further away than this; a number of a thousand digits would be infinite.
        return float(text[:9])
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - now)
    except (TypeError, ValueError, IndexError, OverflowError):
        return 0.0


def backoff(failures: int) -> float:
    """How long to wait after so many failures in a row (one or more): twice as long each time.

    A random part of it keeps many clients from coming back at the same moment.
    """
    return min(_LONGEST_WAIT, _FIRST_WAIT * 2.0 ** min(failures - 1, 10)) * random.uniform(0.5, 1)


class Gate:
    """What the requests to one server share.

    Until the server has answered, and after each fault of it as a whole, they go one at a time.
    Where it was never reached by `patience` (of `time.monotonic`), it is given up.
    """

    def __init__(self, server: str, patience: float = math.inf) -> None:
        self._changed = threading.Condition()
        self._patience = patience
        self._open = False
        self._scouting = False
        self._failures = 0
        self._struggling = False
        self._reason = f"{server} has not answered in time"
        self._retry_after = 0.0
        self._not_before = 0.0
        self._shut: FinalError | None = None

    def waits_until(self, deadline: float) -> float | None:
        """Until when requests will be tried that have met with faults, or with silence, so far;
        `None` where there is no such thing."""
        with self._changed:
            if self._shut or (self._open and not self._struggling):
                return None
            return min(deadline, self._patience if self._failures else deadline)

    def attempt(self, work: Callable[[], T], deadline: float) -> T:
        """What `work` returns, tried until it does or until the deadline (of `time.monotonic`).

        `work` raises `TransientError` for what is worth another try. Raises `FinalError` with the
        last reason where time is up, or a longer wait is asked for than is left; and the one that
        `work` has raised, to all requests if it is of the server.
        """
        failures = 0
        while True:
            scout = self._enter(deadline)
            try:
                result = work()
            except TransientError as fault:
                failures += 1
                self._struggling = True
                if not fault.unreached:
                    self._patience = math.inf
                if fault.of_server:
                    self._close(fault, scout, min(deadline, self._patience))
                    continue
                self._leave(scout, alive=True)
                wait = _wait(failures, fault.retry_after, deadline)
                if wait is None:
                    raise FinalError(_given_up(fault.reason, failures, fault.retry_after)) from None
                time.sleep(wait)
            except FinalError as error:
                self._leave(scout, alive=True, shut=error if error.of_server else None)
                raise
            except BaseException:
                self._leave(scout, alive=False)
                raise
            else:
                self._struggling = False
                self._leave(scout, alive=True)
                return result

    def _enter(self, deadline: float) -> bool:
        """Waits until a request may go; whether it goes ahead of others."""
        with self._changed:
            while True:
                if self._shut:
                    raise FinalError(self._shut.reason, of_server=True)
                if self._open:
                    return False
                now = time.monotonic()
                if max(now, self._not_before) >= deadline:
                    raise FinalError(_given_up(self._reason, self._failures, self._retry_after))
                if not self._scouting and now >= self._not_before:
                    self._scouting = True
                    return True
                until = deadline if self._scouting else self._not_before
                self._changed.wait(until - now)

    def _close(self, fault: TransientError, scout: bool, deadline: float) -> None:
        with self._changed:
            # Of many requests that were under way at once, the first to fail speaks for all.
            if scout or self._open:
                self._failures += 1
                wait = _wait(self._failures, fault.retry_after, deadline)
                self._not_before = math.inf if wait is None else time.monotonic() + wait
                self._reason, self._retry_after = fault.reason, fault.retry_after
                self._open = False
            self._scouting = self._scouting and not scout
            self._changed.notify_all()

    def _leave(self, scout: bool, *, alive: bool, shut: FinalError | None = None) -> None:
        with self._changed:
            self._shut = self._shut or shut
            # Whoever set out before the server was in trouble has no news of it.
            if scout and alive:
                self._open = True
                self._failures = 0
                self._patience = math.inf
            self._scouting = self._scouting and not scout
            self._changed.notify_all()


def _wait(failures: int, retry_after: float, deadline: float) -> float | None:
    """How long to wait before another try, `None` where there is no time for one."""
    left = deadline - time.monotonic()
    if left < _FIRST_WAIT or left <= retry_after:
        return None
    # The later waits are long: what is left of the time is not to be lost to one of them.
    return max(retry_after, min(backoff(failures), left * 0.75))


def _given_up(reason: str, failures: int, retry_after: float) -> str:
    if not failures:
        return reason
    tried = "once" if failures == 1 else f"{failures} times"
    if retry_after > _LONGEST_WAIT:
        tried += f", and asks to be left alone for {retry_after:.0f} s"
    return f"{reason} (tried {tried})"
