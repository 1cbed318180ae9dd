"""The built-in functions about values: what they are, casts, aggregates, and the making of every form."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import settings as keys
from ..column import WIRE_DTYPES, Column, Dictionary, Matrix, Set
from . import arithmetic
from .conversion import cast
from .failures import ScriptError, refused
from .forms import form_of, reply_value, type_of, typestr_of
from .ordering import groups
from .registry import builtin
from .tables import MemoryTable
from .vectors import (
    BYTES,
    DECIMALS,
    INTEGRAL,
    each_column,
    element,
    element_type,
    integer,
    joined,
    null_cell,
    repeat,
    text,
    type_name,
)
from .wide import DIGITS, kind_of_type, type_number

if TYPE_CHECKING:
    from .interpreter import Session


@builtin("typestr(X)")
def typestr(session: Session, value: Any) -> Any:
    return text(typestr_of(value))


@builtin("form(X)")
def form(session: Session, value: Any) -> Any:
    return integer(form_of(value))


@builtin("type(X)")
def type_(session: Session, value: Any) -> Any:
    return integer(type_of(value))


def _rows(value: Any) -> int:
    if isinstance(value, (Column, MemoryTable, Dictionary, Set, Matrix)):
        return len(value)
    raise ScriptError("this value has no size")


@builtin("size(X)")
def size(session: Session, value: Any) -> Any:
    return integer(value.rows * value.columns if isinstance(value, Matrix) else _rows(value))


@builtin("rows(X)")
def rows_(session: Session, value: Any) -> Any:
    return integer(_rows(value))


@builtin("cols(X)")
def cols(session: Session, value: Any) -> Any:
    if isinstance(value, Matrix):
        return integer(value.columns)
    return integer(len(value.names) if isinstance(value, MemoryTable) else 1)


@builtin("row(X, index)")
def row(session: Session, value: Any, index: Any) -> Any:
    if not isinstance(value, Column) or element_type(value.type) is None:
        raise refused("row of anything but an array vector")
    return element(value, _whole(index, "row: index"))


def _declare_aggregate(name: str, compute: Callable[[Any], Any]) -> None:
    @builtin(f"{name}(X)")
    def aggregate(session: Session, value: Any) -> Any:
        if isinstance(value, MemoryTable):
            if name == "count":
                return integer(len(value))
            raise refused(f"{name} of a table")
        return compute(value)


for _name, _compute in arithmetic.AGGREGATES.items():
    _declare_aggregate(_name, _compute)


# forms ------------------------------------------------------------------------------------------


def _whole(value: Any, what: str) -> int:
    if isinstance(value, Column) and value.form == keys.DF_SCALAR and value.type in INTEGRAL:
        return int(value.data[0])
    raise ScriptError(f"{what} must be a whole number")


def _vector(value: Any, what: str) -> Column:
    if not isinstance(value, Column) or value.form == keys.DF_PAIR:
        raise ScriptError(f"{what} must be a vector")
    return repeat(value, 1) if value.form == keys.DF_SCALAR else value


@builtin("matrix(X, *X)")
def matrix(session: Session, *values: Any) -> Matrix:
    columns = [_vector(value, "matrix: a column") for value in values]
    kinds = {(c.type, c.scale, len(c)) for c in columns}
    if len(kinds) > 1:
        raise ScriptError("matrix: the columns must be of one type and equally long")
    kind, _, rows = kinds.pop()
    if kind not in WIRE_DTYPES or kind in (keys.DT_VOID, *DECIMALS):
        raise refused(f"a matrix of {type_name(kind)}")
    return Matrix(joined(columns), rows, len(columns))


@builtin("set(X)")
def set_(session: Session, value: Any) -> Set:
    values = _vector(value, "set: the elements")
    if values.type in (keys.DT_BOOL, *DECIMALS):
        raise refused(f"a set of {type_name(values.type)}")
    return Set(groups([values])[0][0])


@builtin("dict(keyObj, valueObj)")
def dict_(session: Session, names: Any, values: Any) -> Dictionary:
    if all(isinstance(v, Column) and v.form == keys.DF_SCALAR and v.type in INTEGRAL for v in (names, values)):
        # two types: a dictionary without entries
        nothing = np.zeros(1, dtype=np.int8)
        empty = [cast(Column(keys.DT_VOID, nothing[:0]), *kind_of_type(int(v.data[0]))) for v in (names, values)]
        return Dictionary(empty[0], empty[1])
    names, values = _vector(names, "dict: the keys"), _vector(reply_value(values), "dict: the values")
    if len(names) != len(values):
        raise ScriptError("dict: there must be as many keys as values")
    if len(groups([names])[1]) != len(names):
        raise ScriptError("dict: the keys must differ")
    return Dictionary(names, values)


@builtin("keys(X)")
def keys_(session: Session, value: Any) -> Any:
    return _dictionary(value, "keys").keys


@builtin("values(X)")
def values_(session: Session, value: Any) -> Any:
    return _dictionary(value, "values").values


def _dictionary(value: Any, name: str) -> Dictionary:
    if isinstance(value, Dictionary):
        return value
    raise refused(f"{name} of anything but a dictionary")


@builtin("array(dataType, [initialSize])")
def array(session: Session, kind: Any, length: Any = None) -> Any:
    kind, scale = kind_of_type(_whole(kind, "array: dataType"))
    rows = 0 if length is None else _whole(length, "array: initialSize")
    if not 0 <= rows <= 10_000_000:
        raise ScriptError("array: initialSize must be from 0 to 10000000")
    blank = cast(Column(keys.DT_VOID, np.zeros(rows, dtype=np.int8)), kind, scale)
    if kind in WIRE_DTYPES and kind not in (keys.DT_VOID, *DECIMALS) and WIRE_DTYPES[kind].kind != "V":
        blank.data[:] = 0
    return blank


@builtin("arrayVector(index, value)")
def array_vector(session: Session, index: Any, value: Any) -> Column:
    """Rows that end before each index."""
    index, value = _vector(index, "arrayVector: index"), _vector(value, "arrayVector: value")
    kind = value.type + keys.ARRAY_TYPE_BASE
    if element_type(kind) is None:
        raise refused(f"an array vector of {type_name(value.type)}")
    if index.type not in INTEGRAL:
        raise ScriptError("arrayVector: index must be whole numbers")
    cuts = np.concatenate([[0], index.data.astype(np.int64)])
    if (np.diff(cuts) < 0).any() or cuts[-1] != len(value):
        raise ScriptError("arrayVector: index must rise to the number of values")
    return Column(kind, value.data, offsets=cuts, scale=value.scale)


def _declare_pair_of_doubles(name: str, target: Any) -> None:
    @builtin(f"{name}(X, Y)")
    def make(session: Session, first: Any, second: Any) -> Column:
        parts = [cast_value(v, keys.DT_DOUBLE) for v in (first, second)]
        if not all(isinstance(part, Column) for part in parts):
            raise ScriptError(f"{name}: two scalars or vectors are needed")
        length = max(map(len, parts))
        vectors = [repeat(p, length) if p.form == keys.DF_SCALAR else p for p in parts]
        if len(vectors[0]) != len(vectors[1]):
            raise ScriptError(f"{name}: the two parts must be equally long")
        cells = np.stack([v.data for v in vectors], axis=1).reshape(-1).view(WIRE_DTYPES[target])
        return Column(target, cells, form=max(p.form for p in parts))


_declare_pair_of_doubles("complex", keys.DT_COMPLEX)
_declare_pair_of_doubles("point", keys.DT_POINT)


# types ------------------------------------------------------------------------------------------


def cast_value(value: Any, target: int, scale: int = 0) -> Any:
    """A scalar or vector, the cells of a matrix or those of every column, as another type."""
    if isinstance(value, Matrix):
        return each_column(value, lambda cells: cast(cells, target, scale))
    if not isinstance(value, Column):
        raise ScriptError(f"{type_name(target).lower()}: a scalar or a vector is needed")
    return cast(value, target, scale)


def _declare_cast(target: Any) -> None:
    name = type_name(target).lower()

    @builtin(f"{name}([X])")
    def convert(session: Session, value: Any = None) -> Any:
        if value is None:
            return null_cell(target)
        if target == keys.DT_SYMBOL and isinstance(value, Column) and value.form == keys.DF_SCALAR:
            raise ScriptError("symbol: a vector is needed")
        return cast_value(value, target)


def _declare_decimal(target: Any) -> None:
    name = type_name(target)

    @builtin(f"{name.lower()}(X, scale)")
    def convert(session: Session, value: Any, scale: Any) -> Any:
        scale = _whole(scale, f"{name.lower()}: scale")
        type_number(target, scale)
        return cast_value(value, target, scale)

    @builtin(f"{name}(scale)")
    def kind(session: Session, scale: Any) -> Any:
        return integer(type_number(target, _whole(scale, f"{name}: scale")))


#: types of the language that no function of their name makes: of three the wire only carries the cells
_WITHOUT_CAST = (keys.DT_VOID, keys.DT_DATEMINUTE, keys.DT_COMPLEX, keys.DT_POINT, keys.DT_DURATION)
for _target in (*WIRE_DTYPES, *BYTES):
    if _target in DIGITS:
        _declare_decimal(_target)
    elif _target not in _WITHOUT_CAST:
        _declare_cast(_target)
