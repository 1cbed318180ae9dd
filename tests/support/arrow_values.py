"""Arrow arrays for the corpus: every type that can be sent, and which of them the official client refuses."""

from __future__ import annotations

import decimal
import functools

import numpy as np
import pyarrow as pa

from .values import cells, numbers, texts

__all__ = ["ARROW_TYPES", "REFUSED", "array"]

_REFUSES = "the official client refuses this Arrow type"


def _plain(name, arrow_type, column_type=None):
    """Numbers of a numpy type, read as an Arrow type."""

    def build(rows, column, nulls):
        data = cells(name, "plain", rows, column)
        if data.dtype.kind == "M":
            data = data.view("i8")
        values = pa.array(data, mask=nulls)
        return values.view(arrow_type) if column_type is None else values.cast(column_type).view(arrow_type)

    return build


def _within(top, width, arrow_type, low=0):
    """Integers from `low` to `top` - 1 as ticks of an Arrow type."""

    def build(rows, column, nulls):
        return pa.array((low + numbers(rows, column) % (top - low)).astype(width), mask=nulls).view(arrow_type)

    return build


#: pandas 2 makes Python objects of dates when it glues frames: years from 1 to 9999
_DATES = _within(2_900_000, "i4", pa.date32(), -700_000)
_MILLISECONDS = _within(2_900_000 * 86_400_000, "i8", pa.timestamp("ms"), -700_000 * 86_400_000)


def _where(values, nulls, arrow_type):
    """The values, and NULL where `nulls` says so."""
    return pa.array([None if null else v for v, null in zip(values, nulls.tolist(), strict=True)], type=arrow_type)


def _decimal(arrow_type):
    def build(rows, column, nulls):
        top = 10 ** min(arrow_type.precision, 18)
        unscaled = np.where(nulls, 0, numbers(rows, column) % (2 * top - 1) - top + 1)
        size = arrow_type.bit_width // 8
        words = np.stack([unscaled, unscaled >> 63], axis=1) if size == 16 else unscaled.astype(f"i{size}")
        validity = pa.array(unscaled, mask=nulls).buffers()[0]
        return pa.Array.from_buffers(arrow_type, rows, [validity, pa.py_buffer(words)])

    return build


def _bytes16(rows, column, nulls):
    raw = numbers(2 * rows, column).tobytes()
    return _where([raw[16 * i : 16 * i + 16] for i in range(rows)], nulls, pa.binary(16))


def _blobs(arrow_type):
    def build(rows, column, nulls):
        words = [text.encode() + b"\0" * (i % 3) for i, text in enumerate(texts("plain", rows, column))]
        return _where(words, nulls, arrow_type)

    return build


def _words(arrow_type):
    def build(rows, column, nulls):
        return _where(texts("plain", rows, column), nulls, arrow_type)

    return build


def _dictionary(index_type, values):
    def build(rows, column, nulls):
        codes = pa.array((numbers(rows, column) % 7).astype("i1"), mask=nulls).cast(index_type)
        return pa.DictionaryArray.from_arrays(codes, values)

    return build


def _lists(list_type, child):
    def build(rows, column, nulls):
        # short lists, and now and then one that is larger than a block
        counts = [0 if null else 700 if i % 97 == 50 else (i + 1) % 4 for i, null in enumerate(nulls)]
        flat = child(sum(counts), column, np.arange(sum(counts)) % 5 == 3)
        offsets = np.zeros(rows + 1, "i8")
        offsets[1:] = np.cumsum(counts)
        kind = list_type(flat.type)
        offsets = pa.array(offsets, pa.int32() if pa.types.is_list(kind) else pa.int64())
        made = (pa.ListArray if pa.types.is_list(kind) else pa.LargeListArray).from_arrays(offsets, flat)
        valid = pa.array(~(nulls & (np.arange(rows) % 2 == 0)))
        return pa.compute.if_else(valid, made, pa.scalar(None, kind)).cast(kind)

    return build


