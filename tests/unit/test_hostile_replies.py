"""Replies that lie: refused with the place, never a crash, and never much memory."""

from __future__ import annotations

import os
import random
import struct
import tracemalloc

import pytest
from support import replies
from support.cases import each

import dolphindb_fast as ddb
from dolphindb_fast._decode import Reader, decode
from dolphindb_fast.result import to_python

MIB = 1 << 20
#: mutated replies of each seed object; more by the environment
ROUNDS = int(os.environ.get("DOLPHINDB_FAST_FUZZ", "5000"))


def head(kind: int, form: int, *counts: int) -> bytes:
    return struct.pack(f"<BB{len(counts)}i", kind, form, *counts)


def peak_of(call) -> int:
    """Most bytes that `call` held at once; what it raises of the documented errors is over by then."""
    tracemalloc.start()
    try:
        call()
    except (ddb.ProtocolError, ddb.NotSupported):
        pass
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return peak


LAST = 2**31 - 1
COUNTS = {
    "vector-negative": head(4, 1, -1, 1),
    "table-negative-rows": head(0, 6, -1, 1) + b"\0a\0" + replies.vector("INT", [1]),
    "table-no-columns": head(0, 6, 1, 0) + b"\0",
    "table-negative-columns": head(0, 6, 1, -1) + b"\0",
    "table-huge-columns": head(0, 6, 1, LAST) + b"\0",
    "matrix-negative": head(4, 3) + b"\0" + head(4, 3, -1, 1),
    "matrix-huge": head(16, 3) + b"\0" + head(16, 3, LAST, LAST),
    "symbols-negative": head(145, 1, 1, 1, 0, -1),
    "symbols-huge": head(145, 1, 1, 1, 0, 3_000_000),
    "symbol-index-negative": replies.symbol_base(0, ["", "a"], [0, -1]),
    "symbol-index-beyond": replies.symbol_base(0, ["", "a"], [0, 2]),
    "symbol-base-unknown": replies.symbol_base(5, [], [0]),
    "blob-negative": head(32, 1, 1, 1) + struct.pack("<i", -1),
    "array-block-empty": head(68, 1, 1, 1) + struct.pack("<HBB", 0, 1, 0),
    "array-block-beyond": head(68, 1, 1, 2) + struct.pack("<HBB", 2, 1, 0) + b"\1\1",
    "array-width": head(68, 1, 1, 1) + struct.pack("<HBB", 1, 3, 0) + b"\1\0\0",
    "array-of-text": head(82, 1, 1, 1),
    "array-pair": head(68, 2, 2, 2),
    "any-pair": head(25, 2, 2, 1),
    "any-scalar": head(25, 0),
    "scale-negative": head(38, 1, 0, 1, -1),
    "scale-scalar": head(39, 0, 39),
    "type-unknown": head(24, 1, 1, 1),
    "type-beyond": head(200, 1, 1, 1),
    "form-unknown": head(4, 200),
    "set-of-scalar": head(4, 4) + replies.scalar("INT", 1),
    "set-of-table": head(4, 4) + replies.table({"a": replies.vector("INT", [1])}, 1),
    "dictionary-of-scalars": head(4, 5) + replies.scalar("INT", 1) * 2,
    "matrix-of-text": head(18, 3) + b"\0" + head(18, 3, 1, 1) + b"a\0",
    "matrix-form": head(4, 3) + b"\0" + head(4, 1, 1, 1) + b"abcd",
    "deep": head(25, 1, 1, 1) * 70 + replies.scalar("INT", 1),
    "deep-sets": head(4, 4) * 100,
    "void-huge": head(0, 1, LAST, 1),
    "void-million": head(0, 1, 1_000_000, 1),
    "void-columns": head(0, 6, 100_000, 100) + b"\0" + b"a\0" * 100 + head(0, 1, 100_000, 1) * 100,
}
#: counts of much that isn't there
CUT = {
    "long": head(5, 1, LAST, 1),
    "uuid": head(19, 1, LAST, 1) + bytes(16),
    "text": head(18, 1, LAST, 1),
    "blob": head(32, 1, LAST, 1),
    "blob-cell": head(32, 1, 1, 1) + struct.pack("<i", LAST),
    "symbols": head(145, 1, LAST, 1, 0, 2_000_000),
    "symbol-indices": head(145, 1, LAST, 1, 0, 1) + b"\0",
    "any": head(25, 1, LAST, 1),
    "array": head(69, 1, LAST, LAST) + struct.pack("<HBB", 1, 4, 0) + struct.pack("<I", 2**32 - 1),
    "array-rows": head(69, 1, LAST, 0),
    "decimal": head(39, 1, LAST, 1, 5),
    "compressed": head(26, 1, LAST, 1) + bytes((0, 1, 255, 1, 4, 4)) + bytes(14),
    "names": head(0, 6, 1, 1_000_000) + b"\0a\0b\0",
}


