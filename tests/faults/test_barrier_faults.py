"""`Session.barrier` on a plain asynchronous connection, whose server is silent, goes away, or says other things."""

from __future__ import annotations

import time

import pandas as pd
import pytest
from support import replies
from support.interrupt import Interrupted, interrupted
from support.recorder import DEADLINE, VOID, FakeServer, reply
from support.waiting import Late, connect_at_last, in_thread, unhurried

import dolphindb_fast as ddb

FRAME = pd.DataFrame({"a": [1, 2]})
ERROR = reply(status=b"it was refused")


@pytest.mark.parametrize("fault", ["silence", "close", "reset", "stray", "token-cut"])
def test_barrier__without_its_answer_ends_the_connection(fault):
    unhurried(lambda seconds: _ended_by(fault, seconds))


def _ended_by(fault, seconds):
    with FakeServer() as server, ddb.Session(enableASYNC=True) as session:
        session.connect("127.0.0.1", server.port)
        session.run("f", FRAME)
        connection = server.connection()
        start = time.monotonic()
        call = in_thread(lambda: session.barrier(seconds))
        connection.wait(lambda received: b"script\n" in received)
        token = bytes(connection.received).rsplit(b'"', 2)[1]
        try:
            if fault in ("close", "reset"):
                getattr(connection, fault)()
            elif fault == "stray":
                connection.send(VOID + ERROR + reply(replies.scalar("INT", 1)) + b"MSG\nhello\0")
            elif fault == "token-cut":
                connection.send(reply(b"\x12\0" + token))
        except OSError:
            # the client waits no more
            raise Late from None
        if time.monotonic() > start + seconds / 2:
            raise Late
        with pytest.raises(ddb.LinkError) as caught:
            call.result()
        if fault not in ("close", "reset"):
            assert isinstance(caught.value, ddb.SendTimeout) and caught.value.sent
        if fault == "stray":
            assert "it was refused" in str(caught.value)
        with pytest.raises(ddb.LinkError, match="1 submissions went out since the last proof"):
            session.run("f", FRAME)


@pytest.mark.parametrize("stray", [b"", b"lo\0", VOID, ERROR + b"MSG\nx\0", b"x" * 300_000, b"1 1"])
def test_barrier__is_not_confused_by_what_comes_unasked(stray, capfd):
    with FakeServer() as server, ddb.Session(enableASYNC=True) as session:
        session.connect("127.0.0.1", server.port)
        session.run("f", FRAME)
        connection = server.connection()
        for _ in range(3):
            call = in_thread(lambda: session.barrier(20))
            connection.wait(lambda received: received.endswith(b'"'))
            token = bytes(connection.take()).rsplit(b'"', 2)[1]
            answer = stray + reply(b"\x12\0" + token + b"\0") + stray
            for start in range(0, len(answer), 1 + len(answer) // 50):
                connection.send(answer[start : start + 1 + len(answer) // 50])
            call.result()
        session.run("f", FRAME)


def test_barrier__is_proof_of_what_went_before_it():
    with FakeServer() as server, ddb.Session(enableASYNC=True) as session:
        session.connect("127.0.0.1", server.port)
        connection = server.connection()
        for _ in range(5):
            session.run("f", FRAME)
        call = in_thread(lambda: session.barrier(20))
        connection.wait(lambda received: received.endswith(b'"'))
        header = bytes(connection.received).rsplit(b"API2 ", 1)[1]
        assert b" / 32_1_4_64__0\nscript\n" in header
        connection.send(reply(b"\x12\0" + header.rsplit(b'"', 2)[1] + b"\0"))
        call.result()
        session.run("f", FRAME)
        session.run("f", FRAME)
        connection.close()
        with pytest.raises(ddb.LinkError):
            session.barrier(20)
        with pytest.raises(ddb.LinkError, match="; 2 submissions went out"):
            session.run("1")


def test_barrier__that_can_not_be_sent_leaves_the_session_usable():
    with FakeServer(receive_buffer=8192) as server, ddb.Session(enableASYNC=True) as session:
        connect_at_last(session, "127.0.0.1", server.port, writeTimeout=0.1)
        connection = server.connections[-1]
        connection.stall()
        # twice: a read that was under way may make room once
        for _ in range(2):
            with pytest.raises(ddb.SendTimeout) as caught:
                while True:
                    session.run("x")
            if caught.value.sent:
                return  # the buffers were full in the middle of a request
        with pytest.raises(ddb.SendTimeout) as caught:
            session.barrier(0.2)
        assert caught.value.sent is False
        connection.resume()
        connection.wait(lambda received: len(received) == session.stats.bytesSent)
        session.run("last")
        connection.wait(lambda received: received.endswith(b"script\nlast"))


def test_barrier__interrupted_ends_the_connection():
    with FakeServer() as server, ddb.Session(enableASYNC=True) as session:
        session.connect("127.0.0.1", server.port)
        connection = server.connection()
        with pytest.raises(Interrupted), interrupted(lambda: b"script\n" in connection.received):
            session.barrier(DEADLINE)
        with pytest.raises(ddb.LinkError, match="Interrupted"):
            session.run("1")
