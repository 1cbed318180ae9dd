"""csrc/ddb_link.c alone, as a program: without sendmsg too, and for Windows where MinGW-w64 and wine are."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [ROOT / "tests/link/check_link.c", ROOT / "csrc/ddb_link.c", ROOT / "csrc/ddb_status.c"]
FLAGS = ["-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror", f"-I{ROOT / 'csrc'}"]

pytestmark = pytest.mark.skipif(not SOURCES[1].is_file(), reason="runs beside the source only")


def tool(*names: str) -> str:
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        pytest.skip(f"{' or '.join(names)} is not installed")
    return found


def compiled(compiler: str, target: Path, *flags: str) -> str:
    command = [compiler, *FLAGS, *map(str, SOURCES), "-o", str(target), *flags]
    made = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert made.returncode == 0, made.stderr
    return str(target)


def check(*command: str, **environment: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, env={**os.environ, **environment})
    assert (done.returncode, done.stdout.split()) == (0, ["well"]), done


@pytest.mark.parametrize("switch", ["-UDDB_LINK_NO_SENDMSG", "-DDDB_LINK_NO_SENDMSG"])
def test_link__of_this_system(tmp_path, switch):
    check(compiled(tool("cc", "gcc"), tmp_path / "check", switch))


@pytest.mark.slow
def test_link__of_windows(tmp_path):
    compiler = tool("x86_64-w64-mingw32-gcc")
    program = compiled(compiler, tmp_path / "check.exe", "-lws2_32")
    wine = tool("wine64", "wine", "/usr/lib/wine/wine64")
    # some 700 MB, not to be kept as long as pytest keeps its folders
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as prefix:
        # a sanitizer's library is not for wine
        check(wine, program, WINEPREFIX=prefix, WINEDEBUG="-all", LD_PRELOAD="")
