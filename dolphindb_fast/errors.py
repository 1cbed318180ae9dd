"""The exception tree.

Every class derives from the built-in exception that fits and from ``RuntimeError``: code written
for the official client, which raises ``RuntimeError`` for everything, keeps catching what it caught.
"""

from __future__ import annotations

import queue
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._core import Submission

__all__ = [
    "AuthenticationError",
    "CertificateError",
    "ConnectError",
    "ConversionError",
    "LinkError",
    "Mismatch",
    "NotSupported",
    "OutcomeUnknown",
    "ProtocolError",
    "QueueFull",
    "ReplyTimeout",
    "SendTimeout",
    "ServerError",
    "SubmissionError",
    "UnsupportedTypeError",
    "UsageError",
    "ValueRefused",
]


class UsageError(ValueError, RuntimeError):
    """A call that can't be carried out as written: wrong argument, closed session, wrong thread or process."""


class NotSupported(NotImplementedError, RuntimeError):
    """An argument, type or feature that this package does not have; the message names it."""


class ConversionError(RuntimeError):
    """An object that can't become wire bytes; nothing was sent and the session stays usable."""


class UnsupportedTypeError(TypeError, ConversionError):
    """A Python type or dtype that has no place on the wire."""


class ValueRefused(ValueError, ConversionError):
    """A value that its target type can't hold, or text that the wire can't carry."""


class LinkError(ConnectionError, RuntimeError):
    """The connection failed; it is closed, and later calls raise this again with the first reason.

    Attributes
    ----------
    sent : bool
        False: no byte of this request was accepted, so that the server did not execute it. True: nobody knows.
    """

    sent = True


class ConnectError(LinkError):
    """No connection was made: nobody listens, the address is wrong, or the handshake was refused."""

    sent = False


class AuthenticationError(ConnectError):
    """The server refused user name or password."""


class CertificateError(ConnectError):
    """The server's certificate is not trusted or bears another name."""


class SendTimeout(TimeoutError, LinkError):
    """Sending or waiting made no progress for the time allowed.

    Attributes
    ----------
    sent : bool
        False: no byte of the request was accepted, the session stays usable and the request may be
        repeated. True: part of it was; the connection is closed.
    """

    def __init__(self, message: str, sent: bool = False) -> None:
        super().__init__(message)
        self.sent = sent


class ReplyTimeout(TimeoutError, RuntimeError):
    """What was waited for has not come in the time allowed. Nothing is lost: wait again."""


class OutcomeUnknown(LinkError):
    """The connection ended before the reply came: the server may have carried out the request or not."""


class ProtocolError(ConnectionError, RuntimeError):
    """Bytes that are not the protocol; ``offset`` counts from the first byte of the line or object read."""

    def __init__(self, message: str, offset: int | None = None) -> None:
        super().__init__(message if offset is None else f"{message} (byte {offset})")
        self.offset = offset


class ServerError(RuntimeError):
    """The server answered with an error line.

    The message has the official client's form; ``serverText`` is the server's own text.
    """

    def __init__(self, message: str, serverText: str = "") -> None:
        super().__init__(message)
        self.serverText = serverText


class QueueFull(queue.Full, RuntimeError):
    """A writer has no room for more rows; what was to be inserted was not taken."""


def server_error(kind: str, script: str, status: str) -> ServerError:
    """The exception for an error line; `kind` is "call", "exec", "upload" or "runBlock"."""
    # the official message names the leader by host and port only
    shown = re.sub(r"\A(<NotLeader>[^:]*:[^:]*):.*", r"\1", status)
    return ServerError(f"<Exception> in {kind}: Server Response: '{shown}' script: {script}", status)


class SubmissionError(RuntimeError):
    """Submissions that the server refused, or of which nobody knows what became; raised by `Session.flush`.

    Attributes
    ----------
    failures : list of Submission
        The first 1,000 since the last `Session.flush`, in the order in which they were sent. Each knows its ``name``,
        ``sequence``, ``rows`` and ``exception()``.
    count : int
        How many there were.
    """

    def __init__(self, failures: list[Submission], count: int) -> None:
        self.failures = failures
        self.count = count
        super().__init__(failures, count)

    def __str__(self) -> str:
        lines = [f"{self.count} submission{'s' * (self.count != 1)} failed"]
        for failure in self.failures[:10]:
            error = failure.exception()
            text = error.serverText if isinstance(error, ServerError) else f"{type(error).__name__}: {error}"
            lines.append(f"number {failure.sequence}, {failure.name[:60]}, {failure.rows} rows: {text[:300]}")
        if self.count > len(lines) - 1:
            lines.append("...")
        return "\n  ".join(lines)


class Mismatch(AssertionError, RuntimeError):
    """The bytes of an object are not those of the official client; see `verify`."""
