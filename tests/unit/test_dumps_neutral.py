"""Neutral values: bytes read into them and written again are the same bytes; broken bytes are refused."""

from __future__ import annotations

import os
import random
import struct

import numpy as np
import pytest
from support import expected
from support.cases import each

import dolphindb_fast as ddb
import dolphindb_fast.settings as keys
from dolphindb_fast._decode import Reader, decode
from dolphindb_fast.column import Column, Dictionary, Table

FIXED = [
    "BOOL",
    "CHAR",
    "SHORT",
    "INT",
    "LONG",
    "DATE",
    "MONTH",
    "TIME",
    "MINUTE",
    "SECOND",
    "DATETIME",
    "TIMESTAMP",
    "NANOTIME",
    "NANOTIMESTAMP",
    "FLOAT",
    "DOUBLE",
    "DATEHOUR",
]


def _objects():
    for name in FIXED:
        type_id = getattr(keys, f"DT_{name}")
        for cells in ([1, 0, None], [], [None]):
            yield f"{name}-vector-{len(cells)}", expected.vector(type_id, cells)
        yield f"{name}-pair", expected.vector(type_id, [1, None], form=2)
        yield f"{name}-scalar", expected.scalar(1, type_id)
        yield f"{name}-null", expected.scalar(None, type_id)
    for name, type_id in (("STRING", 18), ("SYMBOL", 17)):
        yield f"{name}-vector", expected.vector(type_id, ["a", "", "größe", None, "x" * 5000])
        yield f"{name}-empty", expected.vector(type_id, [])
        yield f"{name}-scalar", expected.scalar("größe", type_id)
        yield f"{name}-null", expected.scalar(None, type_id)
    yield "void-scalar", b"\0\0\0"
    yield "symbol-base", expected.symbols(["a", "b", None, "a"])
    yield (
        "any",
        struct.pack("<BBii", 25, 1, 3, 1) + expected.scalar(1) + expected.scalar("x") + expected.vector(4, [1, 2]),
    )
    yield (
        "dictionary",
        bytes((25, 5)) + expected.vector(18, ["k"]) + struct.pack("<BBii", 25, 1, 1, 1) + expected.scalar(2),
    )
    yield (
        "table",
        expected.table(
            {
                "a": expected.vector(5, [1, None]),
                "größe": expected.vector(18, ["x", "y"]),
                "s": expected.symbols(["p", "p"]),
                "u": expected.symbols(["q", None], base=1),
            },
            2,
        ),
    )
    yield "table-empty", expected.table({"a": expected.vector(5, []), "s": expected.symbols([])}, 0)
    yield "table-named", expected.table({"a": expected.vector(5, [1])}, 1, name="trades")


OBJECTS = dict(_objects())


@each("name", OBJECTS)
def test_decode_and_dumps__give_the_same_bytes(name):
    assert ddb.dumps(decode(OBJECTS[name])) == OBJECTS[name]


@each("name", OBJECTS)
def test_reader__takes_any_pieces(name):
    data = b"line\r\n" + OBJECTS[name] + b"text\0" + OBJECTS[name] + b"\n"
    for size in (1, 2, 3, 7, 4096):
        position = 0

        def fill(view, size=size):
            nonlocal position
            piece = data[position : position + min(size, len(view))]
            view[: len(piece)] = piece
            position += len(piece)
            return len(piece)

        reader = Reader(fill, window=64 if size < 7 else 1024)
        assert reader.read_line() == b"line"
        first = reader.read_object()
        assert reader.read_text() == b"text"
        assert ddb.dumps(first) == ddb.dumps(reader.read_object()) == OBJECTS[name]
        assert reader.read_bytes(1) == b"\n"
        assert reader.offset == len(data) and reader.buffered == 0
        with pytest.raises(EOFError):
            reader.read_bytes(1)


@each("name", OBJECTS)
def test_decode__of_every_beginning_is_refused(name):
    data = OBJECTS[name]
    cuts = range(len(data)) if len(data) < 300 else [*range(60), *range(len(data) - 60, len(data))]
    for cut in cuts:
        with pytest.raises((ddb.ProtocolError, EOFError)):
            decode(data[:cut])
    with pytest.raises(ddb.ProtocolError):
        decode(data + b"\0")


