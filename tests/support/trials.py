"""The guarantees of a failing connection, tried one by one: what the caller sees, what became of each row."""

from __future__ import annotations

import contextlib
import re
import threading
from collections import Counter

import numpy as np
import pandas as pd
import pytest

import dolphindb_fast as ddb
from dolphindb_fast.localserver import LocalServer

from .fault_proxy import Fault, FaultProxy
from .waiting import eventually

__all__ = ["TRIALS", "Synchronous"]

SETUP = """
share streamTable(1:0, `i`x, [INT, DOUBLE]) as t
def store(rows) { tableInsert(t, rows); return select top 2 * from t }
addFunctionView(store)
"""
#: seconds: of time-outs that are waited for, and of those that must not pass
SHORT, LONG = 0.4, 20
#: numbers of calls: before the fault, at the fault, while its end is not noticed, and after it
EARLIER, STRUCK, UNNOTICED, AFTERWARDS = (1, 2), (3, 4, 5), 6, 7
LARGE_ROWS = 2_000_000
GAP = re.compile(r"(\d+) submissions went out since the last proof")


def frame(number, rows=2):
    return pd.DataFrame({"i": np.full(rows, number, dtype=np.int32), "x": np.arange(rows) / 8})


def older(seconds=0.02):
    """Let the clock go on by which a connection is looked at."""
    threading.Event().wait(seconds)


