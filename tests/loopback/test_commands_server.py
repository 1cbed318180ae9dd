from __future__ import annotations

import io
import signal
import socket
import subprocess
import sys
import time
from collections import namedtuple

import numpy as np
import pandas as pd
import pytest
from support.raw_client import Client
from support.waiting import eventually

import dolphindb_fast
from dolphindb_fast.__main__ import main

LocalAddress = namedtuple("LocalAddress", "host port")


def run(server, *arguments: str) -> int:
    return main(["run", *arguments, "--host", server.host, "--port", str(server.port)])


def test_run__prints_the_result(server, tmp_path, capsys):
    file = tmp_path / "sum.dos"
    file.write_text("a = 40\na + 2\n", encoding="utf-8")
    assert run(server, str(file)) == 0
    assert capsys.readouterr() == ("42\n", "")


def test_run__reads_standard_input(server, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.StringIO("1 + 1"))
    assert run(server, "-") == 0
    assert capsys.readouterr().out == "2\n"


def test_run__shows_what_the_script_prints(server, tmp_path, capfd):
    file = tmp_path / "print.dos"
    file.write_text('print("hello")', encoding="utf-8")
    assert run(server, str(file)) == 0
    assert "hello" in capfd.readouterr().out


def test_run_server_error__exit_1_in_one_line(server, tmp_path, capsys):
    file = tmp_path / "error.dos"
    file.write_text('throw "not today"', encoding="utf-8")
    assert run(server, str(file)) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert "not today" in err


def test_run_nobody_listens__exit_2_in_one_line(tmp_path, capsys):
    file = tmp_path / "any.dos"
    file.write_text("1", encoding="utf-8")
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        assert main(["run", str(file), "--host", "127.0.0.1", "--port", str(holder.getsockname()[1])]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_run_wrong_password__exit_2_in_one_line(server, tmp_path, capsys):
    file = tmp_path / "any.dos"
    file.write_text("1", encoding="utf-8")
    assert run(server, str(file), "--user", "admin", "--password", "wrong") == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def serve(tmp_path, *arguments: str) -> subprocess.Popen:
    pytest.importorskip("lark")
    return subprocess.Popen(
        [sys.executable, "-m", "dolphindb_fast", "serve", *arguments],
        cwd=tmp_path,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_serve__says_what_it_is_and_ctrl_c_ends_it(tmp_path):
    process = serve(tmp_path, "--port", "0")
    try:
        host, _, port = process.stdout.readline().split()[-1].rpartition(":")
        assert host == "127.0.0.1"
        assert "not a DolphinDB server" in process.stdout.readline()
        with dolphindb_fast.Session() as session:
            session.connect(host, int(port), "admin", "123456")
            assert session.run("1 + 1") == 2
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
        assert process.returncode == 0
        assert "Traceback" not in err
    finally:
        process.kill()
        process.communicate()


def test_serve_until_stdin_closes__ends_with_its_parent(tmp_path):
    process = serve(tmp_path, "--port", "0", "--until-stdin-closes")
    try:
        assert process.stdout.readline().startswith("listening on ")
        process.communicate(timeout=30)
        assert process.returncode == 0
    finally:
        process.kill()
        process.communicate()


def test_serve_order_and_delay__reach_the_server(tmp_path):
    settings = "--order", "unanswered", "--delay", "0.2"
    process = serve(tmp_path, "--port", "0", *settings, "--until-stdin-closes")
    try:
        host, _, port = process.stdout.readline().split()[-1].rpartition(":")
        start = time.monotonic()
        with dolphindb_fast.Session() as session:
            session.connect(host, int(port), "admin", "123456")
            assert session.run("1 + 1") == 2
        assert time.monotonic() - start >= 0.2
        with Client(LocalAddress(host, int(port)), b"API 0 8 / 36_1_4_2\nconnect\n") as client:
            client.send(b"script\nthrow 'unheard'")
            # its failure is logged as one that nobody was told of
            eventually(lambda: "asynchronous task \"throw 'unheard'\" failed" in process.stderr.readline())
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("setting", ["order", "delay"])
def test_serve_wrong_setting__exit_2_in_one_line(setting, capsys):
    pytest.importorskip("lark")
    assert main(["serve", "--port", "0", f"--{setting}", {"order": "backwards", "delay": "-1"}[setting]]) == 2
    err = capsys.readouterr().err
    assert len(err.splitlines()) == 1
    assert f"{setting} must be" in err


def test_serve_port_in_use__exit_2_in_one_line(server, capsys):
    assert main(["serve", "--host", server.host, "--port", str(server.port)]) == 2
    err = capsys.readouterr().err
    assert len(err.splitlines()) == 1
    assert "port in use; give another with --port" in err


def test_dump__explains_what_a_session_sends(tmp_path, capsys):
    """What our own asynchronous session sends, recorded from a socket, is understood to the last byte."""
    frame = pd.DataFrame({"time": pd.to_datetime(["2020-01-02", None]), "sym": ["a", "b"], "price": [1.5, np.nan]})
    with socket.create_server(("127.0.0.1", 0)) as listener:
        with dolphindb_fast.Session(enableASYNC=True) as session:
            recorded = record(listener, session, frame)
    file = tmp_path / "recorded.bin"
    file.write_bytes(recorded)
    assert main(["dump", str(file)]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    for meaning in (
        "body: connect as 'admin'",
        "body: function 'tableInsert{trades}', 1 object",
        "table, 2 rows, 3 columns",
        "'time, sym, price'",
        "2020.01.02T00:00:00",
        "1.5, NULL",
    ):
        assert meaning in out


def record(listener: socket.socket, session, frame: pd.DataFrame) -> bytes:
    """Every byte that `session` sends while it connects, appends `frame` once and closes."""
    import threading

    received = bytearray()

    def peer():
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(30)
            while not received.endswith(b"false"):
                received.extend(connection.recv(65536))
            connection.sendall(b"1234567890 1 1\nOK\n\x01\x00\x01")
            while data := connection.recv(65536):
                received.extend(data)

    thread = threading.Thread(target=peer)
    thread.start()
    session.connect("127.0.0.1", listener.getsockname()[1], "admin", "123456")
    session.run("tableInsert{trades}", frame)
    session.close()
    thread.join(30)
    assert not thread.is_alive()
    return bytes(received)
