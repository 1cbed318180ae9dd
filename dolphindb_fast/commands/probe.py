"""Find out what a server does with slow asynchronous tasks, pipelined requests, long headers and repeated requests.

Every question has a connection of its own and is asked with requests as the client sends them; what is inserted goes to
a shared table that is removed at the end.
"""

from __future__ import annotations

import argparse
import secrets
import socket
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any

from .. import options as wire
from .._core import dumps
from .._decode import Reader
from ..column import Column
from ..connecting import handshake_request, open_socket
from ..credentials import Credentials
from ..errors import AuthenticationError, ConnectError, LinkError, ProtocolError, ServerError
from ..reconnect import Node, checked_address
from ..result import to_python
from ._display import Display
from ._shared import DEFAULT_PORT, add_server_arguments, connect, fail, missing_extra

if TYPE_CHECKING:
    from ..session import Session

TASKS = 4
PIPELINED = 16
HEADER = 4000
#: a task that takes a while: on a server, and where sleep is unknown
SLOW = ("sleep(200)", "sum(1..1000000)")


class NoReply(Exception):
    """Nothing came in the time allowed, or the server closed the connection."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_server_arguments(parser, host="localhost", port=DEFAULT_PORT)
    parser.add_argument(
        "--timeout",
        type=positive_seconds,
        default=10.0,
        metavar="SECONDS",
        help="how long to wait for a reply (default 10)",
    )


def positive_seconds(text: str) -> float:
    number = float(text)
    if not 0 < number < threading.TIMEOUT_MAX:
        raise argparse.ArgumentTypeError(f"{text} is not a number of seconds above 0")
    return number


class Wire:
    """A connection that sends any request and reads replies one by one.

    Parameters
    ----------
    asynchronous : bool
        Whether the handshake says that the session is.
    """

    def __init__(self, address: Node, credentials: Credentials, asynchronous: bool, timeout: float) -> None:
        self.timeout = timeout
        self.sock = open_socket(address, timeout, 30)
        self.reader = Reader(self._fill)
        self.session = b"0"
        self.client = str(uuid.uuid4()).encode()
        self.flags = wire.API_CLIENT | (wire.ASYNCHRONOUS if asynchronous else 0)
        self._send(handshake_request(self.flags, credentials))
        # one that refuses the login was found out before
        session, objects, _ = self._head()
        self.session = session.encode()
        if self.reader.read_line() != b"OK":
            raise ProtocolError("the handshake was refused")
        if objects:
            self.reader.read_object()

    def close(self) -> None:
        self.sock.close()

    def _fill(self, view: memoryview) -> int:
        try:
            return self.sock.recv_into(view)
        except TimeoutError:
            raise NoReply(f"no reply within {self.timeout:g} s") from None
        except OSError as error:
            raise NoReply(f"the connection broke ({error})") from None

    def _send(self, data: bytes) -> None:
        try:
            self.sock.sendall(data)
        except OSError as error:
            raise NoReply(f"the server took no bytes ({error})") from None

    def _head(self) -> tuple[str, int, str]:
        try:
            return self.reader.read_header()
        except EOFError:
            raise NoReply("the server closed the connection") from None

    def header(self, body: str, asynchronous: bool = False, mark: bytes = b"") -> bytes:
        """A request up to its arguments."""
        flags = wire.API_CLIENT | (wire.ASYNCHRONOUS if asynchronous else 0)
        text = body.encode()
        return b"API2 %b %d / %b%b\n%b" % (self.session, len(text), wire.request_header(flags), mark, text)

    def request(self, header: bytes, *arguments: bytes) -> None:
        self._send(header + b"".join(arguments))

    def script(self, text: str, asynchronous: bool = False) -> None:
        self.request(self.header("script\n" + text, asynchronous))

    def reply(self) -> Any:
        """The next reply's value; a `ServerError` is returned, not raised."""
        objects = self._head()[1]
        try:
            status = self.reader.read_line()
            if status != b"OK":
                text = status.decode(errors="replace")
                return ServerError(text, text)
            value = self.reader.read_object() if objects else None
        except EOFError:
            raise NoReply("the server closed the connection in the middle of a reply") from None
        return to_python(value) if isinstance(value, Column) else value

    def unasked(self) -> bool:
        """Whether bytes are there that no request explains."""
        self.sock.setblocking(False)
        try:
            return self.reader.buffered > 0 or bool(self.sock.recv(1, socket.MSG_PEEK))
        except BlockingIOError:
            return False
        finally:
            self.sock.settimeout(self.timeout)


