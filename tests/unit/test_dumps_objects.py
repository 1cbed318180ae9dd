"""Python objects that this client sends in its own way, and objects that mean harm."""

from __future__ import annotations

import datetime
import gc
import itertools
import struct
import uuid
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from support import expected
from support.cases import each
from support.values import object_column

import dolphindb_fast as ddb

DAY = datetime.date(2020, 1, 2)
UUID_TEXT = "12345678-1234-5678-9abc-def012345678"
UUID_CELL = uuid.UUID(UUID_TEXT).bytes[::-1]
DECIMAL64, DECIMAL128, BLOB, UUID = 38, 39, 32, 19


def _decimals(type_id, scale, cells, form=1):
    size = {DECIMAL64: 8, DECIMAL128: 16}[type_id]
    null = -(2 ** (8 * size - 1))
    head = struct.pack("<BB", type_id, form) + (struct.pack("<ii", len(cells), 1) if form else b"")
    raw = b"".join((null if c is None else c).to_bytes(size, "little", signed=True) for c in cells)
    return head + struct.pack("<i", scale) + raw


def _column(values, vector):
    """A frame of one object column, and the table that it must become."""
    return pd.DataFrame({"a": object_column(values)}), expected.table({"a": vector}, len(values))


def _d(*texts):
    return [Decimal(text) for text in texts]


SCALARS = {
    "uuid": (uuid.UUID(UUID_TEXT), bytes((UUID, 0)) + UUID_CELL),
    "bytes-nul": (b"a\0b", b"\x20\0\3\0\0\0a\0b"),
    "bytearray": (bytearray(b"a\0b"), b"\x20\0\3\0\0\0a\0b"),
    "decimal-exponent": (Decimal("1E+3"), _decimals(DECIMAL64, 0, [1000], 0)),
    "decimal-19-digits": (Decimal(2**63 - 1), _decimals(DECIMAL64, 0, [2**63 - 1], 0)),
    "decimal-wide": (Decimal("99999999999999999999.5"), _decimals(DECIMAL128, 1, [10**21 - 5], 0)),
    "decimal-widest": (Decimal(-(2**127) + 1), _decimals(DECIMAL128, 0, [-(2**127) + 1], 0)),
    "frozenset": (frozenset([1]), b"\5\4" + expected.vector(5, [1])),
}


@each("name", SCALARS)
def test_scalar__of_one_right_meaning_is_sent(name):
    value, raw = SCALARS[name]
    assert ddb.dumps(value) == raw
    assert ddb.dumps([value, "x"]) == struct.pack("<BBii", 25, 1, 2, 1) + raw + expected.scalar("x")


VECTORS = {
    "uuids": ([uuid.UUID(UUID_TEXT), None], struct.pack("<BBii", UUID, 1, 2, 1) + UUID_CELL + bytes(16)),
    "decimals": (_d("1.2", "3.45", "6.789"), _decimals(DECIMAL64, 3, [1200, 3450, 6789])),
    "decimals-later": (_d("1.2", "1.3", "6.78"), _decimals(DECIMAL64, 2, [120, 130, 678])),
    "decimals-wide": (_d("1.5", "99999999999999999999"), _decimals(DECIMAL128, 1, [15, 10**21 - 10])),
    "bytes-nul": ([b"a\0b"], struct.pack("<BBii", BLOB, 1, 1, 1) + b"\3\0\0\0a\0b"),
}


@pytest.mark.parametrize("name", VECTORS)
def test_list_and_column__lose_nothing(name):
    values, raw = VECTORS[name]
    assert ddb.dumps(values) == raw
    assert ddb.dumps(np.fromiter(values, dtype=object, count=len(values))) == raw
    frame, table = _column(values, raw)
    assert ddb.dumps(frame) == table


