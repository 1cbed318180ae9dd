"""The append rules of the local server: every pair of types, NULL, ranges, and that nothing half is kept."""

from __future__ import annotations

import re

import numpy as np
import pytest
from support.cases import each

import dolphindb_fast.settings as keys
from dolphindb_fast.column import NULLS, WIRE_DTYPES, Column
from dolphindb_fast.errors import ServerError

pytest.importorskip("lark")
from dolphindb_fast.localserver.tables import MemoryTable  # noqa: E402

INTEGRAL = "CHAR SHORT INT LONG".split()
FLOATING = "FLOAT DOUBLE".split()
INSTANTS = "DATE MONTH DATEHOUR DATETIME TIMESTAMP NANOTIMESTAMP".split()
TIMES = "MINUTE SECOND TIME NANOTIME".split()
TEXT = "STRING SYMBOL".split()
TYPES = ["BOOL", *INTEGRAL, *FLOATING, *INSTANTS, *TIMES, *TEXT]
CATEGORIES = [["BOOL"], INTEGRAL, FLOATING, INSTANTS, TIMES, TEXT]
NUMBERS = {name: number for number, name in keys.TYPE_STRING.items()}


def allowed(source, target):
    if source in INTEGRAL and target in FLOATING:
        return True
    return any(source in category and target in category for category in CATEGORIES)


def column(type_name, values):
    """A column of wire values; None is NULL."""
    number = NUMBERS[type_name]
    if type_name == "STRING":
        return Column.from_strings(["" if v is None else v for v in values])
    if type_name == "SYMBOL":
        base = ["", *dict.fromkeys(v for v in values if v)]
        index = np.array([base.index(v or "") for v in values], dtype=np.int32)
        return Column(keys.DT_SYMBOL, index, symbols=Column.from_strings(base))
    dtype = WIRE_DTYPES[number]
    return Column(number, np.array([NULLS[dtype] if v is None else v for v in values], dtype=dtype))


def cells(found):
    if found.offsets is not None:
        return [text or None for text in found.strings()]
    null = NULLS[found.data.dtype]
    return [None if v == null else v for v in found.data.tolist()]


def appended(source, target, values):
    """The cells of a new `target` column after appending `values` of type `source`."""
    table = MemoryTable(["c"], [NUMBERS[target]])
    table.append([column(source, values)])
    return cells(table.column("c"))


@each("source", TYPES)
def test_every_pair_of_types__appends_or_names_both(source):
    value = "x" if source in TEXT else 0 if source != "MONTH" else 23640
    for target in TYPES:
        if allowed(source, target):
            result = appended(source, target, [value, None, value])
            assert result[1] is None, target
            assert result[0] is not None and result[0] == result[2], target
        else:
            message = f"column 'c': {source} can't be appended to {target}"
            with pytest.raises(ServerError, match=re.escape(message)):
                appended(source, target, [value])


@each(
    "source, target, values, expected",
    [
        ("LONG", "INT", [5, -(2**31) + 1, 2**31 - 1], [5, -(2**31) + 1, 2**31 - 1]),
        ("INT", "LONG", [None, 5], [None, 5]),
        ("LONG", "CHAR", [127, -127, None], [127, -127, None]),
        ("LONG", "DOUBLE", [3, None], [3.0, None]),
        ("DOUBLE", "FLOAT", [1.5, None], [1.5, None]),
        ("FLOAT", "DOUBLE", [None, 1.5], [None, 1.5]),
        ("DATE", "TIMESTAMP", [1, None, -1], [86_400_000, None, -86_400_000]),
        ("DATETIME", "TIMESTAMP", [1, None, -1], [1000, None, -1000]),
        ("NANOTIMESTAMP", "TIMESTAMP", [1_999_999, -1, None], [1, -1, None]),
        ("NANOTIMESTAMP", "DATETIME", [-1, 1_000_000_000], [-1, 1]),
        ("TIMESTAMP", "NANOTIMESTAMP", [7], [7_000_000]),
        ("NANOTIMESTAMP", "DATE", [-1, 86_400_000_000_000], [-1, 1]),
        ("DATE", "MONTH", [0, 31, -1], [23640, 23641, 23639]),
        ("MONTH", "DATE", [23641, None], [31, None]),
        ("MONTH", "TIMESTAMP", [23640, 23639], [0, -31 * 86_400_000]),
        ("NANOTIMESTAMP", "MONTH", [-1], [23639]),
        ("DATETIME", "DATEHOUR", [3600, -1], [1, -1]),
        ("TIME", "SECOND", [1999, None], [1, None]),
        ("MINUTE", "NANOTIME", [1], [60_000_000_000]),
        ("STRING", "SYMBOL", ["a", None, "a"], ["a", None, "a"]),
        ("SYMBOL", "STRING", ["größe", None, "b", "größe"], ["größe", None, "b", "größe"]),
    ],
)
def test_values(source, target, values, expected):
    assert appended(source, target, values) == expected


@each(
    "source, target, value, shown",
    [
        ("LONG", "INT", 2**31, "2147483648"),
        ("LONG", "INT", -(2**31), "-2147483648"),
        ("INT", "SHORT", 32768, "32768"),
        ("SHORT", "CHAR", -128, "-128"),
        ("DOUBLE", "FLOAT", 1e300, "1e+300"),
        ("TIMESTAMP", "DATETIME", 2**31 * 1000, "2038.01.19T03:14:08.000"),
        ("TIMESTAMP", "NANOTIMESTAMP", 2**62, ""),
        ("DATE", "NANOTIMESTAMP", 200_000, "2517.08.01"),
    ],
)
def test_value_that_does_not_fit__names_column_row_and_value(source, target, value, shown):
    table = MemoryTable(["first", "second"], [keys.DT_INT, NUMBERS[target]])
    good = 0
    with pytest.raises(ServerError) as caught:
        table.append([column("INT", [1, 2, 3]), column(source, [good, None, value])])
    text = str(caught.value)
    assert "column 'second', row 2: " in text
    assert shown in text
    assert f"({source}) does not fit into {target}" in text
    assert len(table) == 0
    assert len(table.column("first")) == 0


def test_column_count__must_match_and_is_named():
    table = MemoryTable(["a", "b"], [keys.DT_INT, keys.DT_INT])
    with pytest.raises(ServerError, match="has 1 columns, the table has 2"):
        table.append([column("INT", [1])])


def test_unequal_columns__are_refused_whole():
    table = MemoryTable(["a", "b"], [keys.DT_INT, keys.DT_INT])
    with pytest.raises(ServerError, match="equally long"):
        table.append([column("INT", [1, 2]), column("INT", [1])])
    assert len(table) == 0


def test_symbol_index_outside_its_base__is_refused():
    table = MemoryTable(["a"], [keys.DT_SYMBOL])
    wild = Column(keys.DT_SYMBOL, np.array([0, 5], dtype=np.int32), symbols=Column.from_strings(["", "x"]))
    with pytest.raises(ServerError, match="symbol"):
        table.append([wild])
    assert len(table) == 0


def test_infinities_and_nan__pass():
    found = appended("FLOAT", "DOUBLE", [float("inf"), float("-inf")])
    assert found == [float("inf"), float("-inf")]
    assert np.isnan(appended("DOUBLE", "FLOAT", [float("nan")])[0])


def test_no_rows__are_no_rows():
    for source, target in [("LONG", "INT"), ("NANOTIMESTAMP", "MONTH"), ("SYMBOL", "STRING"), ("INT", "INT")]:
        assert appended(source, target, []) == []
