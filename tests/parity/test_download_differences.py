"""Where our result is another: what the official client corrupts, refuses or breaks on, with one right meaning.

What it makes of each reply is checked too, unless it crashes or hangs: sets of BOOL, decimals, ANY and array
vectors, VOID vectors in which it reads memory that was never written, and chunks, after which its connection
is out of step. There the expectation is what the bytes say.
"""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from support import replies
from support.cases import each
from support.compare import assert_same
from support.recorder import official_session, reply

import dolphindb_fast as ddb

pytestmark = pytest.mark.official

UUID = "11111111-1111-1111-1111-111111111111"


def _nothing(rows: int, form: int = 1) -> bytes:
    """A vector of VOID, which has no cells on the wire."""
    return replies.vector("INT", [0] * rows, form=form)[:10].replace(b"\4", b"\0", 1)


def _objects(*cells) -> np.ndarray:
    return np.fromiter(cells, dtype=object, count=len(cells))


#: what the official client changes: reply -> ours, theirs
CHANGED = {
    "blob-vector-with-nul": (
        replies.vector("BLOB", [b"a\0b", b"\0", None]),
        _objects(b"a\0b", b"\0", b""),
        _objects(b"a", b"", b""),
    ),
    "blob-column-with-nul": (
        replies.table({"a": replies.vector("BLOB", [b"a\0b"])}, 1),
        pd.DataFrame({"a": _objects(b"a\0b")}),
        pd.DataFrame({"a": _objects(b"a")}),
    ),
    "blob-set-with-nul": (replies.set_of(replies.vector("BLOB", [b"a\0b"])), {b"a\0b"}, {b"a"}),
    "blob-dictionary-with-nul": (
        replies.dictionary(replies.vector("STRING", ["k"]), replies.vector("BLOB", [b"a\0b"])),
        {"k": b"a\0b"},
        {"k": b"a"},
    ),
    "null-key": (
        replies.dictionary(replies.vector("INT", [None, 1]), replies.vector("INT", [5, 6])),
        {None: 5, 1: 6},
        {-(2**63): 5, 1: 6},
    ),
    "ipv6-with-a-group-that-ends-in-zero": (
        replies.scalar("IPADDR", "20010db8010000000000000000000001"),
        "2001:db8:100::1",
        "2001:db8::1",
    ),
    "date-beyond-nanoseconds": (
        replies.table({"a": replies.vector("DATE", [2932896, None, 0])}, 3),
        pd.DataFrame({"a": np.array(["9999-12-31", "NaT", "1970-01-01"], "datetime64[s]")}),
        pd.DataFrame({"a": np.array(["1816-03-29T05:56:08.066277376", "NaT", 0], "datetime64[ns]")}),
    ),
    "month-beyond-nanoseconds": (
        replies.table({"a": replies.vector("MONTH", [12, None])}, 2),
        pd.DataFrame({"a": np.array(["0001-01", "NaT"], "datetime64[s]")}),
        None,
    ),
    "datehour-beyond-nanoseconds": (
        replies.table({"a": replies.vector("DATEHOUR", [2562048])}, 1),
        pd.DataFrame({"a": np.array(["2262-04-12T00"], "datetime64[s]")}),
        None,
    ),
    "timestamp-beyond-nanoseconds": (
        replies.table({"a": replies.vector("TIMESTAMP", [253402300799999, -(2**63) + 1, None])}, 3),
        pd.DataFrame({"a": np.array([253402300799999, -(2**63) + 1, -(2**63)], "datetime64[ms]")}),
        None,
    ),
}


@each("name", CHANGED)
def test_what_the_official_client_changes__is_kept(name, ours_sync, official_sync):
    payload, ours, theirs = CHANGED[name]
    assert_same(ours_sync.result(reply(payload)), ours)
    result = official_sync.result(reply(payload))
    if theirs is not None:
        assert_same(result, theirs)
    else:
        with pytest.raises(AssertionError):
            assert_same(result, ours)


ONE = replies.vector("INT", [7])

