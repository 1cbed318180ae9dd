"""Encrypted connections: who is trusted, every kind of call, and what goes wrong."""

from __future__ import annotations

import contextlib
import ssl
import time
import warnings

import numpy as np
import pandas as pd
import pytest
from support import certificates, expected
from support.interrupt import Interrupted, interrupted
from support.local_server import LocalServer
from support.process import forked_program, program
from support.recorder import DEADLINE, VOID, FakeServer, reply
from support.tls_proxy import TlsProxy
from support.waiting import connect_at_last, eventually, in_thread

import dolphindb_fast as ddb
import dolphindb_fast.settings as keys
from dolphindb_fast import tls

SMALL = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
LARGE = pd.DataFrame(
    {
        "a": np.arange(500_000),
        "b": np.where(np.arange(500_000) % 1000 == 7, np.nan, np.arange(500_000) / 8),
        "d": pd.Series([f"t{i % 977}" for i in range(500_000)], dtype=object),
    }
)
VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    return certificates.make(tmp_path_factory.mktemp("tls"), "server", "DNS:localhost", "IP:127.0.0.1")


@pytest.fixture
def connected(pair):
    """``connected(asynchronous, **connect) -> session, the server's end, the proxy``; closed at the end."""
    opened = []

    def connect(asynchronous=True, *, receive_buffer=None, version=None, **arguments):
        server = FakeServer(receive_buffer=receive_buffer)
        context = certificates.server_context(pair, version)
        proxy = TlsProxy(context, server.port, receive_buffer=receive_buffer)
        session = ddb.Session(enableASYNC=asynchronous, enableSSL=True, caFile=pair.certificate)
        opened.extend((session.close, lambda: proxy.__exit__(), server.close))
        connect_at_last(session, "127.0.0.1", proxy.port, **arguments)
        return session, server.connections[-1], proxy

    yield connect
    for close in opened:
        close()


# -- who is trusted


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
@pytest.mark.parametrize("asynchronous", [True, False])
def test_certificate__that_is_trusted(host, asynchronous, pair):
    with LocalServer() as server, TlsProxy(certificates.server_context(pair), server.port) as proxy:
        trusted = str(pair.certificate)
        session = ddb.Session(host, proxy.port, "admin", "123456", True, asynchronous, caFile=trusted)
        with session:
            session.run("share streamTable(1:0, `a`b, [LONG,STRING]) as shared_t")
            session.run("tableInsert{shared_t}", SMALL)
            if not asynchronous:
                assert session.run("exec count(*) from shared_t") == 2
            eventually(lambda: server.counters.requests >= 2 and server.rows("shared_t") == 2)
        eventually(lambda: proxy.endings == ["said goodbye"])


def test_context__of_the_caller_decides(pair):
    with FakeServer() as server, TlsProxy(certificates.server_context(pair), server.port) as proxy:
        context = ssl.create_default_context(cafile=pair.certificate)
        with ddb.Session(enableSSL=True, enableASYNC=True, sslContext=context) as session:
            assert session.connect("127.0.0.1", proxy.port)
        strict = ssl.create_default_context()
        with pytest.raises(ddb.CertificateError, match="not trusted"):
            ddb.Session(enableSSL=True, sslContext=strict).connect("127.0.0.1", proxy.port)


def test_certificate__of_somebody_else_is_refused_before_anything_is_sent(pair, tmp_path):
    other = certificates.make(tmp_path, "other", "IP:127.0.0.1")
    named = certificates.make(tmp_path, "named", "DNS:elsewhere.example")
    for offered, trusted in ((other, pair), (named, named)):
        with FakeServer() as server, TlsProxy(certificates.server_context(offered), server.port) as proxy:
            session = ddb.Session(enableSSL=True, caFile=trusted.certificate)
            with pytest.raises(ddb.CertificateError, match=f"127.0.0.1:{proxy.port}") as caught:
                session.connect("127.0.0.1", proxy.port, "admin", "hunter2-secret", reconnect=True)
            assert isinstance(caught.value, ddb.ConnectError)
            with pytest.raises(RuntimeError):
                session.run("1")
            assert all(not connection.received for connection in server.connections)


