"""The other side of the soak: a local server behind a proxy that makes faults, in a process of its own.

Prints the proxy's and the server's port. A line on its standard input, or the end of it, ends the faults;
when all clients have gone it prints what happened, as JSON. The end of its standard input ends it.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import json
import logging
import random
import resource
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.fault_proxy import KINDS, Fault, FaultConnection, FaultProxy  # noqa: E402
from support.recorder import RecordError  # noqa: E402
from support.waiting import eventually  # noqa: E402

from dolphindb_fast.localserver import LocalServer  # noqa: E402

TABLE = "share streamTable(1:0, `id`eighth`text`word, [LONG,DOUBLE,STRING,SYMBOL]) as soak"
WAYS = ("server", "client")


class Faults:
    """Makes faults until it is told to stop; the same ones for the same seed, as far as time allows."""

    def __init__(self, server: LocalServer, seed: int, pause: float) -> None:
        self.server = server
        self.pause = pause
        self.numbers = random.Random(f"faults {seed}")
        self.stopped, self.ended = threading.Event(), threading.Event()
        self.kinds: collections.Counter[str] = collections.Counter()
        self.restarts = 0
        self.proxy = FaultProxy(server.port, self.of_new_connection)
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def of_new_connection(self, number: int) -> list[Fault]:
        """While it connects, or after some kilobytes."""
        if self.stopped.is_set() or self.numbers.random() < 0.4:
            return []
        offset = int(10 ** self.numbers.uniform(0, 6))
        return [self._fault(self.numbers.choice(WAYS), offset)]

    def _fault(self, toward: str, offset: int) -> Fault:
        kind = self.numbers.choice(KINDS)
        return Fault(kind, toward, offset, self.numbers.uniform(0.01, 0.5))

    def _run(self) -> None:
        stalls: list[FaultConnection] = []
        while not self.stopped.wait(self.numbers.expovariate(1 / self.pause)):
            self._forget_ended()
            # stalls that last longer than the clients' time-outs, and shorter ones
            while stalls and self.numbers.random() < 0.5:
                stalls.pop(0).release()
            live = self.proxy.connections[:]
            if self.numbers.random() < 0.02:
                self.server.stop()
                self.server.start()
                self.restarts += 1
            elif live:
                connection, toward = self.numbers.choice(live), self.numbers.choice(WAYS)
                offset = connection.passed(toward) + int(10 ** self.numbers.uniform(0, 4))
                with contextlib.suppress(RecordError, OSError):
                    connection.inject(self._fault(toward, offset))
            stalls = [c for c in live if any(fault.kind == "stall" for fault in c.fired) and not c.ended]
        # what was planned may still happen, but holds nobody up
        while not self.ended.wait(0.02):
            self._release()

    def _release(self) -> None:
        for connection in self.proxy.connections[:]:
            connection.release()

    def _forget_ended(self) -> None:
        for connection in self.proxy.connections[:]:
            if connection.ended:
                self.proxy.connections.remove(connection)
                self.kinds.update(fault.kind for fault in connection.fired)

    def report(self) -> dict:
        """When all clients have gone."""

        self.ended.set()
        self.thread.join()

        def ended():
            self._release()
            self._forget_ended()
            return not self.proxy.connections and not self.server.open_connections

        eventually(ended)
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return {
            "faults": {kind: self.kinds[kind] for kind in KINDS},
            "restarts": self.restarts,
            "connections": self.server.counters.connections,
            "processor": usage.ru_utime + usage.ru_stime,
        }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--pause", type=float, required=True)
    options = parser.parse_args()
    # lost connections are what this is about
    logging.getLogger("dolphindb_fast").setLevel(logging.ERROR)
    with LocalServer() as server:
        server.run(TABLE)
        faults = Faults(server, options.seed, options.pause)
        print(faults.proxy.port, server.port, flush=True)
        sys.stdin.readline()
        faults.stopped.set()
        print("calm", flush=True)
        sys.stdin.readline()
        print(json.dumps(faults.report()), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
