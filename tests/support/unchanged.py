"""What an object holds, down to its memory: equal before and after whatever must not change it."""

from __future__ import annotations

import numpy as np
import pandas as pd

__all__ = ["fingerprint"]


def _array(array: np.ndarray, seen) -> tuple:
    layout = (
        array.dtype,
        array.shape,
        array.strides,
        array.flags.writeable,
        array.__array_interface__["data"],
    )
    if array.dtype == object:
        return layout, tuple(_of(cell, seen) for cell in array.ravel().tolist())
    return layout, array.tobytes()


def _extension(array, seen) -> tuple:
    """The arrays inside an extension array."""
    chunked = getattr(array, "_pa_array", None)
    if chunked is not None:
        chunks = tuple(_buffers(chunk) for chunk in chunked.chunks)
        return type(array), str(array.dtype), chunked.type, chunks
    inner = []
    for name in ("_data", "_mask", "_ndarray", "_codes"):
        part = getattr(array, name, None)
        if isinstance(part, np.ndarray):
            inner.append((name, _array(part, seen)))
    return type(array), str(array.dtype), tuple(inner)


def _buffers(chunk) -> tuple:
    return (
        chunk.offset,
        len(chunk),
        tuple(None if b is None else (b.address, bytes(b)) for b in chunk.buffers()),
    )


def _of(value, seen) -> object:
    if isinstance(value, (list, tuple, set, dict)):
        if id(value) in seen:
            return "seen", id(value)
        seen = seen | {id(value)}
        items = [*value, *value.values()] if isinstance(value, dict) else value
        return type(value), id(value), tuple(_of(item, seen) for item in items)
    if isinstance(value, np.ma.MaskedArray):
        return type(value), value.tolist(), np.ma.getmaskarray(value).tolist()
    if isinstance(value, np.ndarray):
        return type(value), _array(value, seen)
    if isinstance(value, pd.DataFrame):
        columns = tuple(_of(value.iloc[:, position], seen) for position in range(value.shape[1]))
        note = getattr(value, "__DolphinDB_Type__", None)
        return (
            type(value),
            _of(value.columns, seen),
            _of(value.index, seen),
            columns,
            repr(note),
            repr(value.attrs),
        )
    if isinstance(value, pd.MultiIndex):
        return type(value), value.names, value.tolist()
    if isinstance(value, (pd.Series, pd.Index)):
        plain = isinstance(value.dtype, np.dtype)
        cells = _array(value.values, seen) if plain else _extension(value.array, seen)
        return type(value), value.name, cells
    # all else can't be changed; generators and the like would be by looking into them
    return type(value), id(value)


def fingerprint(value) -> object:
    """Everything that `value` holds: cells, memory addresses, layout, dtypes, names and attributes."""
    return _of(value, frozenset())
