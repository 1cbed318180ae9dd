"""The local server byte by byte: handshakes, replies, printed lines, uploads, hostile input."""

from __future__ import annotations

import contextlib
import logging
import socket
import struct

import pytest
from support.local_server import LocalServer
from support.raw_client import Client, connected
from support.recorder import DEADLINE
from support.server_process import restartable_server
from support.waiting import eventually

import dolphindb_fast as ddb

INT_7 = bytes.fromhex("040007000000")
STRING_A = b"\x12\x00a\x00"


class TestHandshake:
    def test_guest__no_object(self, server):
        with connected(server) as (raw, stream):
            raw.sendall(b"API 0 8 / 32_1_4_2\nconnect\n")
            session, objects, endian = stream.readline().split()
            assert (session.isdigit(), objects, endian) == (True, b"0", b"1")
            assert stream.readline() == b"OK\n"

    def test_login__answers_true(self, server):
        with (
            socket.create_connection((server.host, server.port), DEADLINE) as raw,
            raw.makefile("rb") as stream,
        ):
            raw.sendall(b"API 0 32 / 32_1_4_2\nconnect\nlogin\nadmin\n123456\nfalse")
            assert stream.readline().split()[1:] == [b"1", b"1"]
            assert stream.readline() == b"OK\n"
            assert stream.read(3) == b"\x01\x00\x01"

    def test_wrong_password__refused_and_closed(self, server):
        with (
            socket.create_connection((server.host, server.port), DEADLINE) as raw,
            raw.makefile("rb") as stream,
        ):
            raw.sendall(b"API 0 31 / 32_1_4_2\nconnect\nlogin\nadmin\nwrong\nfalse")
            stream.readline()
            assert stream.readline() == b"The user name or password is incorrect.\n"
            assert stream.read() == b""

    def test_user_without_name__is_guest(self, server):
        with Client(server, b"API 0 21 / 36_1_4_2\nconnect\nlogin\n\n\nfalse") as client:
            assert client.stream.read(3) == b"\x01\x00\x01"

    @pytest.mark.parametrize(
        "request_bytes",
        [
            b"GET / HTTP/1.1\r\n\r\n",
            b"API 0 8 / 32_1_4_2\nconnekt\n",
            b"API2 1 10 / 32_1_4_64__0\nscript\n1+1",
            b"API 0 99999999999999999999 / 32_1_4_2\n",
            b"API 0 8 / 32_1_4_2\nconnect\n" + b"API 0 8 / 32_1_4_2\nconnect\n",
            b"\0" * 5000,
            b"A" * 100_000,
        ],
    )
    def test_anything_else__ends_the_connection(self, server, request_bytes):
        with connected(server) as (raw, stream), contextlib.suppress(ConnectionError):
            raw.sendall(request_bytes)
            stream.read()
        with Client(server) as other:
            assert other.script("1") == (other.session + b" 1 1\n", b"OK\n")


