"""The same reply bytes given to both clients: what they return must be the same, to the dtype."""

from __future__ import annotations

import struct

import pytest
from support import expected
from support.compare import assert_same
from support.recorder import SESSION, official_session, our_session, reply

import dolphindb_fast as ddb
import dolphindb_fast.settings as keys

pytestmark = pytest.mark.official

#: cells of each type: ordinary ones, the ends of the range, what looks like another type's NULL
CELLS = {
    "VOID": [None],
    "BOOL": [1, 0],
    "CHAR": [0, 65, -127, 127],
    "SHORT": [0, -32767, 32767, 128],
    "INT": [0, -(2**31) + 1, 2**31 - 1, 32768],
    "LONG": [0, -(2**63) + 1, 2**63 - 1, 2**53 + 1],
    "DATE": [0, 18262, -1, 2932896],
    "MONTH": [24240, 23640, 23639, 12 * 2000],
    "TIME": [0, 1, 86_399_999],
    "MINUTE": [0, 1, 1439],
    "SECOND": [0, 1, 86_399],
    "DATETIME": [0, -1, 2**31 - 1, 1_600_000_000],
    "TIMESTAMP": [0, -1, 1_600_000_000_123],
    "NANOTIME": [0, 1, 86_399_999_999_999],
    "NANOTIMESTAMP": [0, -1, 1_600_000_000_123_456_789],
    "FLOAT": [0.0, 1.5, -2.25, float("inf"), float("nan")],
    "DOUBLE": [0.0, 1.5, -1e300, -0.0, float("-inf"), float("nan")],
    "STRING": ["a", "größe", "漢字", "😀", "x" * 5000],
    "SYMBOL": ["a", "b", "a", "größe"],
    "DATEHOUR": [0, -1, 400_000],
}
TYPES = {name: getattr(keys, f"DT_{name}") for name in CELLS}
ROWS = {
    "plain": lambda cells: cells,
    "one": lambda cells: cells[:1],
    "nulls": lambda cells: [None, *cells, None],
    "allnull": lambda cells: [None, None],
    "empty": lambda cells: [],
    "many": lambda cells: cells * 500,
}


def _vector(name: str, cells: list) -> bytes:
    if name == "VOID":
        # a VOID vector has no cells on the wire
        return expected.vector(0, cells)[:10]
    return expected.vector(TYPES[name], cells)


def _both(ours_sync, official_sync, payload: bytes) -> None:
    theirs = official_sync.result(reply(payload))
    assert_same(ours_sync.result(reply(payload)), theirs)


@pytest.mark.parametrize("name", CELLS)
def test_scalar(name, ours_sync, official_sync):
    for cell in [*CELLS[name], None]:
        payload = b"\0\0\0" if name == "VOID" else expected.scalar(cell, TYPES[name])
        if isinstance(cell, float) and (cell != cell or cell in (float("inf"), -float("inf"))):
            payload = bytes((TYPES[name], 0)) + struct.pack("<f" if name == "FLOAT" else "<d", cell)
        _both(ours_sync, official_sync, payload)


def test_scalar__explicit_null(ours_sync, official_sync):
    _both(ours_sync, official_sync, b"\0\0\1")


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("name", [name for name in CELLS if name != "VOID"])
def test_vector(name, rows, ours_sync, official_sync):
    _both(ours_sync, official_sync, _vector(name, ROWS[rows](CELLS[name])))


def test_vector__of_void_is_none_where_the_official_client_reads_garbage(ours_sync):
    assert ours_sync.result(reply(_vector("VOID", [None, None]))).tolist() == [None, None]


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("name", [name for name in CELLS if name != "VOID"])
def test_table(name, rows, ours_sync, official_sync):
    cells = ROWS[rows](CELLS[name])
    columns = {"a": _vector(name, cells), "b": expected.vector(keys.DT_INT, list(range(len(cells))))}
    _both(ours_sync, official_sync, expected.table(columns, len(cells)))


@pytest.mark.parametrize("rows", ROWS)
def test_symbols__vector_with_its_base(rows, ours_sync, official_sync):
    cells = ROWS[rows](CELLS["SYMBOL"])
    _both(ours_sync, official_sync, expected.symbols(cells))
    _both(ours_sync, official_sync, expected.table({"s": expected.symbols(cells)}, len(cells)))


def _symbols(base: int, words: list[str], indices: list[int]) -> bytes:
    head = struct.pack("<BBiiii", 145, 1, len(indices), 1, base, len(words))
    return (
        head + b"".join(word.encode() + b"\0" for word in words) + struct.pack(f"<{len(indices)}i", *indices)
    )


def test_symbols__base_sent_once_and_used_again(ours_sync, official_sync):
    columns = {
        "a": _symbols(7, ["", "x", "y"], [2, 1, 0]),
        "b": _symbols(7, [], [1, 1, 2]),
        "c": _symbols(3, ["", "p"], [1, 0, 1]),
        "d": _symbols(7, [], [0, 0, 1]),
    }
    _both(ours_sync, official_sync, expected.table(columns, 3))


def test_symbols__without_rows_but_with_a_base(ours_sync, official_sync):
    _both(ours_sync, official_sync, _symbols(0, ["", "x"], []))


def _every_type() -> bytes:
    columns = {
        name: _vector(name, [None, *CELLS[name][:2]][:3]) for name in CELLS if name not in ("VOID", "BOOL")
    }
    columns = {
        name: vector for name, vector in columns.items() if struct.unpack_from("<i", vector, 2)[0] == 3
    }
    columns["größe"] = expected.symbols(["x", None, "y"])
    return expected.table(columns, 3, name="its own name")


