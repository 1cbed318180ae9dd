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
        return int(self._ask("count").split()[1])

    def wait_for(self, expected: int, timeout: float = 60.0) -> int:
        """Wait until `expected` bytes have arrived; the number that did, in any case."""
        deadline = time.monotonic() + timeout
        while (arrived := self.count()) < expected and time.monotonic() < deadline:
            time.sleep(0.001)
        return arrived

    def settle(self, quiet: float = 0.2) -> int:
        """Wait until nothing has arrived for `quiet` seconds; the number of bytes so far."""
        arrived, since = self.count(), time.monotonic()
        while time.monotonic() - since < quiet:
            time.sleep(quiet / 10)
            if (now := self.count()) != arrived:
                arrived, since = now, time.monotonic()
        return arrived

    def keep(self, path: Path) -> None:
        """From now on write what arrives on asynchronous connections to `path` too."""
        self._ask(f"keep {path}")

    def drop(self) -> None:
        """Close the file of `keep`."""
        self._ask("drop")
