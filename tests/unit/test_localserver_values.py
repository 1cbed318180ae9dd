"""Scripts on values of every type and form, grouped and ordered queries, keyed tables."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.cases import each

import dolphindb_fast.settings as keys
from dolphindb_fast.column import Column, Dictionary, Matrix, Set
from dolphindb_fast.errors import ServerError

pytest.importorskip("lark")
from dolphindb_fast.localserver import LocalServer  # noqa: E402
from dolphindb_fast.localserver.render import rendered  # noqa: E402


@pytest.fixture
def server():
    return LocalServer()


def shown(server, script):
    """Type and text of a script's value, as ``INT 3``; tables as their rows."""
    value = server.run(script)
    if isinstance(value, Column):
        return f"{keys.TYPE_STRING[value.type]} {rendered(value)}"
    return rendered(value)


def rows(server, script):
    """Column names and the texts of each row."""
    head, _, *lines = rendered(server.run(script)).rstrip("\n").split("\n")
    return [head.split(), *[line.split() for line in lines]]


UUID = "5d212a78-cc48-e3b1-4235-b4d91473ee87"


@each(
    "script, expected",
    [
        (f'uuid("{UUID}")', f"UUID {UUID}"),
        (f'uuid(["{UUID}", ""])', f"UUID [{UUID},]"),
        ("uuid()", "UUID "),
        (f'string(uuid("{UUID}"))', f"STRING {UUID}"),
        ('ipaddr(["10.1.2.3", "2001:db8::1", ""])', "IPADDR [10.1.2.3,2001:db8::1,]"),
        ('int128("0123456789abcdef0123456789abcdef")', "INT128 0123456789abcdef0123456789abcdef"),
        ('blob("ab")', "BLOB ab"),
        ("decimal64(1.255, 2)", "DECIMAL64 1.26"),
        ("decimal64(-1.255, 2)", "DECIMAL64 -1.26"),
        ("decimal32([1, NULL], 3)", "DECIMAL32 [1.000,]"),
        ('decimal128("12345678901234567890.5", 3)', "DECIMAL128 12345678901234567890.500"),
        ("decimal32(decimal128(1.25, 10), 1)", "DECIMAL32 1.3"),
        ("double(decimal64(1.25, 4))", "DOUBLE 1.25"),
        ("int(decimal64([-1.75, NULL], 2))", "INT [-1,]"),
        ("decimal64(1.25, 2) == 1.25", "BOOL true"),
        ("decimal64(1.25, 2) < decimal32(1.3, 1)", "BOOL true"),
        ("decimal64([NULL, 1], 2) < 0", "BOOL [true,false]"),
        ("sum(decimal64([1.25, NULL, 2.5], 2))", "DECIMAL128 3.75"),
        ("max(decimal64([1.25, NULL, 2.5], 2))", "DECIMAL64 2.50"),
        ("min(decimal64([], 2))", "DECIMAL64 "),
        (f'uuid("{UUID}") == uuid(["{UUID}", ""])', "BOOL [true,false]"),
        ('ipaddr("10.0.0.2") < ipaddr("10.0.0.10")', "BOOL true"),
        ("complex(1, -2)", "COMPLEX 1-2i"),
        ("point(1.5, [2, NULL])", "POINT [(1.5, 2),]"),
        ("point(1, 2) == point(1, 2)", "BOOL true"),
        ("arrayVector(2 2 3, 1 2 3)", "INT[] [[1,2],[],[3]]"),
        ("row(arrayVector(2 3, 1 2 3), 0)", "INT [1,2]"),
        ("row(arrayVector(2 3, 1 2 3), 7)", "INT []"),
        ("count(arrayVector(2 2 3, 1 2 3))", "INT 2"),
        ("array(INT, 2)", "INT [0,0]"),
        ("array(DECIMAL64(2), 1)", "DECIMAL64 []"),
        ("array(DOUBLE[])", "DOUBLE[] []"),
        ("first(3 4)", "INT 3"),
        ("last([])", "VOID "),
        ("matrix(1 2, 3 4)[1]", "INT [3,4]"),
        ("dict(`a`b, 1 2)[`b]", "INT 2"),
        ("dict(`a`b, 1 2)[`c]", "INT "),
        ("dict(1 2, (`x, 5))[2l]", "INT 5"),
        ("dict([2020.01.01], [1])[2020.01.01]", "INT 1"),
        ("keys(dict(`a`b, 1 2))", "STRING [a,b]"),
        ("values(dict(`a`b, 1 2))", "INT [1,2]"),
        ("size(matrix(1 2, 3 4))", "INT 4"),
        ("rows(matrix(1 2 3, 3 4 5))", "INT 3"),
        ("cols(matrix(1 2 3, 3 4 5))", "INT 2"),
        ("size(set(3 1 3))", "INT 2"),
        ("size(dict(STRING, ANY))", "INT 0"),
        ("INT[]", "INT 68"),
        ("DECIMAL64(2) == DECIMAL64", "BOOL false"),
        ("[decimal64(1, 2), NULL]", "DECIMAL64 [1.00,]"),
        ("typestr([decimal64(1, 2), decimal64(1, 3)])", "STRING ANY VECTOR"),
        ("typestr(matrix([1.5]))", "STRING FAST DOUBLE MATRIX"),
        ("typestr(set(`a`b))", "STRING STRING SET"),
        ("typestr(symbol(`a`b))", "STRING FAST SYMBOL VECTOR"),
        ("typestr(decimal64(1, 2))", "STRING DECIMAL64"),
        ("typestr(keyedTable(`a, 1 2 as a))", "STRING IN-MEMORY KEYED TABLE"),
        ("form(1) + form([1]) * 10 + form(1:2) * 100 + form(table(1 as a)) * 1000", "INT 6210"),
        ("form(set(1)) + form(dict(1 2, 3 4)) * 10 + form(matrix(1 2)) * 100", "INT 354"),
        ("type(1.5)", "INT 16"),
        ("type(matrix(1l 2l))", "INT 5"),
    ],
)
def test_expressions__type_and_value(server, script, expected):
    assert shown(server, script) == expected


