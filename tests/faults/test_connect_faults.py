"""What goes wrong before a session is open."""

from __future__ import annotations

import select
import socket
import threading

import pytest
from support.proxy import reset
from support.recorder import VOID, FakeServer
from support.server_process import held_port
from support.waiting import eventually, in_thread

import dolphindb_fast as ddb
from dolphindb_fast import connecting

MODES = pytest.mark.parametrize("asynchronous", [True, False], ids=["asynchronous", "synchronous"])


@pytest.fixture
def closed_port():
    with held_port() as port:
        yield port


@MODES
def test_wrong_port__says_that_nobody_listens_there(asynchronous, closed_port):
    session = ddb.Session(enableASYNC=asynchronous)
    with pytest.raises(ddb.ConnectError, match=rf"127\.0\.0\.1:{closed_port}.*refused") as caught:
        session.connect("127.0.0.1", closed_port)
    assert isinstance(caught.value, ConnectionError) and isinstance(caught.value, RuntimeError)
    with pytest.raises(ddb.UsageError, match="connect"):
        session.run("1")
    session.close()


def test_wrong_port__in_the_constructor(closed_port):
    with pytest.raises(ddb.ConnectError, match=str(closed_port)):
        ddb.Session("127.0.0.1", closed_port)


def test_unknown_host__is_named():
    with pytest.raises(ddb.ConnectError, match="no-such-host.invalid"):
        ddb.Session().connect("no-such-host.invalid", 8848)


@pytest.mark.parametrize(
    "host, port",
    [
        ("127.0.0.1", 0),
        ("127.0.0.1", 65536),
        ("127.0.0.1", -1),
        ("127.0.0.1", "x"),
        (None, 8848),
        (1, 2),
        ("127.0.0.1", None),
    ],
)
def test_address__that_is_none_is_refused(host, port):
    with pytest.raises((ddb.UsageError, ddb.ConnectError)):
        ddb.Session().connect(host, port)


@MODES
def test_wrong_password__is_an_authentication_error(asynchronous, local_address):
    session = ddb.Session(enableASYNC=asynchronous)
    with pytest.raises(ddb.AuthenticationError, match="admin"):
        session.connect(local_address.host, local_address.port, "admin", "wrong")
    with pytest.raises(RuntimeError):
        session.run("1")
    assert session.connect(*local_address.login) is True
    session.close()


def test_password__stands_in_no_message(local_address):
    with pytest.raises(ddb.AuthenticationError) as caught:
        ddb.Session().connect(local_address.host, local_address.port, "admin", "hunter2-secret")
    assert "hunter2" not in str(caught.value) and "hunter2" not in repr(caught.value)


GARBAGE = {
    "http": b"HTTP/1.1 400 Bad Request\r\nServer: x\r\n\r\n<html>",
    "ssh": b"SSH-2.0-OpenSSH_9.6\r\n",
    "zeros": bytes(5000),
    "random": bytes(range(256)) * 40,
    "empty-lines": b"\n\n\n",
    "endless-line": b"x" * 3_000_000,
    "header-only-number": b"1\n\n",
    "negative-objects": b"1 -1 1\nOK\n",
    "object-garbage": b"1 1 1\nOK\n\xff\xff\xff\xff",
    "object-huge": b"1 1 1\nOK\n\x05\x01\xff\xff\xff\x7f\x01\0\0\0",
    "tls-alert": b"\x15\x03\x01\0\2\2\x46",
}


@MODES
@pytest.mark.parametrize("name", GARBAGE)
def test_garbage__instead_of_a_handshake(name, asynchronous):
    with FakeServer(handshake=GARBAGE[name]) as server:
        session = ddb.Session(enableASYNC=asynchronous)

        def connect():
            session.connect("127.0.0.1", server.port, "admin", "123456", readTimeout=0.3)

        call = in_thread(connect)
        with pytest.raises((ddb.ConnectError, ddb.ProtocolError)):
            call.result()
        with pytest.raises(RuntimeError):
            session.run("1")
        session.close()