def test_decode__of_changed_bytes_never_crashes():
    seed = int(os.environ.get("DOLPHINDB_FAST_SEED", random.SystemRandom().randrange(2**32)))
    print(f"seed {seed} (set DOLPHINDB_FAST_SEED to repeat)")
    chance = random.Random(seed)
    objects = [data for data in OBJECTS.values() if len(data) < 1000]
    for _ in range(20_000):
        data = bytearray(chance.choice(objects))
        for _ in range(chance.randint(1, 4)):
            data[chance.randrange(len(data))] = chance.choice([0, 1, 2, 0x7F, 0x80, 0xFF, chance.randrange(256)])
        try:
            value = decode(bytes(data))
        except (ddb.ProtocolError, ddb.NotSupported, EOFError):
            continue
        # whatever could be read can be looked at and written, or is refused
        repr(value)
        try:
            ddb.dumps(value)
        except ddb.ConversionError:
            pass


HUGE = {
    "vector": struct.pack("<BBii", 5, 1, 2**31 - 1, 1),
    "strings": struct.pack("<BBii", 18, 1, 2**31 - 1, 1),
    "symbols": struct.pack("<BBiiii", 145, 1, 2**31 - 1, 1, 0, 2**31 - 1),
    "any": struct.pack("<BBii", 25, 1, 2**31 - 1, 1),
    "columns": struct.pack("<BBii", 0, 6, 1, 2**31 - 1) + b"\0",
}


@pytest.mark.parametrize("name", HUGE)
def test_decode__of_counts_that_no_bytes_follow_takes_no_memory(name):
    import resource

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises((ddb.ProtocolError, EOFError)):
        decode(HUGE[name])
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024, "KiB"


def test_decode__of_deep_nesting_is_refused_or_read():
    data = expected.scalar(1)
    for _ in range(100_000):
        data = struct.pack("<BBii", 25, 1, 1, 1) + data
    with pytest.raises((ddb.ProtocolError, RecursionError)):
        decode(data)


NEUTRAL = {
    "table-of-unequal-columns": lambda: Table(["a", "b"], [Column(5, np.arange(2)), Column(5, np.arange(3))]),
    "names-and-columns": lambda: Table(["a"], [Column(5, np.arange(2)), Column(5, np.arange(2))]),
    "values-out-of-range": lambda: Column(keys.DT_INT, np.array([1, 2**40])),
    "two-dimensions": lambda: Column(keys.DT_LONG, np.zeros((2, 2), "i8")),
    "offsets-beyond": lambda: Column(keys.DT_STRING, np.zeros(3, "u1"), offsets=np.array([0, 99])),
    "offsets-backwards": lambda: Column(keys.DT_STRING, np.full(9, 65, "u1"), offsets=np.array([0, 5, 2, 9])),
    "offsets-negative": lambda: Column(keys.DT_STRING, np.full(9, 65, "u1"), offsets=np.array([-4, 5])),
    "symbol-beyond": lambda: Column(keys.DT_SYMBOL, np.array([5], "i4"), symbols=Column.from_strings(["", "a"])),
    "symbol-negative": lambda: Column(keys.DT_SYMBOL, np.array([-1], "i4"), symbols=Column.from_strings(["", "a"])),
    "unknown-type": lambda: Column(99, np.arange(3)),
    "nul-in-name": lambda: Table(["a\0"], [Column(5, np.arange(2))]),
    "dictionary-of-unequal": lambda: Dictionary(Column(5, np.arange(2)), Column(5, np.arange(3))),
}


@each("name", NEUTRAL)
def test_dumps__of_a_neutral_value_that_contradicts_itself_is_refused(name):
    """They are built by hand too: an error, never bytes that tear the stream, never a crash."""
    with pytest.raises((RuntimeError, TypeError, ValueError)):
        ddb.dumps(NEUTRAL[name]())


def test_dumps__of_strided_neutral_columns():
    column = Column(keys.DT_LONG, np.arange(20)[::-2])
    assert ddb.dumps(column) == expected.vector(keys.DT_LONG, list(range(19, 0, -2)))