@each(
    "script, message",
    [
        ("uuid('x')", "row 0: 'x' is not UUID"),
        ("ipaddr([`a])", "row 0: 'a' is not IPADDR"),
        ("int128('0123')", "'0123' is not INT128"),
        ("decimal64(`x, 2)", "row 0: 'x' is not DECIMAL64(2)"),
        ("decimal128('1e999999999', 2)", "row 0: '1e999999999' is not DECIMAL128(2)"),
        ("decimal64('-inf', 2)", "'-inf' is not DECIMAL64(2)"),
        ("int128(' 0 0' + '00000000000000000000000000000')", "is not INT128"),
        ("int128('00 00 00 00 00 00 00 00 00 00 00')", "is not INT128"),
        ("decimal32([1, 3000000], 3)", "row 1: 3000000 (INT) does not fit into DECIMAL32(3)"),
        ("decimal32(1, 10)", "Scale out of bound (valid range: [0, 9], but get: 10)"),
        ("DECIMAL64(-1)", "Scale out of bound"),
        ("int(decimal128(3000000000, 2))", "3000000000.00 (DECIMAL128(2)) does not fit into INT"),
        ("uuid(1)", "INT can't be converted into UUID"),
        ("STRING[]", "an array vector of STRING is not part of"),
        ("(1 2)[]", "only a type"),
        ("decimal64(1, 2) + 1", "DECIMAL64 and INT don't go together"),
        ("point(1, 2) < point(1, 2)", "POINT has no order"),
        ("max(complex(1, 2))", "max of COMPLEX is not possible"),
        ("arrayVector(1 2, 1 2 3)", "index must rise to the number of values"),
        ("arrayVector(2 3, 1 2 3)[0]", "row(X, i)"),
        ("arrayVector(2 3, 1 2 3) + 1", "INT[]"),
        ("matrix(1 2, 3)", "equally long"),
        ("matrix(`a`b)", "a matrix of STRING"),
        ("matrix(1 2)[2]", "outside the matrix"),
        ("matrix(1 2) + 1", "a matrix is no operand"),
        ("set(true)", "a set of BOOL"),
        ("dict(`a`a, 1 2)", "the keys must differ"),
        ("dict(`a`b, 1 2 3)", "as many keys as values"),
        ("keys(1)", "keys of anything but a dictionary"),
        ("array(INT, -1)", "initialSize"),
        ("table(1:0, `a, [DECIMAL64(2)[]])\ntable(1:0, `a, [VOID[]])", "an array vector of VOID"),
        ("keyedTable(`b, 1 2 as a)", "no column 'b'"),
        ("upsert!(table(1 2 as a), table(1 2 as a))", "key columns are needed"),
        ("upsert!(table(1 2 as a), 1, keyColNames=`a)", "the new data must be a table"),
        ("upsert!(table(1 2 as a), keyColNames=`a)", "argument newData must be given before keyColNames"),
        ("select top 1.5 * from table(1 as a)", "take a whole number, not 1.5"),
        ("exec sum(a) from table(1 as a) group by a", "exec with group by is not part of"),
        ("select a + 1 as b from table(1 1 as a) group by a", "one value for each group"),
        ("select a from table(1 2 as a) order by sum(a)", "a vector as long as the result is needed"),
        ("select a from table(1 2 as a, arrayVector(1 2, 1 2) as b) order by b", "INT[] can't be compared"),
    ],
)
def test_errors__say_what_is_wrong(server, script, message):
    with pytest.raises(ServerError, match=re.escape(message)):
        server.run(script)


