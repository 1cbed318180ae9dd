"""Sockets: one thread accepts, one thread serves each connection."""

from __future__ import annotations

import contextlib
import logging
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from .._core import dumps
from ..errors import ReplyTimeout, UsageError
from .connection import Connection
from .forms import reply_value
from .interpreter import Counters, Session, Workspace
from .requests import error_line
from .syntax import parse
from .tables import Database, MemoryTable
from .vectors import wire_ready

__all__ = ["ORDERS", "FailedTask", "LocalServer"]

log = logging.getLogger("dolphindb_fast.localserver")

#: what `order` may be
ORDERS = ("sequential", "shuffled", "unanswered")

_FAILED_TASKS_KEPT = 1000


class FailedTask(NamedTuple):
    """A request that ended in an error: its function or script, the error, and whether nobody was told."""

    task: str
    error: str
    asynchronous: bool


class _Reply(NamedTuple):
    """What a request that begins with `task` is answered with: an error line, or an object."""

    task: str
    error: bytes | None
    value: bytes


class LocalServer:
    """An in-memory server that speaks the DolphinDB wire protocol; a context manager.

    It runs a documented subset of the script language (see the documentation of
    `dolphindb_fast.localserver`), for demonstrations and tests. It is no database: nothing is stored
    on disk, there are no transactions and no access control beyond passwords.

    Parameters
    ----------
    host, port
        Where to listen; port 0 takes a free one, which `port` tells after `start`.
    users : mapping
        User names and passwords. A client may also connect without a user, as guest.
    order : str
        What becomes of the tasks of one connection. "sequential": asynchronous requests run in the order in which
        they came. "shuffled": those that come close behind each other, in any order, and synchronous ones before
        them. "unanswered": as sequential, but on a connection that began asynchronously nothing is ever answered.
        The vendor promises no order; what fails with one of these does not hold of a DolphinDB server.
    delay : float
        Seconds that every request waits before it runs, as on a busy server.

    Attributes
    ----------
    host : str
    port : int
    order : str
    delay : float
        As given; may be changed at any time.

    Examples
    --------
    >>> with LocalServer() as server:
    ...     session.connect(server.host, server.port, "admin", "123456")
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        users: Mapping[str, str] = MappingProxyType({"admin": "123456"}),
        order: str = "sequential",
        delay: float = 0.0,
    ) -> None:
        if order not in ORDERS:
            raise UsageError(f"order must be one of {', '.join(ORDERS)}, not {order!r}")
        if not 0 <= delay < threading.TIMEOUT_MAX:
            raise UsageError(f"delay must be a number of seconds, not {delay!r}")
        self.host: str = host
        self.port: int = port
        self.order = order
        self.delay = delay
        self._workspace = Workspace(dict(users))
        self._console = Session(self._workspace)
        self._console_lock = threading.Lock()
        self._lock = threading.Lock()
        self._live: set[Connection] = set()
        self._replies: list[_Reply] = []
        self._unpaused = threading.Event()
        self._unpaused.set()
        self._stopping = threading.Event()
        self._past = Counters()
        self._failed: deque[FailedTask] = deque(maxlen=_FAILED_TASKS_KEPT)
        self._listener: socket.socket | None = None
        self._acceptor: threading.Thread | None = None
        self._wake: tuple[socket.socket, socket.socket] | None = None
        self._stopped = threading.Event()
        self._last_session = 1_000_000_000

    # life ---------------------------------------------------------------------------------------

    def start(self) -> LocalServer:
        """Listen; returns as soon as clients can connect."""
        if self._listener is not None:
            raise UsageError("the local server runs already")
        parse("1")  # the parser is built before the first client waits for it
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((self.host, self.port))
            listener.listen(128)
            listener.setblocking(False)
        except BaseException:
            listener.close()
            raise
        self.port = listener.getsockname()[1]
        self._listener = listener
        self._wake = socket.socketpair()
        self._stopped.clear()
        self._stopping.clear()
        self._acceptor = threading.Thread(
            target=self._accept, args=(listener, self._wake[0]), name="localserver-accept", daemon=True
        )
        self._acceptor.start()
        return self

    def stop(self) -> None:
        """Close the listening socket and every connection; tables stay readable. May be called twice."""
        listener, self._listener = self._listener, None
        if listener is None or self._wake is None or self._acceptor is None:
            return
        self._stopping.set()
        self._unpaused.set()
        self._wake[1].send(b"x")
        self._acceptor.join()
        listener.close()
        for end in self._wake:
            end.close()
        with self._lock:
            live = list(self._live)
        for connection in live:
            connection.hang_up()
        for connection in live:
            if connection.thread is not threading.current_thread():
                connection.thread.join(timeout=5)
        self._stopped.set()

    def serve_forever(self) -> None:
        """Serve until `stop` is called elsewhere or Ctrl-C is pressed; then stop."""
        if self._listener is None:
            self.start()
        try:
            # Python acts on a signal when this thread wakes up; one that came just before it slept does not wake it
            while not self._stopped.wait(0.5):
                pass
        except KeyboardInterrupt:
            pass
        finally:
            self.stop()

    def __enter__(self) -> LocalServer:
        return self.start()

    def __exit__(self, *exception: object) -> None:
        self.stop()

    # what happened ------------------------------------------------------------------------------

    @property
    def counters(self) -> Counters:
        """Connections, requests, appended rows and failed requests since the start."""
        with self._lock:
            total = self._past + self._console.counters
            for connection in self._live:
                total = total + connection.session.counters
        return total

    @property
    def open_connections(self) -> int:
        """How many clients are connected at this moment."""
        with self._lock:
            return len(self._live)

    @property
    def failed_tasks(self) -> list[FailedTask]:
        """The last 1,000 requests that ended in an error, oldest first."""
        return list(self._failed)

    def table(self, name: str) -> Any:
        """The rows of a table as a DataFrame.

        Parameters
        ----------
        name : str
            Name of a shared table, of a variable set by `run`, or ``dfs://database/table``.
        """
        from ..result import to_python

        return to_python(wire_ready(self._find(name).snapshot()))

    def rows(self, name: str) -> int:
        """The number of rows of a table; `name` as for `table`."""
        return len(self._find(name))

    def wait_for_rows(self, name: str, rows: int, timeout: float = 10.0) -> None:
        """Wait until a table has so many rows: asynchronous appends arrive later.

        Parameters
        ----------
        name : str
            As for `table`.
        rows : int
        timeout : float
            Seconds.

        Raises
        ------
        ReplyTimeout
            It still has fewer; the message lists the requests that failed.
        """
        deadline = time.monotonic() + timeout
        while (found := self.rows(name)) < rows:
            if time.monotonic() > deadline:
                failed = "".join(f"\n  {task}: {error}" for task, error, _ in self._failed)
                raise ReplyTimeout(
                    f"table '{name}' has {found} rows after {timeout:g} s, not {rows}; "
                    f"failed requests: {failed or 'none'}"
                )
            self._stopping.wait(0.002)

    def run(self, script: str) -> Any:
        """Run `script` here, without a connection; its value as `Column`, `Table`, `Dictionary` or None.

        Variables stay from call to call. What it prints goes to the log.

        Raises
        ------
        ServerError
            As a client would get it; ``serverText`` is the text.
        """
        with self._console_lock:
            try:
                return wire_ready(reply_value(self._console.run(script)))
            finally:
                for line in self._console.printed:
                    log.info("%s", line)
                self._console.printed.clear()

    # what happens instead ------------------------------------------------------------------------

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Within the block no request begins to run; what was under way goes on. Connections are still made."""
        self._unpaused.clear()
        try:
            yield
        finally:
            self._unpaused.set()

    def refuse(self, task: str, error: str, *, times: int = 1) -> None:
        """Answer the next requests that begin with `task` with an error line, without running them.

        Parameters
        ----------
        task : str
            Beginning of a function's name or expression, of a script, or of the names of uploaded variables;
            "connect" for handshakes, whose connections are closed then.
        error : str
            Such as ``<NotLeader>127.0.0.1:8849``.
        times : int
            How many requests.
        """
        with self._lock:
            self._replies += [_Reply(task, error_line(error), b"")] * times

    def answer(self, task: str, value: object, *, times: int = 1) -> None:
        """Answer the next requests that begin with `task` with `value`, without running them; as `refuse`."""
        with self._lock:
            self._replies += [_Reply(task, None, dumps(value))] * times

    def _reply_to(self, task: str) -> _Reply | None:
        """The reply that somebody set for this request, which is then used up."""
        if not self._replies:
            return None
        with self._lock:
            for number, reply in enumerate(self._replies):
                if task.startswith(reply.task):
                    return self._replies.pop(number)
        return None

    def _await_turn(self) -> None:
        """What stands before every request."""
        if self.delay:
            self._stopping.wait(self.delay)
        self._unpaused.wait()

    def _find(self, name: str) -> MemoryTable:
        work = self._workspace
        if Database.is_path(name):
            path, _, table = name.rpartition("/")
            if path not in work.databases:
                raise UsageError(f"no database {path} here")
            return work.databases[path].table(table)
        found = work.shared.get(name, self._console.variables.get(name))
        if not isinstance(found, MemoryTable):
            raise UsageError(f"no table '{name}' here: it is neither shared nor a variable set by run()")
        return found

    # connections --------------------------------------------------------------------------------

    def _accept(self, listener: socket.socket, wake: socket.socket) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(listener, selectors.EVENT_READ)
            selector.register(wake, selectors.EVENT_READ)
            while True:
                ready = [key.fileobj for key, _ in selector.select()]
                if wake in ready:
                    return
                try:
                    peer, _ = listener.accept()
                except OSError:
                    # a client that went away while it waited; or no descriptors left, which may pass
                    self._stopped.wait(0.05)
                    continue
                peer.setblocking(True)
                self._serve(peer)

    def _serve(self, peer: socket.socket) -> None:
        with self._lock:
            self._last_session += 1
            connection = Connection(self, peer, self._last_session)
            self._live.add(connection)
        try:
            connection.thread.start()
        except RuntimeError as error:
            log.warning("no thread for a connection: %s", error)
            self._forget(connection)
            peer.close()

    def _forget(self, connection: Connection) -> None:
        with self._lock:
            self._live.discard(connection)
            self._past = self._past + connection.session.counters

    def _failure(self, connection: Connection, task: str, error: str, asynchronous: bool) -> None:
        connection.session.counters.failures += 1
        shown = task if len(task) <= 1000 else task[:1000] + "..."
        self._failed.append(FailedTask(shown, error, asynchronous))
        if asynchronous:
            log.warning("asynchronous task %r failed: %s", shown, error)
        else:
            log.info("synchronous task %r failed: %s", shown, error)
