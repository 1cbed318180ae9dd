"""Where an object ends, while its bytes come in pieces of any size."""

from __future__ import annotations

import struct

import hypothesis.strategies as st
import pytest
from hypothesis import given, reject, settings
from support import replies, strategies
from support.cases import each
from support.replies import CELLS, TYPES

import dolphindb_fast as ddb
from dolphindb_fast._decode import Scanner

INT = replies.vector("INT", [1, 2, 3])
TEXT = replies.vector("STRING", ["a", "größe", None])
NAMED = {name: [cell for cell in CELLS[name] if cell is not None] for name in CELLS}
OBJECTS = {
    **{f"scalar-{name}": replies.scalar(name, values[0]) for name, values in NAMED.items()},
    **{f"vector-{name}": replies.vector(name, CELLS[name]) for name in CELLS},
    **{
        f"array-{name}": replies.array_vector(name, [values, [], values * 3], block=2)
        for name, values in NAMED.items()
        if name not in ("STRING", "BLOB")
    },
    "array-wide": replies.array_vector("INT", [[1] * 300, [2]], width=4),
    "void": b"\0\0\0",
    "void-vector": b"\0\1" + struct.pack("<ii", 5, 1),
    "empty-vector": replies.vector("INT", []),
    "pair": replies.vector("INT", [1, 2], form=2),
    "function": b"\x14\0\1sum\0",
    "any": replies.any_vector([INT, replies.scalar("STRING", "x"), replies.any_vector([TEXT, INT])]),
    "any-empty": replies.any_vector([]),
    "symbols": replies.symbol_base(1, ["", "a", "b"], [0, 1, 2]),
    "matrix": replies.matrix("DOUBLE", 2, 2, [1.0, 2.0, 3.0, 4.0]),
    "matrix-labels": replies.matrix("INT", 3, 3, [1] * 9, row_labels=TEXT, column_labels=INT),
    "set": replies.set_of(INT),
    "dictionary": replies.dictionary(TEXT, INT),
    "table": replies.table({"a": INT, "größe": TEXT, "s": replies.symbol_base(1, ["", "a"], [0, 1, 1])}, 3),
    "compressed": replies.compressed("LONG", 3, [replies.delta_block([1, 2, 4], 8)], method=2, unit=8),
    "deep": (b"\x19\1" + struct.pack("<ii", 1, 1)) * 64 + replies.scalar("INT", 7),
}


def check_every_prefix(data: bytes, step: int = 1) -> None:
    scanner = Scanner()
    for _ in range(2):  # it is ready for the next one
        for size in range(0, len(data), step):
            assert scanner.find_end(data[:size]) == 0
        assert scanner.find_end(data + b"behind") == len(data)


@each("name", OBJECTS)
def test_end__is_found_with_the_last_byte(name):
    check_every_prefix(OBJECTS[name])
    check_every_prefix(OBJECTS[name], 7)


def test_end__every_type_has_cells_in_these_tests():
    assert set(TYPES) - set(CELLS) == {"SYMBOL"}


@given(strategies.frames(), st.integers(1, 5000))
@settings(deadline=None)
def test_end__of_any_frame(frame, step):
    try:
        data = ddb.dumps(frame)
    except ddb.ConversionError:
        reject()
    check_every_prefix(data, max(step, len(data) // 200))


@each(
    "data",
    [
        b"\x63\0" + bytes(20),
        b"\x04\x08" + bytes(20),
        b"\x04\1" + struct.pack("<ii", -1, 1),
        b"\x04\2" + struct.pack("<ii", 3, 1) + bytes(12),
        b"\x40\1" + struct.pack("<ii", 1, 1) + bytes(20),
        b"\x44\1" + struct.pack("<ii", 1, 1) + b"\2\0\1\0",
        b"\x20\0" + struct.pack("<i", -5),
        b"\0\6" + struct.pack("<ii", 1, -1) + b"\0",
        b"\x04\3\0\x04\3" + struct.pack("<ii", 1 << 30, 1 << 30),
        (b"\x19\1" + struct.pack("<ii", 1, 1)) * 1000,
    ],
    ids=["type", "form", "rows", "pair", "array-void", "block", "blob", "columns", "matrix", "deep"],
)
def test_bytes_that_are_no_object__are_refused(data):
    with pytest.raises(ddb.ProtocolError):
        Scanner().find_end(data)
