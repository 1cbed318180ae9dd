"""Programs that run in an interpreter of their own."""

from __future__ import annotations

import atexit
import functools
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import dolphindb_fast as ddb

from .recorder import DEADLINE
from .waiting import in_thread

__all__ = ["SANITIZED", "forked_program", "program"]

#: AddressSanitizer keeps freed memory for a while: what is resident says nothing then
SANITIZED = "libasan" in os.environ.get("LD_PRELOAD", "")


_PACKAGE = str(Path(ddb.__file__).parents[1])
_COMMAND = [sys.executable, "-W", "error", "-X", "dev", "-c"]


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join([_PACKAGE, os.environ.get("PYTHONPATH", "")])}


def program(text: str, *arguments: str, timeout: float = 2 * DEADLINE) -> subprocess.CompletedProcess:
    """Run a program in an interpreter of its own that turns warnings into errors."""
    return subprocess.run(
        [*_COMMAND, text, *arguments],
        capture_output=True,
        text=True,
        timeout=timeout,
        env=_environment(),
        # python -c looks into the current folder first, which may be the source tree
        cwd=_PACKAGE,
    )


# The child leaves the loop, does what it was told as the main program, and ends as any interpreter does.
_ZYGOTE = """
import json, os, sys, warnings
import dolphindb_fast, numpy, pandas
for line in sys.stdin:
    with warnings.catch_warnings():
        # later versions of Python warn of forking beside threads, as numpy may have them
        warnings.simplefilter("ignore")
        child = os.fork()
    if child == 0:
        break
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
else:
    sys.exit()
text, sys.argv[1:], folder = json.loads(line)
for number, name in enumerate(("in", "out", "err")):
    file = os.open(os.path.join(folder, name), os.O_RDWR | os.O_CREAT)
    os.dup2(file, number)
    os.close(file)
del line, child, folder, number, name, file
exec(compile(text, "<program>", "exec"))
"""


@functools.cache
def _zygote() -> subprocess.Popen:
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        [*_COMMAND, _ZYGOTE], stdin=pipe, stdout=pipe, text=True, env=_environment(), cwd=_PACKAGE
    )

    def end():
        process.stdin.close()
        process.wait(DEADLINE)
        process.stdout.close()

    atexit.register(end)
    return process


def forked_program(text: str, *arguments: str) -> subprocess.CompletedProcess:
    """As `program`, in a fork of an interpreter that has imported pandas and the package, which is far cheaper."""
    process = _zygote()
    with tempfile.TemporaryDirectory() as folder:
        process.stdin.write(json.dumps([text, arguments, folder]) + "\n")
        process.stdin.flush()
        status = int(in_thread(process.stdout.readline).result(2 * DEADLINE))
        out, err = (Path(folder, name).read_text(encoding="utf-8") for name in ("out", "err"))
    return subprocess.CompletedProcess(text, status, out, err)
