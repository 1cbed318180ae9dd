"""Clusters: where a session goes first, after a fault, and when a server sends it elsewhere."""

from __future__ import annotations

import pytest
from support import expected
from support.reconnecting import FRAME, bodies, connected, marks, moved, other, server, waits  # noqa: F401
from support.recorder import FALSE, VOID, FakeServer, reply
from support.waiting import in_thread

import dolphindb_fast as ddb
import dolphindb_fast.settings as keys
from dolphindb_fast import reconnect


def performance(*nodes, **more):
    """The reply to the question which node has least to do: (port, connections[, mode[, most]])."""
    rows = [(*node, 0, 100)[:4] if len(node) == 2 else (*node, 100)[:4] for node in nodes]
    columns = {
        "host": expected.vector(keys.DT_STRING, ["127.0.0.1" for _ in rows]),
        "port": expected.vector(keys.DT_INT, [row[0] for row in rows]),
        "mode": expected.vector(keys.DT_INT, [row[2] for row in rows]),
        "maxConnections": expected.vector(keys.DT_INT, [row[3] for row in rows]),
        "connectionNum": expected.vector(keys.DT_INT, [row[1] for row in rows]),
        "workerNum": expected.vector(keys.DT_INT, [1 for _ in rows]),
        "executorNum": expected.vector(keys.DT_INT, [1 for _ in rows]),
        **more,
    }
    return reply(expected.table(columns, len(rows)))


@pytest.fixture
def cluster(server, other, monkeypatch):
    """``cluster(reply, asynchronous, **connect)``: a session of two nodes; their load is this reply."""
    opened = []

    def connect(answer, asynchronous=False, sites=True, **arguments):
        for one in (server, other):
            one.courtesy = {**FakeServer.COURTESY}
        session = ddb.Session(enableASYNC=asynchronous)
        opened.append(session)
        sites = [f"127.0.0.1:{one.port}" for one in (server, other)] if sites else None
        call = in_thread(
            lambda: session.connect(
                "127.0.0.1",
                server.port,
                "admin",
                "123456",
                highAvailability=True,
                tryReconnectNums=2,
                highAvailabilitySites=sites,
                **arguments,
            )
        )
        asked = server.connection(0)
        asked.wait(lambda received: received.endswith(b"script\nrpc(getControllerAlias(), getClusterPerf)"))
        asked.send(answer)
        assert call.result() is True
        return session

    yield connect
    for session in opened:
        session.close()


@pytest.mark.parametrize("asynchronous", [True, False])
@pytest.mark.parametrize("sites", [True, False])
def test_cluster__the_node_with_least_to_do(sites, asynchronous, server, other, cluster):
    session = cluster(performance((server.port, 50), (other.port, 5)), asynchronous, sites)
    assert session.port == other.port
    chosen = other.connection(0)
    chosen.replies.append(VOID)
    session.run("f", FRAME)
    chosen.wait(lambda received: received.endswith(expected.frame(FRAME)))
    assert chosen.asynchronous == asynchronous
    server.connection(0).wait_closed()
    assert session.stats.reconnects == 0


def test_cluster__that_would_stay_stays(server, other, cluster):
    session = cluster(performance((server.port, 5), (other.port, 50)))
    assert session.port == server.port and other.connections == []
    assert len(server.connections) == 1


def test_cluster__other_kinds_of_nodes_full_ones_and_foreign_ones_are_not_taken(server, other, cluster):
    table = performance((server.port, 90), (other.port, 0, 1), (other.port + 1, 0), (other.port, 7, 0, 7))
    session = cluster(table)
    assert session.port == server.port and other.connections == []


def test_cluster__public_names(server, other, cluster):
    names = expected.vector(keys.DT_STRING, ["127.0.0.1;10.0.0.1", "localhost"])
    table = performance((server.port, 50), (other.port, 5), publicName=names)
    session = cluster(table, sites=False, usePublicName=True)
    assert (session.host, session.port) == ("localhost", other.port)


@pytest.mark.parametrize("answer", [reply(status=b"no such function")], ids=["error"])
def test_cluster__that_does_not_answer_is_used_all_the_same(answer, server, cluster):
    session = cluster(answer)
    assert session.port == server.port


def test_cluster__the_next_node_after_a_fault(server, other, cluster):
    session = cluster(performance((server.port, 5), (other.port, 50)))
    other.default = VOID
    server.connection(0).close()
    moved(session)
    assert session.port == other.port and session.stats.reconnects == 1


