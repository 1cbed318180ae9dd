"""The regression gate of bench/gate: it fails when a call costs more, and says what it can't count."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.cases import WIDE
from support.recorder import DEADLINE

import dolphindb_fast

ROOT = Path(__file__).resolve().parents[2]
GATE = ROOT / "bench" / "gate"
CASES = "seed-encode,row-run"
HAS_VALGRIND = shutil.which("valgrind") is not None and Path("/usr/include/valgrind/callgrind.h").exists()

pytestmark = [
    pytest.mark.wide,
    pytest.mark.skipif(not WIDE, reason="DOLPHINDB_FAST_WIDE=1 tests the regression gate too"),
    pytest.mark.skipif(not GATE.exists(), reason="bench/gate is not here"),
    pytest.mark.skipif(sys.platform != "linux", reason="the gate counts on Linux"),
    pytest.mark.skipif(not (shutil.which("cc") or shutil.which("gcc")), reason="the gate needs a C compiler"),
    pytest.mark.skipif("asan" in os.environ.get("LD_PRELOAD", ""), reason="a sanitizer build"),
]


@pytest.fixture(scope="module")
def gate(tmp_path_factory):
    """Run the gate on the product under test with a baseline of its own; exit code and output."""
    folder = tmp_path_factory.mktemp("gate")
    baseline = folder / "baseline.json"
    command = [sys.executable, str(GATE), "--baseline", str(baseline), "--repository", str(folder)]
    command += ["--build", str(folder / "build")]
    environment = {**os.environ, "PYTHONPATH": str(Path(dolphindb_fast.__file__).parents[1])}

    def run(*arguments, **changes):
        done = subprocess.run(
            [*command, *arguments],
            capture_output=True,
            text=True,
            env={**environment, **changes},
            timeout=2 * DEADLINE,
        )
        return done.returncode, done.stdout + done.stderr

    run.baseline = baseline
    meters = "system-calls,allocations"
    code, output = run("--cases", CASES, "--meters", meters, "--update", "--reason", "numbers of this test")
    assert code == 0, output
    if "not counted" in output:
        pytest.skip(output)
    return run


@pytest.fixture
def modules(monkeypatch):
    """The gate's modules."""
    monkeypatch.syspath_prepend(str(GATE.parent))
    from gate import baseline, reference

    return baseline, reference


def test_numbers_have_date_and_reason(gate):
    (cases,) = json.loads(gate.baseline.read_text()).values()
    assert set(cases) == set(CASES.split(","))
    assert cases["row-run"]["system calls"]["value"]["sendto"] == 1
    for entry in cases.values():
        for noted in entry.values():
            assert noted["reason"] == "numbers of this test"
            assert noted["date"]


def test_extra_system_call_fails(gate):
    code, output = gate("--cases", CASES, "--meters", "system-calls", "--slower", "system-call")
    assert code == 1, output
    assert [line.split()[0] for line in output.splitlines() if "getppid" in line] == CASES.split(",")


def test_extra_dtypes_fails(gate):
    code, output = gate("--cases", "seed-encode", "--meters", "allocations", "--slower", "dtypes")
    assert code == 1, output
    assert "GREW" in output


@pytest.mark.slow
@pytest.mark.skipif(
    not os.environ.get("DOLPHINDB_FAST_STRESS"), reason="DOLPHINDB_FAST_STRESS=1 counts instructions too"
)
@pytest.mark.skipif(not HAS_VALGRIND, reason="valgrind or its header is not installed")
def test_extra_dtypes_fails_by_instructions(gate):
    only = ("--cases", "seed-encode", "--meters", "instructions")
    code, output = gate(*only, "--update", "--reason", "instructions of this test")
    assert code == 0, output
    code, output = gate(*only, "--slower", "dtypes")
    assert code == 1, output
    assert any("instructions" in line and "GREW" in line for line in output.splitlines())


def test_unchanged_product_passes_and_missing_valgrind_is_named(gate, tmp_path):
    # what the other counter needs was compiled before
    code, output = gate("--cases", "seed-encode", "--meters", "instructions,allocations", PATH=str(tmp_path))
    assert code == 0, output
    assert "gate: passed" in output
    assert "gate: valgrind not found: instructions not counted" in output
    assert "allocated bytes" in output


def test_nothing_to_compare_with_is_said(gate, tmp_path):
    code, output = gate(
        "--cases",
        "seed-encode",
        "--meters",
        "allocations",
        "--baseline",
        str(tmp_path / "empty"),
        GIT_CEILING_DIRECTORIES=str(gate.baseline.parents[1]),
    )
    assert code == 3, output
    assert "NOTHING TO COMPARE WITH" in output


def test_update_needs_a_reason(gate):
    before = gate.baseline.read_text()
    code, output = gate("--update")
    assert code == 2
    assert "--reason" in output
    assert gate.baseline.read_text() == before


def test_tolerance(modules):
    baseline, _ = modules
    old = {"instructions": 10_000.0, "system calls": {"sendto": 1.0}, "allocations": 20.0}

    def verdicts(**changes):
        new = {**old, **{name.replace("_", " "): value for name, value in changes.items()}}
        return {line.what: line.verdict for line in baseline.compare("a case", old, new) if line.verdict}

    assert verdicts() == {}
    assert verdicts(instructions=10_350.0) == {}
    assert verdicts(instructions=10_450.0) == {"instructions": "GREW"}
    assert verdicts(instructions=9_000.0) == {"instructions": "less"}
    assert verdicts(allocations=21.0) == {"allocations": "GREW"}
    assert verdicts(system_calls={"sendto": 2.0}) == {"system calls: sendto": "GREW"}
    assert verdicts(system_calls={"sendto": 1.0, "recvfrom": 0.03}) == {}
    assert verdicts(system_calls={"sendmsg": 1.0})["system calls: sendmsg"] == "GREW"


def test_update_leaves_what_did_not_change(modules, tmp_path):
    baseline, _ = modules
    path = tmp_path / "numbers"
    baseline.update(path, "here", {"a": {"instructions": 1000.0, "allocations": 5.0}}, "first")
    assert baseline.update(path, "here", {"a": {"instructions": 1001.0, "allocations": 4.0}}, "second") == 1
    entry = baseline.load(path)["here"]["a"]
    assert (entry["instructions"]["value"], entry["instructions"]["reason"]) == (1000.0, "first")
    assert (entry["allocations"]["value"], entry["allocations"]["was"]) == (4.0, 5.0)
    assert entry["allocations"]["reason"] == "second"


def test_commit_to_compare_with(modules, tmp_path):
    _, reference = modules
    if shutil.which("git") is None:
        pytest.skip("git is not installed")

    def git(*arguments):
        done = subprocess.run(
            ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", "-C", str(tmp_path), *arguments],
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    def commit(name):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(path.read_text() + "more\n" if path.exists() else "text\n")
        git("add", name)
        git("commit", "-q", "-m", name)
        return git("rev-parse", "HEAD")

    git("init", "-q")
    commit("csrc/a.c")
    with pytest.raises(reference.NoReference, match="no parent"):
        reference.commit_before(tmp_path)
    second = commit("README.md")
    commit("csrc/a.c")
    last = commit("README.md")
    assert reference.commit_before(tmp_path) == second
    (tmp_path / "csrc" / "a.c").write_text("not committed\n")
    assert reference.commit_before(tmp_path) == last
