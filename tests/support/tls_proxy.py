"""A TLS server in front of a plain one: what clients send is decrypted and handed on, and back."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl

from .proxy import AGAIN, CHUNK, Proxy, hurry, reset
from .recorder import DEADLINE

__all__ = ["TlsProxy"]

WAITS = (ssl.SSLWantReadError, ssl.SSLWantWriteError, *AGAIN)


class TlsProxy(Proxy):
    """A `Proxy` that speaks TLS to its clients.

    Attributes
    ----------
    endings : list of str
        How each client ended: "said goodbye" (TLS's own end) or "hung up".
    """

    def __init__(self, context: ssl.SSLContext, port: int, *, receive_buffer: int | None = None) -> None:
        self.context = context
        self.endings: list[str] = []
        super().__init__(port, receive_buffer)

    def serve(self, client: socket.socket) -> None:
        with contextlib.ExitStack() as stack:
            stack.callback(client.close)
            client.settimeout(DEADLINE)
            try:
                outer = self.context.wrap_socket(client, server_side=True, suppress_ragged_eofs=False)
            except OSError:
                self.endings.append("no handshake")
                return
            stack.callback(outer.close)
            inner = self.connect()
            stack.callback(inner.close)
            for end in (outer, inner):
                hurry(end)
            try:
                self._pump(outer, inner)
            except ConnectionResetError:
                # the client shall see what the server did
                reset(outer)
            except OSError:
                pass

    def _pump(self, outer: ssl.SSLSocket, inner: socket.socket) -> None:
        inward, outward = b"", b""
        while True:
            reading = [self.stopping]
            reading += [outer] if not inward else []
            reading += [inner] if not outward else []
            writing = [end for end, data in ((outer, outward), (inner, inward)) if data]
            left_over = not inward and outer.pending()
            readable, writable, _ = select.select(reading, writing, [], 0 if left_over else None)
            if self.stopping in readable:
                return
            with contextlib.suppress(*WAITS):
                if not inward and (outer in readable or left_over):
                    try:
                        inward = outer.recv(CHUNK)
                    except (ssl.SSLEOFError, ConnectionResetError):
                        self.endings.append("hung up")
                        return
                    if not inward:
                        self.endings.append("said goodbye")
                        return
            with contextlib.suppress(*WAITS):
                if inner in readable:
                    outward = inner.recv(CHUNK)
                    if not outward:
                        with contextlib.suppress(*WAITS):
                            outer.unwrap()
                        return
            with contextlib.suppress(*WAITS):
                if inward and inner in writable:
                    inward = inward[inner.send(inward) :]
            with contextlib.suppress(*WAITS):
                if outward:
                    outward = outward[outer.send(outward) :]
