"""The far end of the counted calls, in a process of its own.

The port stands on the first line of stdout; the process ends with its stdin. An asynchronous connection is
drained. A synchronous request is answered 5 ms after its last byte: the client then always blocks for the
reply, in the same number of system calls. A responder that is prompt wins that race now and then.
"""

from __future__ import annotations

import select
import socket
import sys
import threading

QUIET_SECONDS = 0.005
#: session id, no objects, little-endian
REPLY = b"1234567890 0 1\nOK\n"


def serve(connection: socket.socket) -> None:
    buffer = bytearray(1 << 20)
    first = True
    with connection:
        while size := connection.recv_into(buffer):
            if first:
                # "API 0 <length> / <flag>_...": 4 stands for asynchronous
                flag = int(buffer[:size].split(b"\n")[0].split(b"/")[1].split(b"_")[0])
            while select.select([connection], [], [], QUIET_SECONDS)[0] and connection.recv_into(buffer):
                pass
            try:
                connection.sendall(REPLY)
            except OSError:  # the client is gone
                return
            if first and flag & 4:
                break
            first = False
        while connection.recv_into(buffer):
            pass


def listen(listener: socket.socket) -> None:
    while True:
        connection, _ = listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=serve, args=(connection,), daemon=True).start()


def main() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    threading.Thread(target=listen, args=(listener,), daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    main()
