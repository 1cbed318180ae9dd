"""Replies in blocks: their bytes, and both clients' block readers."""

from __future__ import annotations

import pytest
from support import replies
from support.compare import assert_same
from support.raw_client import Client
from support.recorder import official_session
from support.server_process import server_process

import dolphindb_fast as ddb
from dolphindb_fast.localserver import LocalServer

ROWS = 20_000
SCRIPT = (
    "t = table(1..20000 as i, string(1..20000) as s, symbol(string((1..20000) % 3)) as y,"
    " 2020.01.01 + ((1..20000) % 100) as d, decimal64(1..20000, 2) as m,"
    " arrayVector((1..20000) * 2, 1..40000) as r)"
)


@pytest.fixture(scope="module")
def server():
    with LocalServer() as server:
        yield server


@pytest.fixture
def client(server):
    with Client(server) as client:
        yield client


def tables(*parts):
    return [replies.table({"a": replies.vector("INT", part)}, len(part)) for part in parts]


@pytest.mark.parametrize(
    "script, size, blocks",
    [
        ("t = table(1 2 3 4 5 as a); t", 2, tables([1, 2], [3, 4], [5])),
        ("t = table(1 2 3 4 as a); select * from t where a > 1", 10000, tables([2, 3, 4])),
        ("table(1 2 3 4 as a)", 2, tables([1, 2], [3, 4])),
        ("table(1:0, `a, [INT])", 2, tables([])),
    ],
)
def test_blocks__are_an_any_vector_of_tables(client, script, size, blocks):
    assert client.script(script, tail=b"__%d" % size) == (client.session + b" 1 1\n", b"OK\n")
    expected = replies.any_vector(blocks)
    assert client.read(expected).hex(" ") == expected.hex(" ")
    assert client.script("x = 1") == (client.session + b" 0 1\n", b"OK\n")


def test_symbols__each_block_has_its_base(client):
    client.script("table(symbol(`a`b`b) as s)", tail=b"__2")
    first = replies.table({"s": replies.symbol_base(0, ["", "a", "b"], [1, 2])}, 2)
    second = replies.table({"s": replies.symbol_base(0, ["", "b"], [1])}, 1)
    expected = replies.any_vector([first, second])
    assert client.read(expected).hex(" ") == expected.hex(" ")


def test_anything_but_a_table__comes_whole(client):
    assert client.script("7", tail=b"__10000") == (client.session + b" 1 1\n", b"OK\n")
    assert client.read(b"x" * 6) == replies.scalar("INT", 7)
    assert client.script("x = 1", tail=b"__10000") == (client.session + b" 0 1\n", b"OK\n")


def test_error__is_a_line_as_ever(client):
    assert client.script("nothing", tail=b"__10000")[1].startswith(b"Cannot recognize the token nothing")


@pytest.mark.official
def test_both_clients__read_the_same_blocks():
    pytest.importorskip("dolphindb")
    with server_process() as login:
        readers, sessions = [], [ddb.Session(), official_session()]
        for session in sessions:
            session.connect(*login)
            session.run(SCRIPT)
            readers.append(session.run("select * from t", fetchSize=8192))
        ours, theirs = readers
        sizes = []
        while theirs.hasNext():
            assert ours.hasNext()
            block = theirs.read()
            assert_same(ours.read(), block)
            sizes.append(len(block))
        assert not ours.hasNext()
        assert sizes == [8192, 8192, ROWS - 2 * 8192]
        for session in sessions:
            reader = session.run("select * from t", fetchSize=10000)
            reader.read()
            reader.skipAll()
            assert session.run("1 + 1") == 2
            with pytest.raises(RuntimeError, match="Fetch size can only be set when executing scripts that"):
                session.run("1 + 1", fetchSize=8192)
            session.close()
