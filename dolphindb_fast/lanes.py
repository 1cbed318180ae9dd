"""Threads that write what a writer was given: one for each connection, and one that spreads rows over them."""

from __future__ import annotations

import logging
import os
import threading
import weakref
from collections import deque
from time import monotonic
from typing import Any

from ._core import RowQueue, Submission, spread_rows
from .column import Table
from .errors import (
    ConnectError,
    ConversionError,
    LinkError,
    OutcomeUnknown,
    ProtocolError,
    ReplyTimeout,
    ServerError,
    UsageError,
)
from .partitions import thread_numbers
from .reconnect import MOST_REPEATS, Node, pause, pauses, place_of
from .result import to_python
from .schema import TableSchema
from .session import Session

__all__ = ["Batch", "Parts", "Work", "as_rows", "open_works"]

log = logging.getLogger("dolphindb_fast")

#: rows of one request, unless batchSize is larger
MOST_ROWS = 65536
#: seconds for which a thread waits for a reply before it looks whether there is something to send
REPLY_SLICE = 0.005
#: seconds that one thread which spreads rows waits for more of them
SPREAD_DELAY = 0.002
#: seconds for replies to what was sent before an error ended the writer
LAST_REPLIES = 10.0

#: tuples, one a row, or a frame that was given as a whole, in the types of the table
Batch = list[tuple[object, ...]] | Table

_works: weakref.WeakSet[Work] = weakref.WeakSet()


def _forked() -> None:
    for work in list(_works):
        work.foreign = True
        work.queue.limit = -1


def open_works() -> list[Work]:
    """Those of this process's writers that were not forgotten."""
    return [work for work in list(_works) if not work.foreign]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


