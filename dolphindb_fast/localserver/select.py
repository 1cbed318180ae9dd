"""``select`` and ``exec`` over one table: columns, expressions, aggregates, conditions, groups, order, limit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import settings as keys
from ..column import Column, Table
from . import arithmetic, syntax
from .failures import ScriptError, refused
from .ordering import groups, ranks
from .tables import MemoryTable
from .vectors import integer, part, repeat, take, unified

if TYPE_CHECKING:
    from .interpreter import Frame, Session

__all__ = ["run_select"]


def run_select(session: Session, node: syntax.Select, frame: Frame) -> Any:
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
    if node.groups:
        if node.exec:
            raise refused("exec with group by")
        names, values = _grouped(session, node, columns, rows, frame)
        columns = {}
    else:
        names, values = _items(session, node.items, columns, rows, frame)
    names = _distinct(names)
    if node.exec and len(values) == 1 and values[0].form == keys.DF_SCALAR:
        return values[0]
    lengths = {len(v) for v in values if v.form != keys.DF_SCALAR}
    if len(lengths) > 1:
        raise ScriptError("the selected columns must be equally long")
    size = lengths.pop() if lengths else 1
    made = [_vector(v, size) for v in values]
    if node.order:
        order = _order(session, node.order, {**columns, **dict(zip(names, made, strict=True))}, size, frame)
        made = [take(column, order) for column in made]
    if node.limit is not None:
        made = [part(column, 0, min(node.limit, size)) for column in made]
    return made[0] if node.exec and len(made) == 1 else MemoryTable.of(Table(names, made))


def _grouped(session: Session, node: Any, columns: dict[str, Column], rows: Any, frame: Frame) -> Any:
    """One row for each group: what it is grouped by, then the items, which must be one value each."""
    names, group_columns = _items(session, node.groups, columns, rows, frame)
    group_columns = [_vector(column, rows) for column in group_columns]
    if any(len(column) != rows for column in group_columns):
        raise ScriptError("group by: a column has another length than the table")
    found, members = groups(group_columns)
    grouped = dict(zip(names, found, strict=True))
    # a column that is grouped by stands in front already
    in_front = [group.expression for group in node.groups]
    items = [item for item in node.items if getattr(item, "expression", None) not in in_front]
    parts: list[list[Any]] = []
    item_names: list[str] = []
    for chosen in members:
        of_group = {name: take(column, chosen) for name, column in columns.items()}
        item_names, values = _items(session, items, of_group, len(chosen), frame)
        if any(value.form != keys.DF_SCALAR for value in values):
            raise ScriptError("group by: a selected value must be one value for each group")
        parts.append(values)
    if not members:
        item_names, values = _items(session, items, columns, 0, frame)
        return [*grouped, *item_names], [*grouped.values(), *[take(v, np.zeros(0, dtype=np.int64)) for v in values]]
    return [*grouped, *item_names], [*grouped.values(), *[unified(list(cells)) for cells in zip(*parts, strict=True)]]


def _order(session: Session, criteria: Any, columns: dict[str, Column], size: int, frame: Frame) -> Any:
    """Row numbers in the order asked for."""
    scope = _scope(frame, columns)
    sort_keys = []
    for expression, falls in criteria:
        column = session.evaluate(expression, scope)
        if not isinstance(column, Column) or column.form == keys.DF_SCALAR or len(column) != size:
            raise ScriptError("order by: a vector as long as the result is needed")
        rank = ranks(column)
        sort_keys.append(-rank if falls else rank)
    return np.lexsort(sort_keys[::-1])


def _scope(frame: Frame, columns: dict[str, Column]) -> Any:
    """The frame around the query, with the table's columns before its variables."""
    return type(frame)({**frame.variables, **columns}, frame.functions, frame.fixed)


def _kept(session: Session, conditions: Any, columns: dict[str, Column], rows: Any, frame: Frame) -> Any:
    keep = np.ones(rows, dtype=bool)
    scope = _scope(frame, columns)
    for condition in conditions:
        value = arithmetic.combine(True, [session.evaluate(condition, scope)])
        if value.form != keys.DF_SCALAR and len(value) != rows:
            raise ScriptError("where: the condition has another length than the table")
        keep &= value.data == 1
    return keep


def _items(session: Session, items: Any, columns: dict[str, Column], rows: Any, frame: Frame) -> Any:
    scope = _scope(frame, columns)
    names: list[str] = []
    values: list[Any] = []
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


def _counts_rows(expression: Any) -> bool:
    return (
        isinstance(expression, syntax.Chain)
        and expression.base == syntax.Name("count")
        and expression.links == (syntax.Invoke((syntax.Star(),)),)
    )


def _default_name(expression: Any) -> str:
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