@pytest.mark.parametrize("alias", [b"", b":node1"])
@pytest.mark.parametrize("available", [True, False])
def test_not_leader__goes_where_the_server_says(alias, available, server, other, connected, cluster):
    """In a cluster and, as in the official client, with reconnect alone."""
    session = cluster(performance((server.port, 5), (other.port, 50))) if available else connected()
    other.default = reply(expected.scalar(7))
    server.connection(0).replies.append(reply(status=b"<NotLeader>127.0.0.1:%d%b" % (other.port, alias)))
    assert session.run("tableInsert{t}", FRAME) == 7
    assert session.port == other.port and session.stats.reconnects == 1
    assert marks(server.connection(0))[-1] == 1 and marks(other.connection(0)) == [-1]
    assert session.run("next", 1) == 7
    assert session.stats.reconnects == 1


@pytest.mark.parametrize("status", reconnect.ELSEWHERE)
def test_not_ready__tries_another_node(status, server, other, cluster):
    session = cluster(performance((server.port, 5), (other.port, 50)))
    other.default = reply(expected.scalar(7))
    server.connection(0).replies.append(reply(status=status.encode() + b" try later"))
    assert session.run("tableInsert{t}", FRAME) == 7
    assert session.port == other.port


def test_not_ready__everywhere_is_raised_in_the_end(server, other, cluster, waits):
    session = cluster(performance((server.port, 5), (other.port, 50)))
    server.default = other.default = reply(status=b"<DataNodeNotReady>")
    with pytest.raises(ddb.ServerError, match="DataNodeNotReady"):
        session.run("f", 1)
    assert session.stats.reconnects == reconnect.MOST_REPEATS


def test_not_ready__of_a_lonely_node_is_asked_again_after_a_while(server, connected, waits):
    session = connected()
    server.connection(0).replies.append(reply(status=b"<DataNodeNotReady>"))
    server.default = reply(expected.scalar(7))
    assert session.run("f", 1) == 7
    assert len(waits) == 1 and session.stats.reconnects == 1


def test_script__of_which_the_server_refused_a_part_is_not_run_again(server, other, cluster):
    """Statements before the refused one may have run. The session goes there, the caller decides."""
    session = cluster(performance((server.port, 5), (other.port, 50)))
    other.default = VOID
    server.connection(0).replies.append(reply(status=b"<NotLeader>127.0.0.1:%d" % other.port))
    with pytest.raises(ddb.ServerError, match="NotLeader"):
        session.run("tableInsert(a, x); tableInsert(b, x)")
    assert session.port == other.port and bodies(other.connection(0)) == []
    session.run("again")


def test_script__of_which_the_server_refused_a_part_is_run_again_on_request(server, other, cluster):
    session = cluster(performance((server.port, 5), (other.port, 50)), retryWrites=True)
    other.default = VOID
    server.connection(0).replies.append(reply(status=b"<NotLeader>127.0.0.1:%d" % other.port))
    session.run("tableInsert(a, x)")
    assert bodies(other.connection(0)) == [b"script\ntableInsert(a, x)"]


@pytest.mark.parametrize("place", [b"", b"nowhere", b"a:b", b":0", b"a:70000"])
def test_not_leader__that_names_nobody_is_an_error(place, server, connected):
    session = connected()
    server.connection(0).replies.append(reply(status=b"<NotLeader>" + place))
    with pytest.raises(ddb.ServerError, match="NotLeader"):
        session.run("f", 1)
    assert len(server.connections) == 1


def test_without_reconnect__these_errors_are_errors(server):
    for status in (*reconnect.ELSEWHERE, "<NotLeader>127.0.0.1:1:x"):
        with ddb.Session() as session:
            session.connect("127.0.0.1", server.port)
            server.connections[-1].replies.append(reply(status=status.encode()))
            with pytest.raises(ddb.ServerError):
                session.run("f", 1)


def test_node__that_is_not_initialized_is_passed_over(server, other):
    server.courtesy = {**FakeServer.COURTESY, b"isNodeInitialized": FALSE}
    other.default = reply(status=b"no cluster")
    sites = [f"127.0.0.1:{one.port}" for one in (server, other)]
    with ddb.Session() as session:
        session.connect("127.0.0.1", server.port, highAvailability=True, highAvailabilitySites=sites)
        assert session.port == other.port


@pytest.mark.parametrize("sites", [["a"], ["a:x"], ["a:0"], [7], ["a:70000"]], ids=str)
def test_sites__that_are_none_are_refused(sites):
    with pytest.raises(ddb.UsageError):
        ddb.Session().connect("127.0.0.1", 1, highAvailability=True, highAvailabilitySites=sites)


@pytest.mark.parametrize("number", ["3", 1.5, True])
def test_number_of_attempts__that_is_none_is_refused(number):
    with pytest.raises(ddb.UsageError, match="tryReconnectNums"):
        ddb.Session().connect("127.0.0.1", 1, reconnect=True, tryReconnectNums=number)
