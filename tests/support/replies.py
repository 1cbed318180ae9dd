"""Reply objects built by hand from the description of the wire: every type, every form, compressed columns.

Shares no line with the product. Cells are given as plain Python values: integers for everything that is
counted (dates too), ``None`` for NULL, hexadecimal text for the types of 16 bytes, unscaled integers for
decimals.
"""

from __future__ import annotations

import struct

import numpy as np

from . import expected

__all__ = [
    "CELLS",
    "TYPES",
    "any_vector",
    "array_vector",
    "cells",
    "compressed",
    "delta_block",
    "dictionary",
    "matrix",
    "scalar",
    "set_of",
    "symbol_base",
    "table",
    "vector",
]

#: name -> number of the types that have cells
TYPES = {
    "BOOL": 1, "CHAR": 2, "SHORT": 3, "INT": 4, "LONG": 5, "DATE": 6, "MONTH": 7, "TIME": 8, "MINUTE": 9,
    "SECOND": 10, "DATETIME": 11, "TIMESTAMP": 12, "NANOTIME": 13, "NANOTIMESTAMP": 14, "FLOAT": 15,
    "DOUBLE": 16, "SYMBOL": 17, "STRING": 18, "UUID": 19, "DATEHOUR": 28, "DATEMINUTE": 29, "IPADDR": 30,
    "INT128": 31, "BLOB": 32, "COMPLEX": 34, "POINT": 35, "DURATION": 36, "DECIMAL32": 37, "DECIMAL64": 38,
    "DECIMAL128": 39,
}  # fmt: skip
#: two cells and NULL of each type, as `cells` takes them
CELLS = {
    "BOOL": [1, 0, None], "CHAR": [-7, 127, None], "SHORT": [-300, 5, None], "INT": [70000, -1, None],
    "LONG": [2**40, -1, None], "DATE": [18263, -1, None], "MONTH": [24240, 23639, None],
    "TIME": [86399999, 0, None], "MINUTE": [1439, 0, None], "SECOND": [86399, 0, None],
    "DATETIME": [1577934245, -1, None], "TIMESTAMP": [1577934245678, -1, None],
    "NANOTIME": [1, 86399 * 10**9, None],
    "NANOTIMESTAMP": [1577934245678901234, -1, None], "FLOAT": [1.5, -0.0, None],
    "DOUBLE": [0.1, 1e300, None],
    "STRING": ["größe", "b", None], "UUID": ["12345678123456789abcdef012345678", "ff" * 16, None],
    "DATEHOUR": [438000, -1, None], "DATEMINUTE": [26280000, -1, None],
    "IPADDR": ["20010db8000100020003000400050006", "0000000000000000000000007f000001", None],
    "INT128": ["0123456789abcdef0123456789abcdef", "ff" * 16, None], "BLOB": [b"a\0b", b"\xff", None],
    "COMPLEX": [(1.5, -2.5), (0.0, 1.0), None], "POINT": [(1.5, -2.5), (0.0, 1.0), None],
    "DURATION": [(5, 4), (-3, 10), None], "DECIMAL32": [125, -1, None], "DECIMAL64": [10**15, -1, None],
    "DECIMAL128": [10**30, -1, None],
}  # fmt: skip
DECIMALS = {37: 4, 38: 8, 39: 16}
SIXTEEN = (19, 30, 31)
ANY, COMPRESS, ARRAY = 25, 26, 64
table = expected.table


def _number(kind: int | str) -> int:
    return TYPES[kind] if isinstance(kind, str) else kind


def cells(kind: int | str, values) -> bytes:
    """The cells alone, as they stand in a vector."""
    number = _number(kind)
    if number in SIXTEEN:
        return b"".join(bytes.fromhex(v or "00" * 16)[::-1] for v in values)
    if number in (17, 18):
        return b"".join((v.encode() if isinstance(v, str) else v or b"") + b"\0" for v in values)
    if number == 32:
        return b"".join(struct.pack("<i", len(v or b"")) + (v or b"") for v in values)
    if number in DECIMALS:
        size = DECIMALS[number]
        null = -(2 ** (8 * size - 1))
        return b"".join((null if v is None else v).to_bytes(size, "little", signed=True) for v in values)
    if number in (34, 35):
        null = -float(np.finfo("f8").max)
        return b"".join(struct.pack("<dd", *((null, null) if v is None else v)) for v in values)
    if number == 36:
        return b"".join(struct.pack("<ii", *((-(2**31), 0) if v is None else v)) for v in values)
    if number == 29:
        number = 4
    layout, null = expected.CELLS[number]
    return np.array([null if v is None else v for v in values], dtype=layout).tobytes()


def _scale(number: int, scale: int) -> bytes:
    return struct.pack("<i", scale) if number % ARRAY in DECIMALS else b""


def scalar(kind: int | str, value, scale: int = 0) -> bytes:
    number = _number(kind)
    return bytes((number, 0)) + _scale(number, scale) + cells(number, [value])


def vector(kind: int | str, values, *, form: int = 1, scale: int = 0) -> bytes:
    """A vector, or with form 2 a pair."""
    number, values = _number(kind), list(values)
    return struct.pack("<BBii", number, form, len(values), 1) + _scale(number, scale) + cells(number, values)


