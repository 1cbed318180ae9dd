"""A server that keeps every byte, and a client session beside it: what does a client send for an object?

`FakeServer` accepts connections on 127.0.0.1 and answers with prepared bytes only; it understands
request headers, never objects. `Recorder` drives one session (the official client's or ours) against
it. Objects have no length on the wire, so the end of a recorded request is found by a marker script
sent behind it on the same connection: whatever came before the marker is the request.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import socket
import struct
import threading
import time
from collections import deque
from typing import NamedTuple

__all__ = [
    "ERROR",
    "FALSE",
    "TRUE",
    "VOID",
    "Connection",
    "FakeServer",
    "RecordError",
    "Recorder",
    "Request",
    "official_session",
    "our_session",
    "reply",
    "split",
]

SESSION = b"1234567890"
#: seconds after which a wait is a failure. Nobody waits that long when all is well; a core that is shared with other
#: work may need many times what an idle one does. Two of them end before the watchdog of tests/conftest.py.
DEADLINE = float(os.environ.get("DOLPHINDB_FAST_TEST_DEADLINE", "50"))


def reply(*objects: bytes, status: bytes = b"OK") -> bytes:
    """A whole reply: header line, status line, at most one object."""
    return b"%s %d 1\n%s\n%s" % (SESSION, len(objects), status, b"".join(objects))


VOID = reply()
TRUE = reply(b"\x01\x00\x01")
FALSE = reply(b"\x01\x00\x00")
ERROR = reply(status=b"no such function")


class RecordError(AssertionError):
    """The client closed the connection, or did not send in time what was expected of it."""


class Request(NamedTuple):
    """One request, cut into its three parts."""

    header: bytes
    body: bytes
    objects: bytes


def split(raw: bytes) -> Request:
    """Cut one request at its header's line feed and its body length."""
    header, _, rest = raw.partition(b"\n")
    length = int(header.split()[2])
    return Request(header, rest[:length], rest[length:])


