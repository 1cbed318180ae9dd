"""Does the installed package work here? Import, bytes of the manual's frame, asynchronous append, row count.

The argument says whether pyarrow is expected: with, without, any.
"""

import importlib.util
import sys
import time

import dolphindb_fast
from dolphindb_fast.commands.demo import manual_frame
from dolphindb_fast.localserver import LocalServer

CALLS = 50


def wait_for(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            sys.exit("smoke run: time-out")
        time.sleep(0.01)


expected = sys.argv[1]
has_pyarrow = importlib.util.find_spec("pyarrow") is not None
if expected != "any" and has_pyarrow != (expected == "with"):
    sys.exit(f"smoke run: expected {expected} pyarrow")

frame = manual_frame(100)
data = dolphindb_fast.dumps(frame)
head = b"\x00\x06" + (100).to_bytes(4, "little") + (4).to_bytes(4, "little") + b"\0time\0sym\0price\0id\0"
if not data.startswith(head):
    sys.exit(f"smoke run: a table begins with {data[:40].hex()}")

with LocalServer() as server:
    with dolphindb_fast.Session() as session:
        session.connect(server.host, server.port, "admin", "123456")
        session.run("share streamTable(100:0, `time`sym`price`id, [TIMESTAMP,SYMBOL,DOUBLE,INT]) as trades")
        with dolphindb_fast.Session(enableASYNC=True) as sender:
            sender.connect(server.host, server.port, "admin", "123456")
            for _ in range(CALLS):
                sender.run("tableInsert{trades}", frame)
            wait_for(lambda: session.run("exec count(*) from trades") == CALLS * len(frame))
    stored = server.table("trades").head(len(frame))
    for column in ("sym", "price", "id"):
        if list(stored[column]) != list(frame[column]):
            sys.exit(f"smoke run: column {column} is not what was sent")

import numpy  # noqa: E402
import pandas  # noqa: E402

print(
    f"smoke run: {CALLS * len(frame)} rows; pandas {pandas.__version__}, numpy {numpy.__version__}, "
    f"pyarrow {'present' if has_pyarrow else 'absent'}"
)
