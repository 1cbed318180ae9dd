from __future__ import annotations

import contextlib
import re
import subprocess
import sys

import pytest
from support.local_server import LocalServer
from support.server_process import held_port

from dolphindb_fast import UsageError
from dolphindb_fast.__main__ import main
from dolphindb_fast.commands import demo

pytest.importorskip("lark")
pytest.importorskip("rich")


@pytest.fixture
def closed_port():
    with held_port() as port:
        yield port


def address(server) -> list[str]:
    return ["--host", server.host, "--port", str(server.port)]


def rows_of_table(text: str) -> dict[tuple[str, str], list[str]]:
    found = {}
    for line in text.splitlines():
        match = re.match(r"(dolphindb(?:_fast)?) +(synchronous|asynchronous) +(.*)", line)
        if match:
            found[match[1], match[2]] = match[3].split()
    return found


@pytest.mark.parametrize("own_server", [True, False])
def test_demo__finds_every_row_in_both_modes(own_server, monkeypatch, capfd):
    monkeypatch.setattr(demo, "clients", lambda: {"dolphindb_fast": demo.own_session})
    arguments = ["demo", "--loops", "60", "--rows", "10"]
    if own_server:
        code = main(arguments)
    else:
        with LocalServer() as server:
            code = main([*arguments, *address(server)])
    out, err = capfd.readouterr()
    assert (code, err) == (0, "")
    table = rows_of_table(out)
    assert set(table) == {("dolphindb_fast", "synchronous"), ("dolphindb_fast", "asynchronous")}
    assert {cells[-1] for cells in table.values()} == {"600"}
    assert "\x1b" not in out


@pytest.mark.official
def test_demo__official_client_runs_beside_ours(capfd):
    pytest.importorskip("dolphindb")
    assert main(["demo", "--loops", "30", "--rows", "10"]) == 0
    table = rows_of_table(capfd.readouterr().out)
    assert {client for client, _ in table} == {"dolphindb_fast", "dolphindb"}
    assert {cells[-1] for cells in table.values()} == {"300"}


def test_demo__as_module_from_another_folder(tmp_path):
    command = [sys.executable, "-m", "dolphindb_fast", "demo", "--loops", "10", "--rows", "5"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")


def test_demo__touches_no_table_called_trades(monkeypatch, capfd):
    monkeypatch.setattr(demo, "clients", lambda: {"dolphindb_fast": demo.own_session})
    with LocalServer() as server:
        server.run("share streamTable(10:0, `a`b, [INT,INT]) as trades")
        assert main(["demo", "--loops", "5", "--rows", "5", *address(server)]) == 0
        assert server.run("exec count(*) from trades").data.tolist() == [0]


def test_demo_lost_rows__exit_1(monkeypatch, capfd):
    """Every third asynchronous call is dropped on the way: the demo has to notice."""

    class Lossy:
        def __init__(self, session):
            self.session = session
            self.calls = 0

        def run(self, *args):
            self.calls += 1
            if self.calls % 3:
                self.session.run(*args)
            elif self.calls == 30:
                # what was sent is there before the demo begins to wait for the rest
                with contextlib.suppress(UsageError):
                    self.session.barrier()

        def close(self):
            self.session.close()

    monkeypatch.setattr(demo, "clients", lambda: {"dolphindb_fast": lambda *a: Lossy(demo.own_session(*a))})
    monkeypatch.setattr(demo, "PATIENCE", 0.3)
    with LocalServer() as server:
        assert main(["demo", "--loops", "30", "--rows", "10", *address(server)]) == 1
    out, err = capfd.readouterr()
    assert "200 of 300" in out
    assert "dolphindb_fast, asynchronous: 200 rows instead of 300" in err


def test_demo_nobody_listens__exit_2_in_one_line(closed_port, capfd):
    assert main(["demo", "--host", "127.0.0.1", "--port", str(closed_port)]) == 2
    err = capfd.readouterr().err
    assert len(err.splitlines()) == 1
    assert str(closed_port) in err


def test_demo_wrong_password__exit_2_in_one_line(capfd):
    with LocalServer() as server:
        assert main(["demo", *address(server), "--user", "admin", "--password", "no"]) == 2
    err = capfd.readouterr().err
    assert len(err.splitlines()) == 1
    assert "password" in err


def test_demo_port_in_use__exit_2(capfd):
    with LocalServer() as server:
        assert main(["demo", "--port", str(server.port)]) == 2
    err = capfd.readouterr().err
    assert len(err.splitlines()) == 1
    assert "port in use" in err
