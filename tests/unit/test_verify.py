"""`verify` and DOLPHINDB_FAST_VERIFY: the official client's bytes beside ours, and differences in words."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support import frames
from support.cases import each

import dolphindb_fast as ddb
from dolphindb_fast import verify as verify_function
from dolphindb_fast.verifying import _ordered, explain

ddb_verify = sys.modules["dolphindb_fast.verifying"]


@pytest.fixture
def official():
    return pytest.importorskip("dolphindb")


FRAME = pd.DataFrame({"a": [1, 2, 3], "s": ["x", "yy", None], "d": [1.5, None, 2.5]})


@pytest.mark.official
@pytest.mark.parametrize("obj", [FRAME, 1, "text", None, True, 2.5], ids=lambda obj: type(obj).__name__)
def test_equal_bytes__are_counted(obj, official):
    assert ddb.verify(obj) == len(ddb.dumps(obj))


@pytest.mark.official
def test_corpus__as_sent_is_as_dumped(official, recorders):
    """`verify` asks the official client for an object's bytes: they must be those it sends."""
    from support.recorder import official_session

    recorder = recorders(official_session, enableASYNC=True)
    for obj in (FRAME, [1, 2], [1, "a"], {"a": 1}, np.arange(6).reshape(2, 3), "a", 2**40, FRAME["a"]):
        assert official.io.dumps(obj) == recorder.object(obj)
    arrays = pd.DataFrame({"a": [[1]] * 2000, "b": [[2, 3]] * 2000})
    assert official.io.dumps(arrays) == recorder.object(arrays), "where array blocks are cut"
    plain = [case for case in frames.CASES if not case.differs and not case.symbols]
    for case in plain[:: max(1, len(plain) // 60)]:
        frame = case.build()
        assert official.io.dumps(frame) == recorder.object(frame), case.name


@pytest.mark.official
def test_refused_by_the_official_client__is_said(official):
    with pytest.raises(ddb.NotSupported, match="refuses this DataFrame"):
        ddb.verify(pd.DataFrame({"c": pd.Series(["a", "b"], dtype="category")}))


def test_refused_by_us__is_raised_as_ever():
    with pytest.raises(ddb.UnsupportedTypeError):
        ddb.verify(pd.DataFrame({"c": pd.to_timedelta([1])}))


def test_without_the_official_client__it_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "dolphindb", None)
    with pytest.raises(ddb.NotSupported, match="can't be imported"):
        verify_function(1)


def _changed(frame, column, row, value):
    other = frame.copy()
    other.loc[row, column] = value
    return ddb.dumps(frame), ddb.dumps(other)


@pytest.mark.parametrize(
    "column, row, value, words",
    [
        ("a", 2, 7, ["column 'a', row 2", "  3", "  7"]),
        ("a", 0, 2, ["column 'a', row 0", "  1", "  2"]),
        ("s", 1, "yz", ["column 's', row 1", "'yy'", "'yz'"]),
        ("s", 2, "new", ["column 's', row 2", "''", "'new'"]),
        ("d", 2, None, ["column 'd', row 2", "2.5", "NULL"]),
    ],
)
def test_difference__names_column_row_and_values(column, row, value, words):
    ours, theirs = _changed(FRAME, column, row, value)
    message = explain(ours, theirs)
    for word in words:
        assert word in message, message
    at = next(i for i in range(len(ours)) if ours[i] != theirs[i])
    assert f"byte {at} of {len(ours)}" in message


def _symbols(*texts):
    return ddb.dumps(pd.DataFrame({"sym": pd.Categorical(texts)}))


def test_difference__in_a_symbol_column():
    message = explain(_symbols("a", "b", "a", "a"), _symbols("a", "b", "a", "b"))
    assert "column 'sym', row 3, as symbol number" in message
    message = explain(_symbols("a", "b", "a"), _symbols("a", "c", "a"))
    assert "column 'sym'" in message and "'b'" in message and "'c'" in message


def test_difference__in_heads_and_lengths():
    assert "the first that differs, in object" in explain(ddb.dumps(1), ddb.dumps(1.0))
    frame = FRAME.astype({"a": "int32"})
    assert "column 'a' (its head)" in explain(ddb.dumps(FRAME), ddb.dumps(frame))
    renamed = explain(ddb.dumps(FRAME), ddb.dumps(FRAME.rename(columns={"s": "t"})))
    assert "column names" in renamed
    assert "(ends here)" in explain(ddb.dumps("ab"), ddb.dumps("ab")[:-1])


@each("cut", range(0, 120, 3))
def test_difference__of_any_bytes_is_put_in_words(cut):
    data = ddb.dumps(FRAME)
    broken = data[:cut] + bytes([data[cut] ^ 0xFF]) + data[cut + 1 :] if cut < len(data) else data + b"x"
    assert "the first that differs" in explain(data, broken)
    assert "the first that differs" in explain(broken, data)


@pytest.mark.official
def test_mismatch__is_raised(official, monkeypatch):
    monkeypatch.setattr(ddb_verify, "dumps", lambda obj: ddb.dumps(FRAME.assign(a=[1, 2, 4])))
    with pytest.raises(ddb.Mismatch, match="column 'a', row 2") as caught:
        ddb.verify(FRAME)
    assert isinstance(caught.value, RuntimeError)


def test_order__of_dictionaries_is_left_out_of_account():
    from dolphindb_fast.column import Column, Dictionary

    def dictionary(names):
        values = Column(5, np.arange(len(names)) if names[0] == "a" else np.arange(len(names))[::-1].copy())
        return Dictionary(Column.from_strings(names), values)

    assert _ordered(dictionary(["a", "b"])) == _ordered(dictionary(["b", "a"]))
    assert _ordered(dictionary(["a", "b"])) != _ordered(dictionary(["a", "c"]))


PROGRAM = """
    import logging, sys
    import pandas as pd
    import dolphindb_fast as ddb
    from support.recorder import FakeServer
    from dolphindb_fast import verify
    module = sys.modules["dolphindb_fast.verifying"]
    seen = []
    real = module.verify
    module.verify = lambda obj: seen.append(obj) or real(obj)
    frame = pd.DataFrame({"a": [1]})
    with FakeServer() as server:
        session = ddb.Session(enableASYNC=True)
        session.connect("127.0.0.1", server.port)
        session.run("x = 1")
        session.run("f", frame)
        session.upload({"a": 1, "b": "text"})
        session.call("f")
        session.call("f", 5, priority=1)
        print(len(seen), "run" in vars(ddb.Session))
        session.run("f", frame)
        session.run("f", frame, priority=2)
        print(len(seen), [name in vars(ddb.Session) for name in ("run", "call", "_upload")])
        module.verify = real
        module.dumps = lambda obj: b"wrong"
        session.close()
"""


def _run(program, **environment):
    path = os.pathsep.join([os.path.dirname(os.path.dirname(__file__)), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(program)],
        env={**os.environ, "PYTHONPATH": path, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        # python -c looks into the current folder first, which may be the source tree
        cwd=Path(ddb.__file__).parents[1],
    )


@pytest.mark.official
def test_variable__verifies_so_many_requests_with_objects(official):
    done = _run(PROGRAM, DOLPHINDB_FAST_VERIFY="4")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["4 True", "5 [False, False, False]"]


def test_variable__unset_or_zero_does_nothing():
    program = """
        import sys
        import dolphindb_fast
        print("run" in vars(dolphindb_fast.Session), "dolphindb" in sys.modules)
    """
    for value in ("", "0"):
        done = _run(program, DOLPHINDB_FAST_VERIFY=value)
        assert (done.returncode, done.stdout) == (0, "False False\n"), done.stderr


def test_variable__that_is_no_number_is_refused():
    done = _run("import dolphindb_fast", DOLPHINDB_FAST_VERIFY="some")
    assert done.returncode != 0 and "DOLPHINDB_FAST_VERIFY must be a number" in done.stderr


@pytest.mark.official
def test_variable__a_mismatch_stops_the_request(official):
    program = """
        import sys
        import pandas as pd
        import dolphindb_fast as ddb
        from support.recorder import FakeServer
        from dolphindb_fast import verify
        sys.modules["dolphindb_fast.verifying"].dumps = lambda obj: ddb.dumps(obj)[:-1] + b"x"
        with FakeServer() as server:
            session = ddb.Session(enableASYNC=True)
            session.connect("127.0.0.1", server.port)
            before = session.stats.requests
            try:
                session.run("f", 1)
            except ddb.Mismatch as error:
                print(session.stats.requests - before, error)
            session.run("f", 1)
            session.close()
    """
    done = _run(program, DOLPHINDB_FAST_VERIFY="1")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("0 not what the official client sends: byte 9 of 10")
