"""Running scripts inside a `LocalServer`, without sockets."""

from __future__ import annotations

import re

import pytest
from support.cases import each

import dolphindb_fast.settings as keys
from dolphindb_fast.column import Column, Dictionary, Table
from dolphindb_fast.errors import ServerError, UsageError

pytest.importorskip("lark")
import dolphindb_fast.localserver as localserver  # noqa: E402
from dolphindb_fast.localserver import LocalServer, functions  # noqa: E402
from dolphindb_fast.localserver.render import rendered  # noqa: E402


@pytest.fixture
def server():
    return LocalServer()


def shown(server, script):
    """Type and text of a script's value, as ``INT 3``."""
    value = server.run(script)
    if value is None:
        return None
    if isinstance(value, Column):
        return f"{keys.TYPE_STRING[value.type]} {rendered(value)}"
    return rendered(value)


@each(
    "script, expected",
    [
        ("1+1", "INT 2"),
        ("1+1l", "LONG 2"),
        ("2*1.5", "DOUBLE 3"),
        ("1.5f+1", "DOUBLE 2.5"),
        ("7/2", "INT 3"),
        ("7\\2", "DOUBLE 3.5"),
        ("7%4", "INT 3"),
        ("7/0", "INT "),
        ("1+2*3-4", "INT 3"),
        ("(1+2)*3", "INT 9"),
        ("10-3-2", "INT 5"),
        ("-3+1", "INT -2"),
        ("--3", "INT 3"),
        ("1+NULL", "INT "),
        ("[1,NULL,3]+1", "INT [2,,4]"),
        ("1 2 3*2", "INT [2,4,6]"),
        ("[1,2]+[10,20]", "INT [11,22]"),
        ("[1,2.5]", "DOUBLE [1,2.5]"),
        ("[1,`a]", "ANY (1,a)"),
        ("1..4", "INT [1,2,3,4]"),
        ("4..2", "INT [4,3,2]"),
        ("5:0", "INT [5,0]"),
        ("`a+`b", "STRING ab"),
        ('"n"+1', "STRING n1"),
        ("2020.01.31+1", "DATE 2020.02.01"),
        ("2020.02.01-2020.01.01", "INT 31"),
        ("1<2", "BOOL true"),
        ("1==1.0", "BOOL true"),
        ("`a!=`b", "BOOL true"),
        ("`b`a`b==`b", "BOOL [true,false,true]"),
        ("2020.01.01 < 2020.01.01T00:00:01", "BOOL true"),
        ("NULL<0", "BOOL true"),
        ("1<2 and 2<1", "BOOL false"),
        ("1<2 && 2<1 || true", "BOOL true"),
        ("not true", "BOOL false"),
        ("false && nothing", "BOOL false"),
        ("sum(1 2 3)", "LONG 6"),
        ("avg([1,NULL,4])", "DOUBLE 2.5"),
        ("min(3 1 2)", "INT 1"),
        ("max(`a`c`b)", "STRING c"),
        ("count([1,NULL])", "INT 1"),
        ("size([1,NULL])", "INT 2"),
        ("[10,20,30][1]", "INT 20"),
        ("[10,20,30][9]", "INT "),
        ("[10,20,30][0 2]", "INT [10,30]"),
        ("[10,20,30][1:3]", "INT [20,30]"),
        ("typestr(1)", "STRING INT"),
        ("typestr([1.5])", "STRING FAST DOUBLE VECTOR"),
        ("typestr(`a`b)", "STRING STRING VECTOR"),
        ("typestr(1:2)", "STRING INT PAIR"),
        ("typestr(table(1 2 as a))", "STRING IN-MEMORY TABLE"),
        ("SYMBOL", "INT 17"),
        ("symbol(`a`b`a)", "SYMBOL [a,b,a]"),
        ("x=3;x+1", "INT 4"),
        ("x=3", None),
        ("", None),
    ],
)
def test_expressions__type_and_value(server, script, expected):
    assert shown(server, script) == expected


