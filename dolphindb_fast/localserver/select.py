"""``select`` and ``exec`` over one table: columns, expressions, aggregates, ``where``."""

from __future__ import annotations

import numpy as np

from .. import settings as keys
from ..column import Column, Table
from . import arithmetic, syntax
from .failures import ScriptError, refused
from .tables import MemoryTable
from .vectors import integer, repeat, take

__all__ = ["run_select"]


def run_select(session, node: syntax.Select, frame):
    """The result of a query: a table; of ``exec`` with one item, a vector or scalar."""
    source = session.evaluate(node.source, frame)
    if not isinstance(source, MemoryTable):
        raise ScriptError("from: a query needs a table")
    table = source.snapshot()
    rows = len(table)
    columns = dict(zip(table.names, table.columns, strict=True))
    if node.conditions:
        keep = _kept(session, node.conditions, columns, rows, frame)
        columns = {name: take(column, keep) for name, column in columns.items()}
        rows = int(keep.sum())
    names, values = _items(session, node.items, columns, rows, frame)
    if node.exec and len(values) == 1:
        return values[0]
    lengths = {len(v) for v in values if v.form != keys.DF_SCALAR}
    if len(lengths) > 1:
        raise ScriptError("the selected columns must be equally long")
    size = lengths.pop() if lengths else 1
    made = [_vector(v, size) for v in values]
    return MemoryTable.of(Table(_distinct(names), made))


def _scope(frame, columns):
    """The frame around the query, with the table's columns before its variables."""
    return type(frame)({**frame.variables, **columns}, frame.functions, frame.fixed)


def _kept(session, conditions, columns, rows, frame):
    keep = np.ones(rows, dtype=bool)
    scope = _scope(frame, columns)
    for condition in conditions:
        value = arithmetic.combine(True, [session.evaluate(condition, scope)])
        if value.form != keys.DF_SCALAR and len(value) != rows:
            raise ScriptError("where: the condition has another length than the table")
        keep &= value.data == 1
    return keep


def _items(session, items, columns, rows, frame):
    scope = _scope(frame, columns)
    names, values = [], []
    for item in items:
        if isinstance(item, syntax.Star):
            names.extend(columns)
            values.extend(columns.values())
            continue
        name, expression = item.name, item.expression
        counted = _counts_rows(expression)
        value = integer(rows) if counted else session.evaluate(expression, scope)
        if not isinstance(value, Column):
            raise refused("a selected value that is not a column")
        names.append(name or ("count" if counted else _default_name(expression)))
        values.append(value)
    return names, values


def _counts_rows(expression) -> bool:
    return (
        isinstance(expression, syntax.Chain)
        and expression.base == syntax.Name("count")
        and expression.links == (syntax.Invoke((syntax.Star(),)),)
    )


def _default_name(expression) -> str:
    """``price``, ``sum_price``; other expressions have no short name."""
    if isinstance(expression, syntax.Name):
        return expression.name
    if isinstance(expression, syntax.Chain) and isinstance(expression.base, syntax.Name):
        link = expression.links[0]
        if len(expression.links) == 1 and isinstance(link, syntax.Invoke) and len(link.arguments) == 1:
            inner = link.arguments[0]
            if isinstance(inner, syntax.Name):
                return f"{expression.base.name}_{inner.name}"
        return expression.base.name
    return "C"


def _distinct(names: list[str]) -> list[str]:
    seen: dict[str, int] = {}
    result = []
    for name in names:
        seen[name] = seen.get(name, -1) + 1
        result.append(f"{name}{seen[name]}" if seen[name] else name)
    return result


def _vector(value: Column, size: int) -> Column:
    return repeat(value, size) if value.form == keys.DF_SCALAR else value