@each("name", COUNTS)
def test_counts_that_can_not_be__are_refused_with_their_place(name):
    with pytest.raises(ddb.ProtocolError, match=r"\(byte \d+\)$") as caught:
        decode(COUNTS[name])
    assert 0 <= caught.value.offset <= len(COUNTS[name])
    assert peak_of(lambda: decode(COUNTS[name])) <= 256 * len(COUNTS[name]) + MIB


@each("name", CUT)
def test_counts_that_no_bytes_follow__take_no_memory(name):
    with pytest.raises(ddb.ProtocolError, match="cut short"):
        decode(CUT[name])
    assert peak_of(lambda: decode(CUT[name])) <= 256 * len(CUT[name]) + MIB


def test_depth__of_64_is_read():
    value = decode(head(25, 1, 1, 1) * 64 + replies.scalar("INT", 7))
    for _ in range(64):
        value = value.data[0]
    assert value.data.tolist() == [7]
    with pytest.raises(ddb.ProtocolError, match="deeper than 64"):
        decode(head(25, 1, 1, 1) * 65 + replies.scalar("INT", 7))


@pytest.mark.parametrize("stop, read", [(b"\n", Reader.read_line), (b"\0", Reader.read_text)], ids=["line", "text"])
def test_line__of_more_than_a_mebibyte_is_refused(stop, read):
    def endless(view):
        view[:] = b"x" * len(view)
        return len(view)

    with pytest.raises(ddb.ProtocolError, match="longer than 1048576 bytes"):
        read(Reader(endless))
    rest = [b"x" * MIB + stop]

    def once(view):
        data, rest[0] = rest[0][: len(view)], rest[0][len(view) :]
        view[: len(data)] = data
        return len(data)

    assert len(read(Reader(once))) == MIB


# memory


BOMBS = {
    "void": lambda: replies.table({f"c{i}": head(0, 1, 60_000, 1) for i in range(20)}, 60_000),
    "empty-text": lambda: replies.vector("STRING", [""] * 300_000),
    "short-text": lambda: replies.vector("STRING", [f"{i:03x}" for i in range(4096)] * 30),
    "empty-blobs": lambda: replies.vector("BLOB", [b""] * 100_000),
    "empty-rows": lambda: replies.array_vector("INT", [[]] * 200_000),
    "chars": lambda: replies.vector("CHAR", [None] * 300_000),
    "bools": lambda: replies.vector("BOOL", [None] * 300_000),
    "decimals": lambda: replies.vector("DECIMAL32", range(100_000), scale=3),
    "uuids": lambda: replies.vector("UUID", [f"{i:032x}" for i in range(50_000)]),
    "voids": lambda: replies.any_vector([b"\0\0\0"] * 20_000),
    "symbols": lambda: replies.any_vector([b"\x11\0\0"] * 20_000),
    "lists": lambda: replies.any_vector([head(25, 1, 0, 1)] * 5_000),
    "arrays": lambda: replies.any_vector([head(5, 1, 0, 1)] * 5_000),
    "dictionaries": lambda: replies.any_vector([bytes((4, 5)) + head(4, 1, 0, 1) * 2] * 5_000),
    "columns": lambda: head(0, 6, 0, 5_000) + b"\0" + b"".join(b"%d\0" % i for i in range(5_000))
    + head(4, 1, 0, 1) * 5_000,
    "tables": lambda: replies.any_vector([replies.table({"a": head(4, 1, 0, 1)}, 0)] * 1000),
    "matrices": lambda: replies.any_vector([head(4, 3) + b"\0" + head(4, 3, 0, 0)] * 5_000),
}  # fmt: skip


