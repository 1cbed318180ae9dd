"""An application as users of the official client write it: a day of trades goes in, reports come out.

Run as a program with host, port, user and password; it prints all that it finds. `test_application_script`
runs it under both clients by changing the import line alone.
"""

import datetime
import os
import sys
import tempfile
import time
from decimal import Decimal

import dolphindb as ddb
import numpy as np
import pandas as pd

HOST, PORT, USER, PASSWORD = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
SYMBOLS = ["AAPL", "MSFT", "GOOG", "größe", "IBM"]
ROWS = 25_000


def show(label, value, depth=0):
    """Print a value with its types, whatever it is, in an order that is always the same."""
    pad = "  " * depth
    if isinstance(value, pd.DataFrame):
        print(f"{pad}{label}: frame of {len(value)} rows")
        for name in value.columns:
            column = value[name]
            cells = [*column.iloc[:4], *column.iloc[-2:]] if len(column) > 6 else list(column)
            print(f"{pad}  {name} {column.dtype}: {[cell_text(c) for c in cells]}")
    elif isinstance(value, np.ndarray):
        cells = value.reshape(-1).tolist() if value.dtype != object else list(value.reshape(-1))
        cells = [*cells[:6], *cells[-2:]] if len(cells) > 8 else cells
        order = " Fortran" if value.ndim == 2 and value.flags.fnc else ""
        print(f"{pad}{label}: {value.dtype} {value.shape}{order} {[cell_text(c) for c in cells]}")
    elif isinstance(value, dict):
        print(f"{pad}{label}: dict of {len(value)}")
        for key in sorted(value, key=repr):
            show(repr(key), value[key], depth + 1)
    elif isinstance(value, set):
        print(f"{pad}{label}: set {sorted(map(cell_text, value))}")
    elif isinstance(value, (list, tuple)):
        print(f"{pad}{label}: {type(value).__name__} of {len(value)}")
        for number, item in enumerate(value):
            show(str(number), item, depth + 1)
    else:
        print(f"{pad}{label}: {cell_text(value)}")


def cell_text(cell):
    """A cell with its type; an array in a cell with its dtype."""
    if isinstance(cell, np.ndarray):
        return f"{cell.dtype}{cell.tolist()}"
    return f"{type(cell).__name__} {cell!r}"


def failing(label, call, text=True):
    """Print the error that `call` must end with; without its text where the clients word it differently."""
    try:
        call()
    except RuntimeError as error:
        print(f"{label}: {error if text else 'RuntimeError'}")
    else:
        print(f"{label}: no error")


def trades(rows, first=0):
    """Trades as a data source delivers them: every dtype that users have."""
    number = np.arange(first, first + rows)
    return pd.DataFrame(
        {
            "time": np.datetime64("2024-03-01T09:30:00.000", "ms") + number * 137,
            "sym": np.array(SYMBOLS, dtype=object)[number % 5],
            "price": np.where(number % 11 == 0, np.nan, 100 + (number * 7919 % 1000) / 8),
            "qty": (number % 500 + 1).astype("int32"),
            "id": number.astype("int64"),
            "bid": pd.array(np.where(number % 13 == 0, None, number % 90), dtype="Int16"),
            "open": number % 3 == 0,
        }
    )


def store_trades(session):
    """Tables are made, trades go in by every kind of call, sums come out."""
    session.run(
        """
        login("admin", "123456")
        share streamTable(1000:0, `time`sym`price`qty`id`bid`open,
            [TIMESTAMP, SYMBOL, DOUBLE, INT, LONG, SHORT, BOOL]) as appTrades
        """
    )
    print("inserted", session.run("tableInsert{appTrades}", trades(ROWS)))
    print("inserted", session.call("tableInsert{appTrades}", trades(10, ROWS)))
    print("appended", session.run("append!{appTrades}", trades(10, ROWS + 10)))
    print("count", session.run("exec count(*) from appTrades"))
    show("head", session.run("select top 7 * from appTrades"))
    show("empty", session.run("select * from appTrades where id < 0"))
    show("one symbol", session.run("select time, bid from appTrades where sym = `GOOG, price > 220 limit 5"))
    show(
        "by symbol",
        session.run(
            "select count(*) as trades, sum(qty) as qty, max(price) as high, min(time) as since from appTrades "
            "group by sym order by sym"
        ),
    )
    show("largest", session.exec(
        "select top 3 sym, price * qty as amount from appTrades order by price * qty desc, id"
    ))  # fmt: skip
    show("ids", session.run("exec id from appTrades where id % 5000 = 1"))