class Probe:
    """The questions, each a method that returns the answer in words."""

    def __init__(self, observer: Session, open_wire: Callable[[bool], Wire], timeout: float) -> None:
        self.observer = observer
        self.open = open_wire
        self.timeout = timeout
        self.table = f"probe_{secrets.token_hex(4)}"
        self.slow = next((text for text in SLOW if self._runs(text)), "1+1")

    def _runs(self, script: str) -> bool:
        try:
            self.observer.run(script)
        except ServerError:
            return False
        return True

    def _empty_table(self) -> None:
        self.drop()
        self.observer.run(f"share streamTable(1000:0, `step`at, [INT,INT]) as {self.table}")

    def drop(self) -> None:
        with suppress(ServerError):
            self.observer.run(f'undef("{self.table}", SHARED)')

    def _steps(self) -> list[int]:
        return [int(step) for step in self.observer.run(f"exec step from {self.table}")]

    def _insert(self, step: int, slow: bool) -> str:
        text = f"tableInsert({self.table}, {step}, 0)"
        return f"{self.slow}\n{text}" if slow else text

    def _insertion(self, padding: int = 0) -> str:
        """A function request that inserts its argument behind a 1."""
        return f"function\ntableInsert{{{self.table},{' ' * padding} 1}}\n1\n1"

    def _all_steps(self, count: int) -> list[int]:
        """Steps in the order of the table, once there are `count` or nothing more happens."""
        end = time.monotonic() + self.timeout
        while len(steps := self._steps()) < count and time.monotonic() < end:
            time.sleep(0.02)
        return steps

    def order(self, asynchronous: bool) -> str:
        """A slow asynchronous task, quick ones behind it, and a synchronous request behind those."""
        self._empty_table()
        with closing(self.open(asynchronous)) as link:
            try:
                for step in range(TASKS):
                    link.script(self._insert(step, slow=step == 0), asynchronous=True)
                link.script(f"exec count(*) from {self.table}")
                value = link.reply()
            except NoReply as error:
                answer = f"not answered: {error}"
            else:
                if isinstance(value, ServerError):
                    answer = f"refused: {value}"
                else:
                    when = "when all of them had finished" if value == TASKS else "while others were not finished"
                    answer = f"answered {when} ({value} of {TASKS})"
            steps = self._all_steps(TASKS)
        ran = "in order" if steps == sorted(steps) else f"in the order {steps}"
        lost = "" if len(steps) == TASKS else f", {TASKS - len(steps)} never ran within {self.timeout:g} s"
        return f"the synchronous request was {answer}; the tasks ran {ran}{lost}"

    def failing(self) -> str:
        """An asynchronous task that fails."""
        with closing(self.open(True)) as link:
            try:
                link.script('throw "probe"', asynchronous=True)
                link.script("1+1")
                value = link.reply()
            except NoReply as error:
                return f"silence; the synchronous request behind it: {error}"
            if isinstance(value, ServerError):
                return f"its error came as a reply that nobody asked for: {value}"
            more = "; then bytes that nobody asked for" if link.unasked() else "; nothing else came"
            return f"silence; the synchronous request behind it was answered with {value}{more}"

    def pipelined(self) -> str:
        """Synchronous requests back to back, replies read afterwards."""
        with closing(self.open(False)) as link:
            found: list[Any] = []
            try:
                for number in range(PIPELINED):
                    link.script(f"{number}+0")
                while len(found) < PIPELINED:
                    found.append(link.reply())
            except NoReply as error:
                return f"{len(found)} of {PIPELINED} replies, then: {error}"
        if errors := [value for value in found if isinstance(value, ServerError)]:
            return f"{len(errors)} of {PIPELINED} were refused, the first with: {errors[0]}"
        return f"{PIPELINED} replies, " + ("in order" if found == list(range(PIPELINED)) else f"in the order {found}")

    def long_header(self) -> str:
        """A function call whose text before the argument takes 4,000 bytes."""
        self._empty_table()
        with closing(self.open(False)) as link:
            header = b""
            padding = HEADER // 2
            while len(header) != HEADER:
                padding += HEADER - len(header) if header else 0
                header = link.header(self._insertion(padding))
            try:
                link.request(header, dumps(2))
                value = link.reply()
            except NoReply as error:
                return f"not answered: {error}"
        if isinstance(value, ServerError):
            return f"refused: {value}"
        return f"accepted, {len(self._steps())} row inserted"

    def repeated(self) -> str:
        """The same numbered request twice, the second time marked as a repetition."""
        self._empty_table()
        with closing(self.open(False)) as link:
            for mark in (b"__%b_1", b"__%b_-1"):
                try:
                    link.request(link.header(self._insertion(), mark=mark % link.client), dumps(2))
                    value = link.reply()
                except NoReply as error:
                    return f"{mark[6:].decode()}: not answered: {error}"
                if isinstance(value, ServerError):
                    return f"{mark[6:].decode()}: refused: {value}"
        rows = len(self._steps())
        return "executed twice: retryWrites may insert twice" if rows == 2 else f"executed once ({rows} row)"

    def questions(self) -> list[tuple[str, Callable[[], str]]]:
        tasks = f"a slow asynchronous task, {TASKS - 1} quick ones, a synchronous request"
        return [
            (f"{tasks}; connection opened as asynchronous", lambda: self.order(True)),
            (f"{tasks}; connection opened as synchronous", lambda: self.order(False)),
            ("an asynchronous task that fails", self.failing),
            (f"{PIPELINED} synchronous requests back to back", self.pipelined),
            (f"a request header of {HEADER:,} bytes", self.long_header),
            ("a write with a number, then the same one marked as repeated", self.repeated),
        ]