@each(
    "script, expected",
    [
        ("date(2020.01.02T23:59:59.999)", "DATE 2020.01.02"),
        ("date(1969.12.31T23:59:59)", "DATE 1969.12.31"),
        ("month(2020.03.31)", "MONTH 2020.03M"),
        ("month(1969.12.31)", "MONTH 1969.12M"),
        ("date(2020.03M)", "DATE 2020.03.01"),
        ("timestamp(2020.03.01)", "TIMESTAMP 2020.03.01T00:00:00.000"),
        ("nanotimestamp(2020.03.01T01:02:03.004)", "NANOTIMESTAMP 2020.03.01T01:02:03.004000000"),
        ("datetime(1969.12.31T23:59:59.500)", "DATETIME 1969.12.31T23:59:59"),
        ("datehour(2020.01.01T05:59:59)", "DATEHOUR 2020.01.01T05"),
        ("time(2020.01.01T05:06:07.008)", "TIME 05:06:07.008"),
        ("time(1969.12.31T23:59:59.999)", "TIME 23:59:59.999"),
        ("minute(2020.01.01T05:06:07)", "MINUTE 05:06m"),
        ("second(12:00:01.999)", "SECOND 12:00:01"),
        ("nanotime(12:00:00.5)", "NANOTIME 12:00:00.500000000"),
        ("date([2020.01.01T00:00:00, NULL])", "DATE [2020.01.01,]"),
        ('date("2020.01.02")', "DATE 2020.01.02"),
        ("int(3.7)", "INT 3"),
        ("int(-3.7)", "INT -3"),
        ("int(2020.01.02)", "INT 18263"),
        ("date(18263)", "DATE 2020.01.02"),
        ('int("12")', "INT 12"),
        ('double("1.5")', "DOUBLE 1.5"),
        ("long([1,NULL])", "LONG [1,]"),
        ("float(1.5)", "FLOAT 1.5"),
        ("bool([0,2,NULL])", "BOOL [false,true,]"),
        ("string(2020.01.02)", "STRING 2020.01.02"),
        ("string([1.5,NULL])", "STRING [1.5,]"),
        ("int()", "INT "),
        ("date([])", "DATE []"),
    ],
)
def test_casts(server, script, expected):
    assert shown(server, script) == expected


@each(
    "script, message",
    [
        ("int(3000000000)", "row 0: 3000000000 (LONG) does not fit into INT"),
        ("nanotimestamp(2300.01.01)", "does not fit into NANOTIMESTAMP"),
        ("date(12:00m)", "MINUTE can't be converted into DATE"),
        ('int("3000000000")', "'3000000000' is not INT"),
        ('date("soon")', "'soon' is not a date or a time"),
        ("[1,2]+[1,2,3]", "vectors of 2 and 3 cells can't be combined"),
        ("1+2020.01M*2", "don't go together"),
        ("`a-`b", "don't go together"),
        ("1 < `a", "can't be compared"),
        ("table(1 2 as a) + 1", "operator +"),
        ("1..2000000000", "more than 10000000 cells"),
        ("x", "Cannot recognize the token x"),
        ("throw 'no luck'", "no luck"),
        ("size(1, 2)", "The function size takes 1 argument(s), 2 were given"),
        ("x = print(1)", "has no value"),
        ("table(1 2 as a, 1 2 3 as b)", "equally long"),
        ("table(1 2 as a, 1 2 as a)", "names must differ"),
        ("table(1:0, `a`b, [INT])", "as many types as names"),
        ("login('admin', 'wrong')", "The user name or password is incorrect."),
        ("dropFunctionView('nothing')", "does not exist"),
        ("loadTable('dfs://no', 't')", "database dfs://no does not exist"),
    ],
)
def test_errors__say_what_is_wrong(server, script, message):
    with pytest.raises(ServerError, match=re.escape(message)) as caught:
        server.run(script)
    assert caught.value.serverText == str(caught.value)


@each(
    "name, script",
    [
        ("rand", "rand(1.0, 5)"),
        ("while", "while(true){1}"),
        ("STRING", "table(1:0, `a, [STRING[]])"),
        ("subscribeTable", "subscribeTable(tableName=`t)"),
        ("wavg", "select wavg(a, a) from table(1 2 as a)"),
        ("COMPRESS", "table(1:0, `a, [`COMPRESS])"),
        ("append! to a vector", "x=[1];x.append!(2)"),
        ("size other than 0", "table(1:5, `a, [INT])"),
        ("the argument comment of table", "table(1:0, `a, [INT], comment='x')"),
        ("outside dfs://", "database('/tmp/x', VALUE, 1 2)"),
        ("several partition columns", "database('dfs://p', VALUE, 1 2).createPartitionedTable("
         "table(1:0, `a`b, [INT,INT]), `t, `a`b)"),
        ("share of anything but a table", "share 1 as x"),
        ("an encrypted login", "login('a', 'b', true)"),
    ],
)  # fmt: skip
def test_anything_else__is_refused_by_name(server, name, script):
    with pytest.raises(ServerError) as caught:
        server.run(script)
    text = str(caught.value)
    assert name in text
    assert "is not part of the local server's subset; run it on a DolphinDB server" in text


