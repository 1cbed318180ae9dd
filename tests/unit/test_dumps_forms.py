"""Neutral values of the rarer types and forms: their bytes, written down by hand."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from support import expected
from support.cases import each

import dolphindb_fast as ddb
import dolphindb_fast.settings as keys
from dolphindb_fast.column import Column, Dictionary, Matrix, Set, Table

WIDE = np.array([bytes(range(16)), bytes(16)], dtype="V16")


def _blobs(*cells):
    offsets = np.cumsum([0, *map(len, cells)]).astype(np.int64)
    return {"data": np.frombuffer(b"".join(cells), dtype=np.uint8), "offsets": offsets}


def _longs(*cells):
    return Column(keys.DT_LONG, np.array(cells, dtype="<i8"))


def _head(type_id, form, rows, columns=1):
    return struct.pack("<BBii", type_id, form, rows, columns)


VALUES = {
    **{
        keys.TYPE_STRING[type_id]: (Column(type_id, WIDE), _head(type_id, 1, 2) + WIDE.tobytes())
        for type_id in (keys.DT_UUID, keys.DT_IPADDR, keys.DT_INT128, keys.DT_COMPLEX, keys.DT_POINT)
    },
    "duration": (
        Column(keys.DT_DURATION, np.array([struct.pack("<ii", 3, 6)], dtype="V8")),
        _head(36, 1, 1) + struct.pack("<ii", 3, 6),
    ),
    "uuid-scalar": (Column(keys.DT_UUID, WIDE[:1], form=0), bytes((19, 0)) + bytes(range(16))),
    "decimal32": (
        Column(keys.DT_DECIMAL32, np.array([5, -(2**31)], dtype="<i4"), scale=2),
        _head(37, 1, 2) + struct.pack("<iii", 2, 5, -(2**31)),
    ),
    "decimal64-scalar": (
        Column(keys.DT_DECIMAL64, np.array([5], dtype="<i8"), scale=18, form=0),
        bytes((38, 0)) + struct.pack("<iq", 18, 5),
    ),
    "decimal64-pair": (
        Column(keys.DT_DECIMAL64, np.array([5, 6], dtype="<i8"), scale=1, form=2),
        _head(38, 2, 2) + struct.pack("<iqq", 1, 5, 6),
    ),
    "decimal64-empty": (
        Column(keys.DT_DECIMAL64, np.array([], dtype="<i8"), scale=3),
        _head(38, 1, 0) + struct.pack("<i", 3),
    ),
    "decimal128": (
        Column(keys.DT_DECIMAL128, WIDE, scale=38),
        _head(39, 1, 2) + struct.pack("<i", 38) + WIDE.tobytes(),
    ),
    "blob": (
        Column(keys.DT_BLOB, **_blobs(b"a\0b", b"", b"c")),
        _head(32, 1, 3) + b"\3\0\0\0a\0b" + bytes(4) + b"\1\0\0\0c",
    ),
    "blob-scalar": (Column(keys.DT_BLOB, **_blobs(b"xy"), form=0), b"\x20\0\2\0\0\0xy"),
    "functiondef": (Column(keys.DT_FUNCTIONDEF, **_blobs(b"def"), form=0, scale=1), b"\x14\0\1def\0"),
    "void-scalar": (Column(keys.DT_VOID, np.zeros(1, "i1"), form=0), bytes(3)),
    "void-vector": (Column(keys.DT_VOID, np.zeros(3, "i1")), _head(0, 1, 3)),
    "array-vector": (
        Column(keys.DT_INT_ARRAY, np.array([1, 2, 3], "<i4"), offsets=np.array([0, 2, 2, 3])),
        _head(68, 1, 3, 3) + b"\3\0\1\0" + b"\2\0\1" + struct.pack("<iii", 1, 2, 3),
    ),
    "array-vector-empty": (
        Column(keys.DT_INT_ARRAY, np.array([], "<i4"), offsets=np.array([0])),
        _head(68, 1, 0, 0),
    ),
    "array-vector-decimal": (
        Column(keys.DT_DECIMAL64_ARRAY, np.array([7], "<i8"), offsets=np.array([0, 1]), scale=2),
        _head(102, 1, 1, 1) + struct.pack("<i", 2) + b"\1\0\1\0\1" + struct.pack("<q", 7),
    ),
    "array-vector-wide": (
        Column(keys.DT_UUID_ARRAY, WIDE, offsets=np.array([0, 2])),
        _head(83, 1, 1, 2) + b"\1\0\1\0\2" + WIDE.tobytes(),
    ),
    "set": (Set(_longs(1, 2)), b"\5\4" + expected.vector(5, [1, 2])),
    "dictionary": (
        Dictionary(Column.from_strings(["k"]), _longs(7)),
        b"\5\5" + expected.vector(18, ["k"]) + expected.vector(5, [7]),
    ),
    "chart": (
        Dictionary(_longs(7), Column(keys.DT_ANY, [_longs(1)]), form=keys.DF_CHART),
        bytes((25, 7)) + expected.vector(5, [7]) + _head(25, 1, 1) + expected.vector(5, [1]),
    ),
    "matrix": (
        Matrix(_longs(1, 2, 3, 4, 5, 6), 2, 3),
        b"\5\3\0\5\3" + struct.pack("<ii6q", 2, 3, 1, 2, 3, 4, 5, 6),
    ),
    "matrix-labels": (
        Matrix(_longs(1, 2), 1, 2, _longs(9), Column.from_strings(["a", "b"])),
        b"\5\3\3" + expected.vector(5, [9]) + expected.vector(18, ["a", "b"])
        + b"\5\3" + struct.pack("<iiqq", 1, 2, 1, 2),
    ),
    "matrix-column-labels": (
        Matrix(_longs(), 0, 1, None, _longs(9)),
        b"\5\3\2" + expected.vector(5, [9]) + b"\5\3" + struct.pack("<ii", 0, 1),
    ),
    "matrix-decimal": (
        Matrix(Column(keys.DT_DECIMAL64, np.array([5], dtype="<i8"), scale=2), 1, 1),
        bytes((38, 3, 0, 38, 3)) + struct.pack("<iiiq", 1, 1, 2, 5),
    ),
    "any": (
        Column(keys.DT_ANY, [_longs(1), Set(_longs(2)), Matrix(_longs(3), 1, 1)]),
        _head(25, 1, 3) + expected.vector(5, [1]) + b"\5\4" + expected.vector(5, [2])
        + b"\5\3\0\5\3" + struct.pack("<iiq", 1, 1, 3),
    ),
    "table": (
        Table(["a", "b"], [_longs(1, 2), Column(keys.DT_UUID, WIDE)], "t"),
        struct.pack("<BBii", 0, 6, 2, 2) + b"t\0a\0b\0" + expected.vector(5, [1, 2])
        + _head(19, 1, 2) + WIDE.tobytes(),
    ),
}  # fmt: skip


@each("name", VALUES)
def test_neutral_value__has_these_bytes(name):
    value, raw = VALUES[name]
    assert ddb.dumps(value) == raw
    assert bytes(ddb.Encoder().encode(value)) == raw
    assert ddb.dumps([value, 1]) == _head(25, 1, 2) + raw + expected.scalar(1)


def test_neutral_value__large_ones_are_produced_in_pieces():
    cells = np.frombuffer(np.random.default_rng(1).bytes(16 * 300_000), dtype="V16")
    assert ddb.dumps(Column(keys.DT_UUID, cells)) == _head(19, 1, 300_000) + cells.tobytes()
    cells = np.arange(1_000_000, dtype="<i8")
    raw = b"\5\3\0\5\3" + struct.pack("<ii", 1000, 1000) + cells.tobytes()
    assert ddb.dumps(Matrix(Column(keys.DT_LONG, cells), 1000, 1000)) == raw


CONTRADICTIONS = {
    "scalar-of-two": lambda: Column(keys.DT_LONG, np.arange(2), form=0),
    "pair-of-three": lambda: Column(keys.DT_LONG, np.arange(3), form=2),
    "form-unknown": lambda: Column(keys.DT_LONG, np.arange(3), form=9),
    "matrix-of-too-few": lambda: Matrix(_longs(1), 1, 2),
    "matrix-negative": lambda: Matrix(_longs(1), -1, -1),
    "matrix-labels-too-few": lambda: Matrix(_longs(1, 2), 2, 1, _longs(1)),
    "matrix-labels-no-vector": lambda: Matrix(_longs(1, 2), 2, 1, [1, 2]),
    "set-of-scalar": lambda: Set(Column(keys.DT_LONG, np.arange(1), form=0)),
    "set-of-list": lambda: Set([1]),
    "dictionary-form": lambda: Dictionary(_longs(1), _longs(1), form=1),
    "dictionary-of-lists": lambda: Dictionary([1], [2]),
    "decimal-scale": lambda: Column(keys.DT_DECIMAL32, np.zeros(1, "<i4"), scale=10),
    "decimal-scale-negative": lambda: Column(keys.DT_DECIMAL64, np.zeros(1, "<i8"), scale=-1),
    "decimal-cells": lambda: Column(keys.DT_DECIMAL128, np.zeros(1, "<i8")),
    "blob-offsets-beyond": lambda: Column(keys.DT_BLOB, np.zeros(3, "u1"), offsets=np.array([0, 9])),
    "blob-offsets-backwards": lambda: Column(keys.DT_BLOB, np.zeros(9, "u1"), offsets=np.array([0, 5, 2])),
    "blob-without-offsets": lambda: Column(keys.DT_BLOB, np.zeros(9, "u1")),
    "rows-beyond": lambda: Column(keys.DT_INT_ARRAY, np.zeros(3, "<i4"), offsets=np.array([0, 9])),
    "rows-backwards": lambda: Column(keys.DT_INT_ARRAY, np.zeros(9, "<i4"), offsets=np.array([0, 5, 2, 9])),
    "rows-not-from-0": lambda: Column(keys.DT_INT_ARRAY, np.zeros(9, "<i4"), offsets=np.array([1, 9])),
    "rows-no-offsets": lambda: Column(keys.DT_INT_ARRAY, np.zeros(9, "<i4"), offsets=np.array([], "i8")),
    "rows-of-text": lambda: Column(keys.DT_STRING_ARRAY, np.zeros(9, "u1"), offsets=np.array([0, 9])),
    "rows-wrong-cells": lambda: Column(keys.DT_INT_ARRAY, np.zeros(9, "<i8"), offsets=np.array([0, 9])),
    "any-of-objects": lambda: Column(keys.DT_ANY, [object()]),
    "table-of-scalar": lambda: Table(["a"], [Column(keys.DT_LONG, np.arange(1), form=0)]),
    "table-of-matrix": lambda: Table(["a"], [Matrix(_longs(1), 1, 1)]),
}


@each("name", CONTRADICTIONS)
def test_neutral_value__that_contradicts_itself_is_refused(name):
    with pytest.raises((RuntimeError, TypeError, ValueError, AttributeError)):
        ddb.dumps(CONTRADICTIONS[name]())
