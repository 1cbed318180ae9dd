"""Arrow data of a producer made by hand: taken whole, given back exactly once, refused if it can't be."""

from __future__ import annotations

import struct
from pathlib import Path

import pandas as pd
import pytest
from support import arrow_producer, expected
from support.arrow_producer import Given, Stream, View, views
from support.cases import each
from support.process import program
from support.values import numbers

import dolphindb_fast as ddb

ENCODER = ddb.Encoder()


def _ints(*values, **more):
    return Given("l", [None, struct.pack(f"<{len(values)}q", *values)], len(values), **more)


def _text(offsets, data=b"abc", format="u", **more):
    width = "i" if format.islower() else "q"
    return Given(format, [None, struct.pack(f"<{len(offsets)}{width}", *offsets), data], len(offsets) - 1, **more)


def _released_once(exporter):
    assert exporter.released == exporter.made


def _dumps(exporter):
    try:
        return ddb.dumps(exporter)
    finally:
        _released_once(exporter)


# -- sound data -----------------------------------------------------------------------------------------


def test_batches__are_one_table():
    exporter = Stream(*(Given.table(_ints(*range(n, n + 3))) for n in (0, 3, 6)))
    assert _dumps(exporter) == expected.table({"a": expected.vector(5, range(9))}, 9)
    assert exporter.released == {"schema": 1, "array": 3, "stream": 1}


def test_array__is_preferred_where_it_is_one():
    exporter = Stream(Given.table(_ints(1, 2)), kind="both")
    assert _dumps(exporter) == expected.table({"a": expected.vector(5, [1, 2])}, 2)
    assert exporter.released == {"schema": 1, "array": 1}
    exporter = Stream(Given.table(_ints(1)), Given.table(_ints(2)), kind="both")
    assert _dumps(exporter) == expected.table({"a": expected.vector(5, [1, 2])}, 2)
    assert exporter.released == {"schema": 1, "array": 2, "stream": 1}


def test_array__that_is_no_structure_is_a_vector():
    assert _dumps(Stream(_ints(1, 2), _ints(3))) == expected.vector(5, [1, 2, 3])
    assert _dumps(Stream(_ints(1, 2), kind="array")) == expected.vector(5, [1, 2])


def test_no_rows_and_no_batches():
    wanted = expected.table({"a": expected.vector(5, [])}, 0)
    empty = Given.table(_ints())
    assert _dumps(Stream(empty)) == wanted
    assert _dumps(Stream(empty, ends=0)) == wanted


def test_rows_that_the_structure_leaves_out__are_left_out_of_its_columns():
    column = _ints(*range(10), offset=1)
    column.length = 9
    table = Given.table(column, length=3, offset=2)
    assert _dumps(Stream(table)) == expected.table({"a": expected.vector(5, [3, 4, 5])}, 3)


@pytest.mark.parametrize("format", ["u", "U"])
def test_text(format):
    table = Given.table(_text([0, 1, 1, 3], format=format))
    assert _dumps(Stream(table)) == expected.table({"a": expected.vector(18, ["a", "", "bc"])}, 3)


@pytest.mark.parametrize("count", [1, 7, 1023, 1024, 1025, 3000])
def test_views(count):
    texts = [None if n % 5 == 4 else b"%d" % n * (n % 4) * (1 + n % 3) for n in range(count)]
    column = Given("vu", views(texts), count, null_count=sum(text is None for text in texts))
    wanted = expected.vector(18, ["" if text is None else text.decode() for text in texts])
    assert _dumps(Stream(Given.table(column))) == expected.table({"a": wanted}, count)
    part = Given("vu", views(texts), count - 1, null_count=-1, offset=1)
    wanted = expected.vector(18, ["" if text is None else text.decode() for text in texts[1:]])
    assert _dumps(Stream(Given.table(part))) == expected.table({"a": wanted}, count - 1)


def test_dictionary__each_batch_its_own():
    batches = []
    for words, codes in (([0, 1, 2], [1, 0]), ([1, 2, 3], [1, 1])):
        column = Given("i", [None, struct.pack("<2i", *codes)], 2, dictionary=_text(words))
        batches.append(Given.table(column))
    assert _dumps(Stream(*batches)) == expected.table({"a": expected.symbols(["b", "a", "c", "c"])}, 4)