def store_typed(session):
    """Forced types: what numpy has no dtype for."""
    frame = pd.DataFrame(
        {
            "key": ["5d212a78-cc48-e3b1-4235-b4d91473ee87", "12345678-1234-5678-9abc-def012345678", ""],
            "ip": ["192.168.1.13", "2001:db8::1", ""],
            "hash": ["e1671797c52e15f763380b45e841ec32", "0123456789abcdef0123456789abcdef", ""],
            "amount": [Decimal("1.25"), Decimal("-7.5"), None],
            "big": [Decimal("12345678901234567890.123"), None, Decimal("0.001")],
            "raw": [b"\xff\x01", b"", b"text"],
            "day": pd.to_datetime(["2024-02-29 13:00:00", None, "1969-12-31 23:00:00"], format="ISO8601"),
            "hour": pd.to_datetime(["2024-02-29 13:59:00", None, "2000-01-01"], format="ISO8601"),
            "clock": pd.to_datetime(["2024-02-29 13:59:01.5", None, "2000-01-01"], format="ISO8601"),
            "kind": ["a", "b", "a"],
            "levels": [[1, 2, 3], [4], [None, 6]],
            "marks": [np.array([1.5, 2.5]), np.array([0.25]), np.array([np.nan])],
            "small": [1, 2, 3],
        }
    )
    frame.__DolphinDB_Type__ = {
        "key": "UUID",
        "ip": "IPADDR",
        "hash": "INT128",
        "amount": ["DECIMAL64", 2],
        "big": ["DECIMAL128", 3],
        "raw": "BLOB",
        "day": "DATE",
        "hour": "DATEHOUR",
        "clock": "TIME",
        "kind": "SYMBOL",
        "levels": ddb.settings.DT_INT_ARRAY,
        "small": "SHORT",
    }
    session.run(
        """
        typed = table(1:0, `key`ip`hash`amount`big`raw`day`hour`clock`kind`levels`marks`small,
            [UUID, IPADDR, INT128, DECIMAL64(2), DECIMAL128(3), BLOB, DATE, DATEHOUR, TIME, SYMBOL, INT[],
             DOUBLE[], SHORT])
        """
    )
    print("typed", session.run("tableInsert{typed}", frame))
    show("typed", session.run("typed"))
    show("schema", session.run("schema(typed)")["colDefs"])
    for name in frame.columns:
        print(name, session.run(f"typestr(typed.{name})"))
    show("sum", session.run("exec sum(amount) from typed"))
    key = "12345678-1234-5678-9abc-def012345678"
    show("found", session.run(f"select amount, levels from typed where key = uuid('{key}')"))
    show("doubles", session.run("select amount, big from typed", disableDecimal=True))
    session.upload({"frame": frame})
    print("uploaded", session.run("typestr(frame.hash)"), session.run("size(frame)"))


