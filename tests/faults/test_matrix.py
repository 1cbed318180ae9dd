"""Every fault at every place, with every order of tasks: what happens is what the table promises."""

from __future__ import annotations

import contextlib
import functools
import itertools
import random
import re
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from support import guarantees
from support.fault_proxy import Fault, FaultProxy
from support.guarantees import ANSWERS, FAULTS, GUARANTEES, ORDERS, PLACES, find
from support.local_server import LocalServer
from support.recorder import DEADLINE
from support.waiting import connect_at_last, eventually, in_thread

import dolphindb_fast as ddb

#: the proxy's words
KINDS = {"split": "bytes"}
#: seconds that are waited where nothing will come, and where something will
SHORT, LONG = 0.2, DEADLINE
#: more than all buffers between client and server take
LARGE = 1_000_000
#: header line and status line of a reply, as long as session ids have ten digits
REPLY_LINES = len(b"1000000001 1 1\nOK\n")
VIEW = """
def insertAndShow(t, data) { tableInsert(t, data); return select * from t }
addFunctionView(insertAndShow)
"""

table_numbers = itertools.count()


@pytest.fixture(scope="module", params=ORDERS)
def server(request):
    with LocalServer(order=request.param) as running:
        running.run(VIEW)
        yield running


class Attempt:
    """One session through one proxy with one fault, and an account of what it submitted.

    Rows are numbers, different in all requests: those on the server tell which requests it has carried out.
    """

    def __init__(self, server: LocalServer, stack: contextlib.ExitStack, mode: str, patience: float) -> None:
        self.server = server
        self.table = f"t{next(table_numbers)}"
        server.run(f"share streamTable(1:0, `a, [LONG]) as {self.table}")
        self.insert = f"tableInsert{{{self.table}}}"
        self.proxy = stack.enter_context(FaultProxy(server.port, receive_buffer=8192))
        self.session = ddb.Session(enableASYNC=mode != "sync", acknowledge=mode == "acknowledged")
        stack.callback(self.session.close)
        self.patience = patience
        self.next = 0
        self.submitted: list[range] = []  # requests of which bytes may have left
        self.withheld: list[range] = []  # requests of which no byte left: the exception said so
        self.acknowledged: list[range] = []  # requests that were answered, or that a barrier has proven
        self.named = 0  # requests that exceptions name as not proven
        self.seen: BaseException | None = None

    def connect(self, connect=ddb.Session.connect, **arguments) -> None:
        arguments = {"writeTimeout": self.patience, "readTimeout": self.patience, **arguments}
        connect(self.session, "127.0.0.1", self.proxy.port, "admin", "123456", **arguments)

    def connect_patiently(self) -> None:
        """No fault is planned: if it takes longer than this attempt's patience, the machine is busy."""
        self.connect(connect_at_last)

    @property
    def connection(self):
        return self.proxy.connection(max(len(self.proxy.connections) - 1, 0))

    def passed(self) -> dict[str, int]:
        """Bytes of the connection so far, as the client counts them."""
        stats = self.session.stats
        return {"server": stats.bytesSent, "client": stats.bytesReceived}

    def wait_passed(self) -> None:
        """Return when the server's side has all that was sent."""
        connection = self.connection
        connection.wait(lambda: connection.passed("server") == self.session.stats.bytesSent)

    def frame(self, rows: int = 2) -> tuple[range, pd.DataFrame]:
        request = range(self.next, self.next + rows)
        self.next += rows
        return request, pd.DataFrame({"a": np.arange(request.start, request.stop, dtype="i8")})

    def write(self, rows: int = 2, call: str | None = None):
        """Submit rows; a request counts as submitted unless the exception says that nothing of it left."""
        request, frame = self.frame(rows)
        try:
            result = self.session.run(call or self.insert, frame)
        except (ddb.LinkError, ddb.UsageError) as error:
            sent = getattr(error, "sent", False)
            (self.submitted if sent else self.withheld).append(request)
            self.named += sent
            raise
        self.submitted.append(request)
        return result

    def write_on(self) -> None:
        """Until the session notices."""
        for _ in range(100_000):
            self.write()
        raise AssertionError("the session does not notice")

    def carried_out(self) -> list[range]:
        """The requests whose rows the server has; fails for parts of requests and rows that come twice."""
        found = self.server.table(self.table)["a"].to_numpy()
        assert len(np.unique(found)) == len(found), "rows that were written twice"
        requests = [*self.submitted, *self.withheld]
        whole = [request for request in requests if np.isin(request.start, found)]
        assert len(found) == sum(map(len, whole)), "parts of requests, or rows of nobody"
        return whole


