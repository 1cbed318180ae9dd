"""Order and equality of cells of every type: what sorting, grouping, comparing and keys are built on."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np

from ..column import WIRE_DTYPES, Column
from .failures import ScriptError
from .vectors import BYTES, DECIMALS, IDENTIFIERS, take, type_name
from .wide import decimal_values

__all__ = ["decimal_order", "groups", "ranks", "row_keys", "sortable"]

_NULL = Decimal("-Infinity")


def sortable(column: Column) -> Any:
    """Values that compare as the cells do; NULL is the least. Of COMPLEX, POINT and DURATION only equality counts."""
    kind = column.type
    if kind in BYTES:
        return np.array(column.strings(), dtype=object)
    if kind in DECIMALS:
        return decimal_order(column)
    if kind not in WIRE_DTYPES:
        raise ScriptError(f"cells of type {type_name(kind)} can't be compared")
    if column.data.dtype.kind == "V":
        order = -1 if kind in IDENTIFIERS else 1
        made = np.empty(len(column), dtype=object)
        made[:] = [cell.tobytes()[::order] for cell in column.data]
        return made
    return column.data


def decimal_order(column: Column) -> np.ndarray:
    """Numbers and decimals of any scale as values that compare with each other; NULL is the least."""
    return np.array([_NULL if v is None else v for v in decimal_values(column)], dtype=object)


def row_keys(columns: list[Column]) -> list[tuple[Any, ...]]:
    """For each row its cells, to be looked up."""
    return list(zip(*[sortable(column).tolist() for column in columns], strict=True))


def ranks(column: Column) -> np.ndarray:
    """For each cell how many different lesser ones there are."""
    return np.unique(sortable(column), return_inverse=True)[1].reshape(-1)


def groups(columns: list[Column]) -> tuple[list[Column], list[np.ndarray]]:
    """The different rows in order of first appearance, and the row numbers of each."""
    rows_of: dict[tuple[Any, ...], list[int]] = {}
    for row, key in enumerate(row_keys(columns)):
        rows_of.setdefault(key, []).append(row)
    members = [np.array(rows, dtype=np.int64) for rows in rows_of.values()]
    first = np.array([rows[0] for rows in members], dtype=np.int64)
    return [take(column, first) for column in columns], members