@pytest.mark.parametrize(
    "script",
    [
        "__class__",
        "size.__class__",
        "size.implementation",
        "[1].data",
        "x.__init__(1)",
        "eval('1')",
        "exec(1)",
    ],
)
def test_scripts__do_not_reach_python(server, script):
    with pytest.raises(ServerError):
        server.run(script)


class TestFunctions:
    def test_arguments__by_position_name_and_default(self, server):
        server.run("def f(a, b=10){ return a*b }")
        assert shown(server, "f(2)") == "INT 20"
        assert shown(server, "f(2, 3)") == "INT 6"
        assert shown(server, "f(2, b=4)") == "INT 8"
        with pytest.raises(ServerError, match="misses argument a"):
            server.run("f()")
        with pytest.raises(ServerError, match="takes 2 argument"):
            server.run("f(1,2,3)")
        with pytest.raises(ServerError, match="no argument c"):
            server.run("f(1,c=3)")

    def test_partial_application__fills_holes(self, server):
        server.run("def f(a, b): a-b")
        assert shown(server, "f{10}(3)") == "INT 7"
        assert shown(server, "f{,10}(3)") == "INT -7"
        assert shown(server, "f{,b=10}(3)") == "INT -7"
        assert shown(server, "(def(x): x*2)(4)") == "INT 8"
        assert shown(server, "(def(x, y){return x*y}){4}(5)") == "INT 20"

    def test_return__ends_the_function(self, server):
        server.run("def f(x){ if(x > 1){ return `big }\n return `small }")
        assert shown(server, "f(2)") == "STRING big"
        assert shown(server, "f(0)") == "STRING small"

    def test_body__sees_no_session_variables(self, server):
        server.run("v = 1\ndef f(){ return v }")
        with pytest.raises(ServerError, match="Cannot recognize the token v"):
            server.run("f()")

    def test_parameter_that_is_not_mutable__cannot_be_changed(self, server):
        for body in ("x.append!(x)", "append!(x, x)", "x = 1", "x.replaceColumn!(`a, 1 2)"):
            server.run("t = table(1 2 as a)")
            server.run(f"def f(x){{ {body} }}\ndef g(mutable x){{ {body} }}")
            with pytest.raises(ServerError, match=r"Constant variable \[x\] can't be modified"):
                server.run("f(t)")
            server.run("g(t)")

    def test_endless_recursion__is_an_error(self, server):
        server.run("def f(x){ return f(x) }")
        with pytest.raises(ServerError, match="deep"):
            server.run("f(1)")
        assert shown(server, "1+1") == "INT 2"

    def test_deep_scripts__are_an_error(self, server):
        with pytest.raises(ServerError, match="nested too deeply"):
            server.run("if(true) " * 5000 + "1")
        assert shown(server, "+".join(["1"] * 5000)) == "INT 5000"

    def test_function_views__are_seen_by_others_and_replaced(self, server):
        other = localserver.server.Session(server._workspace)
        server.run("def f(x): x+1\naddFunctionView(f)")
        assert rendered(other.run("f(1)")) == "2"
        server.run("def f(x): x+2\naddFunctionView(f)")
        assert rendered(other.run("f(1)")) == "3"
        server.run("dropFunctionView(`f)")
        with pytest.raises(ServerError, match="token f"):
            other.run("f(1)")


