"""`dolphindb_fast.testing` in a project of somebody else, and in runs that don't use it."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import dolphindb_fast as ddb

PAGE = Path(__file__).resolve().parents[2] / "docs" / "testing.md"

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("dolphindb_fast_pytest") is None,
    reason="this package is not installed with its plugin",
)


def run_pytest(folder: Path, expected=0) -> str:
    """The output of pytest in a project that knows nothing of this one."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-W", "error", "--strict-markers", "-p", "no:cacheprovider"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == expected, done.stdout + done.stderr
    return done.stdout


@pytest.mark.skipif(not PAGE.is_file(), reason="runs beside the source only")
def test_example__of_the_documentation(tmp_path):
    pytest.importorskip("lark")
    files = re.findall(r'^```python title="(\w+\.py)"\n(.*?)^```$', PAGE.read_text(), re.M | re.S)
    assert [name for name, _ in files] == ["ticks.py", "test_ticks.py"]
    for name, text in files:
        (tmp_path / name).write_text(text)
    assert " 5 passed" in run_pytest(tmp_path)


def test_run_that_does_not_use_it__imports_nothing_of_ours(tmp_path):
    (tmp_path / "test_other.py").write_text(
        "import sys\n"
        "def test_nothing():\n"
        "    assert 'dolphindb_fast_pytest' in sys.modules\n"
        "    assert not {'dolphindb_fast', 'pandas', 'numpy', 'lark'} & set(sys.modules)\n"
    )
    assert " 1 passed" in run_pytest(tmp_path)


def test_fixture_without_lark__says_what_is_missing(tmp_path):
    (tmp_path / "test_missing.py").write_text(
        "import sys\nsys.modules['lark'] = None\ndef test_server(dolphindb_server): ...\n"
    )
    assert "NotSupported: dolphindb_server needs the extra 'local', or: pip install lark" in run_pytest(tmp_path, 1)


def test_servers__are_fresh_and_end_with_their_test(tmp_path):
    pytest.importorskip("lark")
    (tmp_path / "test_fresh.py").write_text(
        "import socket, pytest\n"
        "seen = []\n"
        "@pytest.mark.parametrize('turn', [0, 1])\n"
        "def test_server(dolphindb_server, turn):\n"
        "    for port in seen:\n"
        "        with pytest.raises(OSError):\n"
        "            socket.create_connection(('127.0.0.1', port), 5)\n"
        "    seen.append(dolphindb_server.port)\n"
        "    with pytest.raises(RuntimeError, match='no table'):\n"
        "        dolphindb_server.table('t')\n"
        "    dolphindb_server.run('share table(1 2 as a) as t')\n"
        "    assert dolphindb_server.table('t')['a'].tolist() == [1, 2]\n"
    )
    assert " 2 passed" in run_pytest(tmp_path)


def test_wrong_settings__are_errors_that_say_why(tmp_path):
    pytest.importorskip("lark")
    (tmp_path / "test_wrong.py").write_text(
        "import pytest\n"
        "@pytest.mark.dolphindb_server('shuffled')\n"
        "def test_position(dolphindb_server): ...\n"
        "@pytest.mark.dolphindb_server(order='backwards')\n"
        "def test_order(dolphindb_server): ...\n"
    )
    output = run_pytest(tmp_path, expected=1)
    assert "takes settings by name, such as order='shuffled'" in output
    assert "order must be one of sequential, shuffled, unanswered, not 'backwards'" in output


@pytest.mark.dolphindb_server(order="shuffled", users={"alice": "secret"})
class TestMarkers:
    def test_class__counts(self, dolphindb_server):
        assert dolphindb_server.order == "shuffled"

    @pytest.mark.dolphindb_server(order="unanswered", delay=0.001)
    def test_nearest__counts_setting_by_setting(self, dolphindb_server):
        assert (dolphindb_server.order, dolphindb_server.delay) == ("unanswered", 0.001)
        with ddb.Session() as session:
            session.connect(dolphindb_server.host, dolphindb_server.port, "alice", "secret")

    @pytest.mark.parametrize("dolphindb_server", [{"delay": 0.002}], indirect=True)
    def test_parameters__count_before_markers(self, dolphindb_server):
        assert (dolphindb_server.order, dolphindb_server.delay) == ("shuffled", 0.002)


def test_wait_for_rows__tells_what_failed(dolphindb_server):
    dolphindb_server.run("share streamTable(1:0, `a, [INT]) as t")
    with ddb.Session(enableASYNC=True) as session:
        session.connect(dolphindb_server.host, dolphindb_server.port)
        session.run("tableInsert{t}", [1, 2])
        session.run("nothing", 1)
        with pytest.raises(ddb.ReplyTimeout, match="has 2 rows .* not 3; failed requests: \n  nothing: "):
            dolphindb_server.wait_for_rows("t", 3, timeout=0.5)
    dolphindb_server.wait_for_rows("t", 2)
