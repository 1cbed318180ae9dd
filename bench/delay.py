"""A link with a delay: a process that passes bytes on, each a fixed time after it came.

    python -m bench.delay PORT SECONDS

Listens on 127.0.0.1; its port stands on the first line of stdout. The delay holds for each direction; nothing else
is limited. Ends with its stdin.
"""

from __future__ import annotations

import contextlib
import queue
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def read(source: socket.socket, way: queue.Queue, seconds: float) -> None:
    data = b"x"
    while data:
        try:
            data = source.recv(1 << 18)
        except OSError:
            data = b""
        way.put((time.monotonic() + seconds, data))


def write(target: socket.socket, way: queue.Queue) -> None:
    while True:
        due, data = way.get()
        time.sleep(max(due - time.monotonic(), 0))
        with contextlib.suppress(OSError):
            if not data:
                target.shutdown(socket.SHUT_WR)
                return
            target.sendall(data)


def join(client: socket.socket, port: int, seconds: float) -> None:
    server = socket.create_connection(("127.0.0.1", port))
    for source, target in ((client, server), (server, client)):
        source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        way: queue.Queue = queue.Queue()
        threading.Thread(target=read, args=(source, way, seconds), daemon=True).start()
        threading.Thread(target=write, args=(target, way), daemon=True).start()


def serve(port: int, seconds: float) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)

    def listen() -> None:
        while True:
            join(listener.accept()[0], port, seconds)

    threading.Thread(target=listen, daemon=True).start()
    sys.stdin.read()


class Delay:
    """Such a process before `port`; `port` is where it listens."""

    def __init__(self, port: int, seconds: float):
        self.process = subprocess.Popen(
            [sys.executable, "-m", f"{__package__}.delay", str(port), str(seconds)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
        )  # fmt: skip
        self.port = int(self.process.stdout.readline())

    def __enter__(self) -> Delay:
        return self

    def __exit__(self, *exc) -> None:
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()


if __name__ == "__main__":
    serve(int(sys.argv[1]), float(sys.argv[2]))