def test_no_verification__is_the_official_default_and_warns_once(pair):
    with FakeServer() as server, TlsProxy(certificates.server_context(pair), server.port) as proxy:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            session = ddb.Session("127.0.0.1", proxy.port, "admin", "123456", True, True)
        with session:
            assert [w.category for w in caught] == [ddb.InsecureConnectionWarning]
            assert "caFile" in str(caught[0].message) and caught[0].filename == __file__
            session.run("x")


def test_no_verification__that_is_an_error_sends_no_password(pair):
    with FakeServer() as server, TlsProxy(certificates.server_context(pair), server.port) as proxy:
        session = ddb.Session(enableSSL=True)
        with pytest.raises(ddb.InsecureConnectionWarning):
            session.connect("127.0.0.1", proxy.port, "admin", "123456")
        assert server.connections == []


def test_arguments__that_contradict(tmp_path, pair):
    for arguments in (
        {"caFile": pair.certificate},
        {"sslContext": ssl.create_default_context()},
        {"enableSSL": True, "caFile": tmp_path / "missing.pem"},
        {"enableSSL": True, "caFile": pair.key},
        {"enableSSL": True, "caFile": 7.5},
        {"enableSSL": True, "sslContext": "context"},
        {"enableSSL": True, "sslContext": ssl.create_default_context(), "caFile": pair.certificate},
    ):
        with pytest.raises(ddb.UsageError, match="caFile|sslContext"):
            ddb.Session(**arguments)


# -- servers that are something else


def test_plain_server__is_told_from_a_tls_server(pair):
    session = ddb.Session(enableSSL=True, caFile=pair.certificate)
    with FakeServer(stalled=True) as server:
        with pytest.raises(ddb.ConnectError, match="TLS"):
            session.connect("127.0.0.1", server.port, writeTimeout=0.2)
    with FakeServer(handshake=b"HTTP/1.1 400 Bad Request\r\n\r\n") as server:
        call = in_thread(lambda: session.connect("127.0.0.1", server.port, writeTimeout=DEADLINE))
        server.connection().send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        with pytest.raises(ddb.ConnectError, match="enableHTTPS"):
            call.result()
    with FakeServer() as server:
        call = in_thread(lambda: session.connect("127.0.0.1", server.port))
        server.connection().wait(lambda received: len(received) > 5)
        server.connection().close()
        with pytest.raises(ddb.ConnectError, match="TLS"):
            call.result()


def test_tls_server__is_no_plain_one(pair):
    with FakeServer() as server, TlsProxy(certificates.server_context(pair), server.port) as proxy:
        with pytest.raises(ddb.ConnectError):
            ddb.Session().connect("127.0.0.1", proxy.port, "admin", "123456")


# -- every kind of call


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("frame", [SMALL, LARGE], ids=["small", "large"])
def test_frame__arrives_as_it_would_in_clear_text(frame, version, connected):
    session, connection, proxy = connected(version=version)
    for _ in range(3):
        session.run("f", frame)
    wanted = expected.frame(frame)
    session.run("last")
    connection.wait(lambda received: received.endswith(b"script\nlast"))
    assert bytes(connection.received).count(wanted) == 3
    assert session.stats.bytesSent > 3 * len(wanted)


@pytest.mark.parametrize("version", VERSIONS)
def test_replies__of_every_size(version, connected):
    session, connection, proxy = connected(False, version=version)
    for rows in (0, 1, 1000, 300_000):
        table = expected.table({"a": expected.vector(keys.DT_LONG, list(range(rows)))}, rows)
        connection.replies.append(reply(table))
        assert session.run("x")["a"].tolist() == list(range(rows))
    connection.replies.append(VOID)
    assert session.run("f", LARGE) is None
    assert session.stats.bytesReceived > 8 * 300_000


def test_reply__in_many_records(connected):
    session, connection, proxy = connected(False)
    whole = reply(expected.vector(keys.DT_STRING, ["größe", "漢字"]))
    call = in_thread(lambda: session.run("x"))
    connection.wait(lambda received: received.endswith(b"script\nx"))
    for position in range(len(whole)):
        connection.send(whole[position : position + 1])
    assert list(call.result()) == ["größe", "漢字"]