def exchange_variables(session):
    """Many variables at once, of every form; what comes back is what went."""
    values = {
        "none": None, "flag": True, "whole": 42, "real": 2.5, "words": "große Größe", "bytes_": b"abc",
        "money": Decimal("12.340"), "day": datetime.date(2024, 2, 29),
        "moment": datetime.datetime(2024, 2, 29, 13, 14, 15, 678000), "clock": datetime.time(13, 14, 15, 678),
        "stamp": pd.Timestamp("2024-02-29T13:14:15.678"), "nothing": pd.NaT,
        "int8": np.int8(-5), "int16": np.int16(300), "float32": np.float32(1.5),
        "month": np.datetime64("2024-02", "M"), "second": np.datetime64("2024-02-29T13:14:15", "s"),
        "nano": np.datetime64("2024-02-29T13:14:15.678901234", "ns"),
        "hour": np.datetime64("2024-02-29T13", "h"),
        "numbers": [1, 2, None, 4], "reals": [1.5, float("nan")], "texts": ["a", "", "ü"],
        "mixed": [1, "a", 2.5, None, [1, 2]], "amounts": [Decimal("1.25"), None, Decimal("-2.50")],
        "array": np.arange(10, dtype="int16"),
        "dates": np.array(["2024-02-29", "NaT"], dtype="datetime64[D]"),
        "flags": np.array([True, False]), "matrix": np.arange(6, dtype="int32").reshape(2, 3),
        "grid": np.array([[1.5, np.nan], [2.5, 3.5]]), "names": {"a", "b"}, "ids": {1, 2, 3},
        "lookup": {"x": 1, "y": 2}, "numbered": {1: "one", 2: "two"}, "things": {"t": [1, 2], "s": "text"},
        "series": pd.Series([1, None, 3], dtype="Int64"), "frame": trades(3), "tuple_": (1.5, 2),
    }  # fmt: skip
    print("upload", session.upload(values))
    for name in values:
        words = session.run(f"typestr({name})")
        print(name, words, session.run(f"form({name})"), session.run(f"type({name})"))
        show("  is", session.run(name))
    show("computed", session.run("whole + sum(numbers) + size(texts) + lookup[`x]"))
    show("first column", session.run("matrix[0]"))
    show("several", session.run("def(a, b, c): (a, b, c)", [1, 2], {"k": 1.5}, np.array([[1, 2], [3, 4]])))


def every_form(session):
    """Results that only scripts make."""
    for script in [
        "1:5", "`a`b`c", "[1, 2, NULL]", "[true, false, NULL]", "[]", "symbol(`x`y`x)", "[2020.01M, NULL]",
        "13:30m", "12:00:01.5",
        "[2020.01.01T00:00:00, NULL]", "[12:00:00, NULL]", "decimal32([1.5, NULL, -2.25], 2)",
        "decimal128(3, 20)",
        'uuid("5d212a78-cc48-e3b1-4235-b4d91473ee87")', 'ipaddr(["10.0.0.1", ""])', 'int128("")',
        "matrix(1 2 3, 4 5 6)", "matrix([1.5, NULL], [2.5, 3])", "matrix([2020.01.01], [2020.01.02])",
        "set(3 1 2)",
        "set(`b`a)", "dict(`a`b, 1 2)", "dict(1 2, (1, `x))", "dict(`a`b, [1.5, NULL])",
        "(1, (2, `three), [4, 5])",
        "arrayVector(2 2 3, 1 2 3)", "arrayVector(1 3, [1, NULL, 3])",
        "arrayVector(1 2, [2020.01.01, 2020.01.02])",
        "table(1 2 as a, `x`y as b, (1, `z) as c)", "NULL", "x = 1", "char(65)", "long()",
        'blob(["ab", ""])',
        "datehour(2020.01.01T05:00:00)", "nanotimestamp(2020.01.01T00:00:00.000000001)", "first(3 4)",
        "keys(dict(`a`b, 1 2))",
    ]:  # fmt: skip
        show(script, session.run(script))
    script = "table(1 2 as a, `x`y as b, [2020.01.01, 2020.01.02] as d)"
    show("lists", session.run(script, pickleTableToList=True))


def blocks(session):
    """A large result in pieces."""
    reader = session.run("select id, sym, price, time from appTrades", fetchSize=8192)
    total = 0
    while reader.hasNext():
        block = reader.read()
        total += len(block)
        print("block", len(block), list(block.columns), list(map(str, block.dtypes)), int(block["id"].sum()))
    print("in blocks", total)
    reader = session.run("select * from appTrades", fetchSize=10_000)
    show("first block", reader.read())
    reader.skipAll()
    print("after blocks", session.run("1 + 1"))


