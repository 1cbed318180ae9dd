"""Decimals and the types of 16 bytes: their cells as Python values, as text, and made from them."""

from __future__ import annotations

import ipaddress
import uuid
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from typing import Any

import numpy as np

from .. import settings as keys
from .._decode import decimals
from ..column import WIRE_DTYPES, Column
from .failures import ScriptError
from .vectors import DECIMALS, FLOATING, INTEGRAL, null_mask, null_of, type_name

__all__ = [
    "DIGITS",
    "NotACell",
    "decimal_cells",
    "decimal_scalar",
    "decimal_values",
    "identifier_cells",
    "kind_of_type",
    "type_number",
]

#: the most digits after the point, which are also the most digits but for 39 in 128 bits
DIGITS = {keys.DT_DECIMAL32: 9, keys.DT_DECIMAL64: 18, keys.DT_DECIMAL128: 38}

# enough for the digits of every double as text
_EXACT = Context(prec=800, rounding=ROUND_HALF_UP)


class NotACell(Exception):
    """Row number of the first value that is not one of the type."""


def type_number(kind: int, scale: int) -> int:
    """A type as scripts hold it: ``DECIMAL64(2)`` is one number, as ``INT`` is."""
    limit = DIGITS[kind % keys.ARRAY_TYPE_BASE]
    if not 0 <= scale <= limit:
        raise ScriptError(f"Scale out of bound (valid range: [0, {limit}], but get: {scale})")
    return kind | scale << 16


def kind_of_type(number: int) -> tuple[int, int]:
    """Type and scale of what `type_number` made, or of a plain type."""
    return number & 0xFFFF, number >> 16


def decimal_values(column: Column) -> Any:
    """Numbers, decimals or texts as they are; NULL, empty text and NaN as None."""
    if column.type in DECIMALS:
        return decimals(column.type, np.ascontiguousarray(column.data), column.scale).tolist()
    if column.type in (keys.DT_BOOL, *INTEGRAL, *FLOATING):
        missing = null_mask(column).tolist()
        # a float is the number that its shortest text says
        shown = map(str, column.data if column.type == keys.DT_FLOAT else column.data.tolist())
        return [None if m else Decimal(v) for m, v in zip(missing, shown, strict=True)]
    values: list[Decimal | None] = []
    for row, cell in enumerate(column.strings()):
        try:
            values.append(Decimal(cell) if cell else None)
        except InvalidOperation:
            raise NotACell(row) from None
    return values


def decimal_cells(values: list[Decimal | None], kind: int, scale: int) -> np.ndarray:
    """Cells of a decimal type, rounded half away from zero."""
    size = WIRE_DTYPES[kind].itemsize
    null = -(2 ** (8 * size - 1))
    cells = bytearray()
    for row, value in enumerate(values):
        number = null
        if value is not None:
            # huge exponents would make huge numbers first
            if not value.is_finite() or value.adjusted() > 40:
                raise NotACell(row)
            number = int(_EXACT.to_integral_value(_EXACT.scaleb(value, scale)))
            if not null < number < -null:
                raise NotACell(row)
        cells += number.to_bytes(size, "little", signed=True)
    return np.frombuffer(cells, dtype=WIRE_DTYPES[kind])


def decimal_scalar(value: Decimal | None, kind: int, scale: int) -> Column:
    """A decimal; ScriptError if `value` does not fit."""
    try:
        return Column(kind, decimal_cells([value], kind, scale), form=keys.DF_SCALAR, scale=scale)
    except NotACell:
        raise ScriptError(f"{value} does not fit into {type_name(kind, scale)}") from None


def _cell_of(kind: int, text: str) -> bytes:
    """The cell of a UUID, IPADDR or INT128; ValueError if the text is none."""
    if kind == keys.DT_UUID:
        return uuid.UUID(text).bytes[::-1]
    if kind == keys.DT_IPADDR:
        return ipaddress.ip_address(text).packed.rjust(16, b"\0")[::-1]
    cell = bytes.fromhex(text)
    # 32 digits, and no space among them
    if len(text) != 32 or len(cell) != 16:
        raise ValueError(text)
    return cell[::-1]


def identifier_cells(column: Column, kind: int) -> np.ndarray:
    """Cells of UUID, IPADDR or INT128 from texts; empty text is NULL."""
    null = null_of(kind).tobytes()
    cells = []
    for row, text in enumerate(column.strings()):
        try:
            cells.append(_cell_of(kind, text) if text else null)
        except ValueError:
            raise NotACell(row) from None
    return np.frombuffer(b"".join(cells), dtype=WIRE_DTYPES[kind])
