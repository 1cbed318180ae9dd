"""Every type in every form, without and with NULLs, in every size: the same reply makes the same result."""

from __future__ import annotations

import pytest
from support import replies
from support.cases import each
from support.compare import assert_same
from support.recorder import reply

import dolphindb_fast as ddb

pytestmark = pytest.mark.official

#: cells of each type: ordinary ones, the ends of the range, what looks like another type's NULL
CELLS = {
    "BOOL": [1, 0, 2, 127],
    "CHAR": [0, 65, -127, 127],
    "SHORT": [0, -32767, 32767, 128],
    "INT": [0, -(2**31) + 1, 2**31 - 1, 32768],
    "LONG": [0, -(2**63) + 1, 2**63 - 1, 2**53 + 1],
    "DATE": [0, 18262, -1, 106751, -106751],
    "MONTH": [24240, 23640, 23639, 12 * 2000, 27147, 20133],
    "TIME": [0, 1, 86_399_999],
    "MINUTE": [0, 1, 1439],
    "SECOND": [0, 1, 86_399],
    "DATETIME": [0, -1, 2**31 - 1, -(2**31) + 1],
    "TIMESTAMP": [0, -1, 1_600_000_000_123, 9223372036854, -9223372036854],
    "NANOTIME": [0, 1, 86_399_999_999_999],
    "NANOTIMESTAMP": [0, -1, 2**63 - 1, -(2**63) + 1],
    "FLOAT": [0.0, 1.5, -2.25, float("inf"), float("nan")],
    "DOUBLE": [0.0, 1.5, -1e300, -0.0, float("-inf"), float("nan")],
    "STRING": ["a", "größe", "漢字", "😀", "x" * 5000],
    "SYMBOL": ["a", "b", "a", "größe"],
    "DATEHOUR": [0, -1, 400_000, 2562047, -2562047],
    "UUID": ["12345678123456789abcdef012345678", "f" * 32, "0" * 31 + "1"],
    "IPADDR": [f"{0xC0A80102:032x}", "20010db8000000000000000000000001", "f" * 32, "0" * 24 + "ffffffff"],
    "INT128": ["0123456789abcdef0123456789abcdef", "f" * 32, "8" + "0" * 31],
    "BLOB": [b"a", b"\xff\xfe", b"x" * 5000, "größe".encode()],
    "DECIMAL32": [12345, 0, -5, 2**31 - 1, -(2**31) + 1],
    "DECIMAL64": [12345, 0, -5, 10**17, 2**63 - 1, -(2**63) + 1],
    "DECIMAL128": [12345, 0, -5, 10**37, 2**64, -(2**64), 2**127 - 1, -(2**127) + 1],
}
SCALES = {"DECIMAL32": [3, 0, 9], "DECIMAL64": [5, 0, 18], "DECIMAL128": [20, 0, 38]}
INTEGRAL = ["CHAR", "SHORT", "INT", "LONG"]
TEXT = ["STRING", "SYMBOL", "BLOB"]
DECIMALS = list(SCALES)
IDENTIFIERS = ["UUID", "IPADDR", "INT128"]
#: numbers and dates: what the official client has matrices of
PLAIN = [name for name in CELLS if name not in (*TEXT, *DECIMALS, *IDENTIFIERS)]
#: types whose array vectors it reads
FIXED = [name for name in CELLS if name not in TEXT]
ROWS = {
    "plain": lambda cells: cells,
    "one": lambda cells: cells[:1],
    "nulls": lambda cells: [None, *cells, None],
    "onenull": lambda cells: [None],
    "allnull": lambda cells: [None, None],
    "empty": lambda cells: [],
    "many": lambda cells: cells * 700,
    "manynulls": lambda cells: [*cells, None] * 700,
}


def _both(ours_sync, official_sync, payload: bytes) -> None:
    theirs = official_sync.result(reply(payload))
    assert_same(ours_sync.result(reply(payload)), theirs)


def _scale(name: str) -> int:
    return SCALES.get(name, [0])[0]


def _vector(name: str, cells: list, **keywords) -> bytes:
    return replies.vector(name, cells, scale=_scale(name), **keywords)


def _count(rows: int) -> bytes:
    return replies.vector("INT", range(rows))


@each("name", CELLS)
def test_scalar(name, ours_sync, official_sync):
    for scale in SCALES.get(name, [0]):
        for cell in [*CELLS[name], None]:
            _both(ours_sync, official_sync, replies.scalar(name, cell, scale))


@pytest.mark.parametrize("payload", [b"\0\0\0", b"\0\0\1", b"\x14\0\1def f(){}\0", b"\x14\0\1\0"])
def test_scalar__without_cells(payload, ours_sync, official_sync):
    _both(ours_sync, official_sync, payload)


