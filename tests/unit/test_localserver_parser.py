"""The script parser: where statements end, what binds how, what a literal is, what is refused."""

from __future__ import annotations

import pytest
from support.cases import each

import dolphindb_fast.settings as keys
from dolphindb_fast.errors import ServerError

pytest.importorskip("lark")
from dolphindb_fast.localserver import syntax  # noqa: E402
from dolphindb_fast.localserver.syntax import parse, parse_callable  # noqa: E402

MANUAL_DATABASE = """
    dbPath="dfs://testDB"
    tbName=`tb1
    if(existsDatabase(dbPath))
        dropDatabase(dbPath)
    db=database(dbPath, VALUE, ["AAPL", "AMZN", "A"])
    testDictSchema=table(5:0, `id`ticker`price, [INT,SYMBOL,DOUBLE])
    tb1=db.createPartitionedTable(testDictSchema, tbName, `ticker)
"""


def kinds(script):
    return [type(statement).__name__ for statement in parse(script)]


def test_the_manual_script__statements():
    assert kinds(MANUAL_DATABASE) == ["Assign", "Assign", "If", "Assign", "Assign", "Assign"]


@each(
    "script, expected",
    [
        ("", []),
        ("\n ; ;\n", []),
        ("a;b\nc", ["Name", "Name", "Name"]),
        ("a=1;;b=2;", ["Assign", "Assign"]),
        ("a = [1,\n 2,\n 3]\nb", ["Assign", "Name"]),
        ("a = 1 +\n 2\nb", ["Assign", "Name"]),
        ("if(a)\n b\nelse\n c\nd", ["If", "Name"]),
        ("if(a) {b\nc}\nelse {d}\ne", ["If", "Name"]),
        ("if(a) b; else c", ["If"]),
        ("def f(x){x}\nf(1)", ["Define", "Chain"]),
        ("def f(x)\n{\n x;\n}\n", ["Define"]),
        ("def f(x): x\nf(1)", ["Define", "Chain"]),
        ("try{a}\ncatch(e){b}", ["Try"]),
        ("select a, b\nfrom t\nwhere a > 1,\n b < 2\nc", ["Select", "Name"]),
        ("// nothing\na /* b\n c */\n// d", ["Name"]),
        ("a\r\nb\r\n", ["Name", "Name"]),
        ("undef all", ["UndefAll"]),
        ("share t as u", ["Share"]),
    ],
)
def test_statements__end_with_line_or_semicolon(script, expected):
    assert kinds(script) == expected


def test_comment_signs_inside_text__are_text():
    (statement,) = parse('"dfs://x /* y */"')
    assert statement.value.strings() == ["dfs://x /* y */"]


@each(
    "source, type_name, value",
    [
        ("7", "INT", 7),
        ("2147483648", "LONG", 2147483648),
        ("7l", "LONG", 7),
        ("7h", "SHORT", 7),
        ("7c", "CHAR", 7),
        ("1b", "BOOL", 1),
        ("1.5", "DOUBLE", 1.5),
        ("1e3", "DOUBLE", 1000.0),
        ("1.5f", "FLOAT", 1.5),
        ("00i", "INT", -(2**31)),
        ("2020.01.02", "DATE", 18263),
        ("2020.01M", "MONTH", 24240),
        ("12:30m", "MINUTE", 750),
        ("12:30:01", "SECOND", 45001),
        ("12:30:01.5", "TIME", 45001500),
        ("12:30:01.000000005", "NANOTIME", 45001000000005),
        ("2020.01.02T03", "DATEHOUR", 18263 * 24 + 3),
        ("2020.01.02T03:04:05", "DATETIME", 18263 * 86400 + 11045),
        ("2020.01.02 03:04:05", "DATETIME", 18263 * 86400 + 11045),
        ("2020.01.02T03:04:05.006", "TIMESTAMP", (18263 * 86400 + 11045) * 1000 + 6),
        ("1970.01.01T00:00:00.000000007", "NANOTIMESTAMP", 7),
        ("1969.12.31", "DATE", -1),
    ],
)
def test_literals__type_and_wire_value(source, type_name, value):
    (constant,) = parse(source)
    assert keys.TYPE_STRING[constant.value.type] == type_name
    assert constant.value.data[0] == value


@pytest.mark.parametrize(
    "source, expected",
    [
        ("`a", ["a"]),
        ("`a`b", ["a", "b"]),
        ("`", [""]),
        ('"a\\"b"', ['a"b']),
        ("'it\\'s'", ["it's"]),
        ('"line\\nbreak"', ["line\nbreak"]),
        ('"größe"', ["größe"]),
    ],
)
def test_text_literals(source, expected):
    (constant,) = parse(source)
    assert constant.value.strings() == expected


@each(
    "source",
    "2020.13.01 2020.02.30 25:00m 12:61:00 2020.01M5 1.5l 300c 5b 99999999999999999999 1e999".split(),
)
def test_wrong_literals__are_refused(source):
    with pytest.raises(ServerError):
        parse(source)


def test_equal_sign__compares_in_where_and_names_arguments_elsewhere():
    (query,) = parse("select a from t where x = 1 and (y = 2 or z = 3)")
    assert query.conditions[0].operands[0].rest[0][0] == "=="
    (call,) = parse("f(x = 1)")
    assert isinstance(call.links[0].arguments[0], syntax.Keyword)
    (query,) = parse("select a from t where f(x = 1) = 2")
    comparison = query.conditions[0]
    assert isinstance(comparison.first.links[0].arguments[0], syntax.Keyword)


@each(
    "word, script",
    [
        ("for", "for(i in 1..3){print(i)}"),
        ("while", "while(i < 3){i = i + 1}"),
        ("update", "update t set a=1"),
        ("delete", "delete from t"),
        ("insert", "insert into t values(1)"),
        ("pivot", "select a from t pivot by b, c"),
        ("context", "select a from t context by b"),
        ("having", "select a from t group by b having a"),
        ("in", "select a from t where a in [1]"),
        ("use", "a=1\nuse ta"),
    ],
)
def test_constructs_outside_the_subset__are_refused_by_name(word, script):
    with pytest.raises(ServerError, match=f"'{word}' is not part of the local server's subset"):
        parse(script)


@each("script", ["f(", "a b", "1 +", "]", "def", "a = ", "{", "x ? y", "'open", "\0", "#", "😀"])
def test_malformed_scripts__name_line_and_place(script):
    with pytest.raises(ServerError, match="Syntax error in line 1"):
        parse(script)


def test_nesting__is_limited():
    assert parse("(" * 60 + "1" + ")" * 60)
    with pytest.raises(ServerError, match="more than 64 nested brackets"):
        parse("(" * 65 + "1" + ")" * 65)
    with pytest.raises(ServerError, match="more than 64 nested brackets"):
        parse("[" * 100_000)


def test_parsed_text__is_cached_and_the_cache_is_bounded():
    assert parse("cached + 1") is parse("cached + 1")
    long = "1;" + " " * syntax.CACHED_LENGTH
    assert parse(long) is not parse(long)
    assert syntax._cached_parse.cache_info().maxsize < 1000


@pytest.mark.parametrize("source", ["", "a;b", "a = 1", "undef all", "if(a) b"])
def test_callables__are_one_expression(source):
    with pytest.raises(ServerError, match="one expression"):
        parse_callable(source)
