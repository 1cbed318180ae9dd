"""A proxy that does to a connection what networks do, at the byte where it is told to."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

from .proxy import AGAIN, CHUNK, Proxy, hurry, reset
from .recorder import DEADLINE, RecordError

__all__ = ["KINDS", "Fault", "FaultConnection", "FaultProxy"]

#: of Linux: how many bytes were taken and not sent
SIOCOUTQNSD = 0x894B
KINDS = ("delay", "bytes", "stall", "close", "reset")


class Fault(NamedTuple):
    """What happens to the bytes of one connection in one direction.

    Attributes
    ----------
    kind : str
        "delay": after `offset` bytes nothing passes for `seconds`. "bytes": from there on single bytes.
        "stall": from there on nothing, until `FaultConnection.release`. "close": both ends see the end of the
        stream once so many bytes have passed, and whatever they send then is thrown away. "reset": both ends
        get RST.
    toward : str
        "server" or "client".
    offset : int
        Bytes of this connection and direction, from its beginning on, that pass before.
    seconds : float
        Of a delay.
    """

    kind: str
    toward: str
    offset: int
    seconds: float = 0.05


class _Way:
    """One direction of a connection."""

    def __init__(self, source: socket.socket, target: socket.socket) -> None:
        self.source = source
        self.target = target
        self.waiting = b""  # was read, has not passed
        self.passed = 0
        self.faults: list[Fault] = []
        self.single = False
        self.stalled = False
        self.resumes = 0.0  # time until which nothing passes
        self.ended = False  # the source's end was seen
        self.told = False  # and the target told

    def may_pass(self, now: float) -> int:
        """How many of the waiting bytes may pass now."""
        if self.stalled or now < self.resumes:
            return 0
        most = 1 if self.single else len(self.waiting)
        if self.faults:
            most = min(most, self.faults[0].offset - self.passed)
        return min(most, len(self.waiting))


class FaultConnection:
    """One client's connection through a `FaultProxy`.

    Attributes
    ----------
    number : int
        0 for the first connection of the proxy.
    fired : list of Fault
        What has happened so far.
    ended : bool
        Whether nothing passes any more, in either direction.
    """

    def __init__(self, number: int, client: socket.socket, server: socket.socket, stopping: socket.socket) -> None:
        self.number = number
        self.fired: list[Fault] = []
        self.ended = False
        self._ends = {"server": server, "client": client}
        self._ways = {"server": _Way(client, server), "client": _Way(server, client)}
        self._verdict = ""  # how the connection ends: "close" or "reset"
        self._last: Fault | None = None
        self._stopping = stopping
        self._changed = threading.Condition()
        self._awake, self._waker = os.pipe()

    def passed(self, toward: str) -> int:
        """Bytes that have passed in that direction."""
        return self._ways[toward].passed

    def inject(self, *faults: Fault) -> None:
        """Plan further faults, of bytes that have not passed yet; where they have, it happens at once."""
        with self._changed:
            for fault in faults:
                way = self._ways[fault.toward]
                if fault.kind not in KINDS or fault.offset < way.passed:
                    raise RecordError(f"{fault}: {way.passed} bytes have passed")
                way.faults.append(fault)
                way.faults.sort(key=lambda fault: fault.offset)
            self._wake()

    def release(self) -> None:
        """End all stalls."""
        with self._changed:
            for way in self._ways.values():
                way.stalled = False
            self._wake()

    def wait(self, happened: Callable[[], object]) -> None:
        """Return when ``happened()`` is true; it is looked at whenever something passed or happened."""
        with self._changed:
            if not self._changed.wait_for(happened, DEADLINE):
                raise RecordError(f"did not happen in time; so far {self.fired}")

    def wait_fired(self, count: int = 1) -> None:
        """Return when so many faults have happened."""
        self.wait(lambda: len(self.fired) >= count)

    def wait_fired_or_ended(self) -> bool:
        """Whether a fault has happened, as soon as that is certain."""
        self.wait(lambda: self.fired or self.ended)
        return bool(self.fired)

    # -- the thread of the connection -----------------------------------------------------------------------

    def _wake(self) -> None:
        if not self.ended:
            os.write(self._waker, b"x")

    def _run(self) -> None:
        for end in self._ends.values():
            hurry(end)
        try:
            while self._step():
                pass
            if self._verdict == "close":
                self._finish()
            elif self._verdict == "reset":
                self._abort()
                self._fire()
        finally:
            with self._changed:
                self.ended = True
                os.close(self._waker)
                os.close(self._awake)
                for end in self._ends.values():
                    end.close()
                self._changed.notify_all()

    def _step(self) -> bool:
        """Let pass what may pass, then wait for more. False: the connection is over."""
        ways = self._ways.values()
        with self._changed:
            for way in ways:
                self._advance(way)
            self._changed.notify_all()
            now = time.monotonic()
            reading = [way.source for way in ways if not way.waiting and not way.stalled and not way.ended]
            writing = [way.target for way in ways if way.may_pass(now)]
            pauses = [way.resumes - now for way in ways if way.resumes > now]
        if self._verdict or all(way.told for way in ways):
            return False
        watched = [self._stopping, self._awake, *reading]
        readable, _, _ = select.select(watched, writing, [], min(pauses, default=None))
        if self._stopping in readable:
            return False
        if self._awake in readable:
            os.read(self._awake, 100)
        for way in ways:
            if way.source in readable:
                self._read(way)
        return True

    def _read(self, way: _Way) -> None:
        try:
            way.waiting = way.source.recv(CHUNK)
        except AGAIN:
            return
        except OSError:
            # one side's RST is the other's, too
            self._verdict = "reset"
            return
        way.ended = not way.waiting

    def _advance(self, way: _Way) -> None:
        """Let pass what may pass now, and happen what is due."""
        while not self._verdict:
            while way.faults and way.faults[0].offset == way.passed and time.monotonic() >= way.resumes:
                self._happen(way, way.faults.pop(0))
            most = way.may_pass(time.monotonic())
            if self._verdict or not most:
                break
            try:
                sent = way.target.send(way.waiting[:most])
            except AGAIN:
                break
            except OSError:
                self._verdict = "reset"
                break
            way.waiting = way.waiting[sent:]
            way.passed += sent
        if way.ended and not way.waiting and not way.told:
            way.told = True
            with contextlib.suppress(OSError):
                way.target.shutdown(socket.SHUT_WR)

    def _happen(self, way: _Way, fault: Fault) -> None:
        if fault.kind in ("close", "reset"):
            self._verdict, self._last = fault.kind, fault
            return
        self.fired.append(fault)
        if fault.kind == "delay":
            way.resumes = time.monotonic() + fault.seconds
        elif fault.kind == "bytes":
            way.single = True
        else:
            way.stalled = True

    def _fire(self) -> None:
        """What ends the connection has happened, if it was planned."""
        with self._changed:
            self.fired += [self._last] if self._last else []
            self._changed.notify_all()

    def _finish(self) -> None:
        """Tell both ends that this is all. What they send is still read, since else they would get RST."""
        talking = list(self._ends.values())
        for end in talking:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_WR)
        self._fire()
        while talking:
            readable, _, _ = select.select([self._stopping, *talking], [], [])
            if self._stopping in readable:
                return
            for end in readable:
                try:
                    over = not end.recv(CHUNK)
                except AGAIN:
                    continue
                except OSError:
                    over = True
                if over:
                    talking.remove(end)

    def _abort(self) -> None:
        """Close both ends by RST, as soon as what passed has left: RST overtakes what has not."""
        deadline = time.monotonic() + 1
        for end in self._ends.values():
            while _unsent(end) and time.monotonic() < deadline:
                select.select([self._stopping], [], [], 0.001)
            reset(end)
            end.close()


def _unsent(end: socket.socket) -> int:
    """Bytes that the system has taken and not sent."""
    try:
        return struct.unpack("i", fcntl.ioctl(end, SIOCOUTQNSD, bytes(4)))[0]
    except OSError:
        return 0


class FaultProxy(Proxy):
    """A `Proxy` that plans faults for each connection.

    Parameters
    ----------
    port, receive_buffer
        As of `Proxy`.
    faults : callable, optional
        ``faults(number) -> iterable of Fault``: what happens to connection number 0, 1, ...; may be set at
        any time. `FaultConnection.inject` is for connections that are there.

    Attributes
    ----------
    connections : list of FaultConnection
        All so far.
    """

    def __init__(
        self,
        port: int,
        faults: Callable[[int], Iterable[Fault]] = lambda number: (),
        *,
        receive_buffer: int | None = None,
    ) -> None:
        self.faults = faults
        self.connections: list[FaultConnection] = []
        self._arrived = threading.Condition()
        super().__init__(port, receive_buffer)

    @property
    def fired(self) -> list[Fault]:
        """What has happened so far, connection by connection."""
        return [fault for connection in list(self.connections) for fault in connection.fired]

    def connection(self, number: int = 0) -> FaultConnection:
        """A connection, as soon as there is one; negative numbers count from the last one of now."""
        with self._arrived:
            wanted = number if number >= 0 else len(self.connections) + number
            if not self._arrived.wait_for(lambda: len(self.connections) > wanted >= 0, DEADLINE):
                raise RecordError(f"no connection {number}")
            return self.connections[wanted]

    def serve(self, client: socket.socket) -> None:
        with client:
            try:
                server = self.connect()
            except OSError:
                # nobody listens: as a client would see it, only later
                reset(client)
                return
            with server:
                with self._arrived:
                    connection = FaultConnection(len(self.connections), client, server, self.stopping)
                    self.connections.append(connection)
                    connection.inject(*self.faults(connection.number))
                    self._arrived.notify_all()
                connection._run()