@each("rows", ROWS)
@each("name", CELLS)
def test_vector(name, rows, ours_sync, official_sync):
    cells = ROWS[rows](CELLS[name])
    for scale in SCALES.get(name, [0]):
        _both(ours_sync, official_sync, replies.vector(name, cells, scale=scale))


@each("name", CELLS)
def test_pair(name, ours_sync, official_sync):
    first, second, *_ = CELLS[name]
    for cells in ([first, second], [None, first], [first, None], [None, None]):
        _both(ours_sync, official_sync, _vector(name, cells, form=2))


@each("rows", ROWS)
@each("name", CELLS)
def test_table(name, rows, ours_sync, official_sync):
    cells = ROWS[rows](CELLS[name])
    columns = {"a": _vector(name, cells), "b": _count(len(cells))}
    _both(ours_sync, official_sync, replies.table(columns, len(cells)))


@each("rows", ROWS)
@each("name", CELLS)
def test_table__as_list(name, rows, official_sync):
    cells = ROWS[rows](CELLS[name])
    payload = replies.table({"a": _vector(name, cells), "b": _count(len(cells))}, len(cells))
    theirs = official_sync.result(reply(payload), pickleTableToList=True)
    assert_same(ddb.loads(payload, pickleTableToList=True), theirs)


SHAPES = {
    "two": (2, 2),
    "wide": (1, 4),
    "tall": (4, 1),
    "one": (1, 1),
    "none": (0, 0),
    "norows": (0, 3),
    "nocolumns": (3, 0),
}


@each("shape", SHAPES)
@each("name", PLAIN)
def test_matrix(name, shape, ours_sync, official_sync):
    rows, columns = SHAPES[shape]
    for source in (CELLS[name], [None, *CELLS[name]]):
        cells = (source * 4)[: rows * columns]
        _both(ours_sync, official_sync, replies.matrix(name, rows, columns, cells))


@each("labels", ["rows", "columns", "both"])
@each("name", [*CELLS, "ANY", "BASE"])
def test_matrix__labels(name, labels, ours_sync, official_sync):
    if name == "ANY":
        label = replies.any_vector([replies.scalar("INT", 1), replies.vector("INT", [1, None])])
    elif name == "BASE":
        label = replies.symbol_base(0, ["", "x"], [1, 0])
    else:
        label = _vector(name, [CELLS[name][0], None])
    payload = replies.matrix(
        "INT", 2, 2, [1, 2, 3, 4],
        row_labels=label if labels != "columns" else b"", column_labels=label if labels != "rows" else b"",
    )  # fmt: skip
    _both(ours_sync, official_sync, payload)


@each("rows", ["plain", "one", "nulls", "onenull", "empty"])
@each("name", [n for n in CELLS if n not in ("BOOL", "FLOAT", "DOUBLE", *DECIMALS)])
def test_set(name, rows, ours_sync, official_sync):
    _both(ours_sync, official_sync, replies.set_of(_vector(name, ROWS[rows](CELLS[name]))))


@pytest.mark.parametrize("name", ["FLOAT", "DOUBLE"])
def test_set__of_floats(name, ours_sync, official_sync):
    # NaN is no equal of itself
    for cells in ([1.5, -0.25], [None, 2.0], []):
        _both(ours_sync, official_sync, replies.set_of(_vector(name, cells)))


@each("form", [5, 7], ids=["dictionary", "chart"])
@each("rows", ["plain", "one", "nulls", "empty"])
@each("name", CELLS)
def test_dictionary__values(name, rows, form, ours_sync, official_sync):
    cells = ROWS[rows](CELLS[name])
    words = replies.vector("STRING", [f"k{i}" for i in range(len(cells))])
    _both(ours_sync, official_sync, replies.dictionary(words, _vector(name, cells), form=form))


@pytest.mark.parametrize("name", [*INTEGRAL, "STRING", "SYMBOL"])
def test_dictionary__keys(name, ours_sync, official_sync):
    cells = ["", *CELLS[name]] if name in TEXT else CELLS[name]
    _both(ours_sync, official_sync, replies.dictionary(_vector(name, cells), _count(len(cells))))


def test_dictionary__of_repeated_keys_has_the_last(ours_sync, official_sync):
    payload = replies.dictionary(replies.vector("STRING", ["a", "b", "a"]), replies.vector("INT", [1, 2, 3]))
    _both(ours_sync, official_sync, payload)


def _rows(name: str) -> list[list]:
    cells = CELLS[name]
    return [cells, [], [None, *cells], cells[:1], [None]]


ARRAYS = {
    "rows": lambda rows: rows,
    "one": lambda rows: rows[:1],
    "plain": lambda rows: [rows[0], rows[3], rows[0]],
    "nulls": lambda rows: rows[2:3],
    "onenull": lambda rows: rows[4:],
    "norows": lambda rows: [],
    "nocells": lambda rows: [[], []],
    "many": lambda rows: rows * 300,
    "long": lambda rows: [rows[0] * 100, rows[0]],
}


