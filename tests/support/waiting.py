"""Waiting for a condition, with a deadline; time-outs that are tested on machines of any speed."""

from __future__ import annotations

import asyncio
import threading
import time

import dolphindb_fast as ddb

from .recorder import DEADLINE, RecordError

__all__ = ["Late", "Pace", "connect_at_last", "connected_at_last", "eventually", "in_thread", "unhurried", "until"]


def eventually(probe, deadline: float | None = None):
    """The first true result of ``probe()``; fails when there is none in time."""
    end = time.monotonic() + (DEADLINE if deadline is None else deadline)
    pause = threading.Event()
    while not (result := probe()):
        if time.monotonic() > end:
            raise AssertionError(f"still {result!r} after {deadline or DEADLINE} s")
        pause.wait(0.005)
    return result


async def until(probe):
    """As `eventually`, while the loop goes on."""
    end = time.monotonic() + DEADLINE
    while not (result := probe()):
        assert time.monotonic() < end, f"still {result!r}"
        await asyncio.sleep(0.001)
    return result


class in_thread:  # noqa: N801  (used like a function)
    """Run ``call()`` in a thread; `result` waits for its value or raises its exception."""

    def __init__(self, call):
        self._call = call
        self._value = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        try:
            self._value = self._call()
        except BaseException as error:  # noqa: BLE001  (handed over to the waiting thread)
            self._error = error

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    def result(self, deadline: float | None = None):
        self._thread.join(DEADLINE if deadline is None else deadline)
        if self._thread.is_alive():
            raise AssertionError("the call hangs")
        if self._error is not None:
            raise self._error
        return self._value


def connect_at_last(session, *address, **arguments):
    """Connect with time-outs so short that the handshake may exceed them on a busy machine: as often as it takes."""
    end = time.monotonic() + DEADLINE
    while True:
        try:
            return session.connect(*address, **arguments)
        except ddb.ConnectError:
            if time.monotonic() > end:
                raise


async def connected_at_last(session, *address, **arguments):
    """As `connect_at_last`, of a session for asyncio."""
    end = time.monotonic() + DEADLINE
    while True:
        try:
            return await session.connect(*address, **arguments)
        except ddb.ConnectError:
            if time.monotonic() > end:
                raise


class Late(Exception):
    """The machine, not what is tested, was slower than the time-out of the test."""


class Pace:
    """Steps of a peer that must follow each other faster than a time-out, which all of them together exceed.

    Parameters
    ----------
    seconds : float
        The time-out.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.longest = 0.0
        self._last = time.monotonic()

    def step(self, call):
        """Wait for two fifths of the time-out, then ``call()``; remembers how far apart two calls were at most."""
        threading.Event().wait(0.4 * self.seconds)
        try:
            return self.kept(call)
        finally:
            self._look()

    def kept(self, call):
        """``call()``; raises `Late` if the other side waits no more after steps that were too far apart."""
        try:
            return call()
        except (OSError, RecordError):
            self._look()
            if self.longest >= 0.8 * self.seconds:
                raise Late from None
            raise

    def _look(self) -> None:
        before, self._last = self._last, time.monotonic()
        self.longest = max(self.longest, self._last - before)


def unhurried(attempt, seconds: float = 0.2):
    """``attempt(seconds)``, with three times as many seconds whenever it raises `Late`."""
    while True:
        try:
            return attempt(seconds)
        except Late:
            seconds *= 3
            # all attempts together stay below the watchdog's time
            if seconds > DEADLINE / 3:
                raise
