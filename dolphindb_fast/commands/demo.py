"""Append the manual's frame in synchronous and asynchronous mode, check every row, show the time."""

from __future__ import annotations

import argparse
import datetime
import importlib.util
import random
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from ..errors import AuthenticationError, ConnectError, LinkError, ServerError
from ._display import Display
from ._shared import DEFAULT_PORT, add_server_arguments, connect, fail, missing_extra

if TYPE_CHECKING:
    from ..session import Session

SYMBOLS = ["IBN", "GTYU", "FHU", "DGT", "FHU", "YUG", "EE", "ZD", "FYU"]
CREATE = "share streamTable(10000:0, `time`sym`price`id, [TIMESTAMP,SYMBOL,DOUBLE,INT]) as {table}"
#: calls between two looks at the progress bar
CHUNK = 500
#: seconds without one more row after which the rows count as lost
PATIENCE = 30.0
HEAD = ["client", "mode", "s to submit", "s to all rows", "us per call", "rows/s", "rows found"]


class Failed(Exception):
    """The demo can't go on: message and exit code."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


class Outcome(NamedTuple):
    client: str
    mode: str
    calls: int
    submit: float
    complete: float
    expected: int
    found: int

    def cells(self) -> list[str]:
        good = self.found == self.expected
        return [
            self.client,
            self.mode,
            f"{self.submit:.2f}",
            f"{self.complete:.2f}" if good else "never",
            f"{self.submit / self.calls * 1e6:.1f}",
            f"{self.found / self.complete:,.0f}",
            f"{self.found:,}" if good else f"{self.found:,} of {self.expected:,}",
        ]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--loops", type=positive, default=50000, help="calls in each mode (default 50000)")
    parser.add_argument("--rows", type=positive, default=100, help="rows of the frame (default 100)")
    add_server_arguments(parser, host=None, port=None)
    parser.epilog = "Without --host a local test server is started in its own process."


def positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not positive")
    return number


def manual_frame(rows: int, generator: random.Random | None = None) -> pd.DataFrame:
    """The frame of example 1 of the vendor's manual page on asynchronous tasks."""
    generator = generator or random.Random()
    numbers = np.random.default_rng(generator.getrandbits(64))
    days = [np.datetime64(datetime.date(2020, generator.randint(1, 12), generator.randint(1, 20))) for _ in range(rows)]
    return pd.DataFrame(
        {
            "time": days,
            "sym": numbers.choice(SYMBOLS, rows),
            "price": [round(numbers.uniform(1, 100), 1) for _ in range(rows)],
            "id": numbers.choice([1, 2, 3, 4, 5], rows),
        }
    )


