"""Connecting again after a fault, to the same node or to another one of a cluster."""

from __future__ import annotations

import itertools
import logging
import random
import threading
import uuid
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from ._core import TypedFrame, dumps
from .column import Table
from .errors import (
    AuthenticationError,
    CertificateError,
    ConnectError,
    LinkError,
    ProtocolError,
    SendTimeout,
    ServerError,
    UsageError,
)
from .result import loads, to_python

if TYPE_CHECKING:
    from .session_part import SessionPart

__all__ = ["Node", "Recovery", "checked_address", "is_read_once", "parse_site", "repeatable"]

log = logging.getLogger("dolphindb_fast")

#: seconds between two rounds over all nodes: they double from the first to the last, each shortened at random
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 10.0
#: how often one call is sent again at most, or once for each node if there are more of them
MOST_REPEATS = 3
PERFORMANCE = "rpc(getControllerAlias(), getClusterPerf)"

#: beginnings of an error line that say: not this node, or not now
ELSEWHERE = (
    "<ChunkInTransaction>",
    "<DataNodeNotAvail>",
    "<DataNodeNotReady>",
    "<ControllerNotReady>",
    "<ControllerNotAvail>",
    "DFS is not enabled",
)
NOT_LEADER = "<NotLeader>"


def is_read_once(argument: object) -> bool:
    """Whether it is a stream of Arrow data: read again, most of them have no rows. Tables know their length."""
    kind = type(argument.frame if isinstance(argument, TypedFrame) else argument)
    return hasattr(kind, "__arrow_c_stream__") and not hasattr(kind, "__len__")


def repeatable(argument: Any) -> Any:
    """An argument that says the same when it is sent again."""
    return loads(dumps(argument), raw=True) if is_read_once(argument) else argument


def pauses() -> Iterator[float]:
    """Seconds to wait before each further round. Clients that lost one server must not all come back at once."""
    for doublings in itertools.count():
        # beyond 16 doublings it is the longest anyway
        yield min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(doublings, 16)) * random.uniform(0.5, 1)


def pause(stopped: threading.Event, seconds: float) -> None:
    """Wait, but not beyond the end of the session."""
    stopped.wait(seconds)