def test_batch__gathers_as_ever(connected):
    session, connection, proxy = connected()
    with session.batch():
        for _ in range(2000):
            session.run("f", SMALL)
    session.run("last")
    connection.wait(lambda received: received.endswith(b"script\nlast"))
    assert bytes(connection.received).count(expected.frame(SMALL)) == 2000


def test_unasked_bytes__are_read_and_counted(connected, capfd):
    session, connection, proxy = connected(receive_buffer=8192)
    sender = in_thread(lambda: connection.send(b"MSG\nhello\0" + VOID * 100_000))

    def drained():
        session.run("f", SMALL)
        return not sender.running

    eventually(drained)
    sender.result()
    eventually(lambda: [session.run("x")] and session.stats.unsolicitedBytes > 100_000)
    assert "hello" in capfd.readouterr().out


def test_unasked_bytes__while_a_large_frame_is_sent(connected):
    """Two sides that only write would wait for each other for ever."""
    session, connection, proxy = connected(receive_buffer=8192, writeTimeout=20)
    connection.stall()
    call = in_thread(lambda: session.run("f", LARGE))
    eventually(lambda: session.stats.bytesSent > 100)
    sender = in_thread(lambda: connection.send(VOID * 200_000))
    sender.result()
    connection.resume()
    assert call.result() is None


# -- what goes wrong


@pytest.mark.parametrize("end", ["close", "reset"])
@pytest.mark.parametrize("version", VERSIONS)
def test_server_ends__between_synchronous_calls(end, version, connected):
    session, connection, proxy = connected(False, version=version)
    connection.replies.append(VOID)
    session.run("f", SMALL)
    getattr(connection, end)()
    eventually(lambda: not proxy.threads[-1].is_alive())
    # the connection is looked at once a millisecond, by a clock that moves every few
    last = time.monotonic()
    eventually(lambda: time.monotonic() > last + 0.02)
    with pytest.raises(ddb.LinkError) as caught:
        eventually(lambda: session.run("f", SMALL))
    assert caught.value.sent is False, "nothing of the request left"
    with pytest.raises(ddb.LinkError):
        session.run("1")


@pytest.mark.parametrize("end", ["close", "reset"])
def test_server_ends__while_a_large_frame_is_sent(end, connected):
    session, connection, proxy = connected(receive_buffer=8192)
    connection.stall()
    call = in_thread(lambda: session.run("f", LARGE))
    eventually(lambda: session.stats.bytesSent > 10_000)
    getattr(connection, end)()
    with pytest.raises(ddb.LinkError) as caught:
        call.result()
    assert caught.value.sent is True
    with pytest.raises(ddb.LinkError):
        session.run("1")


def test_stalled_receiver__after_part_of_a_request(connected):
    session, connection, proxy = connected(receive_buffer=8192, writeTimeout=0.2)
    connection.stall()
    with pytest.raises(ddb.SendTimeout) as caught:
        in_thread(lambda: session.run("f", LARGE)).result()
    assert caught.value.sent is True
    with pytest.raises(ddb.LinkError):
        session.run("1")


def test_stalled_receiver__before_the_first_byte_of_a_request(connected):
    """Nothing was encrypted, since what is encrypted must be sent: the session goes on when the receiver does."""
    session, connection, proxy = connected(receive_buffer=8192, writeTimeout=0.2)
    connection.stall()

    def fill():
        for _ in range(1_000_000):
            session.run("x")

    with pytest.raises(ddb.SendTimeout) as caught:
        in_thread(fill).result()
    if caught.value.sent:
        # the last request was cut when the buffers were full
        return
    connection.resume()
    eventually(lambda: _goes_on(session))
    connection.wait(lambda received: received.endswith(b"script\nlast"))


def _goes_on(session):
    try:
        session.run("last")
    except ddb.SendTimeout as error:
        assert error.sent is False
        return False
    return True


