"""Values as `print` shows them."""

from __future__ import annotations

import numpy as np

from .. import settings as keys
from ..column import Column, Dictionary, Table
from .conversion import format_cells
from .tables import MemoryTable
from .vectors import take

__all__ = ["rendered"]

_SHOWN_ROWS = 30


def rendered(value) -> str:
    """The text of a value; long vectors and tables are cut."""
    if value is None:
        return ""
    if isinstance(value, MemoryTable):
        value = value.snapshot()
    if isinstance(value, Table):
        return _rendered_table(value)
    if isinstance(value, Dictionary):
        shown_keys, shown = _cells(value.keys), _cells(value.values)
        return "\n".join(f"{k}->{v}" for k, v in zip(shown_keys, shown, strict=True))
    if isinstance(value, Column):
        cells = _cells(value)
        if value.form == keys.DF_SCALAR:
            return cells[0]
        inside = ",".join(cells) + (",..." if len(value) > len(cells) else "")
        return f"({inside})" if value.type == keys.DT_ANY else f"[{inside}]"
    return repr(value)


def _cells(column: Column) -> list[str]:
    rows = min(len(column), _SHOWN_ROWS)
    if column.type == keys.DT_ANY:
        return [rendered(v) for v in column.data[:rows]]
    if column.form == keys.DF_SCALAR:
        return format_cells(column)
    return format_cells(take(column, np.arange(rows)))


def _rendered_table(table: Table) -> str:
    columns = [[name, *_cells(column)] for name, column in zip(table.names, table.columns, strict=True)]
    widths = [max(map(len, cells)) for cells in columns]
    for cells, width in zip(columns, widths, strict=True):
        cells.insert(1, "-" * width)
    lines = []
    for row in zip(*columns, strict=True):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        lines.append(" ".join(cells).rstrip())
    if len(table) > _SHOWN_ROWS:
        lines.append("...")
    return "\n".join(lines) + "\n"
