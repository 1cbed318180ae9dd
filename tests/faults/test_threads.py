"""Eight threads on one session: whole requests, one after the other. And Ctrl-C."""

from __future__ import annotations

import itertools
import random
import re
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support import expected
from support.local_server import LocalServer
from support.recorder import DEADLINE, FakeServer
from support.waiting import in_thread

import dolphindb_fast as ddb

THREADS, CALLS = 8, 40
HEAD = re.compile(rb"API2 \d+ (\d+) / [^\n]*\nfunction\nthread(\d)\n1\n1")


def _frame(thread, call):
    # few rows leave in one piece, with the interpreter lock held; many do not; of objects, text is kept
    # elsewhere
    rows = {0: 3000, 1: 300}.get(call % 8, 3)
    first = (thread * CALLS + call) * 10_000
    numbers = np.arange(first, first + rows)
    text = pd.Series([f"t{number}" for number in numbers.tolist()], dtype=object)
    return pd.DataFrame({"a": numbers, "b": numbers / 8, "c": text})


@pytest.mark.parametrize("acknowledge", [False, True])
def test_threads__never_cut_into_each_others_requests(acknowledge):
    frames = [[_frame(thread, call) for call in range(CALLS)] for thread in range(THREADS)]
    # a small buffer: large requests are sent in many steps, between which others could get in
    with FakeServer(receive_buffer=8192) as server:
        session = ddb.Session(enableASYNC=True, acknowledge=acknowledge)
        session.connect("127.0.0.1", server.port)
        connection = server.connection()

        def work(thread):
            for frame in frames[thread]:
                session.run(f"thread{thread}", frame)

        threads = [in_thread(lambda thread=thread: work(thread)) for thread in range(THREADS)]
        for thread in threads:
            thread.result(2 * DEADLINE)
        assert session.stats.requests == THREADS * CALLS
        connection.wait(lambda received: len(received) >= session.stats.bytesSent)
        received = bytes(connection.received)
        session.close()
    calls = [iter(expected.frame(frame) for frame in own) for own in frames]
    place = received.index(b"\nfunction\nthread")
    place = received.rindex(b"API2 ", 0, place)
    order = []
    while place < len(received):
        head = HEAD.match(received, place)
        assert head, received[place : place + 100]
        thread = int(head[2])
        objects = next(calls[thread])
        place = head.end()
        assert received.startswith(objects, place), f"request {len(order)} is not whole"
        place += len(objects)
        order.append(thread)
    assert sorted(order) == sorted(list(range(THREADS)) * CALLS)


BLOCKED = """
import sys, numpy as np, pandas as pd, dolphindb_fast as ddb
mode, what = sys.argv[2:]
session = ddb.Session(enableASYNC=mode != "synchronous", acknowledge=mode == "acknowledged")
session.connect("127.0.0.1", int(sys.argv[1]))
frame = pd.DataFrame({"a": np.arange(4_000_000)}) if what == "send" else pd.DataFrame({"a": [1]})
try:
    reply = session.run("blocked", frame)
    if mode == "acknowledged":
        reply.result()
except KeyboardInterrupt:
    print("interrupted")
# a request or its reply was cut: unless it was a reply that is waited for again
try:
    session.run("next")
except ddb.LinkError as error:
    print("KeyboardInterrupt" in str(error), "\\n" in str(error))
else:
    print("goes on")
session.close()
"""


@pytest.mark.parametrize(
    "mode, what, then",
    [
        ("asynchronous", "send", "True False"),
        ("acknowledged", "send", "True False"),
        ("synchronous", "send", "True False"),
        ("synchronous", "reply", "True False"),
        ("acknowledged", "reply", "goes on"),
    ],
)
def test_ctrl_c__leaves_a_blocked_call_at_once(mode, what, then):
    package = str(Path(ddb.__file__).parents[1])
    with FakeServer(receive_buffer=8192) as server:
        command = [sys.executable, "-W", "error", "-c", BLOCKED, str(server.port), mode, what]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=package) as done:
            try:
                connection = server.connection()
                if what == "send":
                    connection.wait(lambda received: b"function\nblocked" in received and not connection.stall())
                else:
                    connection.wait(lambda received: b"function\nblocked" in received)
                done.send_signal(signal.SIGINT)
                output, errors = done.communicate(timeout=DEADLINE)
            finally:
                done.kill()
    assert (errors, output) == ("", f"interrupted\n{then}\n")


class Interruption(BaseException):
    pass


def _answer(session, mode, number):
    if mode == "barrier":
        session.run("0")
        session.barrier(check=f"{number}", expect=number)
        return number
    reply = session.run(f"{number}")
    return reply.result() if mode == "acknowledged" else reply


@pytest.mark.parametrize("mode", ["synchronous", "acknowledged", "barrier"])
def test_signal_handler__that_raises_at_any_moment_leaves_no_reply_to_another_call(mode, request):
    armed, interrupted, answered = False, 0, 0
    # seconds until the interruption at most: so many that about half of the calls end before, however fast they are
    most = 1e-3

    def interrupt(*_):
        if armed:
            raise Interruption

    usual = signal.signal(signal.SIGALRM, interrupt)
    request.addfinalizer(lambda: signal.signal(signal.SIGALRM, usual))
    seed = random.randrange(1 << 32)
    print("seed", seed)
    numbers = random.Random(seed)
    with LocalServer() as server:
        session = ddb.Session(enableASYNC=mode != "synchronous", acknowledge=mode == "acknowledged")
        with closing(session):
            session.connect(server.host, server.port)
            for number in itertools.count():
                if number >= 400 and interrupted > 10 and answered > 10:
                    break
                try:
                    try:
                        armed = True
                        signal.setitimer(signal.ITIMER_REAL, numbers.uniform(most / 100, most))
                        value = _answer(session, mode, number)
                    finally:
                        # a LinkError on its way may be interrupted too
                        armed = False
                except Interruption:
                    interrupted += 1
                    most = min(1.1 * most, 1)
                except ddb.LinkError as error:
                    assert "Interruption" in str(error)
                    session.connect(server.host, server.port)
                else:
                    assert value == number
                    answered += 1
                    most = max(most / 1.1, 1e-4)
            signal.setitimer(signal.ITIMER_REAL, 0)