def test_forms__are_the_neutral_ones(server):
    matrix = server.run("matrix(1 2 3, 4 5 6)")
    assert isinstance(matrix, Matrix) and (matrix.rows, matrix.columns) == (3, 2)
    assert matrix.cells.data.tolist() == [1, 2, 3, 4, 5, 6]
    assert isinstance(server.run("set(2 1 2)"), Set)
    found = server.run("dict(`a`b, (1, table(1 2 as x)))")
    assert isinstance(found, Dictionary) and found.values.type == keys.DT_ANY
    assert shown(server, "d = dict(`a`b, (1, table(1 2 as x))); exec sum(x) from d[`b]") == "LONG 3"


def test_schema__tells_scales(server):
    script = "table(1:0, `a`b`c`d, [DECIMAL64(2), INT[], DECIMAL32(3)[], SYMBOL])"
    assert rows(server, f"schema({script}).colDefs") == [
        ["name", "typeString", "typeInt", "comment", "extra"],
        ["a", "DECIMAL64(2)", "38", "2"],
        ["b", "INT[]", "68"],
        ["c", "DECIMAL32(3)[]", "101", "3"],
        ["d", "SYMBOL", "17"],
    ]


class TestQueries:
    @pytest.fixture
    def trades(self, server):
        server.run(
            "trades = table(`b`a`b`c`a as sym, [1.5, 2.5, NULL, 4.0, 0.5] as price, 1 2 3 4 5 as id,"
            " decimal64([1.5, 1.25, NULL, 7, 1], 2) as money)"
        )
        return server

    @each(
        "query, expected",
        [
            ("select sum(id), count(*) from trades group by sym",
             [["sym", "sum_id", "count"], ["b", "4", "2"], ["a", "7", "2"], ["c", "4", "1"]]),
            ("select sym, max(money) as m from trades where id < 5 group by sym order by sym",
             [["sym", "m"], ["a", "1.25"], ["b", "1.50"], ["c", "7.00"]]),
            ("select first(id) as f, last(id) as l from trades group by sym as s, id % 2 as odd",
             [["s", "odd", "f", "l"], ["b", "1", "1", "3"], ["a", "0", "2", "2"], ["c", "0", "4", "4"],
              ["a", "1", "5", "5"]]),
            ("select avg(price) from trades where id > 99 group by sym", [["sym", "avg_price"]]),
            ("select top 2 id from trades", [["id"], ["1"], ["2"]]),
            ("select id from trades limit 1", [["id"], ["1"]]),
            ("select id from trades limit 0", [["id"]]),
            ("select id from trades order by sym, id desc limit 3", [["id"], ["5"], ["2"], ["3"]]),
            ("select id * 2 as twice from trades where id > 1\norder by twice desc\nlimit 2",
             [["twice"], ["10"], ["8"]]),
            ("select id from trades order by money asc", [["id"], ["3"], ["5"], ["2"], ["1"], ["4"]]),
            ("select sum(id) as s from trades group by sym order by s desc, sym asc",
             [["sym", "s"], ["a", "7"], ["b", "4"], ["c", "4"]]),
        ],
    )  # fmt: skip
    def test_groups_order_and_limit(self, trades, query, expected):
        assert rows(trades, query) == expected

    def test_exec__orders_too(self, trades):
        # NULL is the least
        assert shown(trades, "exec id from trades order by price") == "INT [3,5,1,2,4]"
        assert shown(trades, "exec top 2 sym from trades order by price desc") == "STRING [c,a]"

    def test_words_of_queries__may_be_names(self, server):
        server.run("top = 1; limit = 2; group = 3; order = 4")
        assert shown(server, "top + limit + group + order") == "INT 10"
        assert rows(server, "select top, group from table(1 2 as top, 3 4 as group) where top > 1") == [
            ["top", "group"], ["2", "4"],
        ]  # fmt: skip


