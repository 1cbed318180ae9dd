"""The exception tree.

Every class derives from the built-in exception that fits and from ``RuntimeError``: code written
for the official client, which raises ``RuntimeError`` for everything, keeps catching what it caught.
"""
from __future__ import annotations

__all__ = [
    "AuthenticationError",
    "CertificateError",
    "ConnectError",
    "ConversionError",
    "LinkError",
    "Mismatch",
    "NotSupported",
    "ProtocolError",
    "SendTimeout",
    "ServerError",
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


class ProtocolError(ConnectionError, RuntimeError):
    """Bytes that are not the protocol; ``offset`` counts from the first byte of the reply or object."""

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


class Mismatch(AssertionError, RuntimeError):
    """The bytes of an object are not those of the official client; see `verify`."""
