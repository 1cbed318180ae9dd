"""Cells of the wire's types as text for a person, in the spelling of DolphinDB's own literals."""

from __future__ import annotations

import datetime
import ipaddress
import struct
import uuid
from typing import Any

from .. import settings as keys

#: bytes of one cell of the types whose cells all have the same size
FIXED_SIZES = {
    keys.DT_BOOL: 1,
    keys.DT_CHAR: 1,
    keys.DT_SHORT: 2,
    keys.DT_INT: 4,
    keys.DT_LONG: 8,
    keys.DT_DATE: 4,
    keys.DT_MONTH: 4,
    keys.DT_TIME: 4,
    keys.DT_MINUTE: 4,
    keys.DT_SECOND: 4,
    keys.DT_DATETIME: 4,
    keys.DT_TIMESTAMP: 8,
    keys.DT_NANOTIME: 8,
    keys.DT_NANOTIMESTAMP: 8,
    keys.DT_FLOAT: 4,
    keys.DT_DOUBLE: 8,
    keys.DT_UUID: 16,
    keys.DT_DATEHOUR: 4,
    keys.DT_DATEMINUTE: 4,
    keys.DT_IPADDR: 16,
    keys.DT_INT128: 16,
    keys.DT_COMPLEX: 16,
    keys.DT_POINT: 16,
    keys.DT_DURATION: 8,
    keys.DT_DECIMAL32: 4,
    keys.DT_DECIMAL64: 8,
    keys.DT_DECIMAL128: 16,
}
SHOWN = 6
DOUBLE_NULL = b"\xff\xff\xff\xff\xff\xff\xef\xff"
DURATION_UNITS = ("ns", "us", "ms", "s", "m", "H", "d", "w", "M", "y", "B")
EPOCH = datetime.datetime(1970, 1, 1)


def describe_cells(number: int, data: bytes, count: int, scale: int = 0) -> str:
    """The first cells of `data`, comma-separated."""
    size = FIXED_SIZES[number]
    shown = [describe_cell(number, data[i * size : (i + 1) * size], scale) for i in range(min(count, SHOWN))]
    return ", ".join(shown) + (", ..." if count > SHOWN else "")


def describe_cell(number: int, cell: bytes, scale: int = 0) -> str:
    if number in (keys.DT_FLOAT, keys.DT_DOUBLE):
        value = struct.unpack("<f" if number == keys.DT_FLOAT else "<d", cell)[0]
        is_null = cell in (b"\xff\xff\x7f\xff", DOUBLE_NULL)
        return "NULL" if is_null else f"{value:.7g}" if number == keys.DT_FLOAT else repr(value)
    if number in (keys.DT_COMPLEX, keys.DT_POINT):
        first, second = struct.unpack("<dd", cell)
        if DOUBLE_NULL in (cell[:8], cell[8:]):
            return "NULL"
        return f"{first!r}{second:+}i" if number == keys.DT_COMPLEX else f"({first!r}, {second!r})"
    if number in (keys.DT_UUID, keys.DT_INT128, keys.DT_IPADDR):
        return describe_wide(number, cell[::-1])
    if number == keys.DT_DURATION:
        return describe_duration(*struct.unpack("<ii", cell))
    value = int.from_bytes(cell, "little", signed=True)
    if value == -(1 << (8 * len(cell) - 1)):
        return "NULL"
    if number == keys.DT_BOOL:
        return "true" if value else "false"
    if number in (keys.DT_DECIMAL32, keys.DT_DECIMAL64, keys.DT_DECIMAL128):
        digits = str(abs(value)).rjust(scale + 1, "0") if 0 <= scale <= 64 else f"{abs(value)} * 10^-{scale} "
        split = len(digits) - scale if 0 < scale <= 64 else len(digits)
        return ("-" if value < 0 else "") + digits[:split] + ("." + digits[split:] if digits[split:] else "")
    if number in TEMPORAL:
        try:
            text: str = TEMPORAL[number](value)
            return text
        except (OverflowError, ValueError):
            return f"{value} (out of the calendar)"
    return str(value)


def describe_wide(number: int, cell: bytes) -> str:
    """16 bytes in reading order."""
    if not any(cell):
        return "NULL"
    if number == keys.DT_UUID:
        return str(uuid.UUID(bytes=cell))
    if number == keys.DT_INT128:
        return cell.hex()
    return str(ipaddress.IPv6Address(cell) if any(cell[:12]) else ipaddress.IPv4Address(cell[12:]))


def describe_duration(count: int, unit: int) -> str:
    if count == -(2**31):
        return "NULL"
    if 0 <= unit < len(DURATION_UNITS):
        return f"{count}{DURATION_UNITS[unit]}"
    letters = unit.to_bytes(4, "little", signed=True)
    return f"{count} {letters.decode() if letters.isalpha() and letters.isascii() else f'of unit {unit}'}"


def _day(value: int) -> str:
    return f"{EPOCH + datetime.timedelta(days=value):%Y.%m.%d}"


def _instant(per_second: int, digits: int) -> Any:
    def describe(value: int) -> str:
        whole, rest = divmod(value, per_second)
        text = f"{EPOCH + datetime.timedelta(seconds=whole):%Y.%m.%dT%H:%M:%S}"
        return text + (f".{rest:0{digits}d}" if digits else "")

    return describe


def _time(per_second: int, digits: int) -> Any:
    def describe(value: int) -> str:
        whole, rest = divmod(value, per_second)
        if not 0 <= whole < 86400:
            raise ValueError
        text = f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}"
        return text + (f".{rest:0{digits}d}" if digits else "")

    return describe


TEMPORAL = {
    keys.DT_DATE: _day,
    keys.DT_MONTH: lambda value: f"{value // 12:04d}.{value % 12 + 1:02d}M",
    keys.DT_TIME: _time(1000, 3),
    keys.DT_MINUTE: lambda value: f"{value // 60:02d}:{value % 60:02d}m",
    keys.DT_SECOND: _time(1, 0),
    keys.DT_DATETIME: _instant(1, 0),
    keys.DT_TIMESTAMP: _instant(1000, 3),
    keys.DT_NANOTIME: _time(10**9, 9),
    keys.DT_NANOTIMESTAMP: _instant(10**9, 9),
    keys.DT_DATEHOUR: lambda value: f"{EPOCH + datetime.timedelta(hours=value):%Y.%m.%dT%H}",
    keys.DT_DATEMINUTE: lambda value: f"{EPOCH + datetime.timedelta(minutes=value):%Y.%m.%dT%H:%M}",
}
