"""Replies under PROTOCOL_ARROW: streams are read straight from the connection and not beyond their end."""

from __future__ import annotations

import gc
import io
import random
import weakref

import pytest
from support.compare import assert_same
from support.recorder import DEADLINE, ERROR, VOID, Recorder, official_session, our_session, reply
from support.waiting import Late, unhurried

import dolphindb_fast as ddb
import dolphindb_fast.settings as keys


def test_without_pyarrow__it_is_refused_by_name():
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        with pytest.raises(ddb.NotSupported, match="pip install pyarrow"):
            ddb.Session(protocol=keys.PROTOCOL_ARROW)
    else:
        ddb.Session(protocol="arrow").close()


pa = None
SEVEN = reply(b"\x04\x00\x07\x00\x00\x00")


@pytest.fixture
def ours():
    global pa
    pa = pytest.importorskip("pyarrow")
    with Recorder(our_session, protocol=keys.PROTOCOL_ARROW, connect={"readTimeout": DEADLINE}) as recorder:
        yield recorder


def _stream(table, rows=2) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=rows)
    return sink.getvalue()


def _tables():
    numbers = pa.table({"a": [1, 2, 3], "b": ["x", None, "größe"]})
    return {
        "several-batches": numbers,
        "empty": numbers.slice(0, 0),
        "dictionary": pa.table({"s": pa.array(["a", "b", "a"]).dictionary_encode()}),
        "lists": pa.table({"l": [[1, 2], [], None]}),
        "large": pa.table({"x": list(range(200_000))}),
    }


@pytest.mark.parametrize("name", ["several-batches", "empty", "dictionary", "lists", "large"])
def test_table__is_the_arrow_table(name, ours):
    table = _tables()[name]
    result = ours.result(reply(b"\0\x26" + _stream(table, 70_000)))
    assert type(result) is pa.Table and result.equals(table)
    assert ours.result(SEVEN) == 7


@pytest.mark.official
@pytest.mark.parametrize("head", [b"\0\x26", b"\x08\x26", b"\4\x21", b"\4\x20"], ids=bytes.hex)
def test_stream__is_read_as_the_official_client_does(head, ours):
    pytest.importorskip("dolphindb")
    raw = reply(head + _stream(_tables()["several-batches"]))
    with Recorder(official_session, protocol=keys.PROTOCOL_ARROW, connect={"readTimeout": DEADLINE}) as theirs:
        for options in ({}, {"pickleTableToList": True}):
            one, other = ours.result(raw, **options), theirs.result(raw, **options)
            assert type(one) is type(other) and one.equals(other)
            assert [c.num_chunks for c in one.columns] == [c.num_chunks for c in other.columns]


OTHERS = {
    "int": b"\4\0\7\0\0\0",
    "text": b"\x12\0abc\0",
    "vector": b"\4\1\2\0\0\0\1\0\0\0\1\0\0\0\2\0\0\0",
    "long-vector": b"\5\1\0\0\2\0\1\0\0\0" + bytes(8 << 17),
    "table": b"\0\6\1\0\0\0\1\0\0\0\0a\0\4\1\1\0\0\0\1\0\0\0\1\0\0\0",
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_objects__come_as_ever(name, ours, ours_sync):
    raw = reply(OTHERS[name])
    assert_same(ours.result(raw), ours_sync.result(raw))
    assert ours.result(VOID) is None
    with pytest.raises(ddb.ServerError):
        ours.result(ERROR)
    assert ours.result(SEVEN) == 7


@pytest.mark.parametrize("end", [20, 100, -8, -4])
def test_cut_stream__is_a_lost_connection(end, ours):
    stream = _stream(_tables()["several-batches"])
    ours._answer(reply(b"\0\x26" + stream[:end]))
    connection = ours.connection
    from support.waiting import in_thread

    call = in_thread(lambda: ours.session.run("x"))
    connection.wait(lambda received: received.endswith(b"script\nx"))
    connection.close()
    with pytest.raises(ddb.LinkError):
        call.result()
    with pytest.raises(ddb.LinkError):
        ours.session.run("x")


def test_stream_that_stops__is_a_time_out():
    global pa
    pa = pytest.importorskip("pyarrow")

    def attempt(seconds):
        try:
            recorder = Recorder(our_session, protocol=keys.PROTOCOL_ARROW, connect={"readTimeout": seconds})
        except ddb.LinkError:
            raise Late from None
        with recorder:
            with pytest.raises(ddb.SendTimeout):
                recorder.result(reply(b"\0\x26" + _stream(_tables()["several-batches"])[:-20]))
            with pytest.raises(ddb.LinkError):
                recorder.session.run("x")

    unhurried(attempt)


def test_garbage__is_a_protocol_error(ours):
    with pytest.raises((ddb.ProtocolError, ddb.LinkError)):
        ours.result(reply(b"\0\x26" + b"\xff\xff\xff\xff\x10\0\0\0" + b"garbage " * 20))
    with pytest.raises(ddb.LinkError):
        ours.session.run("x")


@pytest.mark.parametrize("seed", range(40))
def test_changed_streams__never_crash(seed, ours):
    random_ = random.Random(seed)
    stream = bytearray(_stream(_tables()[random_.choice(["several-batches", "dictionary", "lists"])]))
    for _ in range(random_.randint(1, 4)):
        stream[random_.randrange(len(stream))] = random_.randrange(256)
    from dolphindb_fast._decode import Reader
    from dolphindb_fast.arrow import read_reply

    file = io.BytesIO(b"\0\x26" + stream)
    try:
        table = read_reply(Reader(file.readinto))
    except (ddb.ProtocolError, EOFError):
        return
    table.to_pydict()


def test_session__is_freed_at_once(ours):
    session = our_session(protocol=keys.PROTOCOL_ARROW)
    seen = weakref.ref(session)
    gc.disable()
    try:
        del session
        assert seen() is None
    finally:
        gc.enable()


def test_nothing_beyond_the_end__is_asked_for():
    global pa
    pa = pytest.importorskip("pyarrow")
    from dolphindb_fast.arrow import _File, _read_table

    class Counting:
        """A reader that hands out exactly what it is asked for."""

        def __init__(self, data):
            self.file = io.BytesIO(data)

        def read_bytes(self, size):
            data = self.file.read(size)
            if len(data) < size:
                raise EOFError
            return data

    reader = Counting(_stream(_tables()["several-batches"]) + b"next")
    assert _File(reader).readable()
    assert _read_table(reader).num_rows == 3
    assert reader.file.read() == b"next"