STAMP = pd.Timestamp("2020-01-02 03:04:05.678999321")
COLUMNS = {
    "int-float32": ([1, np.float32(1.5)], expected.vector(15, [1, 1.5])),
    "int8-float32": ([np.int8(1), np.float32(2.5), None], expected.vector(15, [1, 2.5, None])),
    "float32-beyond": ([np.float32(1.5), 1e300], expected.vector(16, [1.5, 1e300])),
    "null-float32-first": ([np.float32("nan"), 1], expected.vector(5, [None, 1])),
    "null-nat-first": ([np.datetime64("NaT", "D"), 1], expected.vector(5, [None, 1])),
    "null-decimal": ([1.5, Decimal("NaN")], expected.vector(16, [1.5, None])),
    "unsigned": ([np.uint8(200), 1], expected.vector(3, [200, 1])),
    "decimal-int": ([Decimal("1.25"), 1], _decimals(DECIMAL64, 2, [125, 100])),
    "decimal-widths": (
        _d("1", "0.123456789012345678"),
        _decimals(DECIMAL128, 18, [10**18, 123456789012345678]),
    ),
    "bytearray": ([bytearray(b"x")], struct.pack("<BBii", BLOB, 1, 1, 1) + b"\1\0\0\0x"),
    "nanoseconds": ([np.datetime64(5, "ns"), STAMP], expected.vector(14, [5, STAMP.value])),
    "months": ([np.datetime64(5, "M"), np.datetime64(-1, "s")], expected.vector(7, [23_645, 23_639])),
    "hour-of-day": (
        [datetime.time(1), np.datetime64(-1, "h")],
        expected.vector(13, [3600 * 10**9, 23 * 3600 * 10**9]),
    ),
}


@each("name", COLUMNS)
def test_object_column__holds_every_value(name):
    frame, table = _column(*COLUMNS[name])
    assert ddb.dumps(frame) == table


def _rows(type_id, rows, cells, scale=b""):
    counts = bytes(len(row) for row in rows)
    head = struct.pack("<BBii", type_id + 64, 1, len(rows), sum(counts)) + scale
    return head + struct.pack("<HBB", len(rows), 1, 0) + counts + cells


ROWS = {
    "decimal-scales": ([_d("1.2"), _d("3.45", "6.789")], DECIMAL64, [1200, 3450, 6789], 3),
    "unsigned": ([np.array([1, 255], "u1"), np.array([3], "u1")], 3, [1, 255, 3], None),
    "unsigned-wide": ([np.array([2**63 - 1], "u8")], 5, [2**63 - 1], None),
    "uuids": ([[uuid.UUID(UUID_TEXT)], [None]], UUID, UUID_CELL + bytes(16), None),
}


@pytest.mark.parametrize("name", ROWS)
def test_array_vector__of_one_right_meaning_is_sent(name):
    rows, type_id, cells, scale = ROWS[name]
    if isinstance(cells, list):
        cells = b"".join(cell.to_bytes(2 if type_id == 3 else 8, "little") for cell in cells)
    raw = _rows(type_id, rows, cells, b"" if scale is None else struct.pack("<i", scale))
    frame, table = _column(rows, raw)
    assert ddb.dumps(frame) == table


#: object column -> what the message must name; the official client sends something else than the value
LOST = {
    "bool-int": ([True, 2], ["row 1", "BOOL", "2"]),
    "int-decimal": ([1, Decimal("2.5")], ["row 1", "LONG", "2.5"]),
    "date-time": ([DAY, datetime.time(1)], ["row 1", "DATE", "time"]),
    "moment-time": ([datetime.datetime(2020, 1, 1), datetime.time(1)], ["row 1", "TIMESTAMP", "time"]),
    "days-beyond": ([None, np.datetime64(2**40, "D")], ["row 1", "DATE", r"datetime64\[D\]"]),
    "seconds-beyond": ([np.datetime64(2**31, "s")], ["row 0", "DATETIME", "2038"]),
    "microseconds-beyond": ([np.datetime64(2**62, "us")], ["row 0", "NANOTIMESTAMP"]),
    "long-beyond": ([1, 2**63], ["row 1", "LONG", str(2**63)]),
    "double-beyond": ([1.5, 10**400], ["row 1", "DOUBLE", "int"]),
    "digits-beyond": ([1, 10**5000], ["row 1", "LONG", "int"]),
    "text-nul": (["a", "b\0"], ["row 1", "NUL"]),
    "rows-none": ([[1], None], ["row 1", "None"]),
    "rows-scalar": ([[1], 2], ["row 1", "2"]),
    "rows-mixed": ([[1], ["a"]], ["row 1", "'a'"]),
    "rows-text": ([["a"]], ["STRING"]),
    "rows-empty": ([[], []], ["force"]),
    "rows-none-alone": ([[None], []], ["force"]),
    "rows-beyond": ([[1], [5, 2**63]], ["row 1", "LONG", str(2**63)]),
    "rows-2d": ([np.zeros((1, 2))], ["row 0", "2 dimensions"]),
    "rows-nested": ([[[1]]], ["row 0"]),
    "rows-uint64": ([np.array([1, 2**63], "u8")], ["row 0", "uint64", str(2**63)]),
}