@each("name", BOMBS)
def test_memory__of_value_and_result_stays_within_the_limit(name):
    payload = BOMBS[name]()
    limit = 256 * len(payload) + MIB
    assert peak_of(lambda: ddb.loads(payload)) <= limit
    assert peak_of(lambda: ddb.loads(payload, lossless=True)) <= limit


def _lz4_bomb(kind: str, cell: bytes, unit: int, megabytes: int) -> bytes:
    data = cell * (megabytes * MIB // len(cell))
    count = len(data) // (unit if unit < 255 else len(cell))
    return replies.compressed(kind, count, replies.lz4_blocks(data), method=1, unit=unit)


@pytest.mark.parametrize("kind, cell", [("STRING", b"\0"), ("STRING", b"ab\0"), ("BLOB", bytes(4))])
def test_memory__of_lz4_bombs_is_refused(kind, cell):
    pytest.importorskip("lz4")
    payload = _lz4_bomb(kind, cell, 255, 16)
    with pytest.raises(ddb.ProtocolError, match="more memory than"):
        decode(payload)
    assert peak_of(lambda: decode(payload)) <= 256 * len(payload) + MIB


def test_memory__of_empty_rows_in_lz4_is_refused():
    pytest.importorskip("lz4")
    blocks = (struct.pack("<HBB", 65535, 1, 0) + bytes(65535)) * 100
    payload = replies.compressed(68, 6_553_500, replies.lz4_blocks(blocks), method=1, unit=4)
    with pytest.raises(ddb.ProtocolError, match="more memory than"):
        decode(payload)
    assert peak_of(lambda: decode(payload)) <= 256 * len(payload) + MIB


def test_memory__of_numbers_as_dense_as_codes_can_make_them_is_within_the_limit():
    pytest.importorskip("lz4")
    packed = _lz4_bomb("LONG", bytes(8), 8, 16)
    steps = replies.compressed("LONG", 8192 * 20, [replies.delta_block([0] * 8192, 8)] * 20, method=2, unit=8)
    for payload in (packed, steps):
        assert len(decode(payload)) >= 8192 * 20
        assert peak_of(lambda payload=payload: decode(payload)) <= 256 * len(payload) + MIB


def test_memory__limits_can_be_set():
    pytest.importorskip("lz4")
    payload = _lz4_bomb("STRING", b"\0", 255, 1)
    assert len(ddb.loads(payload, allowance=64 * MIB)) == MIB
    assert len(ddb.loads(payload, expansion=10_000)) == MIB
    with pytest.raises(ddb.ProtocolError, match="more memory than 256 times .* 1000 bytes"):
        ddb.loads(head(0, 1, 10_000, 1), allowance=1000)
    with pytest.raises(ValueError, match="expansion"):
        ddb.loads(payload, expansion=-1)


def test_memory__a_compressed_column_is_measured_by_the_whole_table():
    pytest.importorskip("lz4")
    text = _lz4_bomb("STRING", b"AAPL\0", 255, 2)
    rows = 2 * MIB // 5
    with pytest.raises(ddb.ProtocolError, match="more memory"):
        decode(text)
    other = replies.vector("DOUBLE", range(rows))
    assert len(ddb.loads(replies.table({"sym": text, "price": other}, rows))) == rows


# mutations


def _seeds() -> list[bytes]:
    columns = {
        "i": replies.vector("INT", [1, None, 3]),
        "d": replies.vector("DATE", [1, None, 3]),
        "s": replies.vector("STRING", ["a", "", "größe"]),
        "y": replies.symbol_base(0, ["", "x", "y"], [1, 0, 2]),
        "z": replies.symbol_base(0, [], [2, 1, 0]),
        "u": replies.vector("UUID", ["1" * 32, None, "2" * 32]),
        "m": replies.vector("DECIMAL64", [15, None, -3], scale=2),
        "a": replies.array_vector("LONG", [[1, 2], [], [None]]),
        "b": replies.vector("BLOB", [b"x", b"", b"yz"]),
        "l": replies.any_vector([replies.scalar("INT", 1), replies.vector("INT", [1, 2]), b"\0\0\0"]),
        "v": head(0, 1, 3, 1),
        "c": replies.compressed("LONG", 3, [replies.delta_block([5, None, 70], 8)], method=2, unit=8),
    }
    words = replies.vector("STRING", ["k", "l"])
    dates = replies.vector("DATE", [1, 2])
    table = replies.table(columns, 3)
    seeds = [
        table,
        replies.matrix("DOUBLE", 2, 2, [1, 2, None, 4], row_labels=words, column_labels=dates),
        replies.dictionary(words, replies.any_vector([replies.scalar("IPADDR", "1" * 32), table])),
        replies.dictionary(words, replies.vector("DECIMAL128", [1, None], scale=3), form=7),
        replies.set_of(replies.vector("NANOTIMESTAMP", [1, None, 3])),
        replies.vector("SYMBOL", ["a", "b"], form=2),
        replies.scalar("DECIMAL32", 15, 2),
        b"\x14\0\1f\0",
        replies.array_vector("DECIMAL128", [[1], [2, None]], scale=3, block=1),
        replies.compressed("INT", 99, [replies.delta_block([i**2 for i in range(99)], 4)], method=2, unit=4),
        replies.compressed("SHORT", 5, [replies.delta_block([None, 1, 900, None, -5], 2)], method=2, unit=2),
    ]
    try:
        packed = replies.lz4_blocks(replies.cells("STRING", ["ab", "", "größe"] * 30), 50)
    except ImportError:
        return seeds
    seeds.append(replies.compressed("STRING", 90, packed, method=1, unit=255))
    rows = replies.array_blocks(5, [[1, 2], [], [None]] * 20, block=7)
    seeds.append(replies.compressed(69, 60, replies.lz4_blocks(rows, 100), method=1, unit=8))
    return seeds


def _mutated(rng: random.Random, seed: bytes) -> bytes:
    data = bytearray(seed)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        place = rng.randrange(len(data) + 1)
        action = rng.randrange(6)
        if action == 0 and place < len(data):
            data[place] = rng.randrange(256)
        elif action == 1 and place < len(data):
            data[place] ^= 1 << rng.randrange(8)
        elif action == 2:
            data[place : place + 4] = struct.pack("<i", rng.choice((0, 1, -1, 255, 65536, LAST, -LAST - 1)))
        elif action == 3:
            del data[place : place + rng.randrange(1, 9)]
        elif action == 4:
            data[place:place] = data[rng.randrange(len(data) + 1) :][: rng.randrange(1, 40)]
        else:
            del data[place:]
    return bytes(data)


def test_mutated_replies__are_read_or_refused():
    seeds = _seeds()
    number = int.from_bytes(os.urandom(4), "little")
    print(f"seed {number}")
    rng = random.Random(number)
    for seed in seeds:
        decode(seed)
    tracemalloc.start()
    try:
        for _ in range(ROUNDS):
            data = _mutated(rng, rng.choice(seeds))
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
            try:
                value = decode(data)
                assert tracemalloc.get_traced_memory()[1] - before <= 256 * len(data) + MIB, data.hex()
                for options in ({}, {"lossless": True}, {"pickleTableToList": True}):
                    to_python(value, **options)
            except (ddb.ProtocolError, ddb.NotSupported, ddb.UsageError):
                assert tracemalloc.get_traced_memory()[1] - before <= 256 * len(data) + MIB, data.hex()
            except Exception as error:
                raise AssertionError(f"seed {number}: {data.hex()}") from error
    finally:
        tracemalloc.stop()