def show(display: Display, rows: Sequence[tuple[str, str]]) -> None:
    if not display.console.is_terminal:
        for question, answer in rows:
            display.say(f"{question}: {answer}")
        return
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, show_lines=True)
    table.add_column("what was sent", ratio=2)
    table.add_column("what the server did", ratio=3)
    for row in rows:
        table.add_row(*row)
    display.console.print(table, soft_wrap=False)


def run_all(options: argparse.Namespace, display: Display) -> int:
    address = checked_address(options.host, options.port)
    credentials = Credentials(options.user, options.password)
    observer = connect(options.host, options.port, options.user, options.password, show_output=False)
    failed = 0
    with closing(observer):
        display.say(f"Server {address}, version {observer.run('version()')}")

        def open_wire(asynchronous: bool) -> Wire:
            return Wire(address, credentials, asynchronous, options.timeout)

        probe = Probe(observer, open_wire, options.timeout)
        rows = []
        try:
            for question, ask in probe.questions():
                try:
                    answer = ask()
                except (ServerError, ProtocolError, NoReply, LinkError) as error:
                    failed += 1
                    text = getattr(error, "serverText", "") or str(error)
                    answer = f"could not be found out: {text}"
                rows.append((question, answer))
        finally:
            with suppress(LinkError):
                probe.drop()
        show(display, rows)
    return 1 if failed else 0


def execute(options: argparse.Namespace) -> int:
    try:
        display = Display()
    except ModuleNotFoundError as error:
        return missing_extra(error)
    try:
        return run_all(options, display)
    except (AuthenticationError, ConnectError) as error:
        return fail(error, 2)
    except (LinkError, ServerError, ProtocolError) as error:
        return fail(getattr(error, "serverText", "") or error, 1)
