"""The proxy does what it is told, at the byte where it is told to."""

from __future__ import annotations

import contextlib
import select
import socket
import time

import pytest
from support.fault_proxy import Fault, FaultProxy
from support.recorder import DEADLINE

TEXT = bytes(range(200))


@contextlib.contextmanager
def linked(*faults, receive_buffer=None):
    """A client and a server connected through a proxy: both sockets by name, and the connection."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        listener.settimeout(DEADLINE)
        proxy = stack.enter_context(FaultProxy(listener.getsockname()[1], receive_buffer=receive_buffer))
        client = stack.enter_context(socket.create_connection(("127.0.0.1", proxy.port), DEADLINE))
        server = stack.enter_context(listener.accept()[0])
        server.settimeout(DEADLINE)
        # not before both are connected: a reset may overtake that
        proxy.connection().inject(*faults)
        yield {"client": client, "server": server}, proxy.connection()


def other(toward):
    return "client" if toward == "server" else "server"


def taken(end):
    """All that comes, and how it ends."""
    found = b""
    with contextlib.suppress(ConnectionResetError):
        while part := end.recv(1000):
            found += part
        return found, "close"
    return found, "reset"


@pytest.mark.parametrize("toward", ["server", "client"])
@pytest.mark.parametrize("kind", ["close", "reset"])
@pytest.mark.parametrize("offset", [0, 1, 77, len(TEXT)])
def test_ends__after_so_many_bytes_for_both_sides(kind, toward, offset):
    with linked(Fault(kind, toward, offset)) as (ends, connection):
        told = ""
        try:
            ends[other(toward)].sendall(TEXT)
        except ConnectionResetError:
            told = "reset"  # the system tells it once
        assert taken(ends[toward]) == (TEXT[:offset], kind)
        found, end = taken(ends[other(toward)])
        assert (found, told or end) == (b"", kind)
        assert connection.passed(toward) == offset and connection.passed(other(toward)) == 0


@pytest.mark.parametrize("toward", ["server", "client"])
def test_bytes__one_by_one(toward):
    with linked(Fault("bytes", toward, 100)) as (ends, connection):
        # more than one at once is read where this thread is late
        sent = found = part = b""
        while len(part) != 1:
            ends[other(toward)].sendall(TEXT)
            sent += TEXT
            part = ends[toward].recv(1000)
            found += part
        # a socket that is closed with something unread resets
        while len(found) < len(sent):
            found += ends[toward].recv(1000)
        assert found == sent
        ends[toward].sendall(TEXT)
        ends[toward].close()
        assert taken(ends[other(toward)]) == (TEXT, "close")


@pytest.mark.parametrize("toward", ["server", "client"])
def test_stall__until_released_while_the_other_direction_works(toward):
    with linked(Fault("stall", toward, 50)) as (ends, connection):
        ends[other(toward)].sendall(TEXT)
        connection.wait_fired()
        assert ends[toward].recv(1000) == TEXT[:50]
        ends[toward].sendall(TEXT)
        assert ends[other(toward)].recv(1000) == TEXT
        assert not select.select([ends[toward]], [], [], 0.05)[0]
        connection.release()
        assert ends[toward].recv(1000) == TEXT[50:]


def test_stall__lets_the_sender_wait_when_the_buffers_are_full():
    with linked(Fault("stall", "server", 0), receive_buffer=8192) as (ends, connection):
        ends["client"].settimeout(0.1)
        with pytest.raises(TimeoutError):
            ends["client"].sendall(bytes(30_000_000))
        assert connection.passed("server") == 0


def test_delay__of_what_comes_behind():
    with linked(Fault("delay", "server", 50, seconds=0.2)) as (ends, connection):
        start = time.monotonic()
        ends["client"].sendall(TEXT)
        connection.wait_fired()
        assert ends["server"].recv(50) == TEXT[:50]
        assert ends["server"].recv(1000) == TEXT[50:]
        assert time.monotonic() - start >= 0.2


def test_faults__planned_for_each_connection():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        planned = [[], [Fault("close", "server", 0)]]
        with FaultProxy(listener.getsockname()[1], planned.__getitem__) as proxy:
            for faults in planned:
                with socket.create_connection(("127.0.0.1", proxy.port), DEADLINE) as client:
                    client.sendall(TEXT)
                    client.shutdown(socket.SHUT_WR)
                    with listener.accept()[0] as server:
                        assert taken(server) == (b"" if faults else TEXT, "close")
            proxy.connection(1).wait_fired()
            assert [connection.fired for connection in proxy.connections] == planned


def test_faults__planned_while_the_connection_is_there():
    with linked() as (ends, connection):
        ends["client"].sendall(TEXT)
        ends["server"].sendall(TEXT)
        assert ends["server"].recv(1000) == ends["client"].recv(1000) == TEXT
        connection.wait(lambda: connection.passed("server") == connection.passed("client") == 200)
        connection.inject(Fault("bytes", "server", 205), Fault("reset", "server", 210))
        ends["client"].sendall(TEXT)
        assert taken(ends["server"]) == (TEXT[:10], "reset")
        assert taken(ends["client"]) == (b"", "reset")
        connection.wait_fired(2)
        assert [fault.kind for fault in connection.fired] == ["bytes", "reset"]


@pytest.mark.parametrize("toward", ["server", "client"])
@pytest.mark.parametrize("kind", ["close", "reset"])
def test_ends_of_a_side__reach_the_other_one(kind, toward):
    with linked() as (ends, connection):
        sender = ends[other(toward)]
        sender.sendall(TEXT)
        if kind == "reset":
            connection.wait(lambda: connection.passed(toward) == 200)
            ends[toward].sendall(TEXT)
            connection.wait(lambda: connection.passed(other(toward)) == 200)
        sender.close()
        assert taken(ends[toward]) == (TEXT, kind)
