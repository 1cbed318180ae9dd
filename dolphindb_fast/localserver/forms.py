"""Values of every form: taken over from requests, put into vectors, indexed, named, and made ready for a reply."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import settings as keys
from ..column import Column, Dictionary, Matrix, Set, Table
from .conversion import cast
from .failures import ScriptError, refused
from .ordering import row_keys
from .tables import Database, MemoryTable
from .vectors import (
    DECIMALS,
    INTEGRAL,
    TEXT,
    each_column,
    element,
    element_type,
    integer,
    part,
    take,
    text,
    type_name,
)
from .wide import kind_of_type, type_number

__all__ = [
    "adopted",
    "array_type",
    "cell",
    "form_of",
    "indexed",
    "reply_value",
    "type_of",
    "typestr_of",
    "without_decimals",
]


def adopted(value: Any) -> Any:
    """A decoded argument as the interpreter holds it."""
    if isinstance(value, Table):
        return MemoryTable.of(value)
    if not isinstance(value, (Column, Dictionary, Matrix, Set)):
        raise refused("an argument of this form")
    return value


def reply_value(value: Any) -> Any:
    """An interpreter's value as a neutral one: tables as snapshots, handles and functions as text."""
    if isinstance(value, MemoryTable):
        return value.snapshot()
    if isinstance(value, Column) and value.type == keys.DT_ANY:
        return Column(keys.DT_ANY, [reply_value(v) for v in value.data], form=value.form)
    if value is None or isinstance(value, (Column, Dictionary, Matrix, Set, Table)):
        return value
    return text(repr(value))


def without_decimals(value: Any) -> Any:
    """`value` with every decimal as a DOUBLE, for clients that ask for it."""

    def convert(column: Column) -> Column:
        if column.type in DECIMALS:
            return cast(column, keys.DT_DOUBLE)
        inside = element_type(column.type)
        if inside not in DECIMALS:
            return column
        cells = cast(Column(inside, column.data, scale=column.scale), keys.DT_DOUBLE)
        return Column(keys.DT_DOUBLE_ARRAY, cells.data, offsets=column.offsets)

    return each_column(value, convert)


def cell(value: Any) -> Any:
    """What may stand in a vector; tables are copied out."""
    value = reply_value(value)
    if value is None:
        raise ScriptError("an element of the vector has no value")
    return value


def array_type(value: Any) -> Column:
    """``INT[]``: the type of array vectors whose elements are of the type `value`."""
    if isinstance(value, Column) and value.form == keys.DF_SCALAR and value.type in INTEGRAL:
        kind, scale = kind_of_type(int(value.data[0]))
        array = kind + keys.ARRAY_TYPE_BASE
        if element_type(array) is not None:
            return integer(type_number(array, scale) if kind in DECIMALS else array)
        raise refused(f"an array vector of {type_name(kind)}")
    raise ScriptError("[]: only a type, such as INT, can be in front of it")


# indices ----------------------------------------------------------------------------------------


def _found(value: Any) -> Any:
    """An element as the interpreter holds it."""
    return MemoryTable.of(value) if isinstance(value, Table) else value


def indexed(value: Any, index: Any) -> Any:
    """``value[index]``"""
    if not isinstance(index, Column):
        raise ScriptError("an index must be a number, a name or a vector of them")
    if isinstance(value, MemoryTable) and index.type in TEXT and len(index) == 1:
        return value.column(index.strings()[0])
    if isinstance(value, Dictionary):
        return _looked_up(value, index)
    if isinstance(value, Matrix) and index.form == keys.DF_SCALAR and index.type in INTEGRAL:
        column = int(index.data[0])
        if not 0 <= column < value.columns:
            raise ScriptError("an index lies outside the matrix")
        return part(value.cells, column * value.rows, (column + 1) * value.rows)
    if not isinstance(value, Column) or index.type not in INTEGRAL:
        raise refused("an index of this kind")
    if element_type(value.type) is not None:
        raise refused("an index into an array vector (row(X, i) gives a row)")
    if value.form == keys.DF_SCALAR:
        raise ScriptError("a scalar has no elements")
    if index.form == keys.DF_SCALAR:
        return _found(element(value, int(index.data[0])))
    if index.form == keys.DF_PAIR:
        start, stop = (int(i) for i in index.data)
        rows = np.arange(max(start, 0), max(min(stop, len(value)), 0))
    else:
        rows = index.data.astype(np.int64)
        if len(rows) and (rows.min() < 0 or rows.max() >= len(value)):
            raise ScriptError("an index lies outside the vector")
    return take(value, rows)


def _looked_up(value: Dictionary, index: Column) -> Any:
    """The value of one key; NULL where there is none."""
    if len(index) != 1 or index.type == keys.DT_ANY:
        raise refused("an index of this kind into a dictionary")
    names = row_keys([value.keys])
    wanted = index if value.keys.type in TEXT and index.type in TEXT else cast(index, value.keys.type, value.keys.scale)
    name = row_keys([wanted])[0]
    return _found(element(value.values, names.index(name) if name in names else -1))


# names of types and forms -----------------------------------------------------------------------


def form_of(value: Any) -> int:
    """The number of a value's form."""
    forms = {MemoryTable: keys.DF_TABLE, Matrix: keys.DF_MATRIX, Set: keys.DF_SET}
    if isinstance(value, (Column, Dictionary)):
        return value.form
    return forms.get(type(value), keys.DF_SCALAR)


def type_of(value: Any) -> int:
    """The number of the type of a value's cells; of a dictionary that of its values."""
    if isinstance(value, Column):
        return value.type
    if isinstance(value, Matrix):
        return value.cells.type
    if isinstance(value, (Set, Dictionary)):
        return value.values.type
    if isinstance(value, MemoryTable):
        return keys.DT_DICTIONARY
    return keys.DT_HANDLE if isinstance(value, Database) else keys.DT_FUNCTIONDEF


def typestr_of(value: Any) -> str:
    """Type and form in words."""
    if isinstance(value, MemoryTable):
        return value.kind
    if value is None:
        return "VOID"
    name = type_name(type_of(value))
    form = form_of(value)
    if form == keys.DF_SCALAR:
        return name
    if isinstance(value, Dictionary):
        return f"{type_name(value.keys.type)}->{name} {'CHART' if form == keys.DF_CHART else 'DICTIONARY'}"
    words = {keys.DF_PAIR: "PAIR", keys.DF_SET: "SET", keys.DF_MATRIX: "MATRIX", keys.DF_VECTOR: "VECTOR"}
    slow = (keys.DT_STRING, keys.DT_BLOB, keys.DT_ANY, keys.DT_VOID)
    fast = form in (keys.DF_VECTOR, keys.DF_MATRIX) and type_of(value) not in slow
    return f"{'FAST ' if fast else ''}{name} {words[form]}"
