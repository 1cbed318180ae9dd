"""One client of the server: its socket, its session, the loop over its requests."""

from __future__ import annotations

import logging
import random
import selectors
import socket
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .. import settings as keys
from .._core import dumps
from .._decode import Reader
from ..column import Column, Table
from ..errors import NotSupported, ProtocolError, ServerError
from .failures import ScriptError, refused
from .forms import reply_value, without_decimals
from .interpreter import Session
from .requests import (
    ASYNCHRONOUS,
    CLEAR_MEMORY,
    FOREIGN_LANGUAGE,
    LINE_LIMIT,
    NO_DECIMALS,
    Body,
    Header,
    RequestCache,
    error_line,
)
from .vectors import TRUE, part, wire_ready

if TYPE_CHECKING:
    from .server import LocalServer

__all__ = ["Connection"]

log = logging.getLogger("dolphindb_fast.localserver")

#: as many tasks are shuffled together, and those that come within this time
SHUFFLED_TASKS = 1000
SHUFFLED_SECONDS = 0.01


class Connection:
    """A thread that serves one client."""

    def __init__(self, server: LocalServer, peer: socket.socket, number: int) -> None:
        self.server = server
        self.peer = peer
        self.number = b"%d" % number
        self.session = Session(server._workspace)
        self.session.counters.connections = 1
        self.cache = RequestCache()
        self.asynchronous = False
        self.waiting: list[Callable[[], None]] = []
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
                try:
                    while True:
                        if self.waiting and not self._more_comes(reader):
                            self._run_shuffled()
                        self._request(reader)
                finally:
                    self._run_shuffled()
        except EOFError:
            pass
        except (ProtocolError, NotSupported) as error:
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

    def _handshake(self, reader: Reader) -> bool:
        header = self.cache.header(reader.read_line(LINE_LIMIT))
        known = header.first and header.length <= LINE_LIMIT
        lines = reader.read_bytes(header.length).split(b"\n") if known else [b""]
        if lines[0] != b"connect":
            raise ProtocolError("the first request is not a handshake")
        self.asynchronous = bool(header.flags & ASYNCHRONOUS)
        head = self.number + b" %d 1\n"
        prepared = self.server._reply_to("connect")
        if prepared is not None and prepared.error is not None:
            self._send(head % 0 + prepared.error + b"\n")
            return False
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
        self._send(head % 1 + b"OK\n" + (dumps(TRUE) if prepared is None else prepared.value))
        return True

    def _request(self, reader: Reader) -> None:
        header = self.cache.header(reader.read_line(LINE_LIMIT))
        body = self.cache.body(reader.read_bytes(header.length))
        if header.first:
            raise ProtocolError("a second handshake")
        values = [reader.read_object() for _ in range(body.count)]
        self.session.counters.requests += 1
        if self.server.order == "shuffled" and header.flags & ASYNCHRONOUS:
            self.waiting.append(lambda: self._perform(header, body, values))
        else:
            self._perform(header, body, values)

    def _more_comes(self, reader: Reader) -> bool:
        if len(self.waiting) >= SHUFFLED_TASKS:
            return False
        if reader.buffered:
            return True
        with selectors.DefaultSelector() as selector:
            selector.register(self.peer, selectors.EVENT_READ)
            return bool(selector.select(SHUFFLED_SECONDS))

    def _run_shuffled(self) -> None:
        random.shuffle(self.waiting)
        while self.waiting and not self.server._stopping.is_set():
            self.waiting.pop()()

    def _perform(self, header: Header, body: Body, values: list[Any]) -> None:
        """Run one request and answer it."""
        self.server._await_turn()
        session = self.session
        result = None
        try:
            prepared = self.server._reply_to(body.text)
            if prepared is None:
                result = self._execute(header, body, values)
            elif prepared.error is not None:
                raise ScriptError(prepared.error.decode())
        except ServerError as error:
            return self._failed(header, body, error.serverText)
        except Exception as error:
            # a fault of this server must not look like a fault of the network
            log.exception("task %r", body.text[:200])
            return self._failed(header, body, f"the local server failed: {type(error).__name__}: {error}")
        finally:
            if header.flags & CLEAR_MEMORY:
                session.clear()
        if self._is_unanswered(header):
            session.printed.clear()
        elif prepared is not None:
            self._send_object(prepared.value)
        else:
            self._reply(header, body, result)

    def _execute(self, header: Header, body: Body, values: list[Any]) -> Any:
        if header.session != self.number:
            raise ScriptError(f"the session id is {self.number.decode()}")
        if header.flags & FOREIGN_LANGUAGE:
            raise refused("another script language or SQL dialect than DolphinDB's own")
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

    def _is_unanswered(self, header: Header) -> bool:
        asynchronous = self.asynchronous and self.server.order == "unanswered"
        return asynchronous or bool(header.flags & ASYNCHRONOUS)

    def _reply(self, header: Header, body: Body, result: Any) -> None:
        value = reply_value(result)
        if value is None:
            return self._send(self._messages() + self.number + b" 0 1\nOK\n")
        try:
            if header.flags & NO_DECIMALS:
                value = without_decimals(value)
            if header.fetch_size and isinstance(value, Table):
                value = _in_blocks(value, header.fetch_size)
            encoded = dumps(wire_ready(value))
        except Exception as error:
            return self._failed(header, body, f"the result can't be sent: {error}")
        self._send_object(encoded)

    def _failed(self, header: Header, body: Body, text: str) -> None:
        unanswered = self._is_unanswered(header)
        self.server._failure(self, body.text, text, unanswered)
        if unanswered:
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

    def _send_object(self, encoded: bytes) -> None:
        self._send(self._messages() + self.number + b" 1 1\nOK\n" + encoded)

    def _send(self, data: bytes) -> None:
        self.peer.sendall(data)


def _in_blocks(table: Table, rows: int) -> Column:
    """The table cut into tables of so many rows, at least one."""
    starts = range(0, max(len(table), 1), rows)
    cut = [Table(table.names, [part(c, i, i + rows) for c in table.columns], table.name) for i in starts]
    return Column(keys.DT_ANY, cut)