def test_table__of_every_type(ours_sync, official_sync):
    _both(ours_sync, official_sync, _every_type())


@pytest.mark.parametrize("kind", [0, 1, 8])
def test_table__kind_byte_does_not_matter(kind, ours_sync, official_sync):
    _both(ours_sync, official_sync, expected.table({"a": expected.vector(keys.DT_LONG, [1])}, 1, kind=kind))


def test_table__wide(ours_sync, official_sync):
    columns = {f"c{i}": expected.vector(keys.DT_DOUBLE, [i, None]) for i in range(300)}
    _both(ours_sync, official_sync, expected.table(columns, 2))


def test_table__rows_come_from_the_vectors(ours_sync, official_sync):
    _both(ours_sync, official_sync, expected.table({"a": expected.vector(keys.DT_LONG, [1, 2])}, 99))


@pytest.mark.parametrize(
    "raw",
    [
        reply(),
        b"%s 0 0\nOK\n" % SESSION,
        b"%s 1 0\nOK\n\x04\0\7\0\0\0" % SESSION,
        b"%s 2 1\nOK\n\x04\0\7\0\0\0" % SESSION,
        b"%s 1 1\r\nOK\r\n\x04\0\7\0\0\0" % SESSION,
    ],
    ids=["void", "void-endian-0", "endian-0", "two-objects-announced", "crlf"],
)
def test_header__oddities_are_read_alike(raw, ours_sync, official_sync):
    assert_same(ours_sync.result(raw), official_sync.result(raw))


def test_text__with_invalid_utf8_loses_the_bad_bytes(ours_sync, official_sync, capfd):
    payload = struct.pack("<BBii", keys.DT_STRING, 1, 3, 1) + b"ok\0a\xffb\0\xe6\xbc\0"
    _both(ours_sync, official_sync, payload)


ERRORS = ["plain", "größe", "with 'quotes' and: colons", "<NotLeader>h:1", "OK ", " OK", "ok", "x" * 5000]


@pytest.mark.parametrize("text", ERRORS, ids=lambda text: text[:12])
@pytest.mark.parametrize("call", ["script", "function", "upload"])
def test_error_line__has_the_official_form(call, text, ours_sync, official_sync):
    calls = {
        "script": lambda s: s.run("x = 1"),
        "function": lambda s: s.run("f{t}", 1),
        "upload": lambda s: s.upload({"a": 1}),
    }
    raised = []
    for recorder in (ours_sync, official_sync):
        with pytest.raises(RuntimeError) as caught:
            recorder.record(calls[call], reply(status=text.encode()))
        raised.append(caught.value)
    assert str(raised[0]) == str(raised[1])
    assert type(raised[0]) is ddb.ServerError
    assert raised[0].serverText == text


def test_error_line__announcing_an_object_has_none(ours_sync, official_sync):
    raw = b"%s 1 1\nwrong\n" % SESSION
    for recorder in (ours_sync, official_sync):
        with pytest.raises(RuntimeError, match="wrong"):
            recorder.record(lambda s: s.run("x"), raw)
        assert recorder.result(reply(b"\x04\0\7\0\0\0")) == 7


MESSAGES = {
    "one": [b"hello"],
    "two": [b"one", b"two"],
    "lines": [b"a\nb\n"],
    "empty": [b""],
    "unicode": ["größe".encode()],
    "header": [b"1 1 1\nOK\n"],
    "long": [b"x" * 100_000],
    "percent": [b"100% %s {}"],
}


@pytest.mark.parametrize("messages", MESSAGES)
@pytest.mark.parametrize("show", [True, False], ids=["shown", "hidden"])
def test_printed_text__is_shown_as_the_official_client_shows_it(messages, show, recorders, capfd):
    pytest.importorskip("dolphindb")
    raw = b"".join(b"MSG\n" + text + b"\0" for text in MESSAGES[messages]) + reply(b"\x04\0\7\0\0\0")
    shown = []
    for session_class in (our_session, official_session):
        recorder = recorders(session_class, show_output=show)
        capfd.readouterr()
        assert recorder.result(raw) == 7
        shown.append(capfd.readouterr())
    assert shown[0] == shown[1]


def test_printed_text__before_an_error(recorders, capfd):
    pytest.importorskip("dolphindb")
    shown = []
    for session_class in (our_session, official_session):
        recorder = recorders(session_class, show_output=True)
        capfd.readouterr()
        with pytest.raises(RuntimeError, match="wrong"):
            recorder.record(lambda s: s.run("x"), b"MSG\nhello\0" + reply(status=b"wrong"))
        shown.append(capfd.readouterr())
    assert shown[0] == shown[1]


BROKEN = {
    "two-fields": b"1234567890 1\nOK\n",
    "four-fields": b"1 1 1 1\nOK\n",
    "html": b"HTTP/1.1 400 Bad Request\r\n\r\n",
}


@pytest.mark.parametrize("name", BROKEN)
def test_header__what_the_official_client_refuses_ends_the_session(name, recorders):
    pytest.importorskip("dolphindb")
    for session_class in (official_session, our_session):
        recorder = recorders(session_class, show_output=False, connect={"readTimeout": 5})
        try:
            with pytest.raises(RuntimeError):
                recorder.result(BROKEN[name])
            with pytest.raises(RuntimeError):
                recorder.session.run("1")
        finally:
            recorders.discard(recorder)
