"""A second decoder, written after the description of the wire and sharing no line with the product.

An object becomes nested tuples, array vectors have rows instead of blocks, symbols are their texts; cells of
fixed width stay bytes. With `settled` sets and dicts stand in a fixed order: equal meanings are equal tuples.
"""

from __future__ import annotations

import struct

__all__ = ["parse", "same_meaning"]

WIDTHS = {
    **dict.fromkeys((0, 1, 2), 1),
    3: 2,
    **dict.fromkeys((4, 6, 7, 8, 9, 10, 11, 15, 28, 29, 37), 4),
    **dict.fromkeys((5, 12, 13, 14, 16, 36, 38), 8),
    **dict.fromkeys((19, 30, 31, 34, 35, 39), 16),
}
SYMBOL, STRING, ANY, BLOB, SYMBOLS, ARRAY = 17, 18, 25, 32, 145, 64
DECIMALS = (37, 38, 39)


class _Parser:
    def __init__(self, raw: bytes, settled: bool) -> None:
        self.raw = raw
        self.settled = settled
        self.at = 0
        self.bases: dict[int, list[bytes]] = {}

    def take(self, size: int) -> bytes:
        piece = self.raw[self.at : self.at + size]
        assert size >= 0 and len(piece) == size, f"{size} bytes wanted at {self.at}, {len(piece)} are left"
        self.at += size
        return piece

    def numbers(self, layout: str) -> tuple:
        return struct.unpack(f"<{layout}", self.take(struct.calcsize(f"<{layout}")))

    def text(self) -> bytes:
        end = self.raw.index(b"\0", self.at)
        piece = self.take(end - self.at)
        self.at += 1
        return piece

    def cell(self, type_id: int):
        if type_id in (SYMBOL, STRING):
            return self.text()
        if type_id == BLOB:
            return self.take(*self.numbers("i"))
        if type_id == ANY:
            return self.object()
        return self.take(WIDTHS[type_id])

    def cells(self, type_id: int, rows: int) -> tuple:
        return tuple(self.cell(type_id) for _ in range(rows))

    def vector(self, type_id: int) -> tuple:
        rows, columns = self.numbers("ii")
        if type_id == SYMBOLS:
            return "vector", SYMBOL, 0, self.symbols(rows)
        element = type_id - ARRAY if type_id > ARRAY else type_id
        scale = self.numbers("i")[0] if element in DECIMALS else 0
        if type_id <= ARRAY:
            assert columns == 1
            return "vector", type_id, scale, self.cells(type_id, rows)
        lines: list[tuple] = []
        while len(lines) < rows:
            count, width, zero = self.numbers("HBB")
            assert count and width in (1, 2, 4) and not zero
            lengths = self.numbers(f"{count}{' BH I'[width]}")
            lines += [self.cells(element, length) for length in lengths]
        assert len(lines) == rows and sum(map(len, lines)) == columns
        return "vector", type_id, scale, tuple(lines)

    def settle(self, items) -> tuple:
        return tuple(sorted(items, key=repr) if self.settled else items)

    def symbols(self, rows: int) -> tuple:
        base, count = self.numbers("ii")
        if count:
            self.bases[base] = [self.text() for _ in range(count)]
            assert self.bases[base][0] == b""
        return tuple(self.bases[base][index] for index in self.numbers(f"{rows}i"))

    def object(self) -> tuple:
        type_id, form = self.numbers("BB")
        if form == 0:
            scale = self.numbers("i")[0] if type_id in DECIMALS else 0
            return "scalar", type_id, scale, self.cell(type_id)
        if form == 1:
            return self.vector(type_id)
        if form == 3:
            (labels,) = self.numbers("B")
            assert labels == 0, "uploads have no labels"
            assert self.numbers("BB") == (type_id, form)
            rows, columns = self.numbers("ii")
            return "matrix", type_id, rows, columns, self.cells(type_id, rows * columns)
        if form == 4:
            *head, cells = self.object()
            assert head[:2] == ["vector", type_id]
            return "set", *head, self.settle(cells)
        if form == 5:
            *keys, names = self.object()
            *values, cells = self.object()
            pairs = self.settle(zip(names, cells, strict=True))
            return "dictionary", type_id, tuple(keys), tuple(values), pairs
        assert form == 6, f"form {form} at {self.at}"
        rows, columns = self.numbers("ii")
        name, names = self.text(), tuple(self.text() for _ in range(columns))
        self.bases = {}
        vectors = tuple(self.object() for _ in range(columns))
        assert all(len(vector[-1]) == rows for vector in vectors)
        return "table", type_id, name, rows, names, vectors


def parse(raw: bytes, *, settled: bool = False) -> tuple:
    """What `raw` says, as one object and nothing behind it."""
    parser = _Parser(bytes(raw), settled)
    value = parser.object()
    assert parser.at == len(parser.raw), f"{len(parser.raw) - parser.at} bytes too many"
    return value


def same_meaning(one: bytes, other: bytes) -> bool:
    """Whether two encodings say the same; order of sets and dicts and blocks of array vectors are free."""
    return parse(one, settled=True) == parse(other, settled=True)
