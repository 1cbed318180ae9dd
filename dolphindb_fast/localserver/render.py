"""Cells as the language writes them, and values as `print` shows them."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import settings as keys
from .._decode import spelled
from ..column import Column, Dictionary, Matrix, Set, Table
from . import temporal
from .vectors import BYTES, DECIMALS, FLOATING, IDENTIFIERS, element, element_type, null_mask, part
from .wide import decimal_values

__all__ = ["format_cells", "rendered"]

_SHOWN_ROWS = 30


def format_cells(column: Column) -> list[str]:
    """The text of every cell as the language shows it; NULL is empty."""
    kind = column.type
    if kind in BYTES or kind == keys.DT_FUNCTIONDEF:
        return column.strings()
    if element_type(kind) is not None:
        rows = (format_cells(element(column, row)) for row in range(len(column)))
        return [f"[{','.join(row)}]" for row in rows]
    if kind in DECIMALS:
        return ["" if v is None else f"{v:f}" for v in decimal_values(column)]
    if kind in IDENTIFIERS:
        data, offsets = spelled(kind, np.ascontiguousarray(column.data))
        shown = Column(keys.DT_STRING, data, offsets=offsets).strings()
    else:
        shown = [_show(kind, value) for value in _values(column)]
    return ["" if m else v for v, m in zip(shown, null_mask(column).tolist(), strict=True)]


def _values(column: Column) -> Any:
    """Cells as Python's numbers; those of two parts as pairs."""
    if column.type in (keys.DT_COMPLEX, keys.DT_POINT):
        return np.ascontiguousarray(column.data).view("<f8").reshape(-1, 2).tolist()
    if column.type == keys.DT_DURATION:
        return np.ascontiguousarray(column.data).view("<i4").reshape(-1, 2).tolist()
    return column.data.tolist()


def _show(kind: int, value: Any) -> str:
    if kind == keys.DT_BOOL:
        return "true" if value else "false"
    if kind in FLOATING:
        return f"{value:.{6 if kind == keys.DT_FLOAT else 15}g}"
    if kind == keys.DT_COMPLEX:
        return f"{value[0]:.15g}{value[1]:+.15g}i"
    if kind == keys.DT_POINT:
        return f"({value[0]:.15g}, {value[1]:.15g})"
    if kind == keys.DT_DURATION:
        return f"{value[0]}{temporal.duration_unit(value[1])}"
    return temporal.format_temporal(kind, value) if kind in temporal.NUMPY_UNITS else str(value)


def rendered(value: Any) -> str:
    """The text of a value; long vectors and tables are cut."""
    if value is None:
        return ""
    if isinstance(value, Table):
        return _rendered_table(value)
    if isinstance(value, Dictionary):
        shown_keys, shown = _cells(value.keys), _cells(value.values)
        return "\n".join(f"{k}->{v}" for k, v in zip(shown_keys, shown, strict=True))
    if isinstance(value, Set):
        return f"set({_listed(value.values)})"
    if isinstance(value, Matrix):
        columns = [part(value.cells, i * value.rows, (i + 1) * value.rows) for i in range(value.columns)]
        names = [f"#{i}" for i in range(value.columns)] if value.column_labels is None else _cells(value.column_labels)
        return _rendered_table(Table(names, columns))
    if isinstance(value, Column):
        if value.form == keys.DF_SCALAR:
            return _cells(value)[0]
        return f"({_listed(value)})" if value.type == keys.DT_ANY else f"[{_listed(value)}]"
    return repr(value)


def _listed(column: Column) -> str:
    cells = _cells(column)
    return ",".join(cells) + (",..." if len(column) > len(cells) else "")


def _cells(column: Column) -> list[str]:
    rows = min(len(column), _SHOWN_ROWS)
    if column.type == keys.DT_ANY:
        return [rendered(v) for v in column.data[:rows]]
    return format_cells(part(column, 0, rows))


def _rendered_table(table: Table) -> str:
    columns = [[name, *_cells(column)] for name, column in zip(table.names, table.columns, strict=True)]
    widths = [max(map(len, cells)) for cells in columns]
    for cells, width in zip(columns, widths, strict=True):
        cells.insert(1, "-" * width)
    lines = []
    for row in zip(*columns, strict=True):
        padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        lines.append(" ".join(padded).rstrip())
    if len(table) > _SHOWN_ROWS:
        lines.append("...")
    return "\n".join(lines) + "\n"