class Trial:
    """One fault at one byte: server, proxy, session, and an account of every call that hands over rows."""

    asynchronous = acknowledge = False
    #: bytes that belong to the place, in the direction of the fault
    toward = "server"

    def __init__(self, guarantee, fault, order, mode, position):
        self.guarantee, self.fault, self.order, self.mode = guarantee, fault, order, mode
        self.position = position     # step and fraction of the place
        self.struck = STRUCK[:1]
        self.handed = Counter()      # how often rows of this number were handed to a call
        self.known = set()           # numbers whose rows the server has, as the caller was told
        self.unsent = set()          # of which the caller was told that nothing was sent
        self.told = set()            # of which nobody knows, as the caller was told
        self.gap = 0                 # submissions of which nobody knows, as the caller was told
        self.handles = {}
        self.requests, self.replies = [], []     # lengths of earlier ones

    # -- what differs from mode to mode

    def call(self, number, rows=2):
        """Hand over rows."""
        return self.session.run("tableInsert{t}", frame(number, rows))

    def prepare(self):
        for number in EARLIER:
            before = self.session.stats
            self.insert(number)
            self.settle()
            after = self.session.stats
            self.requests.append(after.bytesSent - before.bytesSent)
            self.replies.append(after.bytesReceived - before.bytesReceived)

    def settle(self):
        """Until what was handed over has passed."""
        sent = self.session.stats.bytesSent
        self.connection.wait(lambda: self.connection.passed("server") == sent)

    def operate(self):
        """What the fault strikes."""
        self.insert(STRUCK[0], LARGE_ROWS if self.fault == "full" else 2)

    def extent(self):
        """Where the place begins and ends, counted from the beginning of the operation."""
        return 0, self.requests[-1]

    # -- steps

    def insert(self, number, rows=2):
        self.handed[number] += 1
        try:
            result = self.call(number, rows)
        except ddb.LinkError as error:
            (self.told if error.sent else self.unsent).add(number)
            raise
        except ddb.UsageError:
            self.unsent.add(number)
            raise
        if not self.asynchronous and not self.acknowledge:
            self.known.add(number)
        if self.acknowledge:
            self.handles.setdefault(number, []).append(result)

    def seen(self, call):
        """The exception of the connection that the call raises; None if it returns."""
        try:
            call()
        except (ddb.LinkError, ddb.ReplyTimeout) as error:
            found = GAP.search(str(error))
            self.gap = max(self.gap, int(found[1]) if found else 0)
            return error
        return None

    def next_call(self):
        return self.seen(lambda: self.insert(AFTERWARDS))

    def time_outs(self):
        write = SHORT if self.fault == "full" else LONG
        read = SHORT if self.guarantee.sees.error in ("SendTimeout", "ReplyTimeout") else LONG
        return {"writeTimeout": write, "readTimeout": read}

    def connect(self):
        self.session = ddb.Session(
            enableASYNC=self.asynchronous or self.acknowledge,
            acknowledge=self.acknowledge,
            keepUnacknowledged=self.mode == "resubmit",
        )
        self.stack.callback(self.session.close)
        again = self.mode != "plain"
        self.session.connect(
            "127.0.0.1",
            self.proxy.port,
            reconnect=again,
            tryReconnectNums=3 if again else None,
            retryWrites=self.mode == "retry",
            **self.time_outs(),
        )

    def offset(self):
        """Where the fault strikes, counted from the beginning of the operation."""
        where, fraction = self.position
        first, end = self.extent()
        low = max(first, 1)
        return {"before": first, "within": low + int(fraction * (end - low)), "behind": end}[where]

    def strike(self):
        """Plan the fault."""
        base = self.session.stats.bytesSent if self.toward == "server" else self.session.stats.bytesReceived
        kind = "stall" if self.fault == "full" else self.fault
        self.connection.inject(Fault(kind, self.toward, base + self.offset()))
        if self.position[0] == "before":
            self.connection.wait_fired()
            older()

    def run(self):
        with contextlib.ExitStack() as self.stack:
            self.server = self.stack.enter_context(LocalServer())
            self.server.run(SETUP)
            small = 8192 if self.fault == "full" else None
            with FaultProxy(self.server.port, receive_buffer=small) as self.proxy:
                self.begin()
                self.server.order = self.order
                self.strike()
                self.check_sees(self.seen(self.operate))
                self.connection.wait_fired()
                self.check_return()
                getattr(self, "check_" + self.guarantee.session)()
                self.session.close()
                for connection in self.proxy.connections:
                    connection.release()
                    connection.wait(lambda connection=connection: connection.ended)
            eventually(lambda: self.server.open_connections == 0)
            self.check_rows()

    def begin(self):
        self.connect()
        self.connection = self.proxy.connection(0)
        self.prepare()

    # -- what the caller sees

    def check_sees(self, error):
        sees = self.guarantee.sees
        if sees.by == "later":
            assert error is None
            error = next(filter(None, (self.seen(lambda: self.insert(UNNOTICED)) for _ in range(100_000))))
        self.error = error
        assert type(error) is (type(None) if sees.error is None else getattr(ddb, sees.error)), error
        if sees.sent is not None:
            assert error.sent is sees.sent
        self.check_gap()

    def check_gap(self):
        if self.asynchronous and self.error is not None:
            assert self.gap == self.session.stats.requests, self.error

    # -- rows at the moment of the return

    def found(self):
        """How often the server has the rows of each number."""
        cells = Counter(self.server.table("t")["i"].tolist())
        assert all(count % 2 == 0 for count in cells.values()), "half a request"
        return Counter({number: count // 2 for number, count in cells.items()})

    def check_return(self):
        if self.guarantee.server == "finished":
            assert self.all_struck(self.found())
        if self.guarantee.server == "later":
            whole = self.offset() // self.requests[-1]
            if self.order != "shuffled":
                # there they may wait for the rest of the one that is cut
                self.wait_for(self.struck[:whole])
            assert not any(self.found()[number] for number in self.struck[whole:])
            self.connection.release()
            self.wait_for(self.struck)

    def wait_for(self, numbers):
        eventually(lambda: all(self.found()[number] for number in numbers))

    def all_struck(self, found):
        return all(found[number] == 1 for number in self.struck)

    # -- the session afterwards

    def check_open(self):
        self.connection.release()
        assert self.next_call() is None
        self.check_works()
        assert len(self.proxy.connections) == 1 and self.session.stats.reconnects == 0

    def check_works(self):
        """What the last call handed over arrives."""
        self.wait_for([AFTERWARDS])

    def check_lost(self):
        if self.mode == "plain":
            errors = [self.next_call() for _ in range(2)]
            assert [type(error) for error in errors] == [ddb.LinkError] * 2
            assert not errors[0].sent and str(errors[0]) == str(errors[1])
            assert self.session.stats.lastError in str(errors[0])
            assert len(self.proxy.connections) == 1
        else:
            self.check_moves()

    def check_moves(self):
        assert self.next_call() is None
        self.check_moved()

    def check_moved(self):
        assert self.session.stats.reconnects == 1 and len(self.proxy.connections) == 2
        assert self.next_call() is None
        self.check_works()

    def check_ends(self):
        """Once its end is a little older."""
        older()
        if self.mode == "plain" or self.asynchronous or self.acknowledge:
            error = self.next_call()
            assert type(error) is ddb.LinkError and not error.sent
        self.check_lost()

    # -- rows in the end

    def check_rows(self):
        found, struck = self.found(), Counter(self.struck)
        most = 2 if self.guarantee.server == "twice" else 1
        for number, times in self.handed.items():
            assert found[number] <= most * times, f"{number} was handed over {times} times"
        assert not set(found) - set(self.handed)
        assert not any(found[number] for number in self.unsent - self.known - {AFTERWARDS, UNNOTICED})
        assert all(found[number] for number in (*EARLIER, *self.known))
        lost = {number for number in self.handed if not found[number]} - self.unsent - self.told
        assert not lost or sum(self.handed[number] for number in lost) <= self.gap, "lost silently"
        whole = Counter(self.struck[: self.offset() // self.requests[-1]])
        at_struck = {number: found[number] for number in self.struck}
        expected = {
            "": [Counter()],
            "all": [struck],
            "finished": [struck],
            "read": [struck],
            "later": [struck],
            "none": [Counter()],
            "whole": [whole],
            "maybe": [struck, Counter()],
        }
        if self.guarantee.server in expected:
            assert Counter(at_struck) in expected[self.guarantee.server], at_struck
        elif self.guarantee.server == "twice":
            assert all(at_struck.values()), at_struck
        else:
            assert self.guarantee.server == "answered"


class Asynchronous(Trial):
    asynchronous = True


class Batch(Asynchronous):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.struck = STRUCK

    def operate(self):
        rows = LARGE_ROWS if self.fault == "full" else 2
        try:
            with self.session.batch(maxBytes=1 << 30):
                for number, count in zip(STRUCK, (rows, 2, 2), strict=True):
                    self.insert(number, count)
        except ddb.LinkError as error:
            assert "3 gathered submissions" in str(error)
            (self.told if error.sent else self.unsent).update(STRUCK)
            raise

    def extent(self):
        return 0, self.requests[-1] * len(STRUCK)

    def check_gap(self):
        if self.guarantee.sees.by == "later":
            super().check_gap()
        elif self.error is not None:
            # those before
            assert self.gap == len(EARLIER)


class Barrier(Asynchronous):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.struck = STRUCK
        self.toward = "client" if self.guarantee.place == "barrier-answer" else "server"

    def prepare(self):
        for number in EARLIER:
            self.insert(number)
        before = self.session.stats
        self.session.barrier(LONG)
        after = self.session.stats
        self.known.update(EARLIER)
        self.lengths = {
            "server": after.bytesSent - before.bytesSent,
            "client": after.bytesReceived - before.bytesReceived,
        }
        self.requests = [1 << 30]
        for number in STRUCK:
            self.insert(number)
        self.settle()

    def extent(self):
        return 0, self.lengths[self.toward]

    def operate(self):
        self.session.barrier(SHORT if self.guarantee.sees.error == "SendTimeout" else LONG)

    def check_gap(self):
        """A barrier is a proof of what was sent before it."""
        if self.error is not None:
            assert self.gap == len(STRUCK)

    def check_ends(self):
        super().check_ends()
        assert self.gap <= 1


class Synchronous(Trial):
    def call(self, number, rows=2):
        return self.session.run("store", frame(number, rows))

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.toward = "server" if self.guarantee.place == "synchronous" else "client"

    def extent(self):
        head = len(b"%s 1 1\nOK\n" % self.session.session_id.encode())
        reply = self.replies[-1]
        return {"synchronous": (0, self.requests[-1]), "header": (0, head), "body": (head, reply)}[
            self.guarantee.place
        ]

    def check_works(self):
        assert self.found()[AFTERWARDS]

    def check_rows(self):
        if self.guarantee.place != "synchronous":
            # the place's bytes are those of replies, whose requests have passed
            self.requests = [1]
        super().check_rows()


class Acknowledged(Trial):
    acknowledge = True

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.toward = "server" if self.guarantee.place == "acknowledged-request" else "client"
        self.struck = STRUCK[:1] if self.fault == "full" else STRUCK

    def settle(self):
        self.session.flush(LONG)

    def extent(self):
        lengths = self.requests if self.toward == "server" else self.replies
        return 0, lengths[-1] * len(STRUCK)

    def operate(self):
        for number in self.struck:
            try:
                self.insert(number, LARGE_ROWS if self.fault == "full" else 2)
            except ddb.LinkError:
                if number == STRUCK[0]:
                    raise
                # the end of the connection was noticed before this one
                self.struck = STRUCK[: STRUCK.index(number)]
                break
        try:
            self.session.flush(SHORT if self.guarantee.sees.error == "ReplyTimeout" else LONG)
        except ddb.SubmissionError as caught:
            errors = [handle.exception() for number in self.struck for handle in self.handles[number]]
            unknown = [error for error in errors if error is not None]
            assert len(unknown) == caught.count and unknown
            raise unknown[0] from None

    def outcomes(self):
        """Account for what became of each submission."""
        for number, handles in self.handles.items():
            for handle in handles:
                if not handle.done():
                    continue
                if handle.exception() is None:
                    assert handle.result() == 2
                    self.known.add(number)
                else:
                    assert type(handle.exception()) is ddb.OutcomeUnknown
                    self.told.add(number)

    def check_return(self):
        super().check_return()
        self.outcomes()
        if type(self.error) is ddb.ReplyTimeout:
            assert not self.handles[self.struck[-1]][0].done() or self.guarantee.server == "later"

    def check_open(self):
        super().check_open()
        self.session.flush(LONG)
        self.outcomes()
        assert self.known == set(self.handed)

    def check_works(self):
        self.session.flush(LONG)
        self.outcomes()
        assert AFTERWARDS in self.known

    def check_lost(self):
        if self.mode == "resubmit":
            unknown = [number for number in self.struck if number not in self.known]
            items = self.session.unacknowledged()
            assert [item.frame()["i"].iloc[0] for item in items] == unknown
            for item in items:
                assert self.session.resubmit(item).result(LONG) == 2
            self.known.update(unknown)
        if self.error is not None and self.mode != "plain" and type(self.error) is ddb.SendTimeout:
            # flush tells of it once
            with pytest.raises(ddb.SubmissionError):
                self.session.flush(LONG)
        super().check_lost()

    def check_rows(self):
        self.outcomes()
        super().check_rows()


class Handshake(Trial):
    """Of a connection that is made; an earlier one tells how long it is."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.toward = "client" if self.guarantee.place == "handshake-answer" else "server"
        self.struck = ()

    def time_outs(self):
        passes = self.fault != "stall" or self.position[0] == "behind"
        return {"writeTimeout": LONG if passes else SHORT}

    def begin(self):
        self.connect()
        for number in EARLIER:
            self.insert(number)
        self.session.close()
        connection = self.proxy.connection(0)
        with ddb.Session(enableASYNC=self.asynchronous) as measured:
            measured.connect("127.0.0.1", self.proxy.port)
            self.lengths = {"server": measured.stats.bytesSent, "client": measured.stats.bytesReceived}
        connection.wait(lambda: connection.ended)
        self.requests = [1 << 30]

    def extent(self):
        return 0, self.lengths[self.toward]

    def strike(self):
        fault = Fault(self.fault, self.toward, self.offset())
        self.proxy.faults = lambda number: [fault] if number == 2 else []

    def operate(self):
        try:
            self.connect()
        finally:
            self.connection = self.proxy.connection(2)

    def check_gap(self):
        pass

    def check_open(self):
        self.connection.release()
        assert self.next_call() is None
        self.check_works()
        assert len(self.proxy.connections) == 3

    def check_moved(self):
        assert len(self.proxy.connections) == 4 and self.session.stats.reconnects == 0
        assert self.next_call() is None
        self.check_works()

    def check_none(self):
        with pytest.raises((ddb.LinkError, ddb.UsageError)):
            self.insert(AFTERWARDS)
        assert len(self.proxy.connections) == 3

    def check_ends(self):
        older()
        error = self.next_call()
        if self.mode == "plain":
            assert type(error) is ddb.LinkError
            assert len(self.proxy.connections) == 3
        else:
            assert (error is None) is not self.asynchronous
            assert self.next_call() is None
            self.check_works()
            assert len(self.proxy.connections) == 4 and self.session.stats.reconnects == 1


class AsynchronousHandshake(Handshake):
    asynchronous = True


#: place -> what it is tried with
TRIALS = {
    "handshake-request": [Handshake, AsynchronousHandshake],
    "handshake-answer": [Handshake, AsynchronousHandshake],
    "asynchronous": [Asynchronous],
    "batch": [Batch],
    "barrier-request": [Barrier],
    "barrier-answer": [Barrier],
    "synchronous": [Synchronous],
    "header": [Synchronous],
    "body": [Synchronous],
    "acknowledged-request": [Acknowledged],
    "acknowledged-reply": [Acknowledged],
}
