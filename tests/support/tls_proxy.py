"""A TLS server in front of a plain one: what clients send is decrypted and handed on, and back."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import struct
import threading

from .recorder import DEADLINE

__all__ = ["TlsProxy"]

CHUNK = 1 << 16
AGAIN = (ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError)


class TlsProxy:
    """Listens on 127.0.0.1 until the end of the ``with`` block; each connection has one thread.

    Attributes
    ----------
    endings : list of str
        How each client ended: "said goodbye" (TLS's own end) or "hung up".
    """

    def __init__(self, context: ssl.SSLContext, port: int, *, receive_buffer: int | None = None) -> None:
        self.context = context
        self.target = port
        self.endings: list[str] = []
        self.receive_buffer = receive_buffer
        self.listener = socket.socket()
        if receive_buffer is not None:
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(16)
        self.port = self.listener.getsockname()[1]
        self.stopping, self.stopper = socket.socketpair()
        self.threads = [threading.Thread(target=self._accept, name="tls-proxy", daemon=True)]
        self.threads[0].start()

    def __enter__(self) -> TlsProxy:
        return self

    def __exit__(self, *exception) -> None:
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.stopper.close()
        for thread in self.threads:
            thread.join(DEADLINE)
        self.listener.close()
        self.stopping.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(client,), daemon=True)
            self.threads.append(thread)
            thread.start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.ExitStack() as stack:
            stack.callback(client.close)
            client.settimeout(DEADLINE)
            try:
                outer = self.context.wrap_socket(client, server_side=True, suppress_ragged_eofs=False)
            except OSError:
                self.endings.append("no handshake")
                return
            stack.callback(outer.close)
            inner = socket.socket()
            stack.callback(inner.close)
            if self.receive_buffer is not None:
                inner.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, self.receive_buffer)
            inner.connect(("127.0.0.1", self.target))
            for end in (outer, inner):
                end.setblocking(False)
                with contextlib.suppress(OSError):
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                self._pump(outer, inner)
            except ConnectionResetError:
                # the client shall see what the server did
                outer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
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
            with contextlib.suppress(*AGAIN):
                if not inward and (outer in readable or left_over):
                    try:
                        inward = outer.recv(CHUNK)
                    except (ssl.SSLEOFError, ConnectionResetError):
                        self.endings.append("hung up")
                        return
                    if not inward:
                        self.endings.append("said goodbye")
                        return
            with contextlib.suppress(*AGAIN):
                if inner in readable:
                    outward = inner.recv(CHUNK)
                    if not outward:
                        with contextlib.suppress(*AGAIN):
                            outer.unwrap()
                        return
            with contextlib.suppress(*AGAIN):
                if inward and inner in writable:
                    inward = inward[inner.send(inward) :]
            with contextlib.suppress(*AGAIN):
                if outward:
                    outward = outward[outer.send(outward) :]
