"""The password leaves by the login and by nothing else: no message, log, warning or variable has it."""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import socket
import traceback
import warnings

import pandas as pd
import pytest
from support.recorder import FakeServer, reply
from support.waiting import eventually, in_thread

import dolphindb_fast as ddb
from dolphindb_fast import reconnect

SECRET = "hunter2-secret"
PACKAGE = os.path.dirname(ddb.__file__)


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    monkeypatch.setattr(reconnect, "pause", lambda stopped, seconds: None)


def shown_by(error: BaseException) -> list[str]:
    """What an exception, those behind it, and tools that show variables of the frames would print."""
    texts, seen, waiting = [], set(), [error]
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        texts += [str(one), repr(one), repr(one.args), repr(vars(one))]
        waiting += [one.__cause__, one.__context__]
        for frame, _ in traceback.walk_tb(one.__traceback__):
            if frame.f_code.co_filename.startswith(PACKAGE):
                texts += [repr(value) for value in frame.f_locals.values()]
                holders = [value for value in frame.f_locals.values() if hasattr(value, "__dict__")]
                texts += [repr(vars(value)) for value in holders]
    return texts


def refused(call):
    try:
        call()
    except RuntimeError as error:
        return shown_by(error)
    raise AssertionError("nothing was raised")


@pytest.mark.parametrize("asynchronous", [True, False])
@pytest.mark.parametrize(
    "handshake",
    [
        b"1 0 1\nwrong password hunter2-secret for admin\n",
        b"1 0 1\nhunter2-secret is not welcome\n",
        b"1 1 1\nOK\n\x01\0\0",
        b"hunter2-secret\n\n",
        b"1 1 1\nOK\n\xff\xff",
        b"",
    ],
    ids=["echoed", "echoed-otherwise", "false", "garbage", "object", "silence"],
)
@pytest.mark.parametrize("again", [False, True])
def test_refused_login__says_nothing_of_the_password(handshake, asynchronous, again, caplog):
    caplog.set_level(logging.DEBUG)
    with FakeServer(handshake=handshake) as server:
        where = ("127.0.0.1", server.port, "admin", SECRET)
        session = ddb.Session(enableASYNC=asynchronous)
        options = {"reconnect": again, "tryReconnectNums": 2, "writeTimeout": 0.2}
        texts = refused(lambda: session.connect(*where, **options))
        texts += refused(lambda: session.run("1"))
        texts += refused(lambda: ddb.Session(*where[:2], "admin", SECRET + "\n", enableASYNC=asynchronous))
        if handshake:
            texts += refused(lambda: ddb.Session(*where, enableASYNC=asynchronous))
        texts += [repr(session), repr(vars(session)), repr(session.stats), caplog.text]
        assert not [text for text in texts if SECRET in text]
        eventually(lambda: any(SECRET.encode() in connection.received for connection in server.connections))


def test_login__on_the_open_connection(caplog):
    caplog.set_level(logging.DEBUG)
    with FakeServer() as server, ddb.Session() as session:
        session.connect("127.0.0.1", server.port)
        connection = server.connection()
        connection.replies.extend([reply(status=b"no: " + SECRET.encode()), reply(b"\x01\0\0")])
        texts = [text for _ in range(2) for text in refused(lambda: session.login("admin", SECRET))]
        connection.close()
        with contextlib.suppress(ddb.LinkError):
            session.run("f", 1)
        texts += refused(lambda: session.login("admin", SECRET))
        texts += [repr(session), repr(vars(session)), caplog.text]
        assert not [text for text in texts if SECRET in text]


