"""`fetchSize`: the same replies in blocks to both clients, and what may be done before all are read."""

from __future__ import annotations

import gc
import struct

import pytest
from support.cases import each
from support.compare import assert_same
from support.recorder import ERROR, VOID, FakeServer, Recorder, official_session, our_session, reply
from support.waiting import in_thread

import dolphindb_fast as ddb
import dolphindb_fast.settings as keys

SEVEN = reply(b"\x04\x00\x07\x00\x00\x00")


def _table(rows: int, start: int = 0) -> bytes:
    """A table of one INT column."""
    cells = struct.pack(f"<{rows}i", *range(start, start + rows))
    return b"\0\6" + struct.pack("<ii", rows, 1) + b"\0a\0" + b"\4\1" + struct.pack("<ii", rows, 1) + cells


def _blocks(*tables: bytes, rows: int | None = None, columns: int = 1) -> bytes:
    rows = len(tables) // columns if rows is None else rows
    return reply(b"\x19\1" + struct.pack("<ii", rows, columns) + b"".join(tables))


THREE = _blocks(_table(2), _table(3, 2), _table(1, 5))


class Blocks:
    """A synchronous session whose next reply is sent before it asks."""

    def __init__(self, session_class, **arguments):
        self.recorder = Recorder(session_class, connect={"readTimeout": 5}, **arguments)
        self.session = self.recorder.session

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.recorder.close()

    def run(self, answer: bytes, /, **options):
        self.recorder._answer()
        self.recorder.connection.send(answer)
        self.recorder.unrecorded = True
        return self.session.run("select * from t", **{"fetchSize": 8192, **options})

    def seven(self):
        """Whether the session can be used: the value of the next reply."""
        self.recorder._answer(SEVEN)
        return self.session.run("x")


@pytest.fixture(params=[our_session, official_session], ids=["ours", "official"])
def blocks(request):
    if request.param is official_session:
        pytest.importorskip("dolphindb")
    with Blocks(request.param) as blocks:
        yield blocks


def test_blocks__are_read_one_by_one(blocks):
    reader = blocks.run(THREE)
    assert type(reader).__name__ == "BlockReader"
    seen = []
    while reader.hasNext():
        assert reader.has_next and blocks.session.is_busy
        seen.append(reader.read()["a"].tolist())
    assert seen == [[0, 1], [2, 3, 4], [5]]
    assert not reader.has_next and not blocks.session.is_busy
    assert reader.read() is None
    assert blocks.seven() == 7


def test_blocks__are_iterated(blocks):
    assert [len(frame) for frame in blocks.run(THREE)] == [2, 3, 1]
    assert blocks.seven() == 7


def test_blocks__in_rows_and_columns(blocks):
    assert [len(frame) for frame in blocks.run(_blocks(_table(2), _table(3), columns=2, rows=1))] == [2, 3]


def test_no_block(blocks):
    reader = blocks.run(_blocks(rows=0))
    assert not reader.hasNext() and list(reader) == []
    assert reader.skipAll() is None
    assert blocks.seven() == 7


def test_blocks__of_any_kind_of_object(blocks):
    reader = blocks.run(_blocks(b"\4\0\7\0\0\0"))
    assert reader.read() == 7


def test_skipped_blocks__leave_the_session_free(blocks):
    reader = blocks.run(THREE)
    reader.read()
    assert reader.skipAll() is None
    assert not reader.hasNext() and reader.read() is None
    assert blocks.seven() == 7
    reader = blocks.run(THREE)
    reader.skip_all()
    assert blocks.seven() == 7


def test_forgotten_reader__skips_the_rest(blocks):
    reader = blocks.run(THREE)
    reader.read()
    del reader
    gc.collect()
    assert blocks.seven() == 7


CALLS = {
    "run": lambda s: s.run("x"),
    "run-function": lambda s: s.run("f", 1),
    "run-options": lambda s: s.run("x", priority=1),
    "run-blocks": lambda s: s.run("x", fetchSize=8192),
    "exec": lambda s: s.exec("x"),
    "call": lambda s: s.call("f"),
    "upload": lambda s: s.upload({"a": 1}),
    "login": lambda s: s.login("a", "b"),
    "connect": lambda s: s.connect("127.0.0.1", 1),
    "undefAll": lambda s: s.undefAll(),
}


@each("call", CALLS)
def test_other_calls__wait_for_the_last_block(call, blocks):
    reader = blocks.run(THREE)
    reader.read()
    with pytest.raises(RuntimeError, match="^Cannot execute other commands when fetching data in blocks.$"):
        CALLS[call](blocks.session)
    assert [len(frame) for frame in reader] == [3, 1]
    assert blocks.seven() == 7


def test_server_error__in_the_official_words(blocks):
    with pytest.raises(RuntimeError) as caught:
        blocks.run(ERROR)
    wanted = "<Exception> in runBlock: Server Response: 'no such function' script: select * from t"
    assert str(caught.value) == wanted


