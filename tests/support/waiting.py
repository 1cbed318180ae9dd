"""Waiting for a condition, with a deadline."""

from __future__ import annotations

import asyncio
import threading
import time

from .recorder import DEADLINE

__all__ = ["eventually", "in_thread", "until"]


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