class TestReplies:
    def test_scalar(self, client):
        assert client.script("3+4") == (client.session + b" 1 1\n", b"OK\n")
        assert client.stream.read(6) == INT_7

    def test_void(self, client):
        assert client.script("x = 1") == (client.session + b" 0 1\n", b"OK\n")

    def test_error__is_one_line_without_object(self, client):
        head, status = client.script('throw "two\\nlines"')
        assert head == client.session + b" 0 1\n"
        assert status == b"two lines\n"
        assert client.script("3+4")[1] == b"OK\n"

    def test_symbols__come_with_a_base(self, client):
        client.script("symbol(`b`a``b)")
        expected = "9101 04000000 01000000 00000000 03000000 00 6200 6100 01000000 02000000 00000000 01000000"
        assert client.stream.read(len(bytes.fromhex(expected))) == bytes.fromhex(expected)

    def test_table(self, client):
        client.script("table(1 2 as a)")
        expected = bytes.fromhex("0006 02000000 01000000 00 6100 0401 02000000 01000000 01000000 02000000")
        assert client.stream.read(len(expected)) == expected

    def test_long_symbols_and_many__keep_their_order(self, client):
        client.script("symbol(`abcdefghijkl`b`abcdefghijkl)")
        expected = b"\x91\x01" + struct.pack("<iiii", 3, 1, 0, 3) + b"\0abcdefghijkl\0b\0"
        expected += struct.pack("<iii", 1, 2, 1)
        assert client.stream.read(len(expected)) == expected

    def test_printed_lines__precede_the_header(self, client):
        client.send(b"script\nprint('one');print(1 2);3+4")
        assert client.stream.read(len(b"MSG\none\0MSG\n[1,2]\0")) == b"MSG\none\0MSG\n[1,2]\0"
        assert client.reply() == (client.session + b" 1 1\n", b"OK\n")
        assert client.stream.read(6) == INT_7

    def test_printed_lines__precede_an_error_too(self, client):
        client.send(b"script\nprint('one');nothing")
        assert client.stream.read(8) == b"MSG\none\0"
        assert client.reply()[1].startswith(b"Cannot recognize the token nothing")

    def test_function__with_arguments(self, client):
        client.send(b"function\ndef(x, y): x + y\n2\n1", INT_7 + INT_7)
        assert client.reply()[1] == b"OK\n"
        assert client.stream.read(6) == bytes.fromhex("04000e000000")

    def test_variables__are_there_for_later_scripts(self, client):
        client.send(b"variable\na,b\n2\n1", INT_7 + STRING_A)
        assert client.reply() == (client.session + b" 0 1\n", b"OK\n")
        client.script("a + 0")
        assert client.stream.read(6) == INT_7
        client.script("b")
        assert client.stream.read(4) == STRING_A

    def test_cleared_memory__forgets_them(self, client):
        client.send(b"variable\na\n1\n1", INT_7)
        client.reply()
        assert client.script("y = a", flags=48)[1] == b"OK\n"
        assert client.script("a")[1].startswith(b"Cannot recognize the token a")

    def test_every_header_variant__is_read(self, client):
        for tail in (b"", b"__0", b"__0__0a1b-2c_17"):
            assert client.script("1", tail=tail)[1] == b"OK\n"
            client.stream.read(6)

    def test_node_questions(self, client):
        client.send(b"function\ngetRequiredAPIVersion\n0\n1")
        assert client.reply() == (client.session + b" 0 1\n", b"OK\n")
        client.send(b"function\nisNodeInitialized\n0\n1")
        assert client.reply() == (client.session + b" 1 1\n", b"OK\n")
        assert client.stream.read(3) == b"\x01\x00\x01"

    @pytest.mark.parametrize(
        "flags, tail, name",
        [(2080, b"__0", b"language"), (524320, b"__0", b"dialect")],
    )
    def test_other_languages__are_refused(self, client, flags, tail, name):
        status = client.script("1", flags=flags, tail=tail)[1]
        assert name in status and b"not part of the local server's subset" in status
        assert client.script("1")[1] == b"OK\n"

    def test_foreign_session__is_refused(self, client):
        own, client.session = client.session, b"1"
        assert client.script("1") == (own + b" 0 1\n", b"the session id is " + own + b"\n")


class TestAsynchronous:
    def test_nothing_is_ever_answered(self, server):
        with Client(server, b"API 0 8 / 36_1_4_2\nconnect\n") as client:
            for text in (b"1+1", b"print('x')", b"throw 'x'", b"syntax error here"):
                client.send(b"script\n" + text, flags=36)
            client.send(b"script\n3+4")
            assert client.reply() == (client.session + b" 1 1\n", b"OK\n")
            assert client.stream.read(6) == INT_7
        assert [task.error for task in server.failed_tasks][0] == "x"
        assert all(task.asynchronous for task in server.failed_tasks)

    def test_failures__are_listed_counted_and_logged(self, server, caplog):
        with caplog.at_level(logging.WARNING, logger="dolphindb_fast.localserver"), Client(server) as client:
            client.send(b"function\nnothing{1}\n1\n1", INT_7, flags=36)
            client.script("throw 'sync'")
            eventually(lambda: server.counters.failures == 2)
        asynchronous, synchronous = server.failed_tasks
        assert asynchronous.task == "nothing{1}"
        assert "token nothing" in asynchronous.error
        assert (asynchronous.asynchronous, synchronous.asynchronous) == (True, False)
        assert [record.levelname for record in caplog.records] == ["WARNING"]
        assert "nothing{1}" in caplog.text

    def test_the_list_is_bounded(self, server):
        with Client(server) as client:
            for _ in range(1100):
                client.send(b"script\nthrow 'x'", flags=36)
            client.script("1")
        assert server.counters.failures == 1100
        assert len(server.failed_tasks) == 1000