def test_reply__that_does_not_come_ends_with_the_time_out(connected):
    session, connection, proxy = connected(False, readTimeout=0.2)
    with pytest.raises(ddb.SendTimeout, match="reply"):
        in_thread(lambda: session.run("x")).result()


@pytest.mark.parametrize("asynchronous", [True, False])
def test_close__while_another_thread_waits(asynchronous, connected):
    session, connection, proxy = connected(asynchronous, receive_buffer=8192)
    if asynchronous:
        connection.stall()
        call = in_thread(lambda: session.run("f", LARGE))
        eventually(lambda: session.stats.bytesSent > 100)
    else:
        call = in_thread(lambda: session.run("x"))
        connection.wait(lambda received: received.endswith(b"script\nx"))
    session.close()
    with pytest.raises((ddb.LinkError, ddb.UsageError)):
        call.result()
    with pytest.raises(ddb.UsageError, match="closed"):
        session.run("1")


@pytest.mark.parametrize("asynchronous", [True, False])
def test_interrupt__leaves_at_once_and_the_connection_is_closed(asynchronous, connected):
    session, connection, proxy = connected(asynchronous, receive_buffer=8192)
    connection.stall()
    sent = session.stats.bytesSent
    with pytest.raises(Interrupted), interrupted(lambda: session.stats.bytesSent > sent):
        session.run("f", LARGE)
    connection.resume()
    with pytest.raises(ddb.LinkError):
        session.run("1")


def test_bytes__that_are_no_tls_end_the_connection(pair):
    """A record that was changed on its way is a fault, never a reply."""
    for tampered in (b"\x17\x03\x03\x00\x20" + bytes(32), b"plain text\n" * 10):
        with FakeServer() as server:
            session = ddb.Session(enableSSL=True, caFile=pair.certificate)
            call = in_thread(lambda: session.connect("127.0.0.1", server.port))
            outer = server.connection()
            outer.wait(lambda received: len(received) > 100)
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            server_side = certificates.server_context(pair).wrap_bio(incoming, outgoing, server_side=True)
            seen = 0
            answers = [b"1 0 1\nOK\n", VOID, VOID]

            def step():
                nonlocal seen
                incoming.write(bytes(outer.received[seen:]))
                seen = len(outer.received)
                try:
                    server_side.do_handshake()
                    server_side.read(1 << 16)
                    server_side.write(answers.pop(0))
                except ssl.SSLWantReadError:
                    pass
                if data := outgoing.read():
                    outer.send(data)
                return not call.running

            eventually(step)
            assert call.result() is True
            call = in_thread(lambda: session.run("x"))
            eventually(lambda: len(outer.received) > seen)
            outer.send(tampered)
            with pytest.raises(ddb.LinkError):
                call.result()
            with pytest.raises(ddb.LinkError):
                session.run("1")


def test_channel__takes_records_byte_by_byte(pair):
    client = tls.Channel(ssl.create_default_context(cafile=pair.certificate), "localhost")
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = certificates.server_context(pair).wrap_bio(incoming, outgoing, server_side=True)
    pending = bytearray()

    steps = client.shake_hands("server")
    received, done = None, False
    while not done:
        try:
            incoming.write(steps.send(received))
        except StopIteration as end:
            incoming.write(end.value)
            done = True
        with contextlib.suppress(ssl.SSLWantReadError):
            server.do_handshake()
        pending.extend(outgoing.read())
        received = bytes(pending[:1])
        del pending[: 0 if done else 1]
    server.write(b"hello " * 10_000)
    pending += outgoing.read()
    assert b"".join(client.read(pending[i : i + 1]) for i in range(len(pending))) == b"hello " * 10_000
    assert client.ended is False
    try:
        server.unwrap()
    except ssl.SSLWantReadError:
        pass
    assert client.read(outgoing.read()) == b"" and client.ended is True


CLIENT = """
import resource, sys, numpy as np, pandas as pd, dolphindb_fast as ddb
frame = pd.DataFrame({"a": np.arange(8_000_000), "b": np.arange(8_000_000) / 3})
session = ddb.Session(enableASYNC=True, enableSSL=True, caFile=sys.argv[2])
session.connect("127.0.0.1", int(sys.argv[1]))
session.run("f", frame[:100_000])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
session.run("f", frame)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, session.stats.bytesSent)
sys.stdout.flush()
"""


