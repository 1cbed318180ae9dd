"""Local servers that are killed, and whose rows outlive them.

Such a server is a process. The first column of each table that it has inserted is in a file, its journal,
before the reply is sent: after SIGKILL the journal says what was carried out. The servers are forks of one
process that has imported all they need.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from .recorder import DEADLINE

__all__ = ["MortalServer", "mortal_servers"]

#: of Linux: the signal that a process gets when its parent ends
PR_SET_PDEATHSIG = 1


class MortalServer:
    """A server of a process of its own, with a table ``t``.

    Attributes
    ----------
    port : int
    """

    def __init__(self, process: int, port: int, journal: str) -> None:
        self.process = process
        self.port = port
        self.journal = journal

    def freeze(self) -> None:
        """It carries out and answers nothing more; connections are still taken, by the system."""
        os.kill(self.process, signal.SIGSTOP)
        # the signal is sent, but is it stopped?
        while Path(f"/proc/{self.process}/stat").read_text().rpartition(")")[2].split()[0] != "T":
            os.sched_yield()

    def kill(self) -> None:
        """End it as the power switch would; returns when it has ended."""
        watch = os.pidfd_open(self.process)
        try:
            os.kill(self.process, signal.SIGKILL)
            ended, _, _ = select.select([watch], [], [], DEADLINE)
            assert ended, "SIGKILL did not end the server"
        finally:
            os.close(watch)

    @property
    def count(self) -> int:
        """How many `rows` there are."""
        return os.stat(self.journal).st_size // 4

    def rows(self) -> list[int]:
        """First column of all rows that were inserted, in that order; those replaced by others too."""
        return np.frombuffer(Path(self.journal).read_bytes(), dtype="<i4").tolist()


@contextlib.contextmanager
def mortal_servers():
    """``start(script, port=0)``: a `MortalServer` that has run this script. All end with the block."""
    folder = Path(__file__).resolve().parents[1]
    with tempfile.TemporaryDirectory() as journals:
        zygote = subprocess.Popen(
            [sys.executable, "-m", "support.mortal_server", journals],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=folder,
        )

        def start(script, port=0):
            zygote.stdin.write(f"{port} {script}\n")
            zygote.stdin.flush()
            process, port, journal = zygote.stdout.readline().split()
            return MortalServer(int(process), int(port), journal)

        try:
            yield start
        finally:
            # its end is theirs
            zygote.stdin.close()
            zygote.wait(DEADLINE)
            zygote.stdout.close()


def _serve(port: int, script: str, journal: str, told: int) -> None:
    from dolphindb_fast.column import Table
    from dolphindb_fast.localserver import LocalServer
    from dolphindb_fast.localserver.connection import Connection

    file = os.open(journal, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    execute = Connection._execute

    def execute_and_write(self, header, body, values):
        result = execute(self, header, body, values)
        if values and isinstance(values[0], Table):
            os.write(file, values[0].columns[0].data.tobytes())
        return result

    Connection._execute = execute_and_write
    server = LocalServer(port=port).start()
    server.run(script)
    os.write(told, f"{os.getpid()} {server.port} {journal}\n".encode())
    server.serve_forever()


def _fork_for_each_line(journals: str) -> None:
    """The process that all servers are forks of; it has no thread, so that it may fork."""
    import dolphindb_fast.localserver.server  # noqa: F401
    from dolphindb_fast.localserver.syntax import parse

    parse("1")
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for number, line in enumerate(sys.stdin):
        port, script = line.split(" ", 1)
        if os.fork() == 0:
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            _serve(int(port), script, str(Path(journals, str(number))), 1)
    os._exit(0)


if __name__ == "__main__":
    _fork_for_each_line(sys.argv[1])
