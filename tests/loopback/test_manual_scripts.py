"""The scripts of the vendor's manual page on asynchronous tasks, as printed there, against the local server.

Changed are only the two import lines (not for the official client), the number of loops, and the port.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from support.waiting import eventually

LOOPS = 200

APPEND = '''
import dolphindb as ddb
import dolphindb.settings as keys
import numpy as np
import pandas as pd

s = ddb.Session(enableASYNC=True) # enable asynchronous mode
s.connect("localhost", 8848, "admin", "123456")
dbPath = "dfs://testDB"
tbName = "tb1"


script = """
    dbPath="dfs://testDB"
    tbName=`tb1
    if(existsDatabase(dbPath))
        dropDatabase(dbPath)
    db=database(dbPath, VALUE, ["AAPL", "AMZN", "A"])
    testDictSchema=table(5:0, `id`ticker`price, [INT,SYMBOL,DOUBLE])
    tb1=db.createPartitionedTable(testDictSchema, tbName, `ticker)
"""
s.run(script)   #run script on server       

tb = pd.DataFrame({
    'id': np.array([1, 2, 2, 3], dtype="int32"),
    'ticker': ['AAPL', 'AMZN', 'AMZN', 'A'],
    'price': [22, 3.5, 21, 26],
})

s.run(f"append!{{loadTable('{dbPath}', `{tbName})}}", tb)
'''  # noqa: W291  as printed

EXAMPLE_1 = '''
import dolphindb as ddb

import numpy as np
import pandas as pd
import random
import datetime

s = ddb.Session(enableASYNC=True)
s.connect("localhost", 8848, "admin", "123456")

n = 100

script = """
    share streamTable(10000:0,`time`sym`price`id, [TIMESTAMP,SYMBOL,DOUBLE,INT]) as trades
"""
s.run(script) #run script on server

# create a DataFrame
time_list = [np.datetime64(datetime.date(2020, random.randint(1, 12), random.randint(1, 20))) for _ in range(n)]
sym_list = np.random.choice(['IBN', 'GTYU', 'FHU', 'DGT', 'FHU', 'YUG', 'EE', 'ZD', 'FYU'], n)
price_list = [round(np.random.uniform(1, 100), 1) for _ in range(n)]
id_list = np.random.choice([1, 2, 3, 4, 5], n)

tb = pd.DataFrame({
    'time': time_list,
    'sym': sym_list,
    'price': price_list,
    'id': id_list,
})

for _ in range(50000):
    s.run("tableInsert{trades}", tb)
'''  # noqa: E501  as printed

EXAMPLE_2_VIEW = """
login("admin","123456")
share streamTable(10000:0,`time`sym`price`id, [DATE,SYMBOL,DOUBLE,INT]) as trades
def appendStreamingData(mutable data){
    tableInsert(trades, data.replaceColumn!(`time, date(data.time)))
}
addFunctionView(appendStreamingData)
"""

EXAMPLE_2 = """
import dolphindb as ddb
import numpy as np
import pandas as pd
import random
import datetime

s = ddb.Session(enableASYNC=True)
s.connect("localhost", 8848, "admin", "123456")

n = 100

# create a DataFrame
time_list = [np.datetime64(datetime.date(2020, random.randint(1, 12), random.randint(1, 20))) for _ in range(n)]
sym_list = np.random.choice(['IBN', 'GTYU', 'FHU', 'DGT', 'FHU', 'YUG', 'EE', 'ZD', 'FYU'], n)
price_list = [round(np.random.uniform(1, 100), 1) for _ in range(n)]
id_list = np.random.choice([1, 2, 3, 4, 5], n)

tb = pd.DataFrame({
    'time': time_list,
    'sym': sym_list,
    'price': price_list,
    'id': id_list,
})

for _ in range(50000):
    s.run("appendStreamingData", tb)
"""  # noqa: E501  as printed

# What the script has in its variables when it is through, for comparison with the table.
REPORT = """
import json
print(json.dumps({name: [str(cell) for cell in tb[name]] for name in tb.columns}))
"""


@pytest.fixture(params=["dolphindb_fast", pytest.param("dolphindb", marks=pytest.mark.official)])
def client(request):
    pytest.importorskip(request.param)
    return request.param


def run_python(script: str, client: str, port: int, folder) -> str:
    """Run `script` in its own process with `client` imported; what it prints."""
    script = script.replace("import dolphindb as ddb", f"import {client} as ddb")
    script = script.replace("import dolphindb.settings as keys", f"import {client}.settings as keys")
    script = script.replace("range(50000)", f"range({LOOPS})").replace(", 8848,", f", {port},")
    file = folder / "script.py"
    file.write_text(script + REPORT, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(file)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def wait_for_rows(server, table: str, expected: int) -> None:
    def arrived():
        try:
            return server.rows(table) >= expected
        except Exception:  # the script that creates the table may not have run yet
            return False

    eventually(arrived)
    assert server.rows(table) == expected, server.failed_tasks


def assert_repeated(stored, report: str, loops: int) -> None:
    """The table holds what the script had in its frame, `loops` times over."""
    sent = json.loads(report)
    assert list(sent) == ["time", "sym", "price", "id"]
    days = stored["time"].dt.strftime("%Y-%m-%d 00:00:00")
    assert days.tolist() == sent["time"] * loops
    for name in ("sym", "price", "id"):
        assert [str(cell) for cell in stored[name]] == sent[name] * loops, name


def test_append__four_rows_in_the_partitioned_table(server, client, tmp_path):
    run_python(APPEND, client, server.port, tmp_path)
    wait_for_rows(server, "dfs://testDB/tb1", 4)
    stored = server.table("dfs://testDB/tb1").sort_values(["id", "price"])
    assert stored["id"].tolist() == [1, 2, 2, 3]
    assert stored["ticker"].tolist() == ["AAPL", "AMZN", "AMZN", "A"]
    assert stored["price"].tolist() == [22.0, 3.5, 21.0, 26.0]
    assert server.failed_tasks == []


def test_example_1__every_row_of_every_call(server, client, tmp_path):
    report = run_python(EXAMPLE_1, client, server.port, tmp_path)
    wait_for_rows(server, "trades", LOOPS * 100)
    assert_repeated(server.table("trades"), report, LOOPS)
    assert server.failed_tasks == []


def test_example_2__function_view_converts_the_time(server, client, tmp_path):
    view = tmp_path / "view.dos"
    view.write_text(EXAMPLE_2_VIEW, encoding="utf-8")
    command = [sys.executable, "-m", "dolphindb_fast", "run", str(view), "--port", str(server.port)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    report = run_python(EXAMPLE_2, client, server.port, tmp_path)
    wait_for_rows(server, "trades", LOOPS * 100)
    assert_repeated(server.table("trades"), report, LOOPS)
    assert server.failed_tasks == []
