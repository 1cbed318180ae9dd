"""`Session.barrier`: proof that what was sent has arrived."""

from __future__ import annotations

import time
import uuid
from typing import Any

from . import options
from ._decode import Reader
from .errors import LinkError, ReplyTimeout, SendTimeout, UsageError
from .result import to_python
from .session_part import SessionPart

__all__ = ["BarrierMethods"]

#: incoming bytes that nobody asked for and that are looked at in one piece
STRAY_LIMIT = 1 << 16
#: seconds between two looks at `check`, at first and at most
FIRST_PAUSE, LONGEST_PAUSE = 0.001, 0.05


class BarrierMethods(SessionPart):
    """What a `session.Session` does to know how far the server is."""

    def barrier(self, timeout: float = 30, *, check: str | None = None, expect: object = None) -> None:
        """Wait for a sign of the server on an asynchronous session.

        Sends one request that is answered, on the same connection. Its reply proves that the server has read every
        earlier byte of this connection. That earlier tasks have *finished* holds on `LocalServer`, which carries them
        out in order, and is unverified elsewhere; with `check` and `expect` it is proven anywhere:
        ``barrier(check="exec count(*) from trades", expect=n)`` asks until the script has that result.

        On time-out the connection is declared dead: a late reply would be read as the next one's. (If it was only
        `check` that had another result all the time, the session stays usable.) Submissions of other threads wait
        while the barrier waits for a reply.

        In acknowledged mode, where each submission has its own reply, it waits for all of them; what failed is told
        by `flush`.

        Parameters
        ----------
        timeout : float
            Seconds to wait in all.
        check : str, optional
            A script that is asked again and again.
        expect : object, optional
            The result for which `check` is asked.

        Raises
        ------
        SendTimeout
            The server did not answer in time; ``sent`` says whether the connection was closed for it.
        ReplyTimeout
            `check` still had another result; in acknowledged mode also: not all replies have come.
        ServerError
            `check` failed; the session stays usable.
        LinkError
            The connection failed.
        UsageError
            Synchronous session, not connected, or only one of `check` and `expect`.
        """
        if (check is None) != (expect is None):
            raise UsageError("barrier needs both check and expect, or none of them")
        if check is not None and (not isinstance(check, str) or "\0" in check):
            raise UsageError("check must be a script: str without NUL character")
        if not self._enable_async and not self._acknowledge:
            raise UsageError("barrier is for asynchronous sessions: a synchronous one waits for each reply")
        self._refuse_unusable()
        self._flush_own_batch()
        deadline = time.monotonic() + timeout
        pause = FIRST_PAUSE
        while True:
            left = max(deadline - time.monotonic(), 0)
            value = self._reach(check, left) if self._enable_async else self._reach_acknowledged(check, left)
            if check is None or _is_equal(value, expect):
                return
            if time.monotonic() + pause >= deadline:
                raise ReplyTimeout(f"after {timeout:g} s {check} is {value!r}, not {expect!r}")
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def _reach_acknowledged(self, check: str | None, left: float) -> Any:
        deadline = time.monotonic() + left
        self._wait_for_replies(left)
        if check is not None:
            submission = self.run(check, raw=False, lossless=False)
            self._flush_own_batch()
            return submission.result(max(deadline - time.monotonic(), 0))

    def _reach(self, check: str | None, left: float) -> Any:
        """One round: the server's sign, and the result of `check`."""
        # an answer that nothing else can look like: whatever the server says unasked can be told from it
        token = f"barrier {uuid.uuid4().hex}".encode()
        wait = _Wait(self, time.monotonic() + left)
        steps = [(self._plain_request(b'"%b"' % token), lambda: wait.for_token(token))]
        if check is not None:
            steps.append((self._plain_request(check.encode()), lambda: wait.for_result(check)))
        return self._exchange(steps, left)

    def _plain_request(self, script: bytes) -> bytes:
        """A script whose reply is wanted, on a connection of requests that are not answered."""
        header = options.request_header(self._plain_flags & ~options.ASYNCHRONOUS)
        return b"API2 %b %d / %b\nscript\n%b" % (self.session_id.encode(), len(script) + 7, header, script)


class _Wait:
    """Reads what a session's server says until a deadline; called with the session's lock held.

    Any fault ends the connection, since a reply is under way: the core sees to it.
    """

    def __init__(self, session: BarrierMethods, deadline: float) -> None:
        self.session = session
        self.deadline = deadline

    def fill(self, view: memoryview) -> int:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise SendTimeout("no reply in the time allowed; the connection is closed", True)
        self.session._set_read_timeout(left)
        return self.session._fill(view)

    def for_token(self, token: bytes) -> None:
        session = self.session
        stray = bytearray(session._inbox())
        # STRING scalar
        answer = b"OK\n\x12\0" + token + b"\0"
        view = memoryview(bytearray(STRAY_LIMIT))
        try:
            while (found := stray.find(answer)) < 0:
                received = self.fill(view)
                if not received:
                    raise LinkError("the server closed the connection before it answered the barrier")
                stray += view[:received]
                if len(stray) > 2 * STRAY_LIMIT:
                    session._unsolicited(bytes(stray[:-STRAY_LIMIT]))
                    del stray[:-STRAY_LIMIT]
        except SendTimeout:
            text = "the server did not answer the barrier in time; the connection is closed"
            if stray:
                text += f"; its last words: {bytes(stray[-300:]).decode(errors='replace')!r}"
            raise SendTimeout(text, True) from None
        session._prove()
        # the reply's own header line is preceded by the end of another line or text, or by nothing
        head = max(stray.rfind(b"\n", 0, found - 1), stray.rfind(b"\0", 0, found)) + 1
        stray = stray[:head] + stray[found + len(answer) :]
        if stray:
            session._unsolicited(bytes(stray))

    def for_result(self, check: str) -> Any:
        session = self.session
        session._reader = reader = Reader(self.fill)
        value = session._receive("exec", check)
        if reader.buffered:
            session._unsolicited(reader.read_bytes(reader.buffered))
        return to_python(value)


def _is_equal(value: object, expect: object) -> bool:
    same: Any = value == expect
    return bool(same.all()) if hasattr(same, "all") else bool(same)
