"""Signals that come when something has happened, not after a time."""

from __future__ import annotations

import contextlib
import signal
import threading

from .waiting import eventually, in_thread

__all__ = ["Interrupted", "interrupted", "signalled"]


class Interrupted(Exception):
    """Raised by the handler of `interrupted`."""


@contextlib.contextmanager
def signalled(handler, when):
    """Within the block the main thread gets one SIGALRM for ``handler``, as soon as ``when()`` is true."""
    ended = threading.Event()

    def send():
        eventually(lambda: ended.is_set() or when())
        if not ended.is_set():
            signal.pthread_kill(threading.main_thread().ident, signal.SIGALRM)

    previous = signal.signal(signal.SIGALRM, handler)
    sender = in_thread(send)
    try:
        yield
    finally:
        ended.set()
        sender.result()
        signal.signal(signal.SIGALRM, previous)


def interrupted(when):
    """`signalled` by a handler that raises `Interrupted`."""

    def handler(number, frame):
        raise Interrupted

    return signalled(handler, when)