@each("name", LOST)
def test_object_column__that_would_lose_a_value_is_refused(name):
    values, words = LOST[name]
    frame = pd.DataFrame({"good": np.arange(len(values)), "bad": object_column(values)})
    with pytest.raises(ddb.ConversionError) as caught:
        ddb.dumps(frame)
    for word in ["'bad'", *words]:
        assert caught.match(word)


BEYOND = {
    "list": ([1, 2, 2**63], ["index 2", "LONG"]),
    "nested": ([0, "a", [1, "b", [2**64]]], ["index 2: index 2: index 0", "LONG"]),
    "dict": ({"a": 1, "b": [0, 2**63]}, ["index 1: index 1", "LONG"]),
    "dict-key": ({1: "a", 2**63: "b"}, ["index 1", "LONG"]),
    "dict-decimal": ({"a": Decimal(10) ** 38, "b": Decimal("0.1")}, ["index 0", "DECIMAL128"]),
    "text": (["a", "b\0"], ["index 1", "NUL"]),
    "surrogate": (["a", "\ud800"], ["index 1", "surrogate"]),
    "long-text": (["a", "x" * 262_144], ["index 1", "262"]),
    "decimal": ([Decimal(1), Decimal(2**127)], ["index 1", "DECIMAL128"]),
    "decimal-digits": ([Decimal("1E-39")], ["39 digits", "DECIMAL128"]),
    "decimal-exponent": (Decimal("1E+999999999999"), ["DECIMAL128"]),
    "decimal-tiny": (Decimal("1E-999999999999"), ["digits"]),
    "array-uint64": (np.array([1, 2**63], "u8"), ["index 1", "uint64"]),
    "array-uint64-large": (np.full(100_000, 2**63, "u8"), ["index 0", "uint64"]),
    "array-days": (np.array([0, 2**40], "M8[D]"), ["index 1", r"datetime64\[D\]"]),
    "array-seconds": (np.array([0, 2**40], "M8[s]"), ["index 1", r"datetime64\[s\]"]),
    "matrix-microseconds": (np.array([[0, 2**62]], "M8[us]"), ["index 1", r"datetime64\[us\]"]),
    "set": ({2**63}, ["index 0", "LONG"]),
}


@each("name", BEYOND)
def test_object__value_that_does_not_fit_is_named(name):
    value, words = BEYOND[name]
    encoder = ddb.Encoder()
    for attempt in (lambda: ddb.dumps(value), lambda: encoder.encode(value)):
        with pytest.raises(ddb.ValueRefused) as caught:
            attempt()
        for word in words:
            assert caught.match(word)
        assert bytes(encoder.encode([1, "a"])) == ddb.dumps([1, "a"]), "the encoder goes on"


def test_dict__keeps_its_order():
    keys, values = expected.vector(18, ["z", "a", "m"]), expected.vector(5, [1, 2, 3])
    assert ddb.dumps({"z": 1, "a": 2, "m": 3}) == b"\5\5" + keys + values


def test_dict__decimals_wider_than_one_needs_to_be():
    raw = ddb.dumps({"a": Decimal("0.5"), "b": Decimal(10**18)})
    cells = [_decimals(DECIMAL128, 1, [cell], 0) for cell in (5, 10**19)]
    assert raw.endswith(struct.pack("<BBii", 25, 1, 2, 1) + b"".join(cells))


def _contains_itself(kind):
    if kind == "list":
        value = [1]
        value.append(value)
    elif kind == "dict":
        value = {}
        value["self"] = value
    elif kind == "array":
        value = np.empty(2, dtype=object)
        value[:] = [1, value]
    elif kind == "series":
        value = pd.Series([1, "a"], dtype=object)
        value.array._ndarray[1] = value
    else:
        value = [[]]
        value[0].extend([value, (value,), {"k": value}])
    return value


@pytest.mark.parametrize("kind", ["list", "dict", "array", "series", "several"])
def test_object__that_contains_itself_is_refused(kind):
    with pytest.raises(ddb.ValueRefused, match="64"):
        ddb.dumps(_contains_itself(kind))


def test_depth__is_limited():
    value = [1]
    for _ in range(64):
        value = [value]
    ddb.dumps(value)
    for deeper in ([value], {"k": value}, (value,)):
        with pytest.raises(ddb.ValueRefused, match="64"):
            ddb.dumps(deeper)


# classes that say something else than what they are, or do something else than they should


def _subclass(base, **methods):
    return type(f"Odd{base.__name__}", (base,), methods)


