"""Encrypted connections: which certificates are trusted, the handshake, records in memory.

A `Channel` turns bytes into others and never touches a socket: the link stays the only owner of the connection, with
its time-outs, signals and counters. Imported by the first session that needs it: the ssl module takes longer to import
than half of this package.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Generator

from .errors import CertificateError, ConnectError, UsageError

__all__ = ["Channel", "client_context"]


def client_context(
    enableSSL: bool, sslContext: ssl.SSLContext | None, caFile: str | os.PathLike[str] | None
) -> ssl.SSLContext | None:
    """The context of a session's connections; None without TLS."""
    if not enableSSL:
        if sslContext is not None or caFile is not None:
            raise UsageError("sslContext and caFile need enableSSL=True")
        return None
    if sslContext is not None:
        if caFile is not None:
            raise UsageError("give sslContext or caFile, not both; sslContext.load_verify_locations takes a file too")
        if not isinstance(sslContext, ssl.SSLContext):
            raise UsageError(f"sslContext must be an ssl.SSLContext, not {type(sslContext).__name__}")
        return sslContext
    if caFile is not None:
        try:
            return ssl.create_default_context(cafile=os.fspath(caFile))
        except (OSError, TypeError, ValueError) as error:
            raise UsageError(f"caFile {caFile!r} can't be read as PEM certificates: {error}") from None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Channel:
    """One encrypted connection in memory.

    Parameters
    ----------
    context : ssl.SSLContext
    host : str
        The name that the certificate must bear, if the context checks that.
    """

    #: decrypted bytes asked for at a time: one record holds 16 KiB at most
    RECORD = 16 << 10

    def __init__(self, context: ssl.SSLContext, host: str) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        try:
            self._ssl = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        except (ValueError, ssl.SSLError) as error:
            raise ConnectError(f"TLS can't be begun with {host!r}: {error}") from None
        #: the other side said that nothing more will come
        self.ended = False

    def shake_hands(self, where: str) -> Generator[bytes, bytes, bytes]:
        """The handshake: yields what is to be sent, which may be nothing, and is sent what came then, nothing at the
        end of the stream; returns what is to be sent at last."""
        while True:
            try:
                self._ssl.do_handshake()
                done = True
            except ssl.SSLWantReadError:
                done = False
            except ssl.SSLCertVerificationError as error:
                reason = error.verify_message
                raise CertificateError(f"{where} has a certificate that is not trusted: {reason}") from None
            except ssl.SSLError as error:
                raise ConnectError(
                    f"{where} does not answer as a TLS server does ({error.reason or error}); does it have "
                    "enableHTTPS=true?"
                ) from None
            if done:
                return self.outgoing()
            received = yield self.outgoing()
            if not received:
                raise ConnectError(f"{where} closed the connection during the TLS handshake; does it speak TLS?")
            self._incoming.write(received)

    def outgoing(self) -> bytes:
        """Encrypted bytes to be sent, which are then forgotten."""
        return self._outgoing.read()

    def write(self, data: memoryview) -> None:
        """Encrypt all of `data` into `outgoing`."""
        view = memoryview(data)
        while view:
            view = view[self._ssl.write(view) :]

    def read(self, data: memoryview) -> bytes:
        """Take received bytes; what they decrypt to."""
        self._incoming.write(data)
        parts = []
        try:
            while part := self._ssl.read(self.RECORD):
                parts.append(part)
            self.ended = True
        except ssl.SSLWantReadError:
            pass
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            self.ended = True
        return b"".join(parts)

    def end(self) -> None:
        """Put the end of this side into `outgoing`."""
        try:
            self._ssl.unwrap()
        except ssl.SSLError:
            # it wants the other side's end, for which nobody waits
            pass