class Work:
    """What the threads of a writer share.

    Parameters
    ----------
    schema : TableSchema
    function : str
        What is called with each batch.
    place : int
        The column that says which thread a row belongs to.
    batch_size : int
    throttle : float
    limit : int
        Rows that may be open, see `RowQueue.limit`.
    most_in_flight : int
        Batches of one thread without reply.
    retry_writes : bool
        Send again what may have been written.
    """

    def __init__(
        self,
        schema: TableSchema,
        function: str,
        place: int,
        batch_size: int,
        throttle: float,
        limit: int,
        most_in_flight: int,
        retry_writes: bool,
    ) -> None:
        self.schema = schema
        self.function = function
        self.place = place
        self.batch_size = batch_size
        self.throttle = throttle
        self.most_in_flight = most_in_flight
        self.retry_writes = retry_writes
        self.capacity = limit
        self.appends = function.startswith("tableInsert")
        self.queue = RowQueue()
        self.lanes: list[Lane] = []
        self.spreader: Spreader | None = None
        self.cause: BaseException | None = None
        self.error_code = ""
        self.error_info = ""
        self.closing = False  # all that is queued is written, then the threads end
        self.aborted = False  # the threads end
        self.foreign = False  # this is a fork of the process whose threads they are
        self.dropped = 0
        self.ignored = 0
        self.aside = 0  # rows of unknown outcome that were not fetched
        self.room = threading.Condition()
        self.waiting = 0
        _works.add(self)

    def start(self, sessions: list[Session]) -> None:
        """Begin, each thread with one of the sessions."""
        alone = len(sessions) == 1
        self.lanes = [Lane(self, session, self.queue if alone else RowQueue()) for session in sessions]
        if not alone:
            self.spreader = Spreader(self)
        self.queue.limit = self.capacity
        for one in self.threads():
            one.thread.start()

    def threads(self) -> list[Spreader | Lane]:
        return [*([self.spreader] if self.spreader else []), *self.lanes]

    @property
    def stopped(self) -> bool:
        """Nothing more is sent."""
        return self.aborted or self.cause is not None

    @property
    def is_drained(self) -> bool:
        """No rows will come any more."""
        return self.closing and (self.spreader is None or self.spreader.done)

    def look_around(self) -> None:
        self.queue.poke()
        for lane in self.lanes:
            lane.queue.poke()
        with self.room:
            self.room.notify_all()

    def enter(self, item: tuple[object, ...] | Batch | Parts, rows: int, deadline: float | None) -> bool:
        """Take a row, or what leaves as a whole, as soon as there is room.

        False: there was none by the deadline, or the writer has ended.
        """
        queue = self.queue
        with self.room:
            self.waiting += 1
            try:
                while queue.limit >= 0:
                    # first the claim, then the look: who inserts a row, if there is room for it, asks no lock
                    queue.add_pending(rows)
                    if queue.pending <= max(queue.limit, rows):
                        if isinstance(item, tuple):
                            queue.extend([item])
                        else:
                            queue.put(item, rows)
                        return True
                    queue.add_pending(-rows)
                    left = None if deadline is None else deadline - monotonic()
                    if left is not None and left <= 0:
                        break
                    self.room.wait(left)
            finally:
                self.waiting -= 1
        return False

    def finish(self) -> None:
        """Write what is there, and end."""
        with self.room:
            # nothing may be taken that no thread would see
            self.queue.limit = -1
            self.closing = True
        self.look_around()

    def fail(self, code: str, cause: BaseException, info: str) -> None:
        """End because of an error, if none came before."""
        with self.room:
            first = self.cause is None
            if first:
                self.error_code, self.error_info, self.cause = code, info, cause
            self.queue.limit = -1
        if first:
            log.warning("writer of table %s ended: %s", self.schema.label, info)
        self.look_around()

    def abort(self, error: BaseException) -> None:
        """End now; what is not answered has an unknown outcome."""
        self.aborted = True
        self.fail("A5", error, str(error))
        for lane in self.lanes:
            lane.session.close()

    def settle(self, rows: int) -> None:
        """So many rows are open no longer."""
        self.queue.add_pending(-rows)
        if self.waiting:
            with self.room:
                self.room.notify_all()

    def put_aside(self, rows: int) -> None:
        """So many rows have an unknown outcome, and are kept."""
        self.settle(rows)
        with self.room:
            self.aside += rows
        if self.aside > self.capacity:
            error = UsageError(
                f"{self.aside} rows of table {self.schema.label} have an unknown outcome, and getUnwrittenData() "
                "was not called to take them"
            )
            self.fail("A5", error, f"Failed to save the inserted data: {error}")

    @property
    def unconfirmed(self) -> int:
        """Rows that the writer has and that are not known to be in the table."""
        return self.queue.pending + self.aside

    def counts(self) -> list[tuple[int, int, int, int]]:
        """Of the rows that no thread has yet, and of each thread; as `Lane.counts`."""
        spreader = self.spreader
        if spreader is None:
            return [(0, 0, 0, 0), *(lane.counts() for lane in self.lanes)]
        # no row may pass from one to the other meanwhile
        with spreader.lock:
            return [spreader.counts(), *(lane.counts() for lane in self.lanes)]

    def take_unwritten(self) -> tuple[list[Batch], list[Batch]]:
        """All that is not confirmed and not on its way: what may have been written, and what was not."""
        uncertain: list[Batch] = []
        unwritten: list[Batch] = []
        for one in self.threads():
            with one.lock:
                uncertain += one.take_uncertain()
                unwritten += one.take_rest()
        unwritten += self.queue.take()
        self.settle(sum(map(len, unwritten)))
        with self.room:
            self.aside -= sum(map(len, uncertain))
        return uncertain, unwritten

    def put_back(self, uncertain: list[Batch], unwritten: list[Batch]) -> None:
        """What `take_unwritten` returned."""
        lane = self.lanes[0]
        with lane.lock:
            lane.uncertain += uncertain
            lane.failed += unwritten
        self.queue.add_pending(sum(map(len, unwritten)))
        with self.room:
            self.aside += sum(map(len, uncertain))


class Parts(dict[int, Batch]):
    """A frame by the numbers of the threads that write its parts."""

    def __len__(self) -> int:
        return sum(map(len, self.values()))


def as_rows(batch: Batch | Parts) -> list[list[Any]]:
    """A batch as the official client's lists of values."""
    if isinstance(batch, Parts):
        return [row for part in batch.values() for row in as_rows(part)]
    if isinstance(batch, Table):
        frame = to_python(batch, lossless=True)
        columns = (frame.iloc[:, i].astype(object) for i in range(frame.shape[1]))
        return [list(row) for row in zip(*columns, strict=True)]
    return [list(row) for row in batch]