def any_vector(objects) -> bytes:
    objects = list(objects)
    return struct.pack("<BBii", ANY, 1, len(objects), 1) + b"".join(objects)


def symbol_base(base: int, words, indices, *, form: int = 1) -> bytes:
    """A symbol vector that carries its base; no words: one sent before."""
    head = struct.pack("<BBiiii", 145, form, len(indices), 1, base, len(words))
    return head + cells(18, words) + cells(4, indices)


def array_vector(kind: int | str, rows, *, scale: int = 0, block: int = 65535, width: int | None = None,
                 total: int | None = None) -> bytes:  # fmt: skip
    """Rows of cells, at most `block` of them in one block, counts of `width` bytes (default: the fewest)."""
    number, rows = _number(kind), list(rows)
    total = sum(map(len, rows)) if total is None else total
    head = struct.pack("<BBii", number + ARRAY, 1, len(rows), total) + _scale(number, scale)
    return head + array_blocks(number, rows, block=block, width=width)


def array_blocks(number: int, rows, *, block: int = 65535, width: int | None = None) -> bytes:
    parts = []
    for start in range(0, len(rows), block):
        part = rows[start : start + block]
        largest = max(map(len, part))
        size = width or (1 if largest < 256 else 2 if largest < 65536 else 4)
        parts.append(struct.pack("<HBB", len(part), size, 0))
        parts.extend(len(row).to_bytes(size, "little") for row in part)
        parts.extend(cells(number, row) for row in part)
    return b"".join(parts)


def matrix(kind: int | str, rows: int, columns: int, values, *, row_labels: bytes = b"",
           column_labels: bytes = b"", scale: int = 0) -> bytes:  # fmt: skip
    """`values` column by column; labels are ready vectors."""
    number = _number(kind)
    flags = (1 if row_labels else 0) + (2 if column_labels else 0)
    head = bytes((number, 3, flags)) + row_labels + column_labels
    head += struct.pack("<BBii", number, 3, rows, columns) + _scale(number, scale)
    return head + cells(number, values)


def set_of(values: bytes) -> bytes:
    """A set of the cells of a ready vector."""
    return values[:1] + b"\4" + values


def dictionary(keys: bytes, values: bytes, *, form: int = 5) -> bytes:
    """A dictionary, or with form 7 a chart, of two ready vectors."""
    return values[:1] + bytes((form,)) + keys + values


class _Bits:
    """Bits gathered into 64-bit words, the first bit the most significant of its word."""

    def __init__(self):
        self.text = ""

    def put(self, value: int, width: int) -> None:
        self.text += format(value, f"0{width}b") if width else ""

    def words(self) -> bytes:
        # a word is begun as soon as the last one is full
        padded = self.text + "0" * (64 - len(self.text) % 64)
        return b"".join(int(padded[i : i + 64], 2).to_bytes(8, "little") for i in range(0, len(padded), 64))


def _zigzag(value: int) -> int:
    value = (value + 2**63) % 2**64 - 2**63
    return (value << 1) % 2**64 if value >= 0 else -2 * value - 1


def delta_block(values, unit: int) -> bytes:
    """One block of delta-of-delta code, without its size."""
    bits, width, seen, previous, delta = _Bits(), 8 * unit, 0, 0, 0
    for value in values:
        if value is None:
            bits.put(*((0, 1) if seen < 2 else (0b111111, 6)))
            continue
        if seen < 2:
            bits.put(1, 1)
            bits.put(_zigzag(value - previous) % 2**width, width)
            delta = value - previous if seen else 0
        else:
            code = _zigzag(value - previous - delta)
            delta = value - previous
            if code == 0:
                bits.put(0, 1)
            else:
                for length, mark in ((7, 0b10), (9, 0b110), (16, 0b1110), (32, 0b11110), (64, 0b111110)):
                    if code - 1 < 2**length:
                        bits.put(mark, mark.bit_length())
                        bits.put(code - 1, length)
                        break
        previous, seen = value, seen + 1
    bits.put(0b111110, 6)
    bits.put(2**64 - 1, 64)
    bits.put(0, 1)
    return bits.words()


def compressed(kind: int | str, count: int, blocks, *, method: int, unit: int = 0xFF, scale: int = 0,
               top_bit: bool = False, extra: int | None = None) -> bytes:  # fmt: skip
    """A compressed column of ready blocks; `kind` may be an array type's number."""
    body = b"".join(struct.pack("<I", len(b) | (0x80000000 if top_bit else 0)) + b for b in blocks)
    head = struct.pack(
        "<BBiiBBBBBBhiii", COMPRESS, 1, 20 + len(body), 1, 0, 1, 0xFF, method, _number(kind), unit, scale,
        scale if extra is None else extra, count, -1,
    )  # fmt: skip
    return head + body


def lz4_blocks(data: bytes, size: int = 65536) -> list[bytes]:
    """`data` in LZ4 blocks of `size` bytes each."""
    import lz4.block

    return [lz4.block.compress(data[i : i + size], store_size=False) for i in range(0, len(data), size)]
