"""Sockets: one thread accepts, one thread serves each connection."""

from __future__ import annotations

import logging
import selectors
import socket
import threading
from collections import deque
from types import MappingProxyType
from typing import NamedTuple

from .._core import dumps
from .._decode import Reader
from ..errors import ProtocolError, ServerError, UsageError
from .failures import ScriptError, refused
from .interpreter import Counters, Session, Workspace, reply_value
from .requests import (
    ASYNCHRONOUS,
    CLEAR_MEMORY,
    FOREIGN_LANGUAGE,
    LINE_LIMIT,
    RequestCache,
    error_line,
)
from .syntax import parse
from .tables import Database, MemoryTable
from .vectors import TRUE, wire_ready

__all__ = ["FailedTask", "LocalServer"]

log = logging.getLogger("dolphindb_fast.localserver")

_FAILED_TASKS_KEPT = 1000


class FailedTask(NamedTuple):
    """A request that ended in an error: its function or script, the error, and whether nobody was told."""

    task: str
    error: str
    asynchronous: bool


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

    Attributes
    ----------
    host : str
    port : int

    Examples
    --------
    >>> with LocalServer() as server:
    ...     session.connect(server.host, server.port, "admin", "123456")
    """

    def __init__(self, host="127.0.0.1", port=0, *, users=MappingProxyType({"admin": "123456"})) -> None:
        self.host = host
        self.port = port
        self._workspace = Workspace(dict(users))
        self._console = Session(self._workspace)
        self._console_lock = threading.Lock()
        self._lock = threading.Lock()
        self._live: set[_Connection] = set()
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
        self._acceptor = threading.Thread(
            target=self._accept, args=(listener, self._wake[0]), name="localserver-accept", daemon=True
        )
        self._acceptor.start()
        return self

    def stop(self) -> None:
        """Close the listening socket and every connection; tables stay readable. May be called twice."""
        listener, self._listener = self._listener, None
        if listener is None:
            return
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
            self._stopped.wait()
        except KeyboardInterrupt:
            pass
        finally:
            self.stop()

    def __enter__(self) -> LocalServer:
        return self.start()

    def __exit__(self, *exception) -> None:
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
    def failed_tasks(self) -> list[FailedTask]:
        """The last 1,000 requests that ended in an error, oldest first."""
        return list(self._failed)

    def table(self, name: str):
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

    def run(self, script: str):
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
            connection = _Connection(self, peer, self._last_session)
            self._live.add(connection)
        try:
            connection.thread.start()
        except RuntimeError as error:
            log.warning("no thread for a connection: %s", error)
            self._forget(connection)
            peer.close()

    def _forget(self, connection: _Connection) -> None:
        with self._lock:
            self._live.discard(connection)
            self._past = self._past + connection.session.counters

    def _failure(self, connection: _Connection, task: str, error: str, asynchronous: bool) -> None:
        connection.session.counters.failures += 1
        shown = task if len(task) <= 1000 else task[:1000] + "..."
        self._failed.append(FailedTask(shown, error, asynchronous))
        if asynchronous:
            log.warning("asynchronous task %r failed: %s", shown, error)
        else:
            log.info("synchronous task %r failed: %s", shown, error)


class _Connection:
    """One client: its socket, its session, the loop over its requests."""

    def __init__(self, server: LocalServer, peer: socket.socket, number: int) -> None:
        self.server = server
        self.peer = peer
        self.number = b"%d" % number
        self.session = Session(server._workspace)
        self.session.counters.connections = 1
        self.cache = RequestCache()
        self.thread = threading.Thread(target=self._run, name=f"localserver-{number}", daemon=True)

    def hang_up(self) -> None:
        """Make the thread's next read or write end; it closes the socket itself."""
        try:
            self.peer.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def _run(self) -> None:

        peer = self.peer
        try:
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            reader = Reader(peer.recv_into, window=1 << 18)
            if self._handshake(reader):
                while True:
                    self._request(reader)
        except EOFError:
            pass
        except ProtocolError as error:
            log.warning("connection %s closed: %s", self.number.decode(), error)
        except OSError as error:
            log.info("connection %s lost: %s", self.number.decode(), error)
        except MemoryError:
            log.warning("connection %s closed: out of memory", self.number.decode())
        except Exception:
            log.exception("connection %s closed: an error of the local server", self.number.decode())
        finally:
            peer.close()
            self.server._forget(self)

    # requests -----------------------------------------------------------------------------------

    def _handshake(self, reader) -> bool:
        header = self.cache.header(reader.read_line(LINE_LIMIT))
        known = header.first and header.length <= LINE_LIMIT
        lines = reader.read_bytes(header.length).split(b"\n") if known else [b""]
        if lines[0] != b"connect":
            raise ProtocolError("the first request is not a handshake")
        head = self.number + b" %d 1\n"
        if lines[1:] in ([], [b""]):
            self._send(head % 0 + b"OK\n")
            return True
        if len(lines) != 5 or lines[1] != b"login":
            raise ProtocolError("a handshake with something other than a login")
        user, password = lines[2].decode(errors="replace"), lines[3].decode(errors="replace")
        try:
            if lines[4] != b"false":
                raise refused("an encrypted login")
            if user:
                self.server._workspace.check_password(user, password)
                self.session.user = user
        except ScriptError as error:
            self._send(head % 0 + error_line(error.serverText) + b"\n")
            return False
        self._send(head % 1 + b"OK\n" + dumps(TRUE))
        return True

    def _request(self, reader) -> None:
        header = self.cache.header(reader.read_line(LINE_LIMIT))
        body = self.cache.body(reader.read_bytes(header.length))
        if header.first:
            raise ProtocolError("a second handshake")
        values = [reader.read_object() for _ in range(body.count)]
        session = self.session
        session.counters.requests += 1
        try:
            result = self._execute(header, body, values)
        except ServerError as error:
            return self._failed(header, body, error.serverText)
        except Exception as error:
            # a fault of this server must not look like a fault of the network
            log.exception("task %r", body.text[:200])
            return self._failed(header, body, f"the local server failed: {type(error).__name__}: {error}")
        finally:
            if header.flags & CLEAR_MEMORY:
                session.clear()
        if header.flags & ASYNCHRONOUS:
            session.printed.clear()
        else:
            self._reply(header, body, result)

    def _execute(self, header, body, values):
        if header.session != self.number:
            raise ScriptError(f"the session id is {self.number.decode()}")
        if header.flags & FOREIGN_LANGUAGE:
            raise refused("another script language or SQL dialect than DolphinDB's own")
        if header.fetch_size:
            raise refused("fetchSize (replies in blocks)")
        if body.kind == "function":
            return self.session.call(body.text, values)
        if body.kind == "script":
            return self.session.run(body.text)
        names = body.text.split(",")
        if len(names) != len(values):
            raise ScriptError(f"{len(values)} objects for {len(names)} variables")
        self.session.upload(names, values)
        return None

    # replies ------------------------------------------------------------------------------------

    def _reply(self, header, body, result) -> None:
        value = wire_ready(reply_value(result))
        if value is None:
            return self._send(self._messages() + self.number + b" 0 1\nOK\n")
        try:
            encoded = dumps(value)
        except Exception as error:
            return self._failed(header, body, f"the result can't be sent: {error}")
        self._send(self._messages() + self.number + b" 1 1\nOK\n" + encoded)

    def _failed(self, header, body, text: str) -> None:
        asynchronous = bool(header.flags & ASYNCHRONOUS)
        self.server._failure(self, body.text, text, asynchronous)
        if asynchronous:
            self.session.printed.clear()
        else:
            self._send(self._messages() + self.number + b" 0 1\n" + error_line(text) + b"\n")

    def _messages(self) -> bytes:
        printed = self.session.printed
        if not printed:
            return b""
        blocks = b"".join(b"MSG\n" + t.replace("\0", "").encode(errors="replace") + b"\0" for t in printed)
        printed.clear()
        return blocks

    def _send(self, data: bytes) -> None:
        self.peer.sendall(data)