@MODES
@pytest.mark.parametrize("part", [b"", b"1", b"1234567890 1 1\n", b"1234567890 1 1\nOK\n", b"1234567890 1 1\nOK\n\x01"])
def test_handshake__that_breaks_off(part, asynchronous):
    with FakeServer(handshake=part) as server:
        session = ddb.Session(enableASYNC=asynchronous)
        call = in_thread(lambda: session.connect("127.0.0.1", server.port, "admin", "123456"))
        connection = server.connection()
        connection.wait(lambda received: received.endswith(b"false"))
        # what was answered must have been sent before the end comes
        eventually(lambda: connection.answered == len(connection.received))
        connection.close()
        with pytest.raises(ddb.ConnectError):
            call.result()
        session.close()


@MODES
def test_handshake__byte_by_byte(asynchronous):
    """Every boundary of a reply may fall anywhere."""
    with FakeServer(handshake=b"", courtesy={}) as server:
        session = ddb.Session(enableASYNC=asynchronous)
        call = in_thread(lambda: session.connect("127.0.0.1", server.port))
        connection = server.connection()
        connection.wait(lambda received: received.endswith(b"connect\n"))
        answers = VOID if asynchronous else VOID * 3
        for position in range(len(answers)):
            connection.send(answers[position : position + 1])
        assert call.result() is True
        session.close()


@MODES
def test_handshake__without_an_answer_ends_with_the_time_out(asynchronous):
    with FakeServer(stalled=True) as server:
        session = ddb.Session(enableASYNC=asynchronous)
        call = in_thread(lambda: session.connect("127.0.0.1", server.port, writeTimeout=0.2, readTimeout=0.2))
        with pytest.raises(ddb.ConnectError, match="does not answer"):
            call.result()
        session.close()


def test_connect__that_does_not_finish_can_be_given_up():
    """A listener whose queue is full answers no connection request."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = []
        try:
            for _ in range(4):
                one = socket.socket()
                one.setblocking(False)
                one.connect_ex(listener.getsockname())
                waiting.append(one)
            call = in_thread(lambda: ddb.Session().connect(*listener.getsockname(), writeTimeout=0.3))
            with pytest.raises(ddb.ConnectError):
                call.result()
        finally:
            for one in waiting:
                one.close()


UNSENDABLE = ["a\nb", "\n", "a\0b", "\0", "a\n"]


@pytest.mark.parametrize("text", UNSENDABLE, ids=ascii)
@pytest.mark.parametrize("place", ["user", "password"])
def test_credentials__with_newline_or_nul_are_refused_before_anything_is_sent(place, text):
    with FakeServer() as server:
        login = (text, "x") if place == "user" else ("x", text)
        with pytest.raises(ddb.UsageError, match="newline|NUL"):
            ddb.Session().connect("127.0.0.1", server.port, *login)
        assert all(not connection.received for connection in server.connections)
        with ddb.Session() as session:
            session.connect("127.0.0.1", server.port)
            connection = server.connections[-1]
            sent = len(connection.received)
            with pytest.raises(ddb.UsageError, match="newline|NUL"):
                session.login(*login)
            assert len(connection.received) == sent


def test_failed_connect__leaves_no_descriptor_behind(closed_port):
    import os

    def descriptors():
        return len(os.listdir("/proc/self/fd"))

    ddb_session = ddb.Session()
    before = descriptors()
    for _ in range(20):
        with pytest.raises(ddb.ConnectError):
            ddb_session.connect("127.0.0.1", closed_port)
    with FakeServer(handshake=b"garbage\n\n") as server:
        for _ in range(20):
            with pytest.raises(ddb.ConnectError):
                ddb_session.connect("127.0.0.1", server.port)
    assert descriptors() <= before
    assert threading.active_count() < 50


@MODES
@pytest.mark.parametrize("reconnect", [False, True])
def test_connection_reset__before_anything_was_sent(asynchronous, reconnect, monkeypatch):
    """The system says so at whatever is asked of the socket next."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        def open_and_lose(*_):
            sock = socket.create_connection(("127.0.0.1", port))
            with listener.accept()[0] as accepted:
                reset(accepted)
            select.select([sock], [], [])
            return sock

        monkeypatch.setattr(connecting, "open_socket", open_and_lose)
        session = ddb.Session(enableASYNC=asynchronous)
        with pytest.raises(ddb.ConnectError, match="127.0.0.1"):
            session.connect("127.0.0.1", port, reconnect=reconnect, tryReconnectNums=1)
        session.close()
