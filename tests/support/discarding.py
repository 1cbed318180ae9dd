"""A server in a process of its own that answers without looking and keeps nothing.

What comes on a connection that began asynchronously is thrown away and counted. On others each request that
carries objects is answered by INT 100, one whose function is ``fail`` by an error line, one of ``die`` by the
end of the connection. A request is what begins with ``API2``: nothing that a test sends may hold these four
bytes otherwise.
"""

from __future__ import annotations

import contextlib
import re
import socket
import subprocess
import sys
import threading

__all__ = ["Discarding", "discarding"]

HUNDRED = b"1 1 1\nOK\n\x04\x00\x64\x00\x00\x00"
REFUSED = b"1 0 1\nit was refused\n"
#: a request's head up to its function's name, and what may be the beginning of one
REQUEST = re.compile(rb"API2 [^\n]*\n(?:function\n([a-zA-Z]*)|script|variable)")
LONGEST_HEAD = 200


class Discarding:
    """Where it listens, and what became of the connections that have ended."""

    def __init__(self, process: subprocess.Popen) -> None:
        self.process = process
        self.port = int(process.stdout.readline())

    def ended(self) -> int:
        """Wait for the end of a connection; the bytes that came on it behind the handshake."""
        return int(self.process.stdout.readline())


@contextlib.contextmanager
def discarding():
    """A `Discarding` that ends with the block."""
    with subprocess.Popen(
        [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield Discarding(process)
        finally:
            process.kill()


def _answer(sock: socket.socket, head: bytes) -> int:
    """Answer requests until the client goes; the bytes received."""
    received = 0
    while chunk := sock.recv(1 << 18):
        received += len(chunk)
        head += chunk
        end, answers = 0, []
        for found in REQUEST.finditer(head):
            # what the name may go on with has not come yet
            if found[1] is not None and found.end() == len(head):
                break
            if found[1] == b"die":
                return received
            answers.append(REFUSED if found[1] == b"fail" else HUNDRED)
            end = found.end()
        head = head[max(end, len(head) - LONGEST_HEAD) :]
        if answers:
            sock.sendall(b"".join(answers))
    return received


def _discard(sock: socket.socket) -> int:
    received, target = 0, bytearray(1 << 20)
    while got := sock.recv_into(target):
        received += got
    return received


def _serve(sock: socket.socket) -> None:
    received = 0
    with sock, contextlib.suppress(ConnectionError):
        head = b""
        while not head.endswith(b"\nconnect\n"):
            head += sock.recv(1)
        sock.sendall(b"1 0 1\nOK\n")
        asynchronous = int(head.split(b" / ")[1].split(b"_")[0]) & 4
        received = _discard(sock) if asynchronous else _answer(sock, b"")
    print(received, flush=True)


def main() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    while True:
        threading.Thread(target=_serve, args=(listener.accept()[0],), daemon=True).start()


if __name__ == "__main__":
    main()