class TestHostileInput:
    @pytest.mark.parametrize(
        "body, objects",
        [
            (b"", b""),
            (b"nonsense\nx", b""),
            (b"function\nsize", b""),
            (b"function\nsize\n1\n0", INT_7),
            (b"function\nsize\n99999999\n1", b""),
            (b"function\nsize\nx\n1", b""),
            (b"script\n\xff\xfe", b""),
            (b"function\nsize\n1\n1", b"\xff\xff\xff\xff"),
            (b"function\nsize\n1\n1", b"\x04\x01\xff\xff\xff\xff\x01\x00\x00\x00"),
            (b"function\nsize\n1\n1", b"\x00\x06\x01\x00\x00\x00\xff\xff\xff\x7f\x00"),
        ],
    )
    def test_malformed_request__ends_this_connection_only(self, server, body, objects):
        with Client(server) as client, Client(server) as other:
            client.send(body, objects)
            assert client.ended()
            assert other.script("1")[1] == b"OK\n"
        eventually(lambda: not server._live)

    def test_vector_that_never_comes__takes_no_memory_and_ends(self, server):
        with Client(server) as client:
            client.send(b"function\nsize\n1\n1", b"\x05\x01\xff\xff\xff\x7f\x01\x00\x00\x00")
            client.socket.shutdown(socket.SHUT_WR)
            assert client.ended()

    @pytest.mark.parametrize(
        "script",
        [
            "(" * 100_000,
            "-" * 20_000,
            "if(1) " * 3_000,
            "`" * 10_000,
            "1..2147483647",
            "x." * 10_000,
            "\0\1\2",
        ],
    )
    def test_wild_scripts__get_an_error_line(self, server, script):
        with Client(server) as client:
            head, status = client.script(script)
            assert head.startswith(client.session)
            if status == b"OK\n":
                client.stream.read1(1 << 20)
            client.send(b"script\n3+4")
            eventually(lambda: INT_7 in client.stream.read1(1 << 20))

    def test_bytes_one_at_a_time__are_a_request(self, server):
        with Client(server) as client:
            body = b"function\nsize\n1\n1"
            for byte in b"API2 %s %d / 32_1_4_64__0\n" % (client.session, len(body)) + body + INT_7:
                client.socket.sendall(bytes([byte]))
            assert client.reply()[1] == b"OK\n"

    def test_client_that_goes_away_mid_request__is_forgotten(self, server):
        client = Client(server)
        client.socket.sendall(b"API2 %s 100 / 32_1_4_64__0\nscript\n1+" % client.session)
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.stream.close()
        client.socket.close()
        eventually(lambda: not server._live)
        with Client(server) as other:
            assert other.script("1")[1] == b"OK\n"

    def test_argument_of_a_type_without_place__gets_an_error_line(self, server):
        with Client(server) as client:
            client.send(b"function\ntableInsert{table(1:0, `a, [INT])}\n1\n1", STRING_A)
            assert b"column 'a': STRING can't be appended to INT" in client.reply()[1]


class TestLife:
    @pytest.fixture
    def server(self):
        with restartable_server() as server:
            yield server

    def test_stop__ends_connections_and_may_be_repeated(self, server):
        with Client(server) as client:
            server.run("share table(1 2 as a) as kept")
            server.stop()
            server.stop()
            assert client.ended()
        assert server.rows("kept") == 2
        with pytest.raises(OSError):
            socket.create_connection((server.host, server.port), DEADLINE)

    def test_stop__with_a_client_that_does_not_read(self, server):
        with Client(server) as client:
            client.send(b"script\n1..5000000")
            eventually(lambda: server.counters.requests == 1)
            server.stop()
            assert not server._live

    def test_restart__on_the_same_port(self, server):
        port = server.port
        server.stop()
        with server, Client(server) as client:
            assert server.port == port
            assert client.script("1")[1] == b"OK\n"

    def test_start_twice__is_refused(self, server):
        with pytest.raises(ddb.UsageError, match="runs already"):
            server.start()

    def test_port_in_use__is_an_oserror(self, server):
        with pytest.raises(OSError):
            LocalServer(port=server.port).start()

    def test_many_connections__insert_side_by_side(self, server):
        server.run("share streamTable(1:0, `a`b, [INT,SYMBOL]) as t")
        clients = [Client(server) for _ in range(20)]
        request = b"function\ntableInsert{t}\n2\n1"
        for _ in range(25):
            for client in clients:
                client.send(request, INT_7 + STRING_A, flags=36)
        eventually(lambda: server.rows("t") == 500)
        assert server.counters.connections == 20
        assert server.counters.rows == 500
        for client in clients:
            client.stream.close()
            client.socket.close()
        eventually(lambda: not server._live)
        assert server.counters.requests == 500
        assert server.table("t")["b"].unique().tolist() == ["a"]
