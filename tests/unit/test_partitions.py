"""Which rows of a frame belong to one partition."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from support.cases import each

import dolphindb_fast as ddb
import dolphindb_fast.column
from dolphindb_fast import settings as keys
from dolphindb_fast.column import Column
from dolphindb_fast.partitions import hash_buckets, partition_column, partition_groups
from dolphindb_fast.schema import PartitionColumn, TableSchema, read_schema


def texts(*values):
    return Column.from_strings(values)


def numbers(kind, values):
    return Column(kind, np.array(values, {keys.DT_INT: "<i4", keys.DT_DATE: "<i4", keys.DT_MONTH: "<i4"}[kind]))


def lists(*parts):
    return Column(keys.DT_ANY, list(parts))


INT, DATE, MONTH = keys.DT_INT, keys.DT_DATE, keys.DT_MONTH
TYPES = {"t": keys.DT_TIMESTAMP, "s": keys.DT_SYMBOL, "i": INT, "u": keys.DT_UUID}
UUIDS = ["5d212a78-cc48-e3b1-4235-b4d91473ee87", "5d212a78-cc48-e3b1-4235-b4d91473ee88"]
FRAME = pd.DataFrame(
    {
        "t": np.array(["2020-01-01T05", "2020-01-31T07", "2020-01-01T09", "2020-02-01"], "M8[ns]"),
        "s": ["b", "a", "b", ""],
        "i": [1, -5, 12, 1],
        "u": [UUIDS[0], UUIDS[1], UUIDS[0], UUIDS[0]],
    }
)

CASES = {
    "values": ("i", INT, keys.VALUE, numbers(INT, [1, 2]), [1, 0, 2, 1]),
    "values-text": ("s", keys.DT_STRING, keys.VALUE, texts("a"), [2, 1, 2, 0]),
    "values-days": ("t", DATE, keys.VALUE, numbers(DATE, [18262]), [0, 1, 0, 2]),
    "values-months": ("t", MONTH, keys.VALUE, numbers(MONTH, [24240]), [0, 0, 0, 1]),
    "ranges": ("i", INT, keys.RANGE, numbers(INT, [-10, 0, 12, 20]), [1, 0, 2, 1]),
    "ranges-text": ("s", keys.DT_STRING, keys.RANGE, texts("", "b", "c"), [1, 0, 1, 0]),
    "ranges-months": ("t", MONTH, keys.RANGE, numbers(MONTH, [24240, 24241, 24250]), [0, 0, 0, 1]),
    "lists": ("i", INT, keys.LIST, lists(numbers(INT, [12, 1]), numbers(INT, [-5])), [0, 1, 0, 0]),
    "lists-text": ("s", keys.DT_STRING, keys.LIST, lists(texts("a", ""), texts("b")), [1, 0, 1, 0]),
    "buckets": ("i", INT, keys.HASH, numbers(INT, [4]), [0, 1, 2, 0]),
    "buckets-uuid": ("u", keys.DT_UUID, keys.HASH, numbers(INT, [1000]), None),
}


def groups(frame, schema, column):
    return partition_groups(schema.cast(frame), schema, column).tolist()


def made(name, kind, how, scheme):
    places = list(TYPES)
    column = PartitionColumn(name, places.index(name), kind, how, scheme)
    return TableSchema("dfs://d/t", places, TYPES.values(), [0] * 4, [column]), column


@each("name", CASES)
def test_groups(name):
    column, kind, how, scheme, expected = CASES[name]
    schema, column = made(column, kind, how, scheme)
    found = groups(FRAME, schema, column)
    # the same rows together, numbers without gaps
    wanted = expected if expected is not None else [0, 1, 0, 0]
    assert len(set(zip(found, wanted, strict=True))) == len(set(found)) == len(set(wanted))
    assert set(found) == set(range(len(set(found))))


def test_groups__of_columns_in_another_order():
    schema, column = made(*CASES["ranges"][:4])
    assert groups(FRAME[["i", "u", "t", "s"]], schema, column) == [1, 0, 2, 1]
    assert groups(FRAME.set_axis(list("wxyz"), axis=1), schema, column) == [1, 0, 2, 1]
    assert groups(FRAME[:0], schema, column) == []


@pytest.mark.parametrize(
    ("case", "frame", "row"),
    [
        ("values", FRAME.assign(i=[1, 2, np.nan, 3]), 2),
        ("values-days", FRAME.assign(t=[pd.NaT, *FRAME["t"][1:]]), 0),
        ("ranges", FRAME.assign(i=[1, 20, 2, 3]), 1),
        ("ranges", FRAME.assign(i=[1, 19, 2, -11]), 3),
        ("lists", FRAME.assign(i=[1, 12, 2, 1]), 2),
        ("lists-text", FRAME.assign(s=["a", "c", "a", "b"]), 1),
        ("buckets", FRAME.assign(i=[1, np.nan, 2, 3]), 1),
    ],
)
def test_value_without_partition__is_refused(case, frame, row):
    schema, column = made(*CASES[case][:4])
    with pytest.raises(ddb.ValueRefused, match=f"table dfs://d/t: column '{column.name}', row {row}: .*no partition"):
        groups(frame, schema, column)


def test_partition_column__by_name():
    schema, column = made(*CASES["values"][:4])
    assert partition_column(schema, "i") is column
    with pytest.raises(ddb.UsageError, match="Can't find specified partition column name.*by i, not by 's'"):
        partition_column(schema, "s")
    with pytest.raises(ddb.UsageError, match="not partitioned"):
        partition_column(TableSchema("t", ["a"], [4], [0]), "a")
    silent, _ = made("i", -1, -1, None)
    with pytest.raises(ddb.UsageError, match="does not say"):
        partition_column(silent, "i")


def test_read_schema__of_several_partition_columns():
    definitions = ddb.column.Table(["name", "typeInt"], [texts("t", "i"), numbers(INT, [keys.DT_TIMESTAMP, INT])])
    members = {
        "colDefs": definitions,
        "partitionColumnName": texts("t", "i"),
        "partitionColumnIndex": numbers(INT, [0, 1]),
        "partitionColumnType": numbers(INT, [DATE, INT]),
        "partitionType": numbers(INT, [keys.VALUE, keys.HASH]),
        "partitionSchema": lists(numbers(DATE, [18262]), numbers(INT, [4])),
    }
    reply = ddb.column.Dictionary(texts(*members), Column(keys.DT_ANY, list(members.values())))
    schema = read_schema(reply, "x")
    assert schema.names == ("t", "i") and schema.scales == (0, 0)
    assert [partition[:4] for partition in schema.partitions] == [("t", 0, DATE, 1), ("i", 1, INT, 5)]
    assert [len(partition.scheme) for partition in schema.partitions] == [1, 1]


@pytest.mark.official
def test_hash_buckets__are_those_of_the_official_client():
    session = pytest.importorskip("dolphindb").Session()
    random = np.random.default_rng(7)
    for dtype in ("i1", "i2", "i4", "i8"):
        limits = np.iinfo(dtype)
        edges = np.array([limits.min, -1, 0, 1, limits.max], dtype)
        values = np.concatenate([edges, random.integers(limits.min, limits.max, 300, dtype, endpoint=True)])
        for buckets in (1, 2, 7, 1000):
            assert hash_buckets(values, buckets).tolist() == session.hashBucket(values, buckets).tolist()
    words = ["".join(map(chr, random.integers(1, 0x3000, size))) for size in random.integers(0, 40, 300)]
    for buckets in (1, 2, 7, 1000):
        assert hash_buckets(words, buckets).tolist() == session.hashBucket(words, buckets).tolist()
