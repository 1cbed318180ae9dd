"""The same reply bytes given to both clients: what they return must be the same, to the dtype."""

from __future__ import annotations

import struct

import pytest
from support import expected
from support.cases import each
from support.compare import assert_same
from support.recorder import SESSION, official_session, our_session, reply
from support.replies import symbol_base

import dolphindb_fast as ddb
import dolphindb_fast.settings as keys

pytestmark = pytest.mark.official


def _both(ours_sync, official_sync, payload: bytes) -> None:
    theirs = official_sync.result(reply(payload))
    assert_same(ours_sync.result(reply(payload)), theirs)


@pytest.mark.parametrize(
    "cells",
    [["a", "b", "a", "größe"], ["a"], [None, "a", None], [None, None], [], ["a", "b", None] * 700],
    ids=["plain", "one", "nulls", "allnull", "empty", "many"],
)
def test_symbols__vector_with_its_base(cells, ours_sync, official_sync):
    _both(ours_sync, official_sync, expected.symbols(cells))
    _both(ours_sync, official_sync, expected.table({"s": expected.symbols(cells)}, len(cells)))


def test_symbols__base_sent_once_and_used_again(ours_sync, official_sync):
    columns = {
        "a": symbol_base(7, ["", "x", "y"], [2, 1, 0]),
        "b": symbol_base(7, [], [1, 1, 2]),
        "c": symbol_base(3, ["", "p"], [1, 0, 1]),
        "d": symbol_base(7, [], [0, 0, 1]),
    }
    _both(ours_sync, official_sync, expected.table(columns, 3))


def test_symbols__without_rows_but_with_a_base(ours_sync, official_sync):
    _both(ours_sync, official_sync, symbol_base(0, ["", "x"], []))


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


@each("text", ERRORS, ids=lambda text: text[:12])
@each("call", ["script", "function", "upload"])
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
            recorder.close()