# places: each has what comes before the fault, and what is hit by it


def nothing(attempt):
    pass


def do_connect(attempt):
    attempt.connect()
    attempt.write()
    attempt.acknowledged += attempt.submitted


def do_async_write(attempt):
    attempt.write()
    if attempt.fault == "stall":
        attempt.write(LARGE)
    elif attempt.fault in ("close", "reset"):
        attempt.write_on()


def do_sync_write(attempt):
    assert attempt.write() == 2
    attempt.acknowledged += attempt.submitted


def do_sync_call(attempt):
    result = attempt.write(call=f"insertAndShow{{{attempt.table}}}")
    assert result["a"].tolist() == list(attempt.submitted[-1])
    attempt.acknowledged += attempt.submitted


def before_barrier(attempt):
    for _ in range(3):
        attempt.write()


def do_barrier(attempt):
    try:
        attempt.session.barrier(attempt.patience)
    except ddb.LinkError as error:
        assert error.sent
        raise
    attempt.acknowledged += attempt.submitted


def before_acknowledged(attempt):
    for _ in range(3):
        attempt.write()
    attempt.session.flush(LONG)
    attempt.acknowledged += attempt.submitted


def do_acknowledged(attempt):
    submission = attempt.write()
    try:
        attempt.session.flush(SHORT if attempt.fault == "stall" else LONG)
    except ddb.SubmissionError as error:
        assert error.count == 1 and error.failures == [submission]
        attempt.named += error.count
        raise submission.exception() from None
    assert submission.result() == 2
    attempt.acknowledged.append(attempt.submitted[-1])


def do_batch(attempt):
    gathered = []
    try:
        with attempt.session.batch(maxBytes=1 << 30):
            for rows in [2] * 20 + [LARGE] * (attempt.fault == "stall"):
                request, frame = attempt.frame(rows)
                attempt.session.run(attempt.insert, frame)
                gathered.append(request)
    except ddb.LinkError as error:
        (attempt.submitted if error.sent else attempt.withheld).extend(gathered)
        attempt.named += len(gathered) * bool(error.sent)
        raise
    attempt.submitted += gathered
    if attempt.fault in ("close", "reset"):
        attempt.write_on()


class Place(NamedTuple):
    """Where the fault is: mode of the session, what it does before, what is hit, and which bytes of that."""

    mode: str
    before: object
    hit: object
    ways: tuple[str, ...] = ("server",)
    part: slice = slice(1, None)


def connected(*before):
    return lambda attempt: [attempt.connect_patiently(), *(step(attempt) for step in before)]


BOTH = ("server", "client")
WHERE = {
    "handshake": Place("sync", nothing, do_connect, BOTH, slice(0, None)),
    "async write": Place("async", connected(), do_async_write),
    "sync write": Place("sync", connected(), do_sync_write),
    "reply header": Place("sync", connected(), do_sync_call, ("client",), slice(1, REPLY_LINES)),
    "reply body": Place("sync", connected(), do_sync_call, ("client",), slice(REPLY_LINES, None)),
    "barrier": Place("async", connected(before_barrier), do_barrier, BOTH),
    "acknowledged submission": Place("acknowledged", connected(before_acknowledged), do_acknowledged, BOTH),
    "batch": Place("async", connected(), do_batch),
}


@functools.cache
def sizes(place: str) -> dict[str, int]:
    """How many bytes the part that is hit has in each direction, when nothing happens to it."""
    where = WHERE[place]
    with LocalServer() as server, contextlib.ExitStack() as stack:
        server.run(VIEW)
        attempt = Attempt(server, stack, where.mode, LONG)
        attempt.fault = ""
        where.before(attempt)
        start = attempt.passed()
        if place == "handshake":
            attempt.connect()
        else:
            where.hit(attempt)
        end = attempt.passed()
        return {way: end[way] - start[way] for way in end}