@each("bits", range(9))
def test_nulls__at_every_bit(bits):
    count = 70
    values = numbers(count + bits, 1)
    valid = [n % 3 != 1 for n in range(count + bits)]
    bitmap = sum(bit << place for place, bit in enumerate(valid)).to_bytes((count + bits + 7) // 8, "little")
    for format, letter, type_id in (("c", "b", 2), ("s", "h", 3), ("i", "i", 4), ("l", "q", 5)):
        size = struct.calcsize(letter)
        cells = [int(v) % 2 ** (8 * size - 2) for v in values]
        data = struct.pack(f"<{len(cells)}{letter}", *cells)
        column = Given(format, [bitmap, data], count, null_count=-1, offset=bits)
        wanted = expected.vector(type_id, [v if ok else None for v, ok in zip(cells, valid, strict=True)][bits:])
        assert _dumps(Stream(Given.table(column))) == expected.table({"a": wanted}, count)


def test_uuid__of_the_extension_type():
    def pair(text):
        return len(text).to_bytes(4, "little") + text

    metadata = (2).to_bytes(4, "little") + pair(b"x") + pair(b"y") + pair(b"ARROW:extension:name") + pair(b"arrow.uuid")
    column = Given("w:16", [None, bytes(range(16))], 1, metadata=metadata)
    wanted = bytes([19, 1]) + struct.pack("<ii", 1, 1) + bytes(reversed(range(16)))
    assert _dumps(Stream(Given.table(column))) == expected.table({"a": wanted}, 1)
    column.metadata = metadata.replace(b"arrow.uuid", b"some.thing")
    with pytest.raises(ddb.UnsupportedTypeError, match="'a'.*some.thing"):
        _dumps(Stream(Given.table(column)))


def test_large_column__is_borrowed_until_it_is_sent():
    values = range(100_000)
    exporter = Stream(Given.table(_ints(*values)))
    assert ENCODER._produce(exporter) == len(expected.table({"a": expected.vector(5, values)}, 100_000))
    _released_once(exporter)


def test_table__in_a_list_and_a_dict():
    exporter = Stream(Given.table(_ints(1)))
    inner = expected.table({"a": expected.vector(5, [1])}, 1)
    assert ddb.dumps([exporter]) == struct.pack("<BBii", 25, 1, 1, 1) + inner
    assert inner in ddb.dumps({"k": Stream(Given.table(_ints(1)))})
    _released_once(exporter)


def test_types_given():
    def exporter():
        return Stream(Given.table(_ints(1, 2), _text([0, 1, 2], name="b")))

    wanted = expected.table({"a": expected.vector(4, [1, 2]), "b": expected.symbols(["a", "b"])}, 2)
    assert ddb.dumps(ddb.typed(exporter(), {"a": "INT", "b": "SYMBOL"})) == wanted
    with pytest.raises(ddb.UsageError, match="'c'"):
        ddb.dumps(ddb.typed(exporter(), {"c": "INT"}))
    with pytest.raises(ddb.UsageError, match="typed needs a table"):
        ddb.dumps(ddb.typed(Stream(_ints(1)), {"a": "INT"}))
    with pytest.raises(ddb.UsageError, match="type"):
        ddb.typed(exporter(), {"a": "INTEGER"})


# -- names ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("names", "words"), [(("a", "a"), "'a' is repeated"), (("", ""), "'' is repeated")])
def test_names__come_once(names, words):
    columns = [_ints(1, name=name) for name in names]
    with pytest.raises(ddb.ValueRefused, match=words):
        _dumps(Stream(Given.table(*columns)))


def test_name__that_is_not_given_is_empty():
    assert _dumps(Stream(Given.table(_ints(1, name=None)))) == expected.table({"": expected.vector(5, [1])}, 1)


# -- refused --------------------------------------------------------------------------------------------


def _lie(**lies):
    return Stream(Given.table(_ints(1, 2, array_lies=lies)))


def _schema_lie(**lies):
    return Stream(Given.table(_ints(1, 2, schema_lies=lies)))


def _table_lie(**lies):
    return Stream(Given.table(_ints(1, 2), array_lies=lies))


def _dictionary(codes, format="i", letter="i", words=(0, 1), **lies):
    data = struct.pack(f"<{len(codes)}{letter}", *codes)
    return Stream(Given.table(Given(format, [None, data], len(codes), dictionary=_text(words), array_lies=lies)))


def _list(offsets, cells=4, **lies):
    column = Given(
        "+l",
        [None, struct.pack(f"<{len(offsets)}i", *offsets)],
        len(offsets) - 1,
        children=[_ints(*range(cells))],
        array_lies=lies,
    )
    return Stream(Given.table(column))


def _view(*rows, **lies):
    return Stream(Given.table(Given("vu", views([b"x" * 20, *rows]), 1 + len(rows), array_lies=lies)))


MALFORMED = {
    "length negative": lambda: _lie(length=-1),
    "length of a lie": lambda: _lie(length=2**62),
    "too short": lambda: _lie(length=1),
    "offset negative": lambda: _lie(offset=-1),
    "offset of a lie": lambda: _lie(offset=2**62),
    "no buffers": lambda: _lie(n_buffers=0),
    "one buffer": lambda: _lie(n_buffers=1),
    "buffers more": lambda: _lie(n_buffers=3),
    "buffers negative": lambda: _lie(n_buffers=-2),
    "buffers null": lambda: _lie(buffers=None),
    "data null": lambda: Stream(Given.table(Given("l", [None, None], 2))),
    "nulls without bitmap": lambda: _lie(null_count=1),
    "nulls too many": lambda: _lie(null_count=3),
    "nulls too few": lambda: _lie(null_count=-2),
    "children more": lambda: _lie(n_children=1),
    "children negative": lambda: _lie(n_children=-1),
    "column released": lambda: _lie(release=arrow_producer._RELEASE_ARRAY()),
    "table length negative": lambda: _table_lie(length=-1),
    "table offset negative": lambda: _table_lie(offset=-5),
    "table of more rows": lambda: _table_lie(length=3),
    "table of more rows by its offset": lambda: _table_lie(offset=1),
    "table without children": lambda: _table_lie(children=None),
    "table of no children": lambda: _table_lie(n_children=0),
    "table of two children": lambda: _table_lie(n_children=2),
    "table buffers": lambda: _table_lie(n_buffers=2),
    "batch of another type": lambda: Stream(Given.table(_ints(1)), Given.table(_ints(1), _ints(2, name="b"))),
    "format null": lambda: _schema_lie(format=None),
    "schema children negative": lambda: _schema_lie(n_children=-1),
    "schema children null": lambda: _schema_lie(n_children=1),
    "table schema children null": lambda: Stream(Given.table(_ints(1), schema_lies={"children": None})),
    "table schema children negative": lambda: Stream(Given.table(_ints(1), schema_lies={"n_children": -1})),
    "table format null": lambda: Stream(Given.table(_ints(1), schema_lies={"format": None})),
    "metadata negative": lambda: _schema_lie(metadata=struct.pack("<ii", 1, -5)),
    "text backwards": lambda: Stream(Given.table(_text([0, 2, 1, 3]))),
    "text before": lambda: Stream(Given.table(_text([-1, 2, 3]))),
    "text far before": lambda: Stream(Given.table(_text([-(2**62), 2, 3], format="U"))),
    "text beyond": lambda: Stream(Given.table(_text([0, 2**30, 3]))),
    "text without data": lambda: Stream(Given.table(_text([0, 3], data=None))),
    "text without offsets": lambda: Stream(Given.table(Given("u", [None, None, b"abc"], 1))),
    "dictionary missing": lambda: Stream(
        Given.table(Given("i", [None, bytes(4)], 1, dictionary=_text([0, 1]), array_lies={"dictionary": None}))
    ),
    "index beyond": lambda: _dictionary([0, 1]),
    "index far beyond": lambda: _dictionary([0, 2**31 - 1]),
    "index negative": lambda: _dictionary([0, -1]),
    "index unsigned": lambda: _dictionary([0, 2**32 - 1], "I", "I"),
    "index of 64 bits": lambda: _dictionary([0, 2**63 - 1], "l", "q"),
    "index into no words": lambda: _dictionary([0], words=(0,)),
    "words backwards": lambda: _dictionary([0], words=(1, 0)),
    "list beyond": lambda: _list([0, 5]),
    "list before": lambda: _list([-1, 2]),
    "list backwards": lambda: _list([0, 3, 2]),
    "list without children": lambda: _list([0, 1], n_children=0),
    "list with null children": lambda: _list([0, 1], children=None),
    "fixed list beyond": lambda: Stream(Given.table(Given("+w:2", [None], 3, children=[_ints(1, 2, 3, 4)]))),
    "fixed list far beyond": lambda: Stream(
        Given.table(Given("+w:2000000000", [None], 1, offset=2**54, children=[_ints(1)]))
    ),
    "view into no buffer": lambda: _view(View(20, 1, 0)),
    "view into a negative buffer": lambda: _view(View(20, -1, 0)),
    "view before": lambda: _view(View(20, 0, -1)),
    "view beyond": lambda: _view(View(20, 0, 1)),
    "view of negative size": lambda: _view(View(-1, 0, 0)),
    "view without sizes": lambda: _view(View(20, 0, 0), n_buffers=2),
    "views missing": lambda: Stream(Given.table(Given("vu", [None, None, bytes(8)], 1))),
}


@each("name", MALFORMED)
def test_malformed__is_refused_and_given_back(name):
    with pytest.raises(ddb.ConversionError):
        _dumps(MALFORMED[name]())
    # the encoder is as good as new
    assert bytes(ENCODER.encode(Stream(Given.table(_ints(1))))) == expected.table({"a": expected.vector(5, [1])}, 1)


@each("name", MALFORMED)
def test_malformed__encoded_or_given_a_type(name):
    exporter = MALFORMED[name]()
    with pytest.raises(ddb.ConversionError):
        ENCODER.encode(exporter)
    _released_once(exporter)
    for target in ("SYMBOL", "BLOB", "STRING", "DOUBLE", "LONG[]", "UUID"):
        exporter = MALFORMED[name]()
        with pytest.raises((ddb.ConversionError, ddb.UsageError)):
            ddb.dumps(ddb.typed(exporter, {"a": target}))
        _released_once(exporter)


FAILING = {
    "schema": (Stream(Given.table(_ints(1)), fails=-1), "no more to be had"),
    "first batch": (Stream(Given.table(_ints(1)), fails=0), "no more to be had"),
    "second batch": (Stream(Given.table(_ints(1)), Given.table(_ints(2)), fails=1), "no more to be had"),
    "end": (Stream(Given.table(_ints(1)), fails=1), "no more to be had"),
    "without message": (Stream(Given.table(_ints(1)), fails=0, message=None), "Input/output error"),
    "message that is no text": (Stream(Given.table(_ints(1)), fails=0, message=b"\xff!"), "!"),
}


@pytest.mark.parametrize("name", FAILING)
def test_stream__that_fails(name):
    exporter, words = FAILING[name]
    with pytest.raises(ddb.ConversionError, match=words):
        _dumps(exporter)


@pytest.mark.parametrize("function", ["get_schema", "get_next", "get_last_error"])
def test_stream__without_a_function(function):
    types = {
        "get_schema": arrow_producer._GET_SCHEMA,
        "get_next": arrow_producer._GET_NEXT,
        "get_last_error": arrow_producer._GET_ERROR,
    }
    exporter = Stream(Given.table(_ints(1)), fails=0, lies={function: types[function]()})
    with pytest.raises(ddb.ConversionError):
        _dumps(exporter)


@each("kind", ["stream", "array"])
@each("capsule", [None, 5, (), (1, 2), (1, 2, 3), "consumed"], ids=str)
def test_method__that_returns_something_else(kind, capsule):
    exporter = Stream(Given.table(_ints(1)), kind=kind)
    if capsule == "consumed":
        taken = exporter.arrow_c_stream() if kind == "stream" else exporter.arrow_c_array()
        exporter.capsule = lambda: taken
        assert ddb.dumps(exporter)
    else:
        exporter.capsule = lambda: capsule
    with pytest.raises(ddb.ConversionError, match="malformed Arrow data"):
        ddb.dumps(exporter)
    _released_once(exporter)


@pytest.mark.parametrize("kind", ["stream", "array"])
def test_method__that_raises(kind):
    def refuse():
        raise KeyError("not today")

    exporter = Stream(Given.table(_ints(1)), kind=kind, capsule=refuse)
    with pytest.raises(KeyError, match="not today"):
        ddb.dumps(exporter)


def test_capsule__that_nobody_took_belongs_to_its_producer():
    exporter = Stream(Given.table(_ints(1)))
    capsule = exporter.arrow_c_stream()
    del capsule
    _released_once(exporter)


def test_type__is_refused_before_a_batch_is_asked_for():
    exporter = Stream(Given.table(_ints(1), Given("tDs", [None, bytes(8)], 1, name="b")))
    with pytest.raises(ddb.UnsupportedTypeError, match=r"column 'b' \(number 1, Arrow type duration\[s\]"):
        _dumps(exporter)
    assert exporter.made["array"] == 0


@each(
    "format",
    [
        "n",
        "e",
        "+s",
        "+m",
        "+r",
        "+vl",
        "tDn",
        "tiM",
        "tsu:UTC",
        "w:4",
        "w:",
        "d:5",
        "d:5,-2",
        "d:x,y",
        "d:50,2,256",
        "",
        "?",
        "é",
        "tsu",
        "+w:x",
        "+ud:0",
    ],
)
def test_format__without_a_place_on_the_wire(format):
    with pytest.raises(ddb.UnsupportedTypeError, match="column 'a'"):
        _dumps(Stream(Given.table(Given(format, [None, bytes(64)], 1))))
    with pytest.raises(ddb.UnsupportedTypeError, match="Arrow type"):
        _dumps(Stream(Given("x" + format, [None, bytes(64)], 1)))


def test_lists_of_lists__to_any_depth():
    inner = Given("+l", [None, bytes(8)], 0, children=[_ints(1)])
    for _ in range(30):
        inner = Given("+l", [None, bytes(8)], 1, children=[inner])
    with pytest.raises(ddb.UnsupportedTypeError, match="list<list"):
        _dumps(Stream(Given.table(inner)))


def test_rows_that_are_null_as_a_whole():
    table = Given.table(_ints(1, 2), null_count=1)
    table.buffers = [b"\x01"]
    with pytest.raises(ddb.ValueRefused, match="null as a whole"):
        _dumps(Stream(table))
    table = Given.table(_ints(1, 2), null_count=-1)
    table.buffers = [b"\x03"]
    assert _dumps(Stream(table)) == expected.table({"a": expected.vector(5, [1, 2])}, 2)


def test_value__is_named():
    column = Given("tsu:", [None, struct.pack("<3q", 1, 2, 2**62)], 3)
    with pytest.raises(ddb.ValueRefused, match=r"column 'a' \(number 0, Arrow type timestamp\[us\]\).*row 5: .*148108"):
        _dumps(Stream(Given.table(Given("tsu:", [None, bytes(24)], 3)), Given.table(column)))
    with pytest.raises(ddb.ValueRefused, match=r"'a'.*row 1: .*NUL.*'b\\x00c'"):
        _dumps(Stream(Given.table(_text([0, 1, 4], data=b"ab\0c"))))
    with pytest.raises(ddb.ValueRefused, match=r"'a'.*row 1: .*NUL.*'b\\x00c'"):
        _dumps(Stream(Given.table(Given("vu", views([b"a", b"b\0c"]), 2))))
    with pytest.raises(ddb.ValueRefused, match=r"category 'b\\x00c'"):
        _dumps(Stream(Given.table(Given("c", [None, b"\1\0"], 2, dictionary=_text([0, 1, 4], data=b"ab\0c")))))


@pytest.mark.parametrize("long", [262_143, 262_144])
@pytest.mark.parametrize("format", ["u", "vu"])
def test_text__of_the_longest(format, long):
    text = b"x" * long
    column = _text([0, long], data=text) if format == "u" else Given("vu", views([text]), 1)
    if long < 262_144:
        assert _dumps(Stream(Given.table(column))) == expected.table({"a": expected.vector(18, [text.decode()])}, 1)
    else:
        with pytest.raises(ddb.ValueRefused, match="row 0: text longer"):
            _dumps(Stream(Given.table(column)))


def test_class__exports_nothing():
    with pytest.raises(ddb.UnsupportedTypeError, match="type"):
        ddb.dumps(type(Stream(Given.table(_ints(1)))))


def test_nothing_is_imported_for_it():
    done = program(
        "import sys\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "from support.arrow_producer import Given, Stream\n"
        "import dolphindb_fast as ddb\n"
        "before = set(sys.modules)\n"
        "ddb.dumps(Stream(Given.table(Given('l', [None, bytes(16)], 2))))\n"
        "assert set(sys.modules) == before, set(sys.modules) - before\n",
        str(Path(arrow_producer.__file__).parents[1]),
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_pandas_and_neutral_values__are_read_in_their_own_way():
    series, table = pd.Series([1, 2]), ddb.loads(ddb.dumps(pd.DataFrame({"a": [1]})), raw=True)
    for value in (series, pd.Index([1, 2]), table, table.columns[0]):
        before = ddb.dumps(value)
        with pytest.raises(ddb.UsageError, match="typed needs a DataFrame"):
            ddb.typed(value, {"a": "INT"})
        assert ddb.dumps(value) == before
