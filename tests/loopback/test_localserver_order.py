"""Settings of the local server for tests: order of tasks, pauses, prepared replies, counts."""

from __future__ import annotations

import time

import pytest
from support import replies
from support.local_server import LocalServer
from support.raw_client import Client
from support.recorder import DEADLINE
from support.waiting import eventually, in_thread

import dolphindb_fast as ddb

TABLE = "share streamTable(1:0, `i, [INT]) as t"
ASYNCHRONOUS = b"API 0 8 / 36_1_4_2\nconnect\n"


def server_with(**settings):
    server = LocalServer(**settings)
    server.run(TABLE)
    return server


def insert(client, numbers, flags=36):
    for number in numbers:
        client.send(b"function\ntableInsert{t}\n1\n1", replies.scalar("INT", number), flags=flags)


class TestOrder:
    def test_sequential__as_they_came(self):
        with server_with() as server, Client(server, ASYNCHRONOUS) as client:
            insert(client, range(200))
            eventually(lambda: server.rows("t") == 200)
            assert server.table("t")["i"].tolist() == list(range(200))

    def test_shuffled__all_run_in_another_order(self):
        with server_with(order="shuffled") as server, Client(server, ASYNCHRONOUS) as client:
            insert(client, range(200))
            eventually(lambda: server.rows("t") == 200)
            found = server.table("t")["i"].tolist()
            assert sorted(found) == list(range(200))
            # equal by chance once in 200! runs
            assert found != list(range(200))

    def test_shuffled__a_synchronous_request_does_not_wait_for_earlier_tasks(self):
        with server_with(order="shuffled") as server, Client(server) as client:
            with server.paused():
                # while this one waits, the others gather behind it
                client.send(b"script\nx = 1")
                insert(client, range(3))
                client.send(b"script\nexec count(*) from t")
            assert client.reply()[1] == b"OK\n"
            assert client.reply() == (client.session + b" 1 1\n", b"OK\n")
            assert client.read(b"x" * 6) == replies.scalar("INT", 0)
            eventually(lambda: server.rows("t") == 3)

    def test_shuffled__tasks_of_a_client_that_left_still_run(self):
        with server_with(order="shuffled") as server:
            with Client(server, ASYNCHRONOUS) as client:
                insert(client, range(50))
            eventually(lambda: server.rows("t") == 50)
            eventually(lambda: server.open_connections == 0)

    def test_unanswered__synchronous_requests_on_an_asynchronous_connection(self):
        server = server_with(order="unanswered")
        with server, Client(server, ASYNCHRONOUS) as client, Client(server) as other:
            insert(client, range(3), flags=32)
            client.send(b"script\nnothing")
            eventually(lambda: server.rows("t") == 3 and server.failed_tasks)
            assert server.failed_tasks[0].asynchronous
            assert other.script("1")[1] == b"OK\n"
            server.stop()
            assert client.stream.read() == b""

    def test_setting__may_change_while_running(self):
        with server_with() as server, Client(server, ASYNCHRONOUS) as client:
            server.order = "unanswered"
            client.send(b"script\n1")
            insert(client, [1], flags=32)
            eventually(lambda: server.rows("t") == 1)
            server.order = "sequential"
            assert client.script("1 + 1") == (client.session + b" 1 1\n", b"OK\n")
            assert client.read(b"x" * 6) == replies.scalar("INT", 2)

    @pytest.mark.parametrize("settings", [{"order": "backwards"}, {"delay": -1}, {"delay": float("nan")}])
    def test_unknown_settings__are_refused(self, settings):
        with pytest.raises(ddb.UsageError, match=next(iter(settings))):
            LocalServer(**settings)


class TestDelays:
    def test_paused__nothing_runs_until_the_block_ends(self):
        with server_with() as server, Client(server) as client:
            with server.paused():
                insert(client, range(5))
                reply = in_thread(lambda: client.script("exec count(*) from t"))
                # connections are still made
                with Client(server):
                    eventually(lambda: server.open_connections == 2)
                assert reply.running
                assert server.rows("t") == 0
            assert reply.result()[1] == b"OK\n"
            assert client.read(b"x" * 6) == replies.scalar("INT", 5)

    def test_stop__does_not_wait_for_a_pause_or_a_delay(self):
        start = time.monotonic()
        with server_with(delay=10 * DEADLINE) as server, server.paused():
            client = Client(server)
            client.send(b"script\n1")
            eventually(lambda: server.counters.requests == 1)
            server.stop()
            client.__exit__()
        assert time.monotonic() - start < DEADLINE

    def test_delay__before_each_request(self):
        with server_with(delay=0.05) as server, Client(server) as client:
            start = time.monotonic()
            for _ in range(3):
                assert client.script("x = 1")[1] == b"OK\n"
            assert time.monotonic() - start >= 0.15


class TestPreparedReplies:
    def test_refusal__once_for_the_request_that_begins_so(self):
        with server_with() as server, Client(server) as client:
            server.refuse("tableInsert", "<NotLeader>127.0.0.1:8849:node2")
            assert client.script("1 + 1")[1] == b"OK\n"
            client.read(b"x" * 6)
            insert(client, [1], flags=32)
            assert client.reply() == (client.session + b" 0 1\n", b"<NotLeader>127.0.0.1:8849:node2\n")
            assert server.rows("t") == 0
            assert server.failed_tasks[0].error == "<NotLeader>127.0.0.1:8849:node2"
            insert(client, [1], flags=32)
            assert client.reply()[1] == b"OK\n"
            assert server.rows("t") == 1

    def test_refusals__as_often_as_said_in_their_order(self):
        with server_with() as server, Client(server) as client:
            server.refuse("1", "first", times=2)
            server.refuse("1", "then\nlast")
            seen = [client.script("1")[1] for _ in range(4)]
            assert seen == [b"first\n", b"first\n", b"then last\n", b"OK\n"]

    def test_answer__any_value_without_running(self):
        with server_with() as server, Client(server) as client:
            server.answer("rpc(getControllerAlias(), getClusterPerf)", {"a": 1})
            assert client.script("rpc(getControllerAlias(), getClusterPerf)")[1] == b"OK\n"
            expected = replies.dictionary(replies.vector("STRING", ["a"]), replies.vector("LONG", [1]))
            assert client.read(expected) == expected

    def test_handshakes__can_be_refused(self):
        with server_with() as server:
            server.refuse("connect", "too many connections")
            session = ddb.Session()
            with pytest.raises(ddb.ConnectError, match="too many connections"):
                session.connect(server.host, server.port)
            session.connect(server.host, server.port)
            session.close()

    def test_node_that_is_not_ready__is_seen_by_clients(self):
        with server_with() as server:
            server.answer("isNodeInitialized", False)
            session = ddb.Session()
            with pytest.raises(ddb.ConnectError):
                session.connect(server.host, server.port)
            session.close()

    def test_asynchronous_task__refused_silently(self):
        with server_with() as server, Client(server, ASYNCHRONOUS) as client:
            server.refuse("tableInsert", "no")
            insert(client, [1, 2])
            eventually(lambda: server.rows("t") == 1)
            assert server.table("t")["i"].tolist() == [2]
            assert server.failed_tasks[0].asynchronous


def test_counts__of_connections():
    with server_with() as server:
        assert server.open_connections == 0
        with Client(server), Client(server):
            assert server.open_connections == 2
        eventually(lambda: server.open_connections == 0)
        assert server.counters.connections == 2
