"""Columns of values as Arrow data made by hand, without any library, and as a DataFrame that says the same."""

from __future__ import annotations

import datetime
import struct
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from .arrow_producer import Given, Stream, views
from .values import object_column

__all__ = ["KINDS", "as_arrow", "as_frame"]

_EPOCH = datetime.date(1970, 1, 1)


@dataclass(frozen=True)
class Kind:
    """An Arrow type: how values become an array of it, and the pandas column of the same values."""

    given: Callable[[list], Given]
    series: Callable[[list], pd.Series]


def _validity(values) -> bytes | None:
    if None not in values:
        return None
    bits = sum((value is not None) << place for place, value in enumerate(values))
    return bits.to_bytes(len(values) // 8 + 1, "little")


def _cells(format, letter, number=int):
    def given(values):
        numbers = [0 if value is None else number(value) for value in values]
        data = struct.pack(f"<{len(values)}{letter}", *numbers)
        return Given(format, [_validity(values), data], len(values), null_count=values.count(None))

    return given


def _bits(values):
    data = sum(bool(value) << place for place, value in enumerate(values)).to_bytes(len(values) // 8 + 1, "little")
    return Given("b", [_validity(values), data], len(values), null_count=values.count(None))


def _decimals(scale):
    def given(values):
        data = b"".join(
            (0 if value is None else int(value.scaleb(scale))).to_bytes(16, "little", signed=True) for value in values
        )
        return Given(f"d:38,{scale}", [_validity(values), data], len(values), null_count=values.count(None))

    return given


def _offsets(sizes, letter):
    ends = np.cumsum([0, *sizes]).tolist()
    return struct.pack(f"<{len(ends)}{letter}", *ends)


def _text(format):
    def given(values):
        cells = [b"" if value is None else value.encode() for value in values]
        buffers = [_validity(values), _offsets(map(len, cells), "q" if format == "U" else "i"), b"".join(cells)]
        if format == "vu":
            buffers = views([None if value is None else value.encode() for value in values])
        return Given(format, buffers, len(values), null_count=values.count(None))

    return given


def _words(values):
    return [*dict.fromkeys(value for value in values if value is not None), "unused"]


def _dictionary(values):
    words = _words(values)
    codes = _cells("i", "i", words.index)(values)
    codes.dictionary = _text("u")(words)
    return codes


def _lists(child):
    def given(values):
        cells = [cell for row in values for cell in row]
        return Given("+l", [None, _offsets(map(len, values), "i")], len(values), children=[child(cells)])

    return given


def _nothing(values):
    return Given("n", [], len(values), null_count=len(values))


def _ticks(unit):
    return lambda value: int(np.datetime64(value, unit).view("i8"))


def _as(dtype):
    return lambda values: pd.Series(values, dtype=dtype)


def _moments(dtype):
    # pandas 2.0 itself makes moments of every unit by way of nanoseconds
    return lambda values: pd.Series(np.array(values, dtype))


def _as_objects(values):
    return object_column(values)


#: name -> format of the C interface, letter of struct, dtype
_INTEGERS = {
    "int8": ("c", "b", "Int8"),
    "int16": ("s", "h", "Int16"),
    "int32": ("i", "i", "Int32"),
    "int64": ("l", "q", "Int64"),
    "uint8": ("C", "B", "UInt8"),
    "uint16": ("S", "H", "UInt16"),
    "uint32": ("I", "I", "UInt32"),
    "uint64": ("L", "Q", "UInt64"),
}

KINDS = {
    **{name: Kind(_cells(format, letter), _as(dtype)) for name, (format, letter, dtype) in _INTEGERS.items()},
    "bool": Kind(_bits, _as("boolean")),
    "float": Kind(_cells("f", "f", float), _as("Float32")),
    "double": Kind(_cells("g", "d", float), _as("Float64")),
    **{
        f"timestamp[{unit}]": Kind(_cells(f"ts{unit[0]}:", "q", _ticks(unit)), _moments(f"datetime64[{unit}]"))
        for unit in ("s", "ms", "us", "ns")
    },
    "date": Kind(_cells("tdD", "i", lambda day: (day - _EPOCH).days), _as_objects),
    "text": Kind(_text("u"), _as("string")),
    "large text": Kind(_text("U"), _as("string")),
    "text view": Kind(_text("vu"), _as("string")),
    "dictionary": Kind(_dictionary, lambda values: pd.Series(pd.Categorical(values, _words(values)))),
    "decimal": Kind(_decimals(3), _as_objects),
    "lists": Kind(_lists(_cells("l", "q")), _as_objects),
    "null": Kind(_nothing, _as_objects),
}


def as_arrow(columns, batches=1, kind="stream") -> Stream:
    """An exporter of ``[(name, kind, values), ...]`` in so many batches."""
    rows = len(columns[0][2])
    cuts = [rows * number // batches for number in range(batches + 1)]
    tables = []
    for first, last in zip(cuts, cuts[1:], strict=False):
        given = []
        for name, arrow_type, values in columns:
            given.append(KINDS[arrow_type].given(list(values[first:last])))
            given[-1].name = name
        tables.append(Given.table(*given))
    return Stream(*tables, kind=kind)


def as_frame(columns) -> pd.DataFrame:
    """A DataFrame of the same, without pyarrow."""
    made = pd.concat([KINDS[kind].series(list(values)) for _, kind, values in columns], axis=1)
    return made.set_axis([name for name, _, _ in columns], axis=1)
