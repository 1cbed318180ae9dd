"""Any sequence of operations, against a model of the rows that must, may and must not be on the server.

A fixed set of examples; ``DOLPHINDB_FAST_FUZZ=N`` tries N new ones of each kind and prints the seed, which
``DOLPHINDB_FAST_SEED`` repeats.
"""

from __future__ import annotations

import contextlib
import itertools
from unittest import mock

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from support.fuzzing import FUZZ, SEED, say_seed  # noqa: F401
from support.recorder import DEADLINE
from support.server_process import restartable_server
from support.waiting import eventually, in_thread

import dolphindb_fast as ddb
from dolphindb_fast import Submission, reconnect

EXAMPLES, STEPS = 20, 25

INSERT = "tableInsert{kept}"
TABLE = "share streamTable(1:0, `id`half`text, [LONG,DOUBLE,STRING]) as kept"
MODES = {
    "synchronous": {},
    "asynchronous": {"enableASYNC": True},
    "acknowledged": {"enableASYNC": True, "acknowledge": True, "keepUnacknowledged": True},
}
REFUSED = {
    "nul": lambda frame: frame.assign(text="a\0b"),
    "object": lambda frame: frame.assign(half=[*[1.5] * (len(frame) - 1), object()]),
    "zone": lambda frame: frame.assign(half=pd.Timestamp("2024-01-02", tz="UTC")),
}
#: 3,000 rows are sent in another way than a few
ROWS = st.sampled_from([1, 2, 5, 3000])


def in_use(machine):
    return machine.usable