class Connection:
    """The server's end of one connection.

    After the handshake the two courtesy calls of a connecting client are answered by name. Every other
    request gets the next of `replies`, one for each request, as soon as its first bytes arrive; when
    there is none, the server's default, mostly nothing. Connections whose handshake flag says asynchronous
    are never answered.
    """

    def __init__(self, sock: socket.socket, server: FakeServer) -> None:
        self.sock = sock
        self.server = server
        self.received = bytearray()
        self.answered = 0  # bytes of `received` that were looked at and need no further answer
        self.replies: deque[bytes] = deque(() if server.connections else server.replies)
        self.asynchronous = False
        self.closed = False
        self.ended = False
        self.changed = threading.Condition()
        self.reading = threading.Event()
        if not server.stalled:
            self.reading.set()
        self.thread = threading.Thread(target=self._read, name="fake-server-connection", daemon=True)

    def _read(self) -> None:
        steps = self._answers()
        next(steps)
        try:
            while True:
                self.reading.wait()
                if self.ended:
                    break
                chunk = self.sock.recv(1 << 20)
                if not chunk:
                    break
                with self.changed:
                    self.received += chunk
                    answer = steps.send(None)
                    self.changed.notify_all()
                if answer:
                    self.sock.sendall(answer)
        except OSError:
            pass
        finally:
            with self.changed:
                self.closed = True
                self.changed.notify_all()

    def _answers(self):
        """Generator: each step looks at what arrived and yields the bytes to send, or None."""
        yield
        while (whole := self._framed()) is None:
            yield None
        self.answered = whole
        fields = bytes(self.received[:whole]).split(b"\n", 1)[0].split()
        self.asynchronous = bool(int(fields[4].split(b"_")[0]) & 4)
        answer = self.server.handshake
        if answer is None:
            answer = TRUE if b"\nlogin\n" in self.received[:whole] else VOID
        yield answer
        while self.asynchronous:
            yield None
        while True:
            answer = None
            for call, courtesy in self.server.courtesy.items():
                whole = self._framed()
                if whole is not None and self.received[:whole].endswith(b"function\n%s\n0\n1" % call):
                    self.answered, answer = whole, courtesy
                    break
            if answer is None and len(self.received) > self.answered:
                if self.replies:
                    answer = self.replies.popleft()
                elif self.received.startswith(b"API2 ", self.answered):
                    # later pieces of a long request begin otherwise and get no reply of their own
                    answer = self.server.default
                self.answered = len(self.received)
            yield answer

    def _framed(self) -> int | None:
        """Where the header and body after the last answer end, once they are all here."""
        end = self.received.find(b"\n", self.answered)
        if end < 0:
            return None
        fields = bytes(self.received[self.answered : end]).split()
        if len(fields) < 3 or not fields[2].isdigit():
            return None
        whole = end + 1 + int(fields[2])
        return whole if len(self.received) >= whole else None

    def take(self) -> bytes:
        """Everything received, which is then forgotten."""
        with self.changed:
            taken = bytes(self.received)
            self.received.clear()
            self.answered = 0
            return taken

    def wait(self, predicate, deadline: float | None = None):
        """The first result of ``predicate(received)`` that is neither None nor False."""
        end = time.monotonic() + (DEADLINE if deadline is None else deadline)
        with self.changed:
            while (result := predicate(self.received)) is None or result is False:
                left = end - time.monotonic()
                if self.closed or left <= 0:
                    why = "the client closed the connection" if self.closed else "nothing more came in time"
                    raise RecordError(f"{why}; {len(self.received)} bytes had arrived")
                self.changed.wait(left)
            return result

    def wait_closed(self) -> None:
        """Return when the client has closed its end."""
        end = time.monotonic() + DEADLINE
        with self.changed:
            while not self.closed:
                left = end - time.monotonic()
                if left <= 0:
                    raise RecordError("the client did not close the connection")
                self.changed.wait(left)

    def send(self, data: bytes) -> None:
        """Send unasked."""
        self.sock.sendall(data)

    def stall(self) -> None:
        """Read nothing more (a read already waiting may still end) until `resume`."""
        self.reading.clear()

    def resume(self) -> None:
        self.reading.set()

    def reset(self) -> None:
        """Close with RST instead of FIN."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._hang_up(shut=False)

    def close(self) -> None:
        self._hang_up(shut=True)

    def _hang_up(self, *, shut: bool) -> None:
        self.ended = True
        with contextlib.suppress(OSError):
            # wakes the reading thread; with linger 0 the close below still sends RST
            self.sock.shutdown(socket.SHUT_RDWR if shut else socket.SHUT_RD)
        self.reading.set()
        self.thread.join(DEADLINE)
        with contextlib.suppress(OSError):
            self.sock.close()


class FakeServer:
    """Listens on `host` at a free port; every connection has its own thread.

    Parameters
    ----------
    handshake
        Bytes that answer every handshake; by default what a server would say (login accepted).
    courtesy
        Function name -> reply of the calls that a client makes while connecting.
    default
        Reply to requests for which none is prepared.
    replies
        What the first requests of the first connection get.
    stalled
        New connections are accepted but not read until `Connection.resume`.
    receive_buffer
        SO_RCVBUF of the accepted connections, for tests of a receiver that stops reading.
    """

    COURTESY = {b"getRequiredAPIVersion": ERROR, b"isNodeInitialized": TRUE}

    def __init__(
        self,
        *,
        handshake: bytes | None = None,
        courtesy: dict[bytes, bytes] | None = None,
        default: bytes | None = None,
        replies: tuple[bytes, ...] = (),
        stalled: bool = False,
        receive_buffer: int | None = None,
        host: str = "127.0.0.1",
    ) -> None:
        self.handshake = handshake
        self.courtesy = self.COURTESY if courtesy is None else courtesy
        self.default = default
        self.replies = replies
        self.stalled = stalled
        self.connections: list[Connection] = []
        self.changed = threading.Condition()
        self.listener = socket.socket()
        if receive_buffer is not None:
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.listener.bind((host, 0))
        self.listener.listen(16)
        self.host, self.port = self.listener.getsockname()
        self.thread = threading.Thread(target=self._accept, name="fake-server", daemon=True)
        self.thread.start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.changed:
                connection = Connection(sock, self)
                self.connections.append(connection)
                self.changed.notify_all()
            # not before it is in the list: a client that got its answer may be looked for there
            connection.thread.start()

    def connection(self, index: int = 0) -> Connection:
        """The connection accepted as number `index`, as soon as there is one."""
        with self.changed:
            if not self.changed.wait_for(lambda: len(self.connections) > index, DEADLINE):
                raise RecordError(f"no connection {index}")
            return self.connections[index]

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(DEADLINE)
        for connection in self.connections:
            connection.close()

    def __enter__(self) -> FakeServer:
        return self

    def __exit__(self, *exc) -> None:
        self.close()


def official_session(**arguments):
    """A session of the official client."""
    import pytest

    return pytest.importorskip("dolphindb").Session(**arguments)


def our_session(**arguments):
    """A session of this package."""
    import dolphindb_fast

    return dolphindb_fast.Session(**arguments)


class Recorder:
    """One connected session and the fake server it talks to.

    Parameters
    ----------
    session_class
        Called with `arguments`: `official_session` or `our_session`.
    login
        User and password for ``connect``; none by default.
    connect
        Further keyword arguments of ``connect``.
    """

    def __init__(self, session_class=official_session, *, login=(), connect=None, courtesy=None, **arguments) -> None:
        self.settings = session_class, login, connect, courtesy, arguments
        self._open()

    def _open(self) -> None:
        session_class, login, connect, courtesy, arguments = self.settings
        self.numbers = itertools.count(1)
        self.unrecorded = False
        self.server = FakeServer(courtesy=courtesy)
        self.session = None
        try:
            self.session = session_class(**arguments)
            done = self.session.connect("127.0.0.1", self.server.port, *login, **(connect or {}))
            if not done:
                raise RecordError("the client refused the fake server")
            self.connection = self.server.connection(0)
            raw = self._marked()
            #: bytes of each connection made while connecting, in the order in which they were opened
            self.connected = [raw, *(bytes(c.received) for c in self._helpers())]
        except BaseException:
            self.close()
            raise

    def _helpers(self):
        for connection in self.server.connections[1:]:
            connection.wait_closed()
            yield connection

    @property
    def alive(self) -> bool:
        return not self.connection.closed

    def revive(self) -> None:
        """Begin anew, with another session and server, if the connection is closed."""
        if not self.alive:
            self.close()
            self._open()

    def _marked(self) -> bytes:
        """Send a marker and return what arrived before it; all of that is then forgotten."""
        marker = b"recorder_marker_%06d" % next(self.numbers)
        self._answer(VOID)
        self.session.run(marker.decode())
        tail = b"\nscript\n" + marker
        self.connection.wait(lambda received: received.endswith(tail))
        raw = self.connection.take()
        return raw[: raw.rindex(b"API2 ", 0, -len(tail))]

    def _answer(self, *answers: bytes) -> None:
        connection = self.connection
        with connection.changed:
            connection.replies.clear()
            if not connection.asynchronous:
                connection.replies.extend(answers)

    def record(self, call, answer: bytes = VOID, *, ahead: bool = False) -> bytes:
        """Exactly the bytes that ``call(session)`` makes the session send; the server answers `answer`.

        With `ahead` the answer is on its way before the call begins: for the calls in which the official
        client holds the interpreter lock while it waits, so that no thread of this process could answer.
        """
        if self.unrecorded:
            self._marked()
            self.unrecorded = False
        if ahead:
            self._answer()
            self.connection.send(answer)
        else:
            self._answer(answer)
        try:
            call(self.session)
        except Exception:
            self.unrecorded = True
            raise
        return self._marked()

    def run(self, *arguments, **keywords) -> Request:
        """The request of ``session.run(*arguments, **keywords)``."""
        return split(self.record(lambda session: session.run(*arguments, **keywords)))

    def object(self, value) -> bytes:
        """The wire object that the session makes of `value`."""
        return self.run("f", value).objects

    def result(self, raw: bytes, script: str = "x", **keywords):
        """What ``session.run(script)`` returns, or raises, when the whole reply is `raw`."""
        self._answer(raw)
        self.unrecorded = True
        return self.session.run(script, **keywords)

    def close(self) -> None:
        if self.session is not None:
            with contextlib.suppress(RuntimeError):
                self.session.close()
        self.server.close()

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, *exc) -> None:
        self.close()