class Spreader:
    """The thread that gives rows to the others, by the value of one column."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self.lock = threading.RLock()
        self.done = False
        self.failed: list[Batch] = []
        self.thread = threading.Thread(target=self._run, name="dolphindb-writer-spread", daemon=True)

    def take_uncertain(self) -> list[Batch]:
        return []

    def take_rest(self) -> list[Batch]:
        failed, self.failed = self.failed, []
        return failed

    def counts(self) -> tuple[int, int, int, int]:
        return 0, 0, self.work.queue.count, sum(map(len, self.failed))

    def _run(self) -> None:
        work, queue = self.work, self.work.queue
        try:
            while not work.stopped:
                queue.wait(1)
                if queue.count and not work.closing and not queue.is_urgent:
                    # a few rows cost as much as some hundred
                    queue.wait(work.batch_size, SPREAD_DELAY)
                with self.lock:
                    self._spread(queue.take())
                if work.closing and not queue.count:
                    break
        except BaseException as error:
            # nothing is expected here, but a thread that ends in silence would leave its rows for ever
            work.fail("A5", error, f"{type(error).__name__}: {error}")
        finally:
            self.done = True
            for lane in work.lanes:
                lane.queue.poke()

    def _spread(self, batches: list[Any]) -> None:
        work = self.work
        for number, batch in enumerate(batches):
            try:
                if isinstance(batch, Parts):
                    for thread, part in batch.items():
                        work.lanes[thread].queue.put(part, len(part))
                    continue
                threads = thread_numbers(batch, work.schema, work.place, len(work.lanes))
                parts = spread_rows(batch, threads, len(work.lanes))
            except BaseException as error:
                self.failed += batches[number:]
                if not isinstance(error, ConversionError):
                    raise
                return work.fail("A1", error, f"Data conversion error: {error}")
            for lane, rows in zip(work.lanes, parts, strict=True):
                if rows:
                    lane.queue.extend(rows)


class Lane:
    """One connection and the thread that writes over it.

    Batches leave back to back, and each is kept until its reply is here.
    """

    def __init__(self, work: Work, session: Session, queue: RowQueue) -> None:
        self.work = work
        self.session = session
        self.queue = queue
        self.lock = threading.RLock()
        self.ready: deque[Batch] = deque()
        self.at_hand: Batch = []
        self.in_flight: deque[tuple[Submission, Batch]] = deque()
        self.uncertain: list[Batch] = []
        self.failed: list[Batch] = []
        self.sent = 0
        self._losses = 0  # of the connection since a batch was written
        # where the server sends this client, and why
        self._elsewhere: tuple[Node | None, ServerError] | None = None
        self.thread = threading.Thread(target=self._run, name="dolphindb-writer", daemon=True)

    # -- seen from other threads ------------------------------------------------------------------------------

    def take_uncertain(self) -> list[Batch]:
        uncertain, self.uncertain = self.uncertain, []
        return uncertain

    def take_rest(self) -> list[Batch]:
        rest = [*self.failed, *self.ready]
        self.failed = []
        self.ready.clear()
        if self.queue is not self.work.queue:
            rest += self.queue.take()
        return rest

    def counts(self) -> tuple[int, int, int, int]:
        """The number of the thread; rows that were written, that are to be written, and that failed."""
        with self.lock:
            unsent = [*self.ready, self.at_hand, *(batch for _, batch in self.in_flight)]
            failed = [*self.failed, *self.uncertain]
            waiting = sum(map(len, unsent)) + self.queue.count
            return self.thread.native_id or 0, self.sent, waiting, sum(map(len, failed))

    # -- the thread -------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while self._wait_for_rows():
                self._take()
                while self.ready and not self.work.stopped:
                    self._send_next()
        except BaseException as error:
            self._fail(error)
        finally:
            self._end()

    def _fail(self, error: BaseException) -> None:
        said = str(error).removeprefix("<Exception> in call: ") or type(error).__name__
        self.work.fail("A5", error, f"Failed to save the inserted data: {said}")

    def _wait_for_rows(self) -> bool:
        """Until a batch is to leave; False: none will."""
        work, queue = self.work, self.queue
        due = None
        while not work.stopped:
            # not later: rows may come between a look at the queue and this
            drained = work.is_drained
            if self.ready or queue.is_urgent or queue.count >= work.batch_size or (queue.count and drained):
                return True
            now = monotonic()
            if queue.count:
                due = due or now + work.throttle
                if now >= due:
                    return True
            elif drained and not self.in_flight:
                return False
            else:
                due = None
            if self.in_flight:
                self._collect(REPLY_SLICE if due is None else min(REPLY_SLICE, due - now))
            else:
                queue.wait(work.batch_size if due else 1, due and due - now)
        return False

    def _take(self) -> None:
        most = max(MOST_ROWS, self.work.batch_size)
        with self.lock:
            for batch in self.queue.take():
                if isinstance(batch, list) and len(batch) > most:
                    self.ready.extend(batch[i : i + most] for i in range(0, len(batch), most))
                else:
                    self.ready.append(batch)

    def _send_next(self) -> None:
        if len(self.in_flight) >= self.work.most_in_flight:
            return self._collect(REPLY_SLICE)
        with self.lock:
            if not self.ready:
                # somebody took it
                return None
            batch = self.at_hand = self.ready.popleft()
        kept = "uncertain"
        try:
            argument: Any = self.work.schema.target.fit_rows(batch) if isinstance(batch, list) else batch
            submission = self.session.run(self.work.function, argument)
        except ConversionError as error:
            kept = "failed"
            self.work.fail("A1", error, f"Data conversion error: {error}")
        except UsageError as error:
            # the session is closed
            kept = "failed"
            self._fail(error)
        except (LinkError, ProtocolError) as error:
            kept = self._after_loss(error)
        except BaseException as error:
            self._fail(error)
        else:
            with self.lock:
                self.in_flight.append((submission, batch))
                self.at_hand = []
            return self._collect(0)
        with self.lock:
            self.at_hand = []
            if kept == "ready":
                self.ready.appendleft(batch)
            elif kept == "failed":
                self.failed.append(batch)
            else:
                self._put_aside(batch)
        self._collect(0)

    def _may_go_on(self, error: BaseException) -> bool:
        """After a lost connection, or a time-out; if not, the writer ends because of the error."""
        if self.session._recovery is None or self.session.isClosed() or isinstance(error, ConnectError):
            self._fail(error)
            return False
        return True

    def _after_loss(self, error: LinkError | ProtocolError) -> str:
        """Where the batch goes that was at hand when sending failed."""
        sent = getattr(error, "sent", True)
        if not self._may_go_on(error):
            return "uncertain" if sent else "failed"
        self._losses += 1
        recovery = self.session._recovery
        if self._losses > 1 and recovery is not None:
            pause(recovery.stopped, next(pauses()))
        return "uncertain" if sent and not self.work.retry_writes else "ready"

    def _collect(self, patience: float) -> None:
        """Take outcomes, in order; wait so long for the first."""
        again = 0
        while self.in_flight:
            submission, batch = self.in_flight[0]
            if not submission.done():
                if patience <= 0:
                    break
                try:
                    submission.exception(patience)
                except ReplyTimeout:
                    break
                patience = 0
            error = submission.exception()
            with self.lock:
                self.in_flight.popleft()
                if self._goes_again(error):
                    self.ready.insert(again, batch)
                    again += 1
                elif error is None:
                    self._written(submission, batch)
                elif isinstance(error, OutcomeUnknown):
                    self._put_aside(batch)
                else:
                    self.failed.append(batch)
        recovery = self.session._recovery
        if self._elsewhere is not None and recovery is not None and not self.in_flight and not self.work.stopped:
            (node, error), self._elsewhere = self._elsewhere, None
            recovery._leave(self.session, node, error, self.session._reconnects)

    def _put_aside(self, batch: Batch) -> None:
        self.uncertain.append(batch)
        self.work.put_aside(len(batch))

    def _written(self, submission: Submission, batch: Batch) -> None:
        work = self.work
        rows = len(batch)
        self.sent += rows
        self._losses = 0
        # the server may answer upsert! with the whole table
        found = submission.result() if work.appends else rows
        if type(found) is int and 0 <= found < rows:
            with work.room:
                work.ignored += rows - found
            log.warning("table %s: the server took %d of %d rows", work.schema.label, found, rows)
        work.settle(rows)

    def _goes_again(self, error: BaseException | None) -> bool:
        """Whether a batch with this outcome is to be sent again; ends the writer if it can't be helped."""
        if error is None:
            return False
        recovery = self.session._recovery
        if isinstance(error, OutcomeUnknown):
            return not self.work.stopped and self._may_go_on(error) and self.work.retry_writes
        if isinstance(error, ServerError) and recovery is not None and not self.work.stopped:
            elsewhere, node = place_of(error.serverText)
            if elsewhere and self._losses < max(MOST_REPEATS, len(recovery.nodes)):
                if self._elsewhere is None:
                    self._losses += 1
                    self._elsewhere = node, error
                return True
        self._fail(error)
        return False

    def _end(self) -> None:
        """Learn what became of that which was sent, then close the connection."""
        deadline = monotonic() + LAST_REPLIES
        try:
            while self.in_flight and not self.work.aborted and monotonic() < deadline:
                self._collect(REPLY_SLICE)
        except BaseException as error:
            self._fail(error)
        finally:
            self.session.close()
            try:
                self._collect(0)
            except UsageError as error:
                self._fail(error)