class SessionMachine(RuleBasedStateMachine):
    """One session of one mode, and a local server that ends and comes back with its tables.

    Of each row that a call was given the model knows one of three things: it was proven to be there
    (`certain`), it was not sent (`refused`), or nobody knows. Of the session it knows whether a call must
    work, must fail, or may do either since the server has ended since the last proof of the connection.
    """

    mode: str
    order = "sequential"

    def __init__(self):
        super().__init__()
        self.waiting = mock.patch.object(reconnect, "pause", lambda stopped, seconds: None)
        self.waiting.start()
        self.running = contextlib.ExitStack()
        self.server = self.running.enter_context(restartable_server(order=self.order))
        self.up = True
        self.starts = 1
        self.server.run(TABLE)
        self.numbers = itertools.count()
        self.submitted: set[int] = set()
        self.certain: set[int] = set()
        self.refused: set[int] = set()
        self.repeated: set[int] = set()
        # handed over by an asynchronous session, and nothing happened since that would lose it
        self.pending: set[int] = set()
        # acknowledged mode: (submission, rows; None of a function that fails)
        self.outstanding: list = []
        self.failures = 0
        self.failures_exact = True
        # rows of calls that returned, and of those that may have been sent
        self.handed_over = self.perhaps = 0
        self.variables: dict[str, int] = {}

    @initialize(again=st.booleans())
    def make_session(self, again):
        self.session = ddb.Session(**MODES[self.mode])
        self.asked_again = self.again = again
        self.closed = self.lost = False
        self.connected_to = None  # number of the server's start
        self.session_id = ""
        self.connect()

    def teardown(self):
        try:
            if not self.up:
                self.start_server()
            if hasattr(self, "session"):
                self.close(again=False)
                self.rows_are_as_promised()
                self.submissions_are_as_promised()
                assert all(submission.done() for submission, _ in self.outstanding)
        finally:
            self.running.close()
            self.waiting.stop()

    # -- the model of the session -------------------------------------------------------------------------

    @property
    def asynchronous(self):
        return self.mode == "asynchronous"

    @property
    def acknowledged(self):
        return self.mode == "acknowledged"

    @property
    def usable(self):
        return self.connected_to is not None and not self.closed

    @property
    def must_work(self):
        if not self.usable:
            return False
        if self.lost:
            return self.again and self.up
        return self.connected_to == self.starts and self.up

    @property
    def must_fail(self):
        return not self.usable or (self.lost and not (self.again and self.up))

    def call(self, make, *expected, revives=True):
        """Value and exception of a call, after the model has agreed that it may end so."""
        must_work, must_fail = self.must_work, self.must_fail
        if self.lost and not revives:
            must_work, must_fail = False, True
        try:
            value = make()
        except expected as error:
            self.note_connection()
            return None, error
        except ddb.UsageError as error:
            assert not self.usable, error
            return None, error
        except ddb.LinkError as error:
            assert not must_work, error
            assert not isinstance(error, ddb.SendTimeout), error
            if isinstance(error, ddb.ConnectError):
                assert self.again and not self.up, error
            # a submission whose sending met the fault is told by this, and by `flush` too if it was begun
            self.failures_exact = self.failures_exact and must_fail
            if self.usable:
                self.lose()
            return None, error
        assert not must_fail, "a call worked that can't have"
        self.note_connection()
        return value, None

    def note_connection(self):
        """A call got through: which connection was it?"""
        if self.session.session_id != self.session_id:
            # connected again
            assert self.up and self.again
            self.session_id, self.connected_to = self.session.session_id, self.starts
            self.pending.clear()
            self.variables.clear()
        self.lost = False

    def lose(self):
        self.lost = True
        self.pending.clear()

    def frame(self, count):
        first = next(self.numbers) * 10_000
        ids = np.arange(first, first + count)
        self.submitted.update(ids.tolist())
        return pd.DataFrame({"id": ids, "half": ids / 2, "text": [f"row {number}" for number in ids]})

    def note_rows(self, ids, value, error):
        """What became of rows that one call was given."""
        if error is None:
            self.handed_over += len(ids)
            if self.asynchronous:
                assert value is None
                self.note_pending(ids)
            elif self.acknowledged:
                self.outstanding.append((value, ids))
            else:
                assert value == len(ids)
                self.certain |= ids
        elif isinstance(error, ddb.LinkError) and error.sent:
            self.perhaps += len(ids)
        else:
            self.refused |= ids

    def note_pending(self, ids):
        # a connection whose server has ended takes bytes for a while
        if self.asynchronous and self.up and self.connected_to == self.starts:
            self.pending |= ids

    def submit(self, frame):
        ids = set(frame["id"].tolist())
        self.note_rows(ids, *self.call(lambda: self.session.run(INSERT, frame)))

    def settled(self, connections):
        """Wait until the server has seen the end of a connection, and done what came before that."""
        eventually(lambda: self.server.open_connections == connections)
        self.certain |= self.pending
        self.pending.clear()

    # -- what is done -------------------------------------------------------------------------------------
    # Preconditions may not depend on what the session has noticed so far: that differs from run to run.

    @rule()
    def connect(self):
        try:
            self.session.connect(
                "127.0.0.1", self.server.port, "admin", "123456", reconnect=self.asked_again,
                tryReconnectNums=2, writeTimeout=DEADLINE, readTimeout=DEADLINE,
            )  # fmt: skip
        except ddb.ConnectError:
            # the connection, if there is one, is still the one before; but nobody said that it may be made
            # again
            assert not self.up
            self.again = False
            return
        assert self.up
        self.again = self.asked_again
        self.closed = self.lost = False
        self.variables.clear()
        self.session_id, self.connected_to = self.session.session_id, self.starts
        self.settled(1)

    @precondition(in_use)
    @rule(counts=st.lists(ROWS, min_size=1, max_size=4))
    def run_rows(self, counts):
        for count in counts:
            self.submit(self.frame(count))

    @precondition(lambda self: not self.usable)
    @rule()
    def use_closed(self):
        self.submit(self.frame(1))
        self.run_failing_function()
        self.upload("x", 1)
        self.batch(["rows"], 1)
        self.barrier()
        if self.acknowledged:
            self.flush()

    @precondition(in_use)
    @rule(count=ROWS, what=st.sampled_from(sorted(REFUSED)))
    def run_refused_frame(self, count, what):
        frame = self.frame(count)
        ids = set(frame["id"].tolist())
        _, error = self.call(lambda: self.session.run(INSERT, REFUSED[what](frame)), ddb.ConversionError)
        assert isinstance(error, ddb.ConversionError) or not self.must_work
        self.refused |= ids

    @precondition(in_use)
    @rule()
    def run_failing_function(self):
        value, error = self.call(lambda: self.session.run("no_such_function", 1), ddb.ServerError)
        if self.acknowledged and error is None:
            self.outstanding.append((value, None))
        elif self.mode == "synchronous":
            assert error is not None
        if isinstance(error, ddb.ServerError):
            assert "no_such_function" in error.serverText

    @precondition(in_use)
    @rule(name=st.sampled_from("xyz"), value=st.integers(0, 9))
    def upload(self, name, value):
        result, error = self.ask(lambda: self.session.upload({name: value}))
        if error is None:
            assert result == (None if self.acknowledged else -1)
            self.variables[name] = value

    @precondition(lambda self: in_use(self) and self.mode != "asynchronous")
    @rule(name=st.sampled_from("xyz"))
    def ask_variable(self, name):
        value, error = self.ask(lambda: self.session.run(name))
        if error is None:
            assert value == self.variables[name]
        elif isinstance(error, ddb.ServerError):
            assert name not in self.variables
            self.failures += self.acknowledged

    @precondition(lambda self: in_use(self) and self.mode != "asynchronous")
    @rule()
    def count_rows(self):
        value, error = self.ask(lambda: self.session.run("exec count(*) from kept"))
        assert error is not None or value == len(self.found())

    def ask(self, make):
        """As `call`, for a call whose answer is waited for in acknowledged mode too."""
        could_fail = not self.must_work
        value, error = self.call(
            lambda: made.result(DEADLINE) if isinstance(made := make(), Submission) else made,
            ddb.ServerError,
            ddb.OutcomeUnknown,
        )
        if isinstance(error, ddb.OutcomeUnknown):
            assert could_fail
            self.failures += 1
            self.lose()
        return value, error

    @precondition(in_use)
    @rule(
        steps=st.lists(st.sampled_from(["rows", "rows", "refused", "failing"]), max_size=6),
        most=st.sampled_from([1, 500, 1 << 18]),
    )
    def batch(self, steps, most):
        if self.mode == "synchronous":
            with pytest.raises(ddb.UsageError):
                self.session.batch(most).__enter__()
            return
        gathered: set[int] = set()
        submissions = []

        def gather():
            with self.session.batch(most):
                for step in steps:
                    frame = self.frame(2)
                    ids = set(frame["id"].tolist())
                    if step == "refused":
                        self.refused |= ids
                        with pytest.raises(ddb.ConversionError):
                            self.session.run(INSERT, REFUSED["nul"](frame))
                    elif step == "failing":
                        self.refused |= ids
                        submissions.append((self.session.run("no_such_function", 1), None))
                    else:
                        gathered.update(ids)
                        submissions.append((self.session.run(INSERT, frame), ids))

        _, error = self.call(gather)
        if self.acknowledged:
            self.outstanding += submissions
        if error is None:
            self.handed_over += len(gathered)
            self.note_pending(gathered)
        else:
            # the one whose call raised counts as a failure too, or did not leave
            self.perhaps += len(gathered)
            self.failures_exact = False

    @precondition(in_use)
    @rule()
    def barrier(self):
        if self.mode == "synchronous":
            with pytest.raises(ddb.UsageError):
                self.session.barrier()
            return
        pending, connection = set(self.pending), self.session_id
        # on a connection made for it, it would prove nothing
        _, error = self.call(lambda: self.session.barrier(DEADLINE), revives=False)
        if error is None and self.asynchronous and self.order == "sequential":
            assert self.session_id == connection
            self.certain |= pending
            self.pending -= pending

    @precondition(lambda self: in_use(self) and self.acknowledged)
    @rule()
    def flush(self):
        try:
            self.session.flush(DEADLINE)
        except ddb.SubmissionError as error:
            self.submissions_are_as_promised()
            if self.failures_exact:
                assert error.count == self.failures
            assert len(error.failures) == error.count
            assert all(failure.exception() is not None for failure in error.failures)
        except ddb.UsageError:
            assert not self.usable
        except ddb.LinkError:
            assert not self.must_work or self.lost
            self.lose()
        else:
            self.submissions_are_as_promised()
            assert not self.failures or not self.failures_exact
            assert self.usable
        assert all(submission.done() for submission, _ in self.outstanding)
        self.submissions_are_as_promised()
        self.failures, self.failures_exact = 0, True

    @precondition(lambda self: in_use(self) and self.acknowledged)
    @rule()
    def resubmit(self):
        if not self.must_work:
            return
        for submission, _ in self.outstanding:
            submission.exception(DEADLINE)
        self.submissions_are_as_promised()
        for item in self.session.unacknowledged():
            frame = item.frame()
            ids = set(frame["id"].tolist()) if isinstance(frame, pd.DataFrame) else None
            self.repeated |= ids or set()
            value, error = self.call(lambda item=item: self.session.resubmit(item))
            assert error is None
            if item.name in (INSERT, "no_such_function"):
                self.outstanding.append((value, ids))
                self.handed_over += item.rows
            else:
                # a question, perhaps for a variable that the new connection does not have
                self.failures += value.exception(DEADLINE) is not None
                if b"\nvariable\n" in item.bytes:
                    self.variables[item.name] = item.frame()

    @precondition(lambda self: self.up)
    @rule(back=st.booleans())
    def stop_server(self, back):
        self.server.stop()
        self.up = False
        self.pending.clear()
        if back:
            self.start_server()

    @precondition(lambda self: not self.up)
    @rule()
    def start_server(self):
        self.server.start()
        self.up = True
        self.starts += 1

    @rule(again=st.booleans())
    def close(self, again):
        self.session.close()
        self.closed = True
        if self.up:
            self.settled(0)
        with pytest.raises(ddb.UsageError):
            self.session.run("1")
        if again:
            self.connect()

    @precondition(lambda self: self.up and self.usable)
    @rule(meanwhile=st.sampled_from(["nothing", "refused", "close", "stop"]), count=ROWS)
    def second_thread(self, meanwhile, count):
        """Another thread's call is under way, and in a session that waits for replies holds the session."""
        if self.lost or not self.must_work:
            return
        frame = self.frame(count)
        ids = set(frame["id"].tolist())
        before = self.session.stats
        with self.server.paused():
            call = in_thread(lambda: self.session.run(INSERT, frame))
            eventually(lambda: self.session.stats.bytesSent > before.bytesSent)
            assert call.running or self.mode != "synchronous"
            if meanwhile == "refused":
                self.run_refused_frame(2, "nul")
            elif meanwhile != "nothing":
                # whoever waits for a reply is sent away, and has to go without one
                self.session.close() if meanwhile == "close" else self.server.stop()
        try:
            value = call.result()
        except ddb.LinkError as error:
            assert meanwhile in ("close", "stop") and error.sent
            self.perhaps += len(ids)
            self.lost = True
        else:
            self.note_rows(ids, value, None)
        if meanwhile == "close":
            self.close(again=False)
        elif meanwhile == "stop":
            self.up = False
            self.pending.clear()
            self.start_server()

    # -- what holds after each of them --------------------------------------------------------------------

    def found(self):
        return self.server.run("exec id from kept").data.tolist()

    @invariant()
    def rows_are_as_promised(self):
        found = self.found()
        once = set(found)
        assert self.certain <= once, "an acknowledged row is lost"
        assert once <= self.submitted, "a row that nobody sent"
        assert not once & (self.refused - self.repeated), "a row of a call that said it sent nothing"
        twice = {number for number in once - self.repeated if len(found) != len(once) and found.count(number) > 1}
        assert not twice, "a row was sent twice"

    @invariant()
    def submissions_are_as_promised(self):
        left = []
        for submission, ids in self.outstanding:
            if not submission.done():
                left.append((submission, ids))
                continue
            error = submission.exception()
            if error is None:
                assert ids is not None and submission.result() == len(ids)
                self.certain |= ids
                continue
            if isinstance(error, ddb.ServerError):
                assert ids is None
            else:
                assert isinstance(error, ddb.LinkError)
            self.failures += 1
        self.outstanding = left

    @invariant()
    def counters_are_as_promised(self):
        if hasattr(self, "session"):
            stats = self.session.stats
            assert self.handed_over <= stats.rows <= self.handed_over + self.perhaps


def machine(mode, order="sequential"):
    return type(f"Machine_{mode}_{order}", (SessionMachine,), {"mode": mode, "order": order})


@pytest.mark.parametrize(
    "mode, order",
    [
        ("synchronous", "sequential"),
        ("asynchronous", "sequential"),
        ("asynchronous", "shuffled"),
        ("acknowledged", "sequential"),
    ],
)
def test_operations__in_any_order(mode, order, watchdog):
    chosen = {"derandomize": True, "max_examples": EXAMPLES}
    if FUZZ:
        chosen = {"max_examples": FUZZ}

    class Watched(machine(mode, order)):
        def __init__(self):
            watchdog()
            super().__init__()

    run_state_machine_as_test(
        seed(SEED)(Watched) if FUZZ else Watched,
        settings=settings(
            stateful_step_count=STEPS, deadline=None, database=None, print_blob=True,
            suppress_health_check=list(HealthCheck), report_multiple_bugs=False, **chosen,
        ),
    )  # fmt: skip
