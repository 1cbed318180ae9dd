"""``dolphindb-fast probe`` against the local server, and against servers that behave otherwise."""

from __future__ import annotations

import re
import socket

import pytest
from support.waiting import Late, unhurried

from dolphindb_fast.__main__ import main
from dolphindb_fast.commands import probe

pytest.importorskip("lark")
pytest.importorskip("rich")
from dolphindb_fast.localserver import LocalServer, connection  # noqa: E402


def run(port: int, *arguments: str) -> int:
    login = ["--user", "admin", "--password", "123456"]
    return main(["probe", "--host", "127.0.0.1", "--port", str(port), *login, *arguments])


def answers(output: str) -> list[str]:
    return output.splitlines()[1:]


def test_probe__of_the_local_server(capsys):
    with LocalServer() as local:
        assert run(local.port) == 0
        out, err = capsys.readouterr()
        assert err == "" and f"127.0.0.1:{local.port}" in out
        opened, opened_too, failing, pipelined, header, repeated = answers(out)
        for line in (opened, opened_too):
            assert "answered when all of them had finished (4 of 4); the tasks ran in order" in line
        assert "silence" in failing and "nothing else came" in failing
        assert "16 replies, in order" in pipelined
        assert "4,000 bytes: accepted, 1 row inserted" in header
        assert "executed" in repeated
        # it leaves nothing behind
        assert not [name for name in local._workspace.shared if name.startswith("probe")]


def test_header__has_the_size_that_the_question_names(monkeypatch, capsys):
    sizes = []
    original = probe.Wire.request

    def request(self, header, *arguments):
        sizes.append(len(header))
        return original(self, header, *arguments)

    monkeypatch.setattr(probe.Wire, "request", request)
    with LocalServer() as local:
        assert run(local.port) == 0
    assert probe.HEADER in sizes


def test_probe__of_a_server_that_does_not_answer_an_asynchronous_connection(capsys):
    def attempt(seconds):
        with LocalServer(order="unanswered") as local:
            assert run(local.port, "--timeout", f"{seconds:g}") == 0
        opened, opened_too, failing, pipelined, *others = answers(capsys.readouterr().out)
        if any("within" in answer for answer in (opened_too, pipelined, *others)):
            raise Late
        assert f"not answered: no reply within {seconds:g} s; the tasks ran in order" in opened
        assert "answered when all of them had finished" in opened_too
        assert f"no reply within {seconds:g} s" in failing
        assert "16 replies, in order" in pipelined

    unhurried(attempt)


def test_probe__of_a_server_that_runs_tasks_in_any_order(capsys):
    with LocalServer(order="shuffled") as local:
        # four tasks stay in order once in 24 times
        for _ in range(20):
            assert run(local.port) == 0
            out = capsys.readouterr().out
            assert "16 replies, in order" in out
            if "the tasks ran in the order [" in out and "while others were not finished" in out:
                return
    raise AssertionError(out)


def test_probe__of_a_server_that_refuses_and_hangs_up(monkeypatch, capsys):
    original = connection.Connection._execute

    def execute(self, header, body, values):
        if header.flags & 4:
            self.hang_up()
            raise connection.ScriptError("no asynchronous tasks here")
        if len(body.text) > 1000:
            raise connection.ScriptError("the header is too long")
        return original(self, header, body, values)

    monkeypatch.setattr(connection.Connection, "_execute", execute)

    def attempt(seconds):
        with LocalServer() as local:
            assert run(local.port, "--timeout", f"{seconds:g}") == 0
        opened, opened_too, failing, pipelined, header, repeated = lines = answers(capsys.readouterr().out)
        if any("no reply within" in line for line in lines):
            raise Late
        for line in (opened, opened_too, failing):
            assert re.search("closed the connection|broke|took no bytes", line)
        assert "4 never ran" in opened
        assert "refused: the header is too long" in header

    unhurried(attempt)


def test_probe__of_a_server_that_knows_repeated_requests(monkeypatch, capsys):
    lines = []

    def header_of(self, line):
        lines.append(line)
        return found(self, line)

    found = connection.RequestCache.header
    execute = connection.Connection._execute

    def once(self, header, body, values):
        return None if re.search(rb"_-\d+$", lines[-1]) else execute(self, header, body, values)

    monkeypatch.setattr(connection.RequestCache, "header", header_of)
    monkeypatch.setattr(connection.Connection, "_execute", once)
    with LocalServer() as local:
        assert run(local.port) == 0
    assert "executed once (1 row)" in answers(capsys.readouterr().out)[-1]


def test_probe__that_may_not_create_a_table_could_not_find_out(monkeypatch, capsys):
    original = connection.Connection._execute

    def execute(self, header, body, values):
        if "streamTable" in body.text:
            raise connection.ScriptError("no tables for you")
        return original(self, header, body, values)

    monkeypatch.setattr(connection.Connection, "_execute", execute)

    def attempt(seconds):
        with LocalServer() as local:
            assert run(local.port, "--timeout", f"{seconds:g}") == 1
        out = capsys.readouterr().out
        if "no reply within" in out:
            raise Late
        assert out.count("could not be found out: no tables for you") == 4 and "16 replies, in order" in out

    unhurried(attempt)


def test_probe__where_nobody_listens_or_lets_in(capsys):
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        assert run(holder.getsockname()[1]) == 2
    with LocalServer() as local:
        arguments = ["probe", "--host", "127.0.0.1", "--port", str(local.port)]
        assert main([*arguments, "--user", "admin", "--password", "hunter2-secret"]) == 2
    out, err = capsys.readouterr()
    assert out == "" and len(err.splitlines()) == 2 and "hunter2" not in err


@pytest.mark.parametrize("width", [80, 160])
def test_show__on_a_terminal_shows_whole_answers(width):
    from rich.console import Console

    display = probe.Display()
    display.console = Console(force_terminal=True, width=width, record=True, color_system=None)
    probe.show(display, [("a question " * 8, "an answer " * 20)])
    assert display.console.export_text().replace("\n", " ").count("answer") == 20