@each("rows", ARRAYS)
@each("name", FIXED)
def test_array_vector(name, rows, ours_sync, official_sync):
    vector = replies.array_vector(name, ARRAYS[rows](_rows(name)), scale=_scale(name))
    _both(ours_sync, official_sync, vector)
    count = len(ARRAYS[rows](_rows(name)))
    _both(ours_sync, official_sync, replies.table({"a": vector, "b": _count(count)}, count))


@each("block", [1, 2, 7])
@each("width", [1, 2, 4])
def test_array_vector__in_blocks_of_every_layout(block, width, ours_sync, official_sync):
    vector = replies.array_vector("LONG", _rows("LONG") * 3, block=block, width=width)
    _both(ours_sync, official_sync, vector)


@pytest.mark.parametrize("total", [0, 1, 1000])
def test_array_vector__total_of_cells_in_the_head_does_not_matter(total, ours_sync, official_sync):
    _both(ours_sync, official_sync, replies.array_vector("INT", [[1], [2, 3]], total=total))


@each("rows", [[0, 1], [0, 3], [3, 4], [0, 0], []], ids=str)
@each("name", FIXED)
def test_array_vector__as_block(name, rows, official_sync):
    two = [CELLS[name][:2], CELLS[name][1:3], [CELLS[name][0], None], [None, None], []]
    chosen = [two[i][: 2 if 4 not in rows else 0] for i in rows]
    vector = replies.array_vector(name, chosen, scale=_scale(name))
    for payload in (vector, replies.table({"a": vector, "b": _count(len(rows))}, len(rows))):
        theirs = official_sync.result(reply(payload), pickleTableToList=True)
        assert_same(ddb.loads(payload, pickleTableToList=True), theirs)


def _every_object() -> dict[str, bytes]:
    table = replies.table({"x": replies.vector("INT", [1, None])}, 2)
    return {
        **{name: _vector(name, [CELLS[name][0], None]) for name in CELLS},
        **{f"{name}-scalar": replies.scalar(name, CELLS[name][0], _scale(name)) for name in CELLS},
        "void": b"\0\0\0",
        "pair": replies.vector("DATE", [1, None], form=2),
        "any": replies.any_vector([replies.scalar("INT", 1), replies.any_vector([])]),
        "table": table,
        "matrix": replies.matrix("DOUBLE", 1, 2, [1.5, None], row_labels=replies.vector("STRING", ["r"])),
        "set": replies.set_of(replies.vector("LONG", [1, 2])),
        "dictionary": replies.dictionary(replies.vector("STRING", ["t"]), replies.any_vector([table])),
        "symbols": replies.symbol_base(0, ["", "x"], [1, 0]),
        "arrays": replies.array_vector("INT", [[1], [None, 2]]),
    }


@each("name", _every_object())
def test_any__holds_every_object(name, ours_sync, official_sync):
    each = _every_object()[name]
    _both(ours_sync, official_sync, replies.any_vector([each, each]))
    _both(ours_sync, official_sync, replies.dictionary(replies.vector("STRING", ["a", "b"]),
                                                       replies.any_vector([each, b"\0\0\0"])))  # fmt: skip


def test_any__of_every_object_as_lists(official_sync):
    payload = replies.any_vector([
        _every_object()["table"], _every_object()["dictionary"], replies.array_vector("INT", [[1, 2], [3, 4]])
    ])  # fmt: skip
    theirs = official_sync.result(reply(payload), pickleTableToList=True)
    assert_same(ddb.loads(payload, pickleTableToList=True), theirs)


@each("name", CELLS)
def test_any__as_column_of_a_table(name, ours_sync, official_sync):
    cells = CELLS[name][:2]
    scalars = [replies.scalar(name, cell, _scale(name)) for cell in (*cells, None)]
    for column in (scalars[:2], scalars, [scalars[0], replies.vector("INT", [1, 2])], scalars[2:] * 2, []):
        payload = replies.table({"a": replies.any_vector(column), "b": _count(len(column))}, len(column))
        _both(ours_sync, official_sync, payload)


def test_table__of_equal_names_has_the_last(ours_sync, official_sync):
    payload = replies.table({"a": replies.vector("INT", [1]), "b": replies.vector("INT", [2])}, 1)
    _both(ours_sync, official_sync, payload.replace(b"a\0b\0", b"a\0a\0"))


@pytest.mark.parametrize(
    "payload",
    [
        replies.table({"a": replies.vector("INT", [1, 2], form=2)}, 2),
        bytes((4, 3, 4)) + replies.matrix("INT", 1, 1, [1])[3:],
        bytes((4, 3, 0)) + replies.matrix("LONG", 1, 1, [1])[3:],
    ],
    ids=["pair-as-column", "other-label-bits", "other-type-before-the-cells"],
)
def test_oddities__are_read_alike(payload, ours_sync, official_sync):
    _both(ours_sync, official_sync, payload)