def other_calls(session):
    """The rest of what a session offers."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "report.dos")
        with open(path, "w") as file:
            file.write("def twice(x){\n    return x * 2\n}\ntwice(21)\n")
        print("file", session.runFile(path))
    print("kept", session.run("twice", 5), session.call("twice", 7), session.exec("twice(9)"))
    print("options", session.run("y = 5; y", clearMemory=True, priority=3, parallelism=2))
    failing("forgotten", lambda: session.run("y"))
    failing("unknown function", lambda: session.run("noSuchFunction", 1))
    failing("syntax", lambda: session.run("select from from"))
    failing("thrown", lambda: session.run("throw 'no luck today'"))
    failing("columns", lambda: session.run("tableInsert{appTrades}", trades(2)[["id"]]))
    wrong = trades(2).assign(time=["now", "then"])
    failing("types", lambda: session.run("tableInsert{appTrades}", wrong))
    failing("name", lambda: session.upload({"1x": 1}))
    failing("object", lambda: session.run("print", object()), text=False)
    print("usable", session.run("2 * 21"))


def databases(session):
    """A partitioned table."""
    path = "dfs://application"
    if session.existsDatabase(path):
        session.dropDatabase(path)
    session.database(dbName="db", partitionType=1, partitions=[1, 2, 3], dbPath=path)
    session.run("db.createPartitionedTable(table(1:0, `id`name`v, [INT, SYMBOL, DOUBLE]), `points, `id)")
    print("exists", session.existsTable(path, "points"), session.existsTable(path, "lines"))
    numbers = np.array([1, 2, 3, 1], dtype="int32")
    rows = pd.DataFrame({"id": numbers, "name": list("abca"), "v": [1.5, 2.5, None, 4.0]})
    session.run(f"append!{{loadTable('{path}', `points)}}", rows)
    show("points", session.run(f"select * from loadTable('{path}', `points) order by id, v desc"))
    show("sums", session.run(f"select sum(v) from loadTable('{path}', `points) group by name"))
    session.dropTable(path, "points")
    session.dropDatabase(path)
    print("exists", session.existsDatabase(path))
    session.run("kept = keyedTable(`id, 1:0, `id`v, [INT, DOUBLE])")
    for values in ([1.0, 2.0], [3.0, 4.0]):
        session.run("tableInsert{kept}", pd.DataFrame({"id": np.array([1, 2], dtype="int32"), "v": values}))
    show("keyed", session.run("kept"))
    newer = pd.DataFrame({"id": np.array([2, 5], dtype="int32"), "v": [np.nan, 9.0]})
    session.run("upsert!{kept}", newer, True)
    show("upserted", session.run("kept"))


def asynchronous(session):
    """Submissions that nobody waits for; another session sees them arrive."""
    fast = ddb.Session(enableASYNC=True)
    fast.connect(HOST, PORT, USER, PASSWORD)
    for number in range(50):
        print(end="" if fast.run("tableInsert{appTrades}", trades(20, number * 20)) is None else "answered\n")
    deadline = time.monotonic() + 30
    while session.run("exec count(*) from appTrades") < ROWS + 20 + 1000 and time.monotonic() < deadline:
        time.sleep(0.01)
    fast.close()
    print("asynchronous", session.run("exec count(*) from appTrades"))


def main():
    session = ddb.Session()
    print("connected", session.connect(HOST, PORT, USER, PASSWORD))
    for part in (
        store_trades, store_typed, exchange_variables, every_form, blocks, other_calls, databases,
        asynchronous,
    ):  # fmt: skip
        print("==", part.__name__)
        part(session)
    session.undef("appTrades", "SHARED")
    failing("gone", lambda: session.run("appTrades"))
    session.undefAll()
    session.clearAllCache()
    session.close()
    print("closed", session.isClosed())


if __name__ == "__main__":
    main()
