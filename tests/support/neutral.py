"""Decoded wire objects as plain tuples that can be compared, whatever the order of sets and dicts."""

from __future__ import annotations

import numpy as np

import dolphindb_fast.settings as keys
from dolphindb_fast._decode import decode
from dolphindb_fast.column import Column, Dictionary, Matrix, Set, Table

__all__ = ["neutral", "same_meaning"]


def _cells(column: Column) -> tuple:
    if column.type == keys.DT_ANY:
        return tuple(map(neutral, column.data))
    if column.symbols is not None:
        return tuple(column.strings())
    raw = np.asarray(column.data)
    if column.offsets is None:
        return tuple(raw[i : i + 1].tobytes() for i in range(len(raw)))
    cuts = column.offsets.tolist()
    return tuple(raw[a:b].tobytes() for a, b in zip(cuts[:-1], cuts[1:], strict=True))


def neutral(value) -> tuple:
    """A nested tuple of everything that `value` says; of sets and dicts in a fixed order."""
    if isinstance(value, Column):
        return "column", value.type, value.form, value.scale, _cells(value)
    if isinstance(value, Table):
        return "table", value.name, tuple(value.names), tuple(map(neutral, value.columns))
    if isinstance(value, Matrix):
        labels = (value.row_labels, value.column_labels)
        return (
            "matrix",
            value.rows,
            value.columns,
            neutral(value.cells),
            *(None if label is None else neutral(label) for label in labels),
        )
    if isinstance(value, Set):
        head, cells = neutral(value.values)[:-1], neutral(value.values)[-1]
        return "set", head, tuple(sorted(cells, key=repr))
    assert isinstance(value, Dictionary), type(value)
    names, values = neutral(value.keys), neutral(value.values)
    pairs = sorted(zip(names[-1], values[-1], strict=True), key=repr)
    return "dictionary", value.form, names[:-1], values[:-1], tuple(pairs)


def same_meaning(one: bytes, other: bytes) -> bool:
    """Whether two encodings say the same, but for the order of sets and dicts and the blocks of array vectors."""
    return neutral(decode(one)) == neutral(decode(other))