#: what the official client refuses: reply -> ours
REFUSED = {
    **{
        f"keys-{name}": (replies.dictionary(replies.vector(name, [cell]), ONE), {key: 7})
        for name, cell, key in (
            ("BOOL", 1, True),
            ("FLOAT", 1.5, 1.5),
            ("DOUBLE", -0.25, -0.25),
            ("DATE", 1, np.datetime64("1970-01-02")),
            ("MONTH", 24240, np.datetime64("2020-01")),
            ("TIMESTAMP", 1, np.datetime64(1, "ms")),
            ("NANOTIME", 1, np.datetime64(1, "ns")),
            ("UUID", "1" * 32, UUID),
            ("INT128", "1" * 32, "1" * 32),
            ("BLOB", b"x", b"x"),
        )
    },
    "keys-with-a-symbol-base": (replies.dictionary(replies.symbol_base(0, ["", "a"], [1]), ONE), {"a": 7}),
    "values-with-a-symbol-base": (
        replies.dictionary(replies.vector("STRING", ["k", "n"]), replies.symbol_base(0, ["", "a"], [1, 0])),
        {"k": "a", "n": None},
    ),
    "dateminute": (replies.vector("DATEMINUTE", [5, None]), np.array([5, "NaT"], "datetime64[m]")),
    "dateminute-scalar": (replies.scalar("DATEMINUTE", 5), np.datetime64(5, "m")),
    "complex": (replies.vector("COMPLEX", [(1.5, -2)]), np.array([1.5 - 2j])),
    "complex-scalar": (replies.scalar("COMPLEX", (1.5, -2)), 1.5 - 2j),
    "complex-array": (replies.array_vector("COMPLEX", [[(1, 2)]]), _objects(np.array([1 + 2j]))),
    "matrix-of-uuid": (replies.matrix("UUID", 1, 1, ["1" * 32]), [_objects(UUID).reshape(1, 1), None, None]),
}


@each("name", REFUSED)
def test_what_the_official_client_refuses__is_read(name, ours_sync, recorders):
    payload, ours = REFUSED[name]
    assert_same(ours_sync.result(reply(payload)), ours)
    recorder = recorders(official_session, show_output=False, connect={"readTimeout": 5})
    try:
        with pytest.raises(RuntimeError):
            recorder.result(reply(payload))
    finally:
        recorder.close()


#: what it crashes on or fills with garbage: reply -> ours
BROKEN = {
    "void-vector": (_nothing(3), _objects(None, None, None)),
    "void-column": (
        replies.table({"a": _nothing(2), "b": replies.vector("INT", [1, 2])}, 2),
        pd.DataFrame({"a": _objects(None, None), "b": np.array([1, 2], "i4")}),
    ),
    "set-of-bool": (replies.set_of(replies.vector("BOOL", [1, None])), {True, None}),
    "set-of-decimals": (replies.set_of(replies.vector("DECIMAL64", [15], scale=1)), {Decimal("1.5")}),
    "set-of-any": (replies.set_of(replies.any_vector([replies.scalar("INT", 1)])), {1}),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_breaks_the_official_client__is_read(name, ours_sync):
    payload, ours = BROKEN[name]
    assert_same(ours_sync.result(reply(payload)), ours)


def test_chart_chunk_and_sysobj__are_refused_by_name():
    for form, name in ((8, "chunk"), (9, "sysobj"), (33, "33")):
        with pytest.raises(ddb.ProtocolError, match=f"form {name} "):
            ddb.loads(bytes((4, form)) + bytes(40))


def test_rows_of_several_lengths__are_no_block(official_sync):
    payload = replies.array_vector("INT", [[1, 2], [3]])
    with pytest.raises(RuntimeError, match="ValueError: negative dimensions"):
        official_sync.result(reply(payload), pickleTableToList=True)
    with pytest.raises(ddb.UsageError, match="from 1 to 2 cells"):
        ddb.loads(payload, pickleTableToList=True)


@pytest.mark.parametrize("name", ["POINT", "DURATION"])
def test_types_without_a_counterpart__are_refused_by_name(name, ours_sync, recorders):
    payload = replies.vector(name, [(1, 2)])
    with pytest.raises(ddb.NotSupported, match=f"{name}.*raw=True"):
        ours_sync.result(reply(payload))
    assert ours_sync.result(reply(replies.scalar("INT", 7))) == 7, "the session stays usable"
    assert ddb.loads(payload, raw=True).data.tobytes() == replies.cells(name, [(1, 2)])


#: counts that contradict each other: the official client reads what it likes, or hangs
CONTRADICTIONS = {
    "labels": replies.matrix("INT", 2, 1, [1, 2], row_labels=replies.vector("INT", [1, 2, 3])),
    "keys": replies.dictionary(replies.vector("INT", [1, 2]), replies.vector("INT", [1])),
    "columns": replies.table({"a": ONE, "b": replies.vector("INT", [1, 2])}, 1),
    "pair": replies.vector("INT", [1, 2, 3], form=2),
    "scale": replies.vector("DECIMAL32", [1], scale=10),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_counts_that_contradict_each_other__are_refused(name):
    with pytest.raises(ddb.ProtocolError, match="byte"):
        ddb.loads(CONTRADICTIONS[name])