def start_server(stack: ExitStack, port: int) -> tuple[str, int]:
    """A local server in its own process that ends with `stack`; where it listens."""
    log = stack.enter_context(tempfile.TemporaryFile("w+"))
    # the folder that holds this very package, so that the child can't find another one in the current folder
    folder = Path(__file__).resolve().parents[2]
    process = subprocess.Popen(
        [sys.executable, "-m", "dolphindb_fast", "serve", "--port", str(port), "--until-stdin-closes"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
        cwd=folder,
    )
    stack.callback(end_server, process)
    assert process.stdout is not None
    words = process.stdout.readline().split()
    if words[:2] != ["listening", "on"]:
        process.wait(10)
        log.seek(0)
        last = [line for line in log.read().splitlines() if line.strip()][-1:]
        raise Failed("the local server did not start: " + "".join(last).removeprefix("dolphindb-fast: "), 2)
    host, _, number = words[2].rpartition(":")
    return host, int(number)


def end_server(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None and process.stdout is not None
    process.stdin.close()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.stdout.close()


def official_session(host: str, port: int, user: str, password: str, asynchronous: bool) -> Any:
    import dolphindb

    session = dolphindb.Session(enableASYNC=asynchronous, show_output=False)
    if not session.connect(host, port, user, password):
        raise Failed(f"the official client could not connect to {host}:{port}", 2)
    return session


def own_session(host: str, port: int, user: str, password: str, asynchronous: bool) -> Any:
    return connect(host, port, user, password, enableASYNC=asynchronous)


def clients() -> dict[str, Callable[..., Any]]:
    """Functions that give a connected session, by the name of the client."""
    found = {"dolphindb_fast": own_session}
    if importlib.util.find_spec("dolphindb") is not None:
        found["dolphindb"] = official_session
    return found


def submit(session: Any, function: str, frame: pd.DataFrame, loops: int, update: Callable[[int], None]) -> float:
    """Run example 1's loop; seconds taken, drawing of the bar included (well under one per cent)."""
    run = session.run
    done = 0
    start = time.perf_counter()
    while done < loops:
        count = min(CHUNK, loops - done)
        for _ in range(count):
            run(function, frame)
        done += count
        update(done)
    return time.perf_counter() - start


def wait_for_rows(observer: Session, table: str, expected: int, update: Callable[[int], None]) -> int:
    """Ask for the number of rows until it is `expected` or has not grown for `PATIENCE` seconds."""
    found = -1
    seen = time.monotonic()
    while True:
        now = int(observer.run(f"exec count(*) from {table}"))
        if now != found:
            found, seen = now, time.monotonic()
        update(found)
        if found >= expected or time.monotonic() - seen > PATIENCE:
            return found
        time.sleep(0.01)


def run_one(
    display: Display,
    observer: Session,
    open_session: Callable[..., Any],
    client: str,
    asynchronous: bool,
    frame: pd.DataFrame,
    loops: int,
    table: str,
) -> Outcome:
    mode = "asynchronous" if asynchronous else "synchronous"
    expected = loops * len(frame)
    observer.run(CREATE.format(table=table))
    session = open_session(asynchronous)
    try:
        start = time.perf_counter()
        with display.bar(f"{client}, {mode}: calls", loops) as update:
            submitted = submit(session, f"tableInsert{{{table}}}", frame, loops, update)
        with display.bar(f"{client}, {mode}: rows", expected) as update:
            found = wait_for_rows(observer, table, expected, update)
        complete = time.perf_counter() - start
    finally:
        session.close()
        drop(observer, table)
    return Outcome(client, mode, loops, submitted, complete, expected, found)


def drop(observer: Session, table: str) -> None:
    try:
        observer.run(f'undef("{table}", SHARED)')
    except (LinkError, ServerError):
        # the failure that brought us here is the one to report; after a success the process ends soon
        pass


def run_all(options: argparse.Namespace, display: Display, stack: ExitStack) -> int:
    user = options.user or "admin"
    password = options.password or "123456"
    if options.host is None:
        host, port = start_server(stack, options.port or 0)
        display.say(f"Local test server on {host}:{port} (not a DolphinDB server)")
    else:
        host, port = options.host, options.port or DEFAULT_PORT
        display.say(f"Server {host}:{port}")
    observer = stack.enter_context(connect(host, port, user, password))
    frame = manual_frame(options.rows)
    # a name of its own: on a server that others use, no table of theirs is touched
    table = f"trades_demo_{secrets.token_hex(4)}"
    display.say(f"{options.loops:,} calls with a frame of {options.rows:,} rows and 4 columns, table {table}")
    outcomes = []
    for client, opener in clients().items():
        open_session = partial(opener, host, port, user, password)
        for asynchronous in (False, True):
            outcomes.append(run_one(display, observer, open_session, client, asynchronous, frame, options.loops, table))
    display.table(HEAD, [outcome.cells() for outcome in outcomes], left=2)
    wrong = [outcome for outcome in outcomes if outcome.found != outcome.expected]
    for outcome in wrong:
        fail(f"{outcome.client}, {outcome.mode}: {outcome.found} rows instead of {outcome.expected}", 1)
    return 1 if wrong else 0


def execute(options: argparse.Namespace) -> int:
    try:
        display = Display()
        if options.host is None:
            import lark  # noqa: F401  the local server's process will need it
    except ModuleNotFoundError as error:
        return missing_extra(error)
    try:
        with ExitStack() as stack:
            return run_all(options, display, stack)
    except AuthenticationError as error:
        return fail(error, 2)
    except ConnectError as error:
        hint = "; without --host the demo starts a local server"
        return fail(f"{error}{hint if options.host else ''}", 2)
    except ServerError as error:
        return fail(f"the server refused a script: {error.serverText or error}", 1)
    except LinkError as error:
        return fail(error, 1)
    except Failed as error:
        return fail(error, error.code)
