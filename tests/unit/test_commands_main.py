from __future__ import annotations

import sys
from pathlib import Path

import pytest

import dolphindb_fast
from dolphindb_fast.__main__ import main
from dolphindb_fast.commands import _shared, demo


def test_version(capsys):
    with pytest.raises(SystemExit) as exit:
        main(["--version"])
    assert exit.value.code == 0
    assert capsys.readouterr().out.split() == ["dolphindb-fast", dolphindb_fast.__version__]


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nothing"],
        ["demo", "--loops", "0"],
        ["demo", "--rows", "x"],
        ["run"],
        ["serve", "--port", "65536"],
        ["run", "-", "--port", "-1"],
        ["probe", "--timeout", "0"],
        ["probe", "--timeout", "-1"],
    ],
)
def test_wrong_arguments__exit_2(arguments, capsys):
    with pytest.raises(SystemExit) as exit:
        main(arguments)
    assert exit.value.code == 2
    assert "usage: dolphindb-fast" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["demo", "serve", "run", "dump"])
def test_help__exits_0(command, capsys):
    with pytest.raises(SystemExit) as exit:
        main([command, "--help"])
    assert exit.value.code == 0
    assert "--until-stdin-closes" not in capsys.readouterr().out


@pytest.mark.parametrize("module", ["rich", "lark"])
def test_demo_without_extra__names_it(module, monkeypatch, capsys):
    for name in list(sys.modules):
        if name.partition(".")[0] == module:
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    assert main(["demo"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert "the extra 'local'" in err and "pip install lark rich" in err


def test_other_missing_modules__are_not_blamed_on_the_extra():
    for error in (ModuleNotFoundError("x", name="numpy"), ModuleNotFoundError("x")):
        with pytest.raises(ModuleNotFoundError) as raised:
            _shared.missing_extra(error)
        assert raised.value is error


def test_failure__is_one_line(capsys):
    assert _shared.fail("first\nsecond\n  third", 7) == 7
    assert capsys.readouterr().err == "dolphindb-fast: first second third\n"


def test_run_missing_file__exits_2(tmp_path, capsys):
    file = tmp_path / "absent.dos"
    assert main(["run", str(file)]) == 2
    assert capsys.readouterr().err == f"dolphindb-fast: can't read {file}: No such file or directory\n"


@pytest.mark.parametrize("command", ["run", "probe"])
def test_password_without_user__is_not_dropped(command, tmp_path, monkeypatch, capsys):
    if command == "probe":
        pytest.importorskip("rich")
    monkeypatch.delenv("DOLPHINDB_FAST_USER", raising=False)
    file = tmp_path / "any.dos"
    file.write_text("1", encoding="utf-8")
    arguments = [str(file)] if command == "run" else []
    assert main([command, *arguments, "--password", "secret"]) == 2
    err = capsys.readouterr().err
    assert len(err.splitlines()) == 1 and "--user" in err and "secret" not in err


@pytest.mark.parametrize("command", ["demo", "probe"])
def test_port_0_of_a_server__is_one_line(command, capfd):
    assert main([command, "--host", "localhost", "--port", "0"]) in (1, 2)
    assert len(capfd.readouterr().err.splitlines()) == 1


def test_run_not_text__exits_2(tmp_path, capsys):
    file = tmp_path / "binary.dos"
    file.write_bytes(b"\xff\xfe\xff")
    assert main(["run", str(file)]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_manual_frame__is_the_manuals():
    frame = demo.manual_frame(100)
    assert list(frame.columns) == ["time", "sym", "price", "id"]
    assert len(frame) == 100
    assert frame["time"].dt.year.unique().tolist() == [2020]
    assert set(frame["sym"]) <= set(demo.SYMBOLS)


def test_missing_rows__are_shown_as_such():
    outcome = demo.Outcome("dolphindb_fast", "asynchronous", 10, 0.5, 2.0, 1000, 900)
    cells = outcome.cells()
    assert "900 of 1,000" in cells
    assert "never" in cells


class Stalled:
    """A server whose table stops growing."""

    def __init__(self, counts):
        self.counts = list(counts)

    def run(self, script):
        return self.counts.pop(0) if len(self.counts) > 1 else self.counts[0]


def test_waiting__ends_when_nothing_comes(monkeypatch):
    monkeypatch.setattr(demo, "PATIENCE", 0.05)
    assert demo.wait_for_rows(Stalled([0, 10, 20, 20]), "t", 100, lambda done: None) == 20


def test_waiting__ends_when_all_is_there():
    assert demo.wait_for_rows(Stalled([0, 10, 100]), "t", 100, lambda done: None) == 100


def test_readme__gives_the_commands_that_the_tests_and_the_demo_are():
    readme = Path(__file__).parents[2] / "README.md"
    lines = readme.read_text(encoding="utf-8").splitlines()
    setup = "python3 -m venv .venv && .venv/bin/pip install '.[{extra}]' && .venv/bin/{command}"
    assert setup.format(extra="local", command="dolphindb-fast demo") in lines
    assert setup.format(extra="test", command="pytest -n 3") in lines
