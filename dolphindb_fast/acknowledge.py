"""Acknowledged mode: what was submitted and not answered, and what became of it."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

from ._core import Submission, _AcknowledgedLink
from ._decode import Reader
from .errors import LinkError, ReplyTimeout, SubmissionError, UsageError
from .result import to_python
from .session_part import SessionPart

__all__ = ["AcknowledgeMethods", "Unacknowledged"]

#: what errors call a request, by the first line of its text
KINDS = {b"function": "call", b"script": "exec", b"variable": "upload"}
#: the ring of submissions in flight takes 8 bytes for each
MOST_IN_FLIGHT = 1 << 20


class _Source:
    """Bytes, then what `more` yields, as a `Reader` wants them."""

    def __init__(self, data: bytes, more: Callable[[memoryview], int] | None = None) -> None:
        self.left = memoryview(data)
        self.more = more

    def fill(self, view: memoryview) -> int:
        if not self.left:
            return self.more(view) if self.more else 0
        part, self.left = self.left[: len(view)], self.left[len(view) :]
        view[: len(part)] = part
        return len(part)


def read_object(data: bytes, more: Callable[[memoryview], int] | None = None) -> tuple[Any, Any] | None:
    """The object that begins at `data`, and how many bytes of it were used; None if it is not all there.

    With `more` the rest is read from that, and the second result are the bytes that were read behind the object.
    """
    source = _Source(data, more)
    reader = Reader(source.fill) if more else Reader(source.fill, window=len(data))
    try:
        value = reader.read_object()
    except EOFError:
        if more is None:
            return None
        raise LinkError("the server closed the connection before the reply was complete") from None
    return value, reader.read_bytes(reader.buffered) if more else reader.offset


def if_alive(method: Callable[[bytes], object]) -> Callable[[bytes], None]:
    """What calls a method as long as its object lives, without keeping that alive."""
    reference = weakref.WeakMethod(method)

    def call(data: bytes) -> None:
        found = reference()
        if found is not None:
            found(data)

    return call


class Unacknowledged:
    """A request without reply, whose bytes were kept.

    Attributes
    ----------
    name, rows, sequence
        As of the `Submission`.
    bytes : bytes
        The whole request.
    """

    def __init__(self, submission: Submission, request: bytes) -> None:
        self.name, self.rows, self.sequence = submission.name, submission.rows, submission.sequence
        self.bytes = request

    def __repr__(self) -> str:
        return f"<Unacknowledged {self.sequence} {self.name[:60]!r}, {self.rows} rows, {len(self.bytes)} bytes>"

    def frame(self) -> Any:
        """The argument, decoded: for a table a DataFrame. A list if there are several; None for a script."""
        head, _, rest = self.bytes.partition(b"\n")
        length = int(head.split(b" ")[2])
        text = rest[:length]
        if text.startswith(b"script\n"):
            return None
        reader = Reader(_Source(rest[length:]).fill)
        found = [to_python(reader.read_object()) for _ in range(int(text.rsplit(b"\n", 2)[1]))]
        return found[0] if len(found) == 1 else found


class AcknowledgeMethods(SessionPart):
    """What a `session.Session` does in acknowledged mode beyond `run`."""

    _link_class = _AcknowledgedLink

    def flush(self, timeout: float | None = None) -> None:
        """Wait until every submission of this session has its reply.

        An open batch of this thread is sent first.

        Parameters
        ----------
        timeout : float, optional
            Seconds to wait. Default: until no byte has come for the time-out for replies that `connect` was given,
            which is for ever by default.

        Raises
        ------
        SubmissionError
            Since the last `flush` the server answered submissions with errors, or the connection was lost before it
            answered (`OutcomeUnknown`). All in flight have their outcome.
        ReplyTimeout
            Not all have been answered yet. Nothing is lost: flush again.
        LinkError
            The connection was lost, and what was lost with it was told already.
        UsageError
            The session is not in acknowledged mode, or not connected.
        """
        self._need_acknowledge("flush")
        self._finish(timeout)
        self._refuse_unusable()

    def unacknowledged(self) -> list[Unacknowledged]:
        """The submissions without reply, in the order in which they were sent; needs ``keepUnacknowledged=True``.

        Those whose connection was lost are handed over: the session does not keep them any longer, and they no longer
        count for ``maxInFlightBytes``. Those in flight stay: what is resubmitted of them may arrive twice. A request
        whose `run` raised a `LinkError` is among them if its `sent` is True, and not if that is False.
        """
        self._need_acknowledge("unacknowledged")
        if not self._keeps:
            raise UsageError("unacknowledged needs a session with keepUnacknowledged=True")
        return [Unacknowledged(submission, request) for submission, request in self._accounts.take_kept()]

    def resubmit(self, item: Unacknowledged) -> Submission:
        """Send such a request again; the server may have carried out the first one too.

        Parameters
        ----------
        item : Unacknowledged
            Of this session or another one.
        """
        self._need_acknowledge("resubmit")
        if not isinstance(item, Unacknowledged):
            raise UsageError(f"resubmit needs what unacknowledged() returned, not {type(item).__name__}")
        rest = item.bytes.split(b" ", 2)[2]
        text = rest.partition(b"\n")[2]
        return self._resubmit(rest, KINDS[text.partition(b"\n")[0]], item.name, item.rows)

    def _need_acknowledge(self, method: str) -> None:
        if not self._acknowledge:
            raise UsageError(f"{method} needs a session with enableASYNC=True and acknowledge=True")

    def _answered(self, value: Any) -> Any:
        """The reply, for methods that can't do without."""
        return value.result() if isinstance(value, Submission) else value

    def _finish(self, timeout: float | None) -> None:
        """Wait for all replies, and raise for what failed."""
        self._flush_own_batch()
        self._wait_for_replies(timeout)
        failures, count = self._accounts.take_failures()
        if count:
            raise SubmissionError(failures, count)

    def _wait_for_replies(self, timeout: float | None) -> None:
        left = self._accounts.settle(timeout)
        if left:
            raise ReplyTimeout(f"{left} submissions have no reply yet; nothing is lost, flush again to go on waiting")

    def _prepare_accounts(
        self,
        asynchronous: bool,
        most: int,
        most_bytes: int,
        on_error: Callable[[Submission], object] | None,
        keep: bool,
    ) -> None:
        """Check the arguments of acknowledged mode and take them over."""
        if not asynchronous:
            raise UsageError("acknowledge=True needs enableASYNC=True: a synchronous session waits for each reply")
        for name, value, limit in (("maxInFlight", most, MOST_IN_FLIGHT), ("maxInFlightBytes", most_bytes, 1 << 62)):
            if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= limit:
                raise UsageError(f"{name} must be an int from 1 to {limit}; got {value!r}")
        if on_error is not None and not callable(on_error):
            raise UsageError(f"onError must be callable; got {on_error!r}")
        if self._arrow_table is not None:
            raise UsageError("acknowledge=True reads replies of PROTOCOL_DDB only")
        # the session owns its link, which must not keep it alive
        show = if_alive(self._show)
        self._keeps = bool(keep)
        self._accounts = self._link_class(most, most_bytes, self._keeps, on_error, show, read_object)
        self._account(self._accounts)

    def _begin_accounts(self) -> None:
        """Connected: from now on `run` does not wait."""
        self._accounts.begin(self._reader.read_bytes(self._reader.buffered), self._convert)