class TestStatements:
    def test_try__catches_and_hands_over_the_message(self, server):
        server.run('try{ throw "boom"; x = 1 } catch(ex){ seen = ex[1] }')
        assert shown(server, "seen") == "STRING boom"

    def test_if__chooses(self, server):
        server.run("x = 5\nif(x > 3) y = 1; else y = 2\nif(x < 3){ z = 1 } else if(x == 5){ z = 2 } else { z = 3 }")
        assert shown(server, "y") == "INT 1"
        assert shown(server, "z") == "INT 2"

    def test_undef__forgets(self, server):
        server.run("x = 1;y = 1")
        server.run('undef("x", VAR)')
        with pytest.raises(ServerError, match="token x"):
            server.run("x")
        server.run("undef all")
        with pytest.raises(ServerError, match="token y"):
            server.run("y")

    def test_undef_shared__takes_a_table_away(self, server):
        server.run("share table(1 2 as a) as s")
        server.run("undef(`s, SHARED)")
        with pytest.raises(UsageError, match="no table 's' here"):
            server.rows("s")

    def test_share__replaces(self, server):
        server.run("share streamTable(1:0, `a, [INT]) as s")
        server.run("tableInsert(s, 1)")
        server.run("share streamTable(1:0, `a, [INT]) as s")
        assert server.rows("s") == 0

    def test_share_as_function(self, server):
        server.run("share(table(1 2 as a), `s)")
        assert server.rows("s") == 2


class TestTables:
    def test_columns__named_by_alias_variable_or_number(self, server):
        server.run("p = 1 2 3")
        table = server.run("table(p, `a`b`c as q, 1.5)")
        assert table.names == ["p", "q", "C2"]
        assert len(table) == 3

    def test_append_in_script__has_no_value_and_insert_has_the_count(self, server):
        server.run("t = table(1:0, `a`b, [INT,SYMBOL])")
        assert server.run("t.append!(table(1 2 as x, `u`v as y))") is None
        assert server.run("append!(t, table(3 as x, `w as y))") is None
        assert shown(server, "tableInsert(t, table(4 5 as x, `r`s as y))") == "INT 2"
        assert shown(server, "tableInsert(t, 6, `q)") == "INT 1"
        assert shown(server, "tableInsert(t, (7 8, `o`p))") == "INT 2"
        assert shown(server, "exec a from t") == "INT [1,2,3,4,5,6,7,8]"
        assert shown(server, "exec b from t") == "SYMBOL [u,v,w,r,s,q,o,p]"

    def test_snapshot__does_not_change_with_later_appends(self, server):
        server.run("t = table(1 2 as a)")
        before = server.run("t")
        server.run("tableInsert(t, 3)")
        assert before.columns[0].data.tolist() == [1, 2]
        server.run("u = select * from t\ntableInsert(u, 9)\ntableInsert(t, 4)")
        assert shown(server, "exec a from t") == "INT [1,2,3,4]"
        assert shown(server, "exec a from u") == "INT [1,2,3,9]"

    def test_append_of_itself__doubles(self, server):
        server.run("t = table(1 2 as a, `x`y as b)\nt.append!(t)\nt.append!(t)")
        assert shown(server, "exec b from t") == "STRING [x,y,x,y,x,y,x,y]"

    def test_growth__keeps_all_rows(self, server):
        server.run("t = table(1:0, `a`b, [LONG,STRING])")
        for _ in range(15):
            server.run("t.append!(table(1..1000 as a, string(1..1000) as b))")
        table = server.run("t")
        assert table.columns[0].data.tolist() == list(range(1, 1001)) * 15
        assert table.columns[1].strings() == [str(i) for i in range(1, 1001)] * 15

    def test_replaced_column__takes_the_new_type(self, server):
        server.run("t = table([2020.01.01T12:00:00, 2020.01.02T00:00:00] as time)")
        server.run("replaceColumn!(t, `time, date(t.time))")
        assert shown(server, "t.time") == "DATE [2020.01.01,2020.01.02]"
        with pytest.raises(ServerError, match="3 cells replace 2"):
            server.run("replaceColumn!(t, `time, 1 2 3)")

    def test_schema__has_what_appenders_read(self, server):
        server.run(
            "db = database('dfs://s', VALUE, `a`b)\n"
            "t = db.createPartitionedTable(table(1:0, `id`sym, [INT,SYMBOL]), `t, `sym)"
        )
        found = server.run("schema(t)")
        assert isinstance(found, Dictionary)
        entries = dict(zip(found.keys.strings(), found.values.data, strict=True))
        definitions = entries["colDefs"]
        assert isinstance(definitions, Table)
        assert definitions.names == ["name", "typeString", "typeInt", "comment", "extra"]
        assert definitions.columns[0].strings() == ["id", "sym"]
        assert definitions.columns[1].strings() == ["INT", "SYMBOL"]
        assert definitions.columns[2].data.tolist() == [keys.DT_INT, keys.DT_SYMBOL]
        assert entries["partitionColumnName"].strings() == ["sym"]
        assert shown(server, "schema(t).colDefs.name") == "STRING [id,sym]"

    def test_databases__life(self, server):
        assert shown(server, "existsDatabase('dfs://d')") == "BOOL false"
        server.run("db = database('dfs://d', RANGE, 0 10)")
        server.run("db.createPartitionedTable(table(1:0, `id, [INT]), `t, `id)")
        assert shown(server, "existsTable('dfs://d', `t)") == "BOOL true"
        server.run("append!{loadTable('dfs://d', `t)}(table(1 2 as id))")
        assert server.rows("dfs://d/t") == 2
        with pytest.raises(ServerError, match="exists already"):
            server.run("db.createPartitionedTable(table(1:0, `id, [INT]), `t, `id)")
        with pytest.raises(ServerError, match="'sym' is not a column"):
            server.run("db.createPartitionedTable(table(1:0, `id, [INT]), `u, `sym)")
        server.run("dropTable(db, `t)")
        assert shown(server, "existsTable('dfs://d', `t)") == "BOOL false"
        server.run("dropDatabase('dfs://d')")
        assert shown(server, "existsDatabase('dfs://d')") == "BOOL false"

    def test_table_of_the_server__is_a_frame(self, server):
        times = "[2020.01.01T00:00:00.001, NULL]"
        server.run(f"share table({times} as time, symbol(`a`) as sym, [1.5, NULL] as x) as t")
        frame = server.table("t")
        assert list(frame.columns) == ["time", "sym", "x"]
        assert str(frame["time"][0]) == "2020-01-01 00:00:00.001000"
        assert frame["sym"].tolist() == ["a", ""]
        assert frame["x"].isna().tolist() == [False, True]

    def test_unknown_table__is_named(self, server):
        for name in ("nothing", "dfs://no/t"):
            with pytest.raises(UsageError, match="no "):
                server.table(name)


