"""A client that writes requests to a server by hand and reads what comes back byte by byte."""

from __future__ import annotations

import contextlib
import socket

from .recorder import DEADLINE

__all__ = ["Client", "connected"]


@contextlib.contextmanager
def connected(server):
    """A socket and a stream to read it line by line."""
    with socket.create_connection((server.host, server.port), DEADLINE) as raw, raw.makefile("rb") as stream:
        yield raw, stream


class Client:
    """A socket that writes requests by hand and reads what comes back."""

    def __init__(self, server, handshake=b"API 0 8 / 32_1_4_2\nconnect\n"):
        self.socket = socket.create_connection((server.host, server.port), DEADLINE)
        self.stream = self.socket.makefile("rb")
        self.socket.sendall(handshake)
        self.session = b""
        if handshake:
            self.session = self.stream.readline().split()[0]
            assert self.stream.readline() == b"OK\n"

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.stream.close()
        self.socket.close()

    def send(self, body, objects=b"", flags=32, tail=b"__0"):
        head = b"API2 %s %d / %d_1_4_64%s\n" % (self.session, len(body), flags, tail)
        self.socket.sendall(head + body + objects)

    def reply(self):
        """Header line, status line."""
        return self.stream.readline(), self.stream.readline()

    def script(self, text, **arguments):
        self.send(b"script\n" + text.encode(), **arguments)
        return self.reply()

    def ended(self):
        """Whether the server closes the connection, with nothing further sent."""
        try:
            return self.stream.read() == b""
        except ConnectionResetError:
            return True

    def read(self, expected):
        """As many bytes as expected; fewer if the server has no more."""
        return self.stream.read(len(expected))