@pytest.mark.parametrize(
    "raw", [SEVEN, reply(_table(2)), reply(b"\x04\x01" + b"\x01\0\0\0" * 3)], ids=["int", "table", "vector"]
)
def test_other_replies_than_blocks__are_refused(raw, blocks):
    with pytest.raises(RuntimeError) as caught:
        blocks.run(raw)
    wanted = "<Exception> in runBlock: Fetch size can only be set when executing scripts that return a table."
    assert str(caught.value) == wanted


def test_messages__before_the_blocks(blocks):
    assert [len(frame) for frame in blocks.run(b"MSG\nhello\0" + THREE)] == [2, 3, 1]


@pytest.mark.official
@each(
    "options",
    [
        {},
        {"fetchSize": 10_000},
        {"clearMemory": True},
        {"priority": 2, "parallelism": 3},
        {"disableDecimal": True},
        {"pickleTableToList": True},
    ],
    ids=str,
)
@each("session", [{}, {"compress": True}, {"protocol": keys.PROTOCOL_ARROW}], ids=str)
def test_request__is_identical(options, session):
    pytest.importorskip("dolphindb")
    if "protocol" in session:
        pytest.importorskip("pyarrow")
    sent, frames = [], []
    for session_class in (our_session, official_session):
        with Blocks(session_class, **session) as blocks:
            frames.append(list(blocks.run(THREE, **options)))
            blocks.recorder.connection.wait(lambda received: received.endswith(b"select * from t"))
            sent.append(blocks.recorder.connection.take())
    assert sent[0] == sent[1]
    assert_same(frames[0], frames[1])


# ours alone


@pytest.fixture
def ours():
    with Blocks(our_session) as blocks:
        yield blocks


def test_refused_fetch_size__leaves_the_session_free(ours):
    with pytest.raises(ddb.UsageError):
        ours.run(b"", fetchSize=100)
    assert ours.seven() == 7


def test_asynchronous_session__has_no_blocks(recorders):
    session = recorders(our_session, enableASYNC=True).session
    with pytest.raises(ddb.UsageError, match="synchronous"):
        session.run("x", fetchSize=8192)


def test_nothing_in_reply__is_refused(ours):
    """The official client crashes."""
    with pytest.raises(ddb.ProtocolError, match="return a table"):
        ours.run(VOID)


@pytest.mark.parametrize("counts", [{"rows": -1}, {"rows": 1, "columns": -1}], ids=["rows", "columns"])
def test_negative_counts__are_refused(counts, ours):
    with pytest.raises(ddb.ProtocolError):
        ours.run(_blocks(_table(2), **counts))
    with pytest.raises(ddb.LinkError):
        ours.session.run("x")


def test_connection_lost__between_blocks(ours):
    reader = ours.run(_blocks(_table(2), rows=3))
    assert len(reader.read()) == 2
    ours.recorder.connection.close()
    with pytest.raises(ddb.LinkError):
        reader.read()
    assert not reader.hasNext() and reader.read() is None
    with pytest.raises(ddb.LinkError):
        ours.session.run("x")


def test_garbage_in_a_block__closes_the_connection(ours):
    reader = ours.run(_blocks(_table(2), b"\xff\xff" + b"\0" * 8))
    reader.read()
    with pytest.raises(ddb.ProtocolError):
        reader.read()
    with pytest.raises(ddb.LinkError):
        ours.session.run("x")
    assert not ours.session.is_busy


def test_closed_session__ends_its_reader(ours):
    reader = ours.run(THREE)
    ours.session.close()
    with pytest.raises(ddb.UsageError, match="closed"):
        reader.read()
    assert not reader.hasNext()


def test_session_connected_anew__does_not_feed_an_old_reader(ours):
    reader = ours.run(THREE)
    ours.session.close()
    with FakeServer(default=SEVEN) as server:
        ours.session.connect("127.0.0.1", server.port)
        assert ours.session.run("x") == 7
        server.connection().replies.append(THREE)
        other = ours.session.run("x", fetchSize=8192)
        with pytest.raises(ddb.UsageError, match="closed"):
            reader.read()
        assert [len(frame) for frame in other] == [2, 3, 1]
        ours.session.close()


def test_other_thread__is_refused_as_well(ours):
    reader = ours.run(THREE)
    with pytest.raises(ddb.UsageError, match="in blocks"):
        in_thread(lambda: ours.session.run("x")).result()
    assert in_thread(lambda: len(reader.read())).result() == 2
    reader.skipAll()


def test_raw_blocks__are_neutral(ours):
    for block in ours.run(THREE, raw=True):
        assert type(block).__name__ == "Table"


def test_many_blocks__are_read_without_gathering(ours):
    count = 3000
    sender = in_thread(lambda: ours.recorder.connection.send(_blocks(*[_table(10)] * count)))
    total = sum(len(frame) for frame in ours.run(b""))
    sender.result()
    assert total == 10 * count