def _types():
    """(name, builder, refused by the official client)"""
    for name in ("bool", "int8", "int16", "int32", "int64"):
        yield name, _plain(name, pa.from_numpy_dtype(name)), False
    for name in ("uint8", "uint16", "uint32", "uint64"):
        yield name, _plain(name, pa.from_numpy_dtype(name)), True
    yield "float", _plain("float32", pa.float32()), False
    yield "double", _plain("float64", pa.float64()), False
    yield "date32", _DATES, False
    yield "date64", lambda *a: _within(40_000, "i4", pa.date32())(*a).cast(pa.date64()), True
    yield "time32_s", _within(86_400, "i4", pa.time32("s")), False
    yield "time32_ms", _within(86_400_000, "i4", pa.time32("ms")), False
    yield "time64_us", _within(86_400 * 10**6, "i8", pa.time64("us")), True
    yield "time64_ns", _within(86_400 * 10**9, "i8", pa.time64("ns")), False
    yield "timestamp_ms", _MILLISECONDS, False
    for unit in ("s", "us", "ns"):
        yield f"timestamp_{unit}", _plain(f"datetime64[{unit}]", pa.timestamp(unit)), unit == "us"
    yield "decimal128", _decimal(pa.decimal128(20, 3)), False
    yield "decimal128_0", _decimal(pa.decimal128(38, 0)), False
    if hasattr(pa, "decimal32"):
        yield "decimal32", _decimal(pa.decimal32(8, 2)), True
        yield "decimal64", _decimal(pa.decimal64(18, 4)), True
    yield "binary16", _bytes16, False
    yield "binary", _blobs(pa.binary()), True
    yield "large_binary", _blobs(pa.large_binary()), False
    if hasattr(pa, "string_view"):
        yield "string_view", _words(pa.string_view()), True
        yield "binary_view", _blobs(pa.binary_view()), True
    words = ["x", "größe", "", "漢字", "y" * 300, "unused", "z"]
    yield "dictionary", _dictionary(pa.int32(), pa.array(words)), False
    yield "dictionary_large", _dictionary(pa.int32(), pa.array(words, pa.large_string())), False
    for index in (pa.int8(), pa.uint8(), pa.int16(), pa.uint16(), pa.uint32(), pa.int64(), pa.uint64()):
        yield f"dictionary_{index}", _dictionary(index, pa.array(words)), True
    yield "dictionary_of_dates", _dictionary(pa.int32(), pa.array(range(7), pa.date32())), True
    for name, child in (
        ("int32", _plain("int32", pa.int32())),
        ("int8", _plain("int8", pa.int8())),
        ("bool", _plain("bool", pa.bool_())),
        ("double", _plain("float64", pa.float64())),
        ("date32", _DATES),
        ("decimal128", _decimal(pa.decimal128(20, 3))),
        ("binary16", _bytes16),
    ):
        yield f"list_{name}", _lists(pa.list_, child), False
    yield "list_timestamp_us", _lists(pa.list_, _plain("datetime64[us]", pa.timestamp("us"))), True
    yield "large_list_int64", _lists(pa.large_list, _plain("int64", pa.int64())), True


ARROW_TYPES = {name: (build, _REFUSES if refused else "") for name, build, refused in _types()}

#: Arrow types that can't be sent
REFUSED = {
    "null": pa.nulls(2),
    "halffloat": pa.array(np.array([1.5, 2], "f2")),
    "duration[s]": pa.array([1, 2], pa.duration("s")),
    "timestamp[ns, tz=UTC]": pa.array([1, 2], pa.timestamp("ns", "UTC")),
    "struct": pa.array([{"a": 1}, None]),
    "decimal256": pa.array([decimal.Decimal("1.5"), None], pa.decimal256(50, 2)),
    "decimal128(5, -2)": pa.array([decimal.Decimal("100"), None], pa.decimal128(5, -2)),
    "fixed_size_binary[4]": pa.array([b"abcd", None], pa.binary(4)),
    "list<item: string>": pa.array([["a"], None], pa.list_(pa.string())),
    "list<item: list<item: int64>>": pa.array([[[1]], None]),
    "map": pa.array([[("a", 1)], None], pa.map_(pa.string(), pa.int64())),
}


@functools.lru_cache(maxsize=12)
def array(name: str, kind: str, rows: int, column: int):
    """`rows` cells of a type of `ARROW_TYPES`. They can't be changed: frames of several layouts share them."""
    nulls = np.zeros(rows, dtype=bool)
    if kind == "nulls":
        nulls[1::3] = True
    if kind == "allnull":
        nulls[:] = True
    return ARROW_TYPES[name][0](rows, column, nulls)