class Node(NamedTuple):
    """Where a server listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def checked_address(host: object, port: Any) -> Node:
    """Host and port, the port as a number."""
    try:
        number = int(port)
    except (TypeError, ValueError):
        number = 0
    if not isinstance(host, str) or not 0 < number < 65536:
        raise UsageError(f"host must be str and port a number from 1 to 65535; got {host!r}, {port!r}")
    return Node(host, number)


def parse_site(site: str) -> Node:
    """``host:port`` or ``host:port:alias``."""
    if not isinstance(site, str):
        raise UsageError(f"a site must be str, host:port, not {type(site).__name__}")
    if site.startswith("["):
        host, _, rest = site[1:].partition("]:")
    else:
        host, _, rest = site.partition(":")
    return checked_address(host, rest.partition(":")[0])


def place_of(status: str) -> tuple[bool, Node | None]:
    """Whether an error line sends the client elsewhere, and where to if it says so."""
    if not status.startswith(NOT_LEADER):
        return status.startswith(ELSEWHERE), None
    try:
        return True, parse_site(status[len(NOT_LEADER) :].strip())
    except UsageError:
        return False, None


def least_loaded(table: object, sites: list[Node] | None, public_names: bool) -> tuple[list[Node], Node | None]:
    """Data nodes in the reply to `PERFORMANCE`, and the one with least to do; of `sites` only, if there are any."""
    if not isinstance(table, Table):
        raise ConnectError(f"{PERFORMANCE} did not return a table")
    columns = dict(zip(table.names, table.columns, strict=True))
    name = "publicName" if public_names and "publicName" in columns else "host"
    wanted = (name, "port", "mode", "maxConnections", "connectionNum", "workerNum", "executorNum")
    try:
        rows = zip(*(list(to_python(columns[column])) for column in wanted), strict=True)
    except KeyError as error:
        raise ConnectError(f"{PERFORMANCE} returned a table without a column {error}") from None
    loads = {}
    for host, port, mode, most, connections, workers, executors in rows:
        # 0: data node; controllers and agents run no scripts of clients
        if mode != 0:
            continue
        node = Node(str(host).split(";")[0], int(port))
        if sites and node not in sites:
            continue
        busy = (connections + workers + executors) / 3 if connections < most else float("inf")
        loads[node] = busy
    return list(loads), min(loads, key=loads.__getitem__, default=None)


class Recovery:
    """How a session connects again, and which calls it then sends again. One for each `connect`.

    Parameters
    ----------
    node : Node
        What `connect` was given.
    attempts : int or None
        Rounds over all nodes before giving up; None: without end.
    retry_writes : bool
        Send a synchronous call again although it is unknown whether the server executed it.
    sites : list of Node, optional
        Nodes that may be used; none given: those that the cluster names.
    balanced : bool
        Go to the node with least to do.
    """

    def __init__(
        self,
        node: Node,
        attempts: int | None,
        retry_writes: bool,
        *,
        balanced: bool = False,
        sites: list[Node] | None = None,
        public_names: bool = False,
    ) -> None:
        self.sites = sites
        self.nodes: list[Node] = list(dict.fromkeys([*(sites or []), node]))
        self.attempts = attempts
        self.retry_writes = retry_writes
        self.balanced = balanced
        self.public_names = public_names
        self.last = len(self.nodes) - 1  # where in `nodes` the session was last
        self.stopped = threading.Event()
        self._lock = threading.Lock()
        self._owner = 0  # thread that is connecting
        #: as in the official client: a server that keeps these can tell a repeated request from a new one
        self._client = str(uuid.uuid4())
        self._numbers = itertools.count(1)

    # -- connecting ------------------------------------------------------------------------------------------

    def connect(self, session: SessionPart) -> None:
        """The first time: any node, then the one with least to do."""
        if not self.balanced:
            return self._reach_any(session, None, session._enable_async)
        # only a synchronous connection can ask
        self._reach_any(session, None, False, ready=False)
        here = self.nodes[self.last]
        found, best = self._ask(session)
        if not self.sites:
            self.nodes = list(dict.fromkeys([*found, *self.nodes]))
        best = best or here
        if best == here and not session._enable_async:
            session._make_ready()
            self.last = self.nodes.index(here)
            return None
        session._fail(f"moving to {best}")
        return self._reach_any(session, best, session._enable_async)

    def _ask(self, session: SessionPart) -> tuple[list[Node], Node | None]:
        try:
            table = session._ask_plainly(PERFORMANCE)
        except ServerError as error:
            log.warning("%s: the cluster's load is unknown: %s", self.nodes[self.last], error.serverText)
            return [], None
        return least_loaded(table, self.nodes if self.sites else None, self.public_names)

    def _reach_any(self, session: SessionPart, first: Node | None, asynchronous: bool, ready: bool = True) -> None:
        """Connect to `first`, else to one node after the other, beginning behind the last; ready: with startup."""
        waits = pauses()
        last: Exception | None = None
        for round_number in itertools.count(1):
            start = self.last + 1
            order = [self.nodes[(start + i) % len(self.nodes)] for i in range(len(self.nodes))]
            if first is not None:
                order = [first, *(node for node in order if node != first)]
            for node in order:
                if session.isClosed():
                    raise UsageError("the session was closed while it connected")
                try:
                    session._connect_to(node, asynchronous)
                    if ready:
                        session._make_ready()
                except (AuthenticationError, CertificateError):
                    raise
                except (LinkError, ProtocolError) as error:
                    last = error
                    continue
                if node not in self.nodes:
                    self.nodes.append(node)
                self.last = self.nodes.index(node)
                return
            if self.attempts is not None and round_number >= self.attempts:
                nodes = ", ".join(map(str, order))
                raise ConnectError(f"no connection to {nodes} after {round_number} attempts: {last}") from last
            pause(self.stopped, next(waits))

    def again(self, session: SessionPart, first: Node | None = None) -> None:
        """Connect again if the connection is lost; other threads wait until that is done."""
        if not session._is_lost:
            return session._refuse_unusable() if not session._is_open else None
        if self._owner == threading.get_ident():
            raise UsageError(
                "the session is connecting again in this thread: it was called from a finalizer or a "
                "signal handler that interrupted that"
            )
        with self._lock:
            if not session._is_lost:
                return self.again(session)
            self._owner = threading.get_ident()
            try:
                self._reach_any(session, first, session._enable_async)
            finally:
                self._owner = 0
            session._reconnects += 1
            log.warning("connected again, to %s", self.nodes[self.last])
        return None

    def stop(self) -> None:
        """Whoever waits for the next attempt gives up."""
        self.stopped.set()

    # -- calls -----------------------------------------------------------------------------------------------

    def marks(self) -> tuple[bytes, bytes]:
        """What the header of one request says: when it is sent for the first time, and again."""
        number = next(self._numbers)
        return b"__%b_%d" % (self._client.encode(), number), b"__%b_-%d" % (self._client.encode(), number)

    def carry_out(self, session: SessionPart, kind: str, call: Callable[[bytes], Any], marked: bool = True) -> Any:
        """Make a synchronous call, again if it did not reach a server or was sent elsewhere.

        Parameters
        ----------
        kind : str
            "call" and "upload" are refused as a whole; of a script, statements before the refused one may have run.
        call : callable
            Given what stands at the end of the request's header.
        """
        first, later = self.marks() if marked else (b"", b"")
        most = max(MOST_REPEATS, len(self.nodes))
        for repeat in itertools.count():
            self.again(session)
            connection = session._reconnects
            try:
                return call(later if repeat else first)
            except ServerError as error:
                elsewhere, node = place_of(error.serverText)
                if not elsewhere or repeat >= most:
                    raise
                self._leave(session, node, error, connection)
                if not self.retry_writes and kind not in ("call", "upload"):
                    raise
            except SendTimeout:
                # the time that the caller allowed is over
                raise
            except LinkError as error:
                if repeat >= most or (error.sent and not self.retry_writes):
                    raise
        raise AssertionError("unreachable")

    def _leave(self, session: SessionPart, node: Node | None, error: ServerError, connection: int) -> None:
        """Go where an error line says; nowhere named: to the next node, after a while if there is no other."""
        log.warning("%s: %s", self.nodes[self.last], error.serverText)
        if node is None and len(self.nodes) == 1:
            pause(self.stopped, next(pauses()))
        # another thread may have gone already
        if connection == session._reconnects:
            session._drop(f"left because of {error.serverText}")
        self.again(session, node)