class TestQueries:
    @pytest.fixture
    def trades(self, server):
        server.run("trades = table(`a`b`a`c as sym, [1.5,2.5,NULL,4.0] as price, 1 2 3 4 as id)")
        return server

    @each(
        "script, expected",
        [
            ("exec count(*) from trades", "INT 4"),
            ("exec count(price) from trades", "INT 3"),
            ("exec sum(price) from trades", "DOUBLE 8"),
            ("exec avg(id) from trades where sym = `a", "DOUBLE 2"),
            ("exec min(id) from trades where price > 2", "INT 2"),
            ("exec id from trades where sym = `a and id > 1", "INT [3]"),
            ("exec id from trades where sym = `a, price = NULL", "INT [3]"),
            ("exec id from trades where sym = `a or sym = `c", "INT [1,3,4]"),
            ("exec id*10 from trades where not sym = `a", "INT [20,40]"),
            ("exec sym from trades where id = 99", "STRING []"),
            ("exec max(id) from trades where id > 99", "INT "),
        ],
    )
    def test_exec(self, trades, script, expected):
        assert shown(trades, script) == expected

    def test_select__names_columns(self, trades):
        table = trades.run("select sym, id+1 as next, sum(id) from trades where id < 3")
        assert table.names == ["sym", "next", "sum_id"]
        assert table.columns[0].strings() == ["a", "b"]
        assert table.columns[1].data.tolist() == [2, 3]
        assert table.columns[2].data.tolist() == [3, 3]
        assert trades.run("select count(*), max(sym) from trades").names == ["count", "max_sym"]
        assert trades.run("select * from trades").names == ["sym", "price", "id"]

    def test_condition__may_use_variables(self, trades):
        trades.run("limit_ = 2")
        assert shown(trades, "exec id from trades where id <= limit_") == "INT [1,2]"

    def test_query_of_a_vector__is_an_error(self, trades):
        with pytest.raises(ServerError, match="needs a table"):
            trades.run("x = 1 2\nselect * from x")


def test_documentation__lists_every_function():
    text = re.sub(r"\s+", " ", localserver.__doc__)
    plain = re.sub(r"[\[\]]", "", text)
    for signature in functions.signatures():
        name = signature.partition("(")[0]
        assert re.search(rf"(?<!\w){re.escape(name)}(?!\w)", plain), signature
