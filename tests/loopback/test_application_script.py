"""An application written for the official client runs under ours with only its import line changed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from support.server_process import server_process

SCRIPT = Path(__file__).parents[1] / "support" / "application.py"
IMPORT = "import dolphindb as ddb\n"
SECONDS = 90


def output(client, login, folder):
    """What the application prints under the client of that name, line by line."""
    text = SCRIPT.read_text(encoding="utf-8")
    assert text.count(IMPORT) == 1
    program = folder / f"under_{client}.py"
    program.write_text(text.replace(IMPORT, f"import {client} as ddb\n"), encoding="utf-8")
    ended = subprocess.run(
        [sys.executable, "-X", "utf8", str(program), *map(str, login)],
        capture_output=True, text=True, encoding="utf-8", timeout=SECONDS, cwd=SCRIPT.parents[2],
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout[-2000:] + ended.stderr
    return ended.stdout.splitlines()


def test_application__says_what_it_should(tmp_path):
    """What it prints is known in part without any client."""
    with server_process() as login:
        lines = output("dolphindb_fast", login, tmp_path)
    for line in [
        "connected True", "inserted 25000", "inserted 10", "count 25020", "typed 3",
        "hash FAST INT128 VECTOR",
        "levels FAST INT[] VECTOR", "raw BLOB VECTOR", "upload -1", "in blocks 25020", "after blocks 2",
        "file 42", "kept 10 14 18",
        "thrown: <Exception> in exec: Server Response: 'no luck today' script: throw 'no luck today'",
        "usable 42", "asynchronous 26020", "closed True",
    ]:  # fmt: skip
        assert line in lines


@pytest.mark.official
def test_application__prints_the_same_under_both_clients(tmp_path):
    pytest.importorskip("dolphindb")
    with server_process() as login:
        theirs = output("dolphindb", login, tmp_path)
        ours = output("dolphindb_fast", login, tmp_path)
    assert len(theirs) > 250
    assert ours == theirs