def offsets(place: str, way: str, chosen: random.Random) -> set[int]:
    """First, middle and last byte, and one at random."""
    span = range(sizes(place)[way])[WHERE[place].part]
    return {span[0], span[len(span) // 2], span[-1], chosen.choice(span)}


def performed(server, stack, place: str, fault: str, patience: float, way: str, offset: int) -> Attempt:
    """An attempt that met the fault; its patience may end before, where the machine is busy."""
    while True:
        attempt = Attempt(server, stack, WHERE[place].mode, patience)
        perform(attempt, place, fault, way, offset)
        if attempt.connection.wait_fired_or_ended():
            return attempt
        patience *= 3
        assert patience < LONG, attempt.seen


def perform(attempt: Attempt, place: str, fault: str, way: str, offset: int) -> None:
    """Do what is hit by the fault, and keep what the caller sees."""
    where = WHERE[place]
    attempt.fault = fault
    if place == "handshake":
        attempt.proxy.faults = lambda number: [Fault(KINDS.get(fault, fault), way, offset)]
    else:
        where.before(attempt)
        start = attempt.passed()[way]
        attempt.connection.inject(Fault(KINDS.get(fault, fault), way, start + offset))
    try:
        where.hit(attempt)
    except RuntimeError as error:
        attempt.seen = error


def check_seen(attempt: Attempt, promise) -> None:
    seen = attempt.seen
    if not promise.raised:
        assert seen is None, seen
        return
    assert type(seen).__name__ == promise.raised, repr(seen)
    if promise.sent == guarantees.TRUE:
        assert seen.sent is True
    elif promise.sent == guarantees.FALSE:
        assert seen.sent is False
    else:
        assert promise.sent == guarantees.TELLS or not hasattr(seen, "sent")


def check_session(attempt: Attempt, promise) -> None:
    session = attempt.session
    if promise.session in (guarantees.CLOSED, guarantees.UNCONNECTED):
        expected = ddb.LinkError if promise.session == guarantees.CLOSED else (ddb.LinkError, ddb.UsageError)
        sent = session.stats.bytesSent
        for _ in range(2):
            with pytest.raises(expected) as caught:
                attempt.write()
            assert getattr(caught.value, "sent", False) is False
        assert session.is_alive is False and session.stats.bytesSent == sent
        told = re.search("; ([0-9]+) submissions went out since the last proof", str(caught.value))
        attempt.named += int(told[1]) if told else 0
        # the session itself is as good as new
        attempt.proxy.faults = lambda number: ()
        attempt.patience = LONG
        attempt.connect()
        return
    if promise.session == guarantees.LATER:
        attempt.connection.release()
        session.flush(LONG)
        attempt.acknowledged += attempt.submitted[-1:]
    attempt.write()
    if WHERE[promise.place].mode == "acknowledged":
        session.flush(LONG)
        attempt.acknowledged += attempt.submitted[-1:]
    # the end of the proxy would be a fault of its own
    attempt.wait_passed()


def check_server(attempt: Attempt, promise) -> None:
    """Acknowledged rows <= rows on the server <= submitted rows, and what is missing was named."""
    found = attempt.carried_out()
    missing = [request for request in attempt.submitted if request not in found]
    assert not set(found) & set(attempt.withheld), "an exception said that nothing of it was sent"
    assert not set(missing) & set(attempt.acknowledged), "acknowledged and lost"
    assert len(missing) <= attempt.named, "lost silently"
    if promise.server in (guarantees.ALL, guarantees.UNTOLD):
        assert not missing
    elif promise.server in (guarantees.NONE, guarantees.UNREAD):
        assert not found
    else:
        assert promise.server == guarantees.BEGINNING
        assert found == attempt.submitted[: len(found)]
        assert not missing or promise.session != guarantees.LATER


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("place", PLACES)
def test_cell(place, fault, server):
    promise = find(fault, place, server.order)
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chosen = random.Random(seed)
    waits = promise.raised in ("SendTimeout", "ConnectError") and fault not in ("close", "reset")
    # a barrier that is never answered has no bytes toward the client
    ways = ("server",) if (place, server.order) == ("barrier", "unanswered") else WHERE[place].ways
    cuts = [(way, offset) for way in ways for offset in sorted(offsets(place, way, chosen))]
    with contextlib.ExitStack() as stack:
        patience = SHORT if waits else LONG
        with ThreadPoolExecutor(len(cuts)) as pool:
            running = [pool.submit(performed, server, stack, place, fault, patience, *cut) for cut in cuts]
        attempts = []
        for cut, future in zip(cuts, running, strict=True):
            print("byte", *cut)
            attempts.append(attempt := future.result())
            print("seen", repr(attempt.seen))
            check_seen(attempt, promise)
            check_session(attempt, promise)
    # those that were let go of may still have tasks to carry out
    in_thread(lambda: eventually(lambda: server.open_connections == 0)).result()
    for cut, attempt in zip(cuts, attempts, strict=True):
        print("byte", *cut, "seen", repr(attempt.seen))
        check_server(attempt, promise)


def test_table__has_every_cell_once():
    assert {(one.fault, one.place) for one in GUARANTEES} == set(itertools.product(FAULTS, PLACES))
    for fault, place, order in itertools.product(FAULTS, PLACES, ORDERS):
        assert find(fault, place, order)


def check_call(attempt):
    count = f"exec count(*) from {attempt.table}"
    attempt.session.barrier(attempt.patience, check=count, expect=2 * len(attempt.submitted))


#: mode of the session, and the call whose return is looked at
CALLS = {
    "`barrier()`": ("async", lambda attempt: attempt.session.barrier(attempt.patience)),
    "`barrier(check=, expect=)`": ("async", check_call),
    "`flush()` in acknowledged mode": ("acknowledged", lambda attempt: attempt.session.flush(LONG)),
    "`run` of a synchronous session": ("sync", nothing),
    "`run` of an asynchronous session": ("async", nothing),
}


@pytest.mark.parametrize("call", CALLS)
def test_answer(call, server):
    (answer,) = (one for one in ANSWERS if one.call == call and server.order in one.orders)
    mode, make = CALLS[call]
    with contextlib.ExitStack() as stack:
        attempt = Attempt(server, stack, mode, SHORT if answer.raised else LONG)
        attempt.connect_patiently()
        before = server.counters.requests
        for _ in range(20):
            attempt.write()
        if answer.raised:
            with pytest.raises(ddb.LinkError) as caught:
                make(attempt)
            assert type(caught.value).__name__ == answer.raised
        else:
            make(attempt)
        if answer.known == guarantees.FINISHED:
            assert attempt.carried_out() == attempt.submitted
        if answer.known == guarantees.READ:
            assert server.counters.requests - before > 20
        # nothing disturbs the connection: in the end all is there
        eventually(lambda: attempt.carried_out() == attempt.submitted)


def written(attempt) -> list[int]:
    return sorted(attempt.server.table(attempt.table)["a"].tolist())


@pytest.mark.parametrize("retry", [False, True])
@pytest.mark.parametrize("fault", ["close", "reset"])
def test_reconnect__runs_a_call_again_only_if_told_to(fault, retry, server):
    """The reply is lost: the server has written the rows, and the client can not know."""
    with contextlib.ExitStack() as stack:
        attempt = Attempt(server, stack, "sync", LONG)
        attempt.connect(reconnect=True, retryWrites=retry)
        attempt.connection.inject(Fault(fault, "client", attempt.passed()["client"] + 1))
        if retry:
            assert attempt.write() == 2
        else:
            with pytest.raises(ddb.LinkError) as caught:
                attempt.write()
            assert caught.value.sent is True
        assert written(attempt) == ([0, 0, 1, 1] if retry else [0, 1])
        attempt.write()
        assert attempt.session.stats.reconnects == 1


@pytest.mark.parametrize("fault", ["close", "reset"])
def test_reconnect__never_sends_again_what_was_submitted(fault, server):
    with contextlib.ExitStack() as stack:
        attempt = Attempt(server, stack, "async", LONG)
        attempt.connect(reconnect=True)
        attempt.write()
        attempt.wait_passed()
        attempt.connection.inject(Fault(fault, "server", attempt.passed()["server"] + 1))
        with pytest.raises(ddb.LinkError) as caught:
            attempt.write_on()
        lost = len(attempt.submitted) - 1
        attempt.write()
        assert attempt.session.stats.reconnects == 1
        last = attempt.submitted[-1]
        eventually(lambda: last.start in written(attempt))
        found = attempt.carried_out()
        assert lost and attempt.submitted[1] not in found, caught.value
