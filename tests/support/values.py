"""Cell values of the corpus: deterministic on every version of numpy and pandas, no random generator."""

from __future__ import annotations

import numpy as np
import pandas as pd

__all__ = ["INTEGERS", "MOMENTS", "NAT_WITHOUT_UNIT", "NULL_KINDS", "TEXTS", "cells", "numbers", "texts"]

INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
MOMENTS = ("datetime64[s]", "datetime64[ms]", "datetime64[us]", "datetime64[ns]")

#: `numpy.datetime64("NaT")`, which numpy 2.5 warns of; made so that no version does.
NAT_WITHOUT_UNIT = np.int64(-(2**63)).view("datetime64")

#: What stands in a column: no NULL; NULLs between values; NULLs alone; the ends of the type's range.
NULL_KINDS = ("plain", "nulls", "allnull", "edges")

#: ASCII, empty, Latin-1, Cyrillic, CJK, outside the basic plane, combining, 7 to 17 bytes (the sizes at which
#: fast copies change their way), a byte order mark, and every control character but NUL.
TEXTS = (
    "AAPL",
    "",
    "naïve façade",
    "Привет",
    "漢字かな",
    "😀🏳️‍🌈",
    "e\u0301",
    "1234567",
    "12345678",
    "123456789",
    "123456789abcdef",
    "123456789abcdefg",
    "123456789abcdefgh",
    "\ufeffmark",
    "\t\r\n\x01\x7f\x80\x9f",
    "ÿ",
    "\u07ff\u0800\uffff",
)
LONG_TEXT = "0123456789abcdeż" * 313  # over 5,000 characters

_LONG = {"s": 2**31 - 1, "ms": 2**63 - 1, "us": (2**63 - 1) // 1000, "ns": 2**63 - 1}


def numbers(rows: int, column: int) -> np.ndarray:
    """Well mixed int64 values, another sequence for every column."""
    index = np.arange(rows, dtype=np.uint64) + np.uint64(column * 1_000_003 + 1)
    mixed = index * np.uint64(0x9E3779B97F4A7C15)
    mixed ^= mixed >> np.uint64(29)
    return (mixed * np.uint64(0xBF58476D1CE4E5B9)).view(np.int64)


def _cycle(array: np.ndarray, items) -> np.ndarray:
    """`array` overwritten with `items` again and again."""
    pattern = np.array(items, dtype=array.dtype)
    return np.resize(pattern, len(array)) if len(array) else array


def _integers(dtype: np.dtype, kind: str, rows: int, column: int) -> np.ndarray:
    info = np.iinfo(dtype)
    top = min(info.max, 2**63 - 1)  # LONG is the widest type there is
    values = numbers(rows, column).astype(dtype)
    if info.min == 0:
        values &= dtype.type(top)
        return _cycle(values, [0, top, 1, top - 1]) if kind == "edges" else values
    values[values == info.min] = 1
    if kind == "edges":
        return _cycle(values, [info.min, info.max, 0, -1, info.min + 1])
    if kind == "nulls":
        values[::3] = info.min
    if kind == "allnull":
        values[:] = info.min
    return values


def _floats(dtype: np.dtype, kind: str, rows: int, column: int) -> np.ndarray:
    info = np.finfo(dtype)
    values = ((numbers(rows, column) % 2_000_003) / 128).astype(dtype)
    if kind == "edges":
        return _cycle(values, [np.nan, np.inf, -np.inf, info.max, -info.max, info.tiny, -0.0, 0.0, info.tiny / 4])
    if kind == "nulls":
        values[::3] = np.nan
        values[4::7] = np.inf
        values[5::7] = -np.nan
    if kind == "allnull":
        values[:] = np.nan
    return values


def _moments(dtype: np.dtype, kind: str, rows: int, column: int) -> np.ndarray:
    longest = _LONG[np.datetime_data(dtype)[0]]
    values = numbers(rows, column) % min(longest, 2**61)  # negative ones too
    null = -(2**63)
    if kind == "edges":
        values = _cycle(values, [longest, -longest, 0, -1, null, 1])
    if kind == "nulls":
        values[1::3] = null
    if kind == "allnull":
        values[:] = null
    return values.view(dtype)


def texts(kind: str, rows: int, column: int, nulls=(None,)) -> list:
    """Texts, with `nulls` in turn as NULL."""
    if kind == "allnull":
        return [nulls[i % len(nulls)] for i in range(rows)]
    period = [TEXTS[(i * 7 + column) % len(TEXTS)] for i in range(len(TEXTS))]
    cells: list = (period * (rows // len(period) + 1))[:rows]
    if kind == "edges":
        cells[2::1009] = [LONG_TEXT] * len(cells[2::1009])
    if kind == "nulls":
        first = column % 3
        cells[first::3] = [nulls[i % len(nulls)] for i in range(first, rows, 3)]
    return cells


def cells(type_name: str, kind: str, rows: int, column: int) -> np.ndarray:
    """A fresh contiguous array of a numpy dtype."""
    dtype = np.dtype(type_name)
    if dtype.kind == "b":
        return numbers(rows, column) % 3 == 0
    if dtype.kind in "iu":
        return _integers(dtype, kind, rows, column)
    if dtype.kind == "f":
        return _floats(dtype, kind, rows, column)
    return _moments(dtype, kind, rows, column)


def object_column(values: list, index=None) -> pd.Series:
    """An object column: pandas 3 would make text out of it if left alone."""
    return pd.Series(np.fromiter(values, dtype=object, count=len(values)), dtype=object, index=index)