def _fail(*arguments):
    raise AssertionError("this should not be asked")


ODD = {
    "int": (_subclass(int, __index__=_fail, __int__=_fail, __str__=_fail, __eq__=_fail, __hash__=None)(7), 7),
    "float": (_subclass(float, __float__=_fail, __eq__=_fail, __hash__=None)(1.5), 1.5),
    "str": (_subclass(str, __str__=_fail, __len__=_fail, encode=_fail)("text"), "text"),
    "bytes": (_subclass(bytes, __len__=_fail, __iter__=_fail)(b"x"), b"x"),
    "decimal": (_subclass(Decimal, __str__=_fail, as_tuple=_fail, __float__=_fail)("1.25"), Decimal("1.25")),
    "date": (_subclass(datetime.date, year=5, toordinal=_fail)(2020, 1, 2), DAY),
    "list": (_subclass(list, __iter__=lambda self: itertools.count(), __len__=_fail)([1, 2]), [1, 2]),
    "tuple": (_subclass(tuple, __iter__=lambda self: itertools.count())([1, 2]), [1, 2]),
    "dict": (_subclass(dict, keys=_fail, values=_fail, items=_fail, __iter__=_fail)(a=1), {"a": 1}),
    "set": (_subclass(set, __iter__=_fail, __len__=_fail)([1]), {1}),
    "array": (np.arange(3).view(_subclass(np.ndarray, tolist=_fail, ravel=_fail)), np.arange(3)),
}


@each("name", ODD)
def test_subclass__is_sent_as_what_it_holds(name):
    odd, plain = ODD[name]
    assert ddb.dumps(odd) == ddb.dumps(plain)
    assert ddb.dumps([odd, "x"]) == ddb.dumps([plain, "x"])
    assert ddb.dumps({"k": odd}) == ddb.dumps({"k": plain})
    if not isinstance(plain, (dict, set)):
        frame, plain_frame = (pd.DataFrame({"a": object_column([value])}) for value in (odd, plain))
        assert ddb.dumps(frame) == ddb.dumps(plain_frame)


class Text:
    """A cell that is no text and does something while it is asked for it."""

    def __init__(self, deed):
        self.deed = deed

    def __str__(self):
        self.deed()
        return "said"


def test_cells__that_raise_stop_the_call_and_nothing_else():
    encoder = ddb.Encoder()
    frame = pd.DataFrame({"n": np.arange(3), "a": object_column(["x", Text(_fail), "y"])})
    for _ in range(3):
        with pytest.raises(AssertionError, match="should not be asked"):
            encoder.encode(frame)
        with pytest.raises(AssertionError, match="should not be asked"):
            ddb.dumps(frame)
    assert bytes(encoder.encode(1)) == expected.scalar(1)


def test_cells__that_change_what_is_being_read():
    cells = np.empty(50, dtype=object)
    frame = pd.DataFrame({"a": pd.Series(cells, copy=False)})
    cells = frame["a"].array._ndarray
    cells.flags.writeable = True

    def wipe():
        cells[:] = None
        gc.collect()

    cells[:] = [f"text number {i}" * 20 for i in range(50)]
    cells[7] = Text(wipe)
    raw = ddb.dumps(frame)
    assert raw.endswith(b"said\0" + bytes(42)), "cells are read one after the other"

    values = ["first", None]

    def shrink():
        values.clear()
        gc.collect()

    values[1] = Text(shrink)
    values.extend(["x" * 100] * 100)
    with pytest.raises(ddb.UnsupportedTypeError, match="index 1"):
        ddb.dumps(values)


def test_cells__that_encode_meanwhile():
    encoder = ddb.Encoder()
    inner = []
    values = object_column(["a", Text(lambda: inner.append(ddb.dumps([1, 2])))])
    assert ddb.dumps(pd.DataFrame({"a": values})).endswith(b"a\0said\0")
    assert inner and inner[0] == ddb.dumps([1, 2])
    again = pd.DataFrame({"a": object_column(["a", Text(lambda: encoder.encode(1))])})
    with pytest.raises(ddb.UsageError, match="at work"):
        encoder.encode(again)
    assert bytes(encoder.encode(1)) == expected.scalar(1)


def test_message__of_a_value_that_can_not_be_shown():
    odd = type("Odd", (), {"__repr__": _fail, "__str__": _fail})()
    with pytest.raises(ddb.UnsupportedTypeError, match="Odd"):
        ddb.dumps([1, odd])
