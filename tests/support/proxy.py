"""What stands between a client and a server: the part that all such proxies have in common."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading

from .recorder import DEADLINE

__all__ = ["AGAIN", "CHUNK", "Proxy", "hurry", "reset"]

CHUNK = 1 << 16
#: what a socket that does not wait says when there is nothing to do
AGAIN = (BlockingIOError, InterruptedError)


def hurry(end: socket.socket) -> None:
    """From now on no call waits, and no byte either."""
    end.setblocking(False)
    with contextlib.suppress(OSError):
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def reset(end: socket.socket) -> None:
    """Let the socket's close send RST instead of FIN."""
    with contextlib.suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


class Proxy:
    """Listens on 127.0.0.1 until the end of the ``with`` block; each connection has one thread, in `serve`.

    Parameters
    ----------
    port : int
        Where the server listens, on this machine.
    receive_buffer : int, optional
        Bytes that the proxy's sockets take before the other side has to wait.
    """

    def __init__(self, port: int, receive_buffer: int | None = None) -> None:
        self.target = port
        self.receive_buffer = receive_buffer
        self.listener = socket.socket()
        if receive_buffer is not None:
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(16)
        self.port = self.listener.getsockname()[1]
        #: becomes readable when the block ends
        self.stopping, self.stopper = socket.socketpair()
        self.threads = [threading.Thread(target=self._accept, name="proxy", daemon=True)]
        self.threads[0].start()

    def __enter__(self) -> Proxy:
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
            thread = threading.Thread(target=self.serve, args=(client,), name="proxy-pump", daemon=True)
            self.threads.append(thread)
            thread.start()

    def connect(self) -> socket.socket:
        """A connection to the server."""
        inner = socket.socket()
        try:
            if self.receive_buffer is not None:
                inner.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, self.receive_buffer)
            inner.connect(("127.0.0.1", self.target))
        except BaseException:
            inner.close()
            raise
        return inner

    def serve(self, client: socket.socket) -> None:
        """Serve one client until it, or the server, or the block ends; closes the socket."""
        raise NotImplementedError
