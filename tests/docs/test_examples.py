"""Every example of the documentation runs: the blocks of a page in order, against a local server of its own.

``python`` blocks share one namespace a page; blocks with ``title="FILE"`` are written to the page's folder instead;
``bash`` blocks are commands in that folder. A comment in the line before a block says what is special:
``<!-- not run: WHY -->``, ``<!-- needs: MODULE -->`` (left out where it is not installed), and ``<!-- prints -->``
before the ``text`` block that shows what the block before it printed.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from support.local_server import LocalServer
from support.server_process import restartable_server
from support.waiting import eventually, in_thread

import dolphindb_fast as ddb

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*(ROOT / "docs").glob("*.md"), ROOT / "README.md"])

#: blocks that are not run, by page: a new one is a decision
NOT_RUN = {"quickstart.md": 1, "walkthrough.md": 2}
#: environments are not made by the tests, and the shell of a person's home is not theirs
INSTALLING = re.compile(r"\bpip install\b|\bgit clone\b|^mkdir ")

#: what stands in .venv/bin, as this interpreter has it
TOOLS = {"python": "", "pytest": "-m pytest", "dolphindb-fast": "-m dolphindb_fast"}
_TOOL = re.compile(r"\.venv/bin/(\S+)")

pytestmark = pytest.mark.skipif(not (ROOT / "csrc").is_dir(), reason="runs beside the source only")

_BLOCK = re.compile(
    r"^(?:<!-- (?P<mark>[^\n]*?) -->\n)?"
    r"```(?P<kind>\w*)(?: title=\"(?P<title>[^\"]+)\")?\n(?P<text>.*?)^```$",
    re.M | re.S,
)


class Block(NamedTuple):
    mark: str
    kind: str
    title: str
    text: str
    line: int


def blocks(page: Path) -> list[Block]:
    source = page.read_text(encoding="utf-8")
    return [
        Block(
            found["mark"] or "",
            found["kind"],
            found["title"] or "",
            found["text"],
            source.count("\n", 0, found.start("text")),
        )
        for found in _BLOCK.finditer(source)
    ]


class Page:
    """What the blocks of one page have in common."""

    def __init__(self, path: Path, folder: Path, port: int):
        self.path, self.folder, self.port = path, folder, port
        self.names = {"__name__": "__page__"}
        self.printed = ""

    def carry_out(self, block: Block) -> None:
        # the address that readers have
        text = re.sub(r"\b8848\b", str(self.port), block.text)
        kind, _, argument = block.mark.partition(": ")
        if kind == "prints":
            assert self.printed == text, f"{self.path.name}, line {block.line}"
        elif block.title:
            (self.folder / block.title).write_text(text, encoding="utf-8")
        elif kind == "not run" or (block.kind == "bash" and INSTALLING.search(text)):
            pass
        elif kind == "needs" and importlib.util.find_spec(argument) is None:
            self.printed = ""
        elif block.kind == "python":
            self.python(text, block.line)
        elif block.kind == "bash":
            self.shell(text)

    def python(self, text: str, line: int) -> None:
        # lines are counted as in the page
        code = compile("\n" * line + text, str(self.path), "exec")
        with contextlib.redirect_stdout(io.StringIO()) as out:
            exec(code, self.names)
        self.printed = out.getvalue()

    def shell(self, text: str) -> None:
        command = _TOOL.sub(lambda found: f"{sys.executable} {TOOLS[found[1]]}", text)
        ended = subprocess.run(
            ["bash", "-euc", command], capture_output=True, text=True, timeout=100, cwd=self.folder,
        )  # fmt: skip
        assert ended.returncode == 0, f"{command}\n{ended.stdout}{ended.stderr}"
        self.printed = ended.stdout


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_page__runs_as_it_is_printed(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with LocalServer() as server:
        page = Page(path, tmp_path, server.port)
        for block in blocks(path):
            page.carry_out(block)


def test_blocks_that_are_not_run__are_counted():
    counted = {page.name: sum(block.mark.startswith("not run") for block in blocks(page)) for page in PAGES}
    assert {name: count for name, count in counted.items() if count} == NOT_RUN


def test_lasting_program__appends_again_what_has_no_reply(tmp_path, monkeypatch):
    for block in blocks(ROOT / "docs" / "walkthrough.md"):
        if block.title:
            (tmp_path / block.title).write_text(block.text, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    try:
        import lasting
        from loader import make_frames

        with restartable_server(delay=0.001) as server, ddb.Session(enableASYNC=True, acknowledge=True) as session:
            server.run((tmp_path / "ticks.dos").read_text(encoding="utf-8"))
            session.connect(server.host, server.port, reconnect=True)
            appending = in_thread(lambda: lasting.append(session, list(make_frames(400))))
            for rows in (5_000, 15_000):
                eventually(lambda rows=rows: server.rows("ticks") >= rows)
                server.stop()
                server.start()
            confirmed, doubtful = appending.result()
            stored = server.table("ticks")
    finally:
        for name in ("lasting", "loader"):
            sys.modules.pop(name, None)
    assert confirmed == 40_000 and doubtful > 0
    assert confirmed <= len(stored) <= confirmed + doubtful
    assert stored["time"].nunique() == confirmed