def test_large_frame__needs_little_memory_and_exit_prints_nothing(pair):
    with FakeServer() as server, TlsProxy(certificates.server_context(pair), server.port) as proxy:
        done = program(CLIENT, str(proxy.port), str(pair.certificate))
        assert done.stderr == ""
        kib, sent = map(int, done.stdout.split())
        assert sent > 128_000_000
        assert kib < 4096
        connection = server.connection()
        connection.wait_closed()
        assert len(connection.received) > 128_000_000


FORK = """
import os, sys, dolphindb_fast as ddb
session = ddb.Session(enableASYNC=True, enableSSL=True, caFile=sys.argv[2])
session.connect("127.0.0.1", int(sys.argv[1]), reconnect=True)
session.run("before", 1)
child = os.fork()
if child == 0:
    status = 9
    try:
        session.run("child", 1)
    except ddb.UsageError as error:
        status = 0 if "fork" in str(error) else 8
    finally:
        session.close()
        del session
        os._exit(status)
_, status = os.waitpid(child, 0)
session.run("after", 1)
print("child", os.waitstatus_to_exitcode(status))
"""


def test_fork__child_touches_neither_connection_nor_keys(pair):
    with FakeServer() as server, TlsProxy(certificates.server_context(pair), server.port) as proxy:
        done = forked_program(FORK, str(proxy.port), str(pair.certificate))
        assert (done.stdout, done.stderr) == ("child 0\n", "")
        server.connection().wait_closed()
        received = bytes(server.connection().received)
        assert b"before" in received and b"after" in received and b"child" not in received
        assert len(server.connections) == 1


def test_reconnect__goes_through_tls_again_and_warns_no_more(pair):
    with FakeServer(default=VOID) as server, TlsProxy(certificates.server_context(pair), server.port) as proxy:
        with ddb.Session(enableSSL=True) as session:
            with pytest.warns(ddb.InsecureConnectionWarning):
                session.connect("127.0.0.1", proxy.port, "admin", "x", reconnect=True, tryReconnectNums=3)
            server.connection(0).close()

            def attempt():
                try:
                    session.run("x")
                except ddb.LinkError:
                    pass
                return session.stats.reconnects

            eventually(attempt)
            assert server.connection(1).received.startswith(b"API 0 ")


def test_threads__share_an_encrypted_session(pair):
    with LocalServer() as server, TlsProxy(certificates.server_context(pair), server.port) as proxy:
        with ddb.Session(enableSSL=True, caFile=pair.certificate) as session:
            session.connect("localhost", proxy.port, "admin", "123456")

            def work(number):
                for step in range(50):
                    assert session.run(f"{number * 1000 + step} + 0") == number * 1000 + step

            for thread in [in_thread(lambda number=number: work(number)) for number in range(6)]:
                thread.result(2 * DEADLINE)


def test_acknowledged_submissions__are_answered_one_by_one(pair):
    with LocalServer() as server, TlsProxy(certificates.server_context(pair), server.port) as proxy:
        with ddb.Session(
            enableSSL=True, caFile=pair.certificate, enableASYNC=True, acknowledge=True, maxInFlight=100
        ) as session:
            session.connect("127.0.0.1", proxy.port, "admin", "123456")
            session.run("share streamTable(1:0, `a`b, [LONG,STRING]) as answered_t").result(20)
            handles = [session.run("tableInsert{answered_t}", SMALL) for _ in range(2000)]
            big = session.run("select * from answered_t")
            wrong = session.run("tableInsert{no_such_table}", SMALL)
            with pytest.raises(ddb.SubmissionError, match="no_such_table"):
                session.flush(DEADLINE)
            assert {handle.result() for handle in handles} == {2} and wrong.exception() is not None
            assert len(big.result()) == 4000
            session.run("f", LARGE)
            with pytest.raises(ddb.SubmissionError):
                session.flush(DEADLINE)
            assert server.rows("answered_t") == 4000
            assert session.stats.acknowledged == 2002