def test_session__that_connects_again_keeps_it_in_the_holder_only(caplog):
    caplog.set_level(logging.DEBUG)
    with FakeServer() as server, ddb.Session(enableASYNC=True) as session:
        session.connect("127.0.0.1", server.port, "admin", SECRET, reconnect=True, tryReconnectNums=2)
        server.connection(0).close()
        frame = pd.DataFrame({"a": [1]})
        texts = refused(lambda: in_thread(lambda: [session.run("f", frame) for _ in range(100_000)]).result())
        session.run("f", frame)
        assert SECRET.encode() in server.connection(1).received
        server.handshake = b"1 0 1\nuser or password wrong\n"
        server.connection(1).close()
        texts += refused(lambda: [session.run("f", frame) for _ in range(100_000)])
        texts += refused(lambda: session.run("f", frame))
        texts += [repr(session), repr(vars(session)), repr(vars(session._recovery)), caplog.text]
        assert "connected again" in caplog.text
        assert not [text for text in texts if SECRET in text]


def test_session__that_does_not_connect_again_forgets_it():
    secret = "".join(["forget", "-", "me", str(os.getpid())])
    with FakeServer() as server, ddb.Session() as session:
        session.connect("127.0.0.1", server.port, "admin", secret)
        gc.collect()
        holders = [one for one in gc.get_objects() if type(one).__name__ == "Credentials"]
        assert not any(holder.reveal() == secret for holder in holders)


# -- the warning for logins that others can read


def test_unacknowledged_login__is_not_kept(acknowledged):
    session, connection = acknowledged({"keepUnacknowledged": True})
    for batched in (False, True):
        with session.batch() if batched else contextlib.nullcontext():
            session.run("login", "somebody", SECRET, False)
            session.run("1 + 1")
        assert [item.name for item in session.unacknowledged()] == ["1 + 1"] * (1 + batched)
    connection.close()
    with pytest.raises(ddb.SubmissionError):
        session.flush(20)
    assert all(SECRET.encode() not in item.bytes for item in session.unacknowledged())


@pytest.fixture
def outside():
    """An address of this machine that is not loopback, and a `FakeServer` that can be reached there."""
    with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as probe:
        try:
            # sends nothing: it only asks which address would be used
            probe.connect(("203.0.113.1", 9))
        except OSError:
            pytest.skip("this machine has no address but loopback")
        address = probe.getsockname()[0]
    with FakeServer(host=address) as server:
        yield address, server.port, server


def collected(call):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    return caught


def test_clear_text_login__to_another_host_warns_once(outside):
    address, port, server = outside
    server.default = reply(b"\x01\0\x01")
    with ddb.Session(enableASYNC=True) as session:
        caught = collected(
            lambda: [
                session.connect(address, port, "admin", SECRET, reconnect=True, tryReconnectNums=3),
                session.login("admin", SECRET),
                server.connection(0).close(),
                _until_reconnected(session),
            ]
        )
        assert [warning.category for warning in caught] == [ddb.InsecureConnectionWarning]
        text = str(caught[0].message)
        assert address in text and "enableSSL" in text and SECRET not in text
        assert caught[0].filename == __file__


def _until_reconnected(session):
    def attempt():
        with contextlib.suppress(ddb.LinkError):
            session.run("x")
        return session.stats.reconnects

    eventually(attempt)


def test_clear_text_login__later_warns_too(outside):
    address, port, server = outside
    with ddb.Session(enableASYNC=True) as session:
        assert collected(lambda: session.connect(address, port)) == []
        assert len(collected(lambda: session.login("admin", SECRET))) == 1


def test_clear_text_login__that_is_an_error_sends_nothing(outside):
    address, port, server = outside
    session = ddb.Session()
    with pytest.raises(ddb.InsecureConnectionWarning):
        session.connect(address, port, "admin", SECRET)
    assert not any(connection.received for connection in server.connections)


def test_no_login_and_loopback__do_not_warn(outside):
    address, port, server = outside
    with ddb.Session() as session:
        session.connect(address, port)
    with FakeServer() as local, ddb.Session() as session:
        session.connect("localhost", local.port, "admin", SECRET)
        session.connect("127.0.0.1", local.port, "admin", SECRET)
