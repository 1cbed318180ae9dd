"""The discarding sink as a context manager: compiled on demand, one process, commands over its pipes."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

HERE = Path(__file__).parent
SOURCE = HERE / "sink.c"
PROGRAM = HERE / "build" / "sink"


def build() -> Path:
    """Compile the sink if it is missing or older than its source."""
    if not PROGRAM.exists() or PROGRAM.stat().st_mtime < SOURCE.stat().st_mtime:
        compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc")
        if compiler is None:
            raise SystemExit("bench: no C compiler found (cc or gcc)")
        PROGRAM.parent.mkdir(exist_ok=True)
        fresh = PROGRAM.with_name(f"sink.{os.getpid()}")
        subprocess.run([*compiler.split(), "-O2", "-o", str(fresh), str(SOURCE)], check=True)
        fresh.replace(PROGRAM)
    return PROGRAM


class Sink:
    """A running sink; `port` is where it listens on 127.0.0.1."""

    def __init__(self, cpu: int | None = None):
        self.process = subprocess.Popen(
            [str(build())], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        if cpu is not None:
            os.sched_setaffinity(self.process.pid, {cpu})
        self.port = int(self.process.stdout.readline())
        #: bytes of every connection that was closed, in order
        self.closed: list[int] = []
        #: what the largest read took since this was last set to 0: how far the receiver lagged
        self.largest = 0

    def __enter__(self) -> Sink:
        return self

    def __exit__(self, *exc) -> None:
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()

    def _ask(self, command: str) -> str:
        word = command.split()[0]
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        while line := self.process.stdout.readline().strip():
            if line.startswith("closed "):
                self.closed.append(int(line.split()[1]))
            elif line.split()[0] == word:
                return line
            else:
                break
        raise RuntimeError(f"the sink answered {line!r} to {command!r}")

    def count(self) -> int:
        """Bytes received so far on asynchronous connections, handshakes excluded."""
        _, received, largest = self._ask("count").split()
        self.largest = max(self.largest, int(largest))
        return int(received)

    def wait_for(self, expected: int, timeout: float = 60.0) -> int:
        """Wait until `expected` bytes have arrived; the number that did, in any case."""
        deadline = time.monotonic() + timeout
        pause = 0.0
        while (arrived := self.count()) < expected and time.monotonic() < deadline:
            time.sleep(pause)
            pause = min(pause + 0.0001, 0.002)
        return arrived

    def settle(self, quiet: float = 0.2) -> int:
        """Wait until nothing has arrived for `quiet` seconds; the number of bytes so far."""
        arrived, since = self.count(), time.monotonic()
        while time.monotonic() - since < quiet:
            time.sleep(quiet / 10)
            if (now := self.count()) != arrived:
                arrived, since = now, time.monotonic()
        return arrived

    def preemptions(self) -> int:
        """How often the sink lost its processor to another process, where the system tells."""
        try:
            status = Path(f"/proc/{self.process.pid}/status").read_text()
        except OSError:
            return 0
        return int(status.rpartition("nonvoluntary_ctxt_switches:")[2])

    def keep(self, path: Path) -> None:
        """From now on write what arrives on asynchronous connections to `path` too."""
        self._ask(f"keep {path}")

    def drop(self) -> None:
        """Close the file of `keep`."""
        self._ask("drop")

    def expect(self, sizes: list[int]) -> None:
        """Lengths of the synchronous calls with objects that come next, over and over."""
        self._ask("sizes " + " ".join(map(str, sizes)))

    def prepare(self, path: Path) -> None:
        """From now on answer a script on a synchronous connection with the bytes of `path`."""
        self._ask(f"reply {path}")