class TestKeyedTables:
    def test_insert__replaces_rows_of_the_same_key_where_they_stand(self, server):
        server.run("t = keyedTable(`k, 1:0, `k`v, [SYMBOL, DOUBLE])")
        server.run("tableInsert(t, table(`a`b`a as k, 1 2 3 as v))")
        assert rows(server, "t") == [["k", "v"], ["a", "3"], ["b", "2"]]
        before = server.run("t")
        server.run("t.append!(table(`b`c as k, [20.0, 30.0] as v))")
        assert rows(server, "t") == [["k", "v"], ["a", "3"], ["b", "20"], ["c", "30"]]
        assert before.columns[1].data.tolist() == [3.0, 2.0]

    def test_columns_that_are_given__are_keyed_too(self, server):
        assert rows(server, "keyedTable(`k, 1 2 1 as k, 5 6 7 as v)") == [["k", "v"], ["1", "7"], ["2", "6"]]

    def test_upsert__without_nulls(self, server):
        server.run("t = table(1 2 as k, `x`y as s, decimal64(1 2, 1) as d)")
        server.run('u = table(2 3 as k, ["", "z"] as s, decimal64([5, NULL], 1) as d)')
        server.run("upsert!(t, u, ignoreNull=true, keyColNames=`k)")
        assert rows(server, "t") == [["k", "s", "d"], ["1", "x", "1.0"], ["2", "y", "5.0"], ["3", "z"]]
        server.run("upsert!(t, u, keyColNames=`k)")
        assert rows(server, "select s, k from t where k = 2") == [["s", "k"], ["2"]]

    def test_upsert__as_a_called_function(self, server):
        server.run("t = table(1 2 as a, 5 6 as b)")
        text = "(def(mutable tb, data){upsert!(tb, data,ignoreNull=true,keyColNames=`a);return 0;}){t}"
        assert shown(server, f"{text}(table(2 3 as a, 60 70 as b))") == "INT 0"
        assert server.run("upsert!(t, table(3 as a, 7 as b), keyColNames=`a)") is None
        assert rows(server, "t") == [["a", "b"], ["1", "5"], ["2", "60"], ["3", "7"]]

    @given(
        st.lists(
            st.lists(
                st.tuples(st.integers(0, 5), st.none() | st.integers(-9, 9), st.text("ab", max_size=2)),
                min_size=1, max_size=6,
            ),
            max_size=5,
        ),
        st.booleans(),
    )  # fmt: skip
    def test_any_upserts__as_a_dict_would(self, batches, ignore_null):
        server = LocalServer()
        server.run("t = table(1:0, `k`v`s, [INT, LONG, STRING])")
        expected: dict[int, tuple] = {}
        for batch in batches:
            for key, number, text in batch:
                old_number, old_text = expected.get(key, (None, ""))
                kept = ignore_null and key in expected
                expected[key] = (
                    old_number if kept and number is None else number,
                    old_text if kept and not text else text,
                )
            keys_, numbers, texts = zip(*batch, strict=True)
            numbers = ",".join("long()" if n is None else f"long({n})" for n in numbers)
            quoted = ",".join(f'"{text}"' for text in texts)
            data = f"table([{','.join(map(str, keys_))}] as k, [{numbers}] as v, [{quoted}] as s)"
            server.run(f"upsert!(t, {data}, {str(ignore_null).lower()}, `k)")
        found = server.run("t")
        null = -(2**63)
        values = [None if v == null else v for v in found.columns[1].data.tolist()]
        rows = zip(found.columns[0].data.tolist(), values, found.columns[2].strings(), strict=True)
        assert {k: (v, s) for k, v, s in rows} == expected


@given(st.decimals(-(10**9), 10**9, places=6), st.integers(0, 6), st.integers(0, 6))
def test_decimals__any_value_to_any_scale(value, first, second):
    """Rounded half away from zero, once for each conversion."""
    server = LocalServer()
    once = value.quantize(Decimal(1).scaleb(-first), ROUND_HALF_UP)
    twice = once.quantize(Decimal(1).scaleb(-second), ROUND_HALF_UP)
    expected = f"DECIMAL128 {twice:f}".replace(" -0" if not twice else " --", " 0")
    assert shown(server, f'decimal128(decimal64("{value:f}", {first}), {second})') == expected
