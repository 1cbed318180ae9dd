"""Programs that run in an interpreter of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import dolphindb_fast as ddb

__all__ = ["SANITIZED", "program"]

#: AddressSanitizer keeps freed memory for a while: what is resident says nothing then
SANITIZED = "libasan" in os.environ.get("LD_PRELOAD", "")


def program(text: str, *arguments: str, timeout: float = 60) -> subprocess.CompletedProcess:
    """Run a program in an interpreter of its own that turns warnings into errors."""
    package = str(Path(ddb.__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([package, os.environ.get("PYTHONPATH", "")])}
    return subprocess.run(
        [sys.executable, "-W", "error", "-X", "dev", "-c", text, *arguments],
        capture_output=True,
        text=True,
        timeout=timeout,
        env=environment,
        # python -c looks into the current folder first, which may be the source tree
        cwd=package,
    )
