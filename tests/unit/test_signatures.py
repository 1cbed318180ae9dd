"""The surface that a user of the official client types: names, order, kinds and defaults of the parameters."""
from __future__ import annotations

import inspect

import pytest

import dolphindb_fast as ddb
import dolphindb_fast.settings as keys

METHODS = ("__init__", "connect", "login", "run", "upload", "close", "isClosed", "getSessionId")


def _parameters(function):
    found = inspect.signature(inspect.unwrap(function)).parameters.values()
    return [(p.name, p.kind.name, p.default) for p in found]


def _plain(default):
    """Members of the two clients' enumerations are different objects; their names are compared."""
    return (type(default).__name__, default.name) if hasattr(default, "name") else default


@pytest.mark.official
@pytest.mark.parametrize("method", METHODS)
def test_method__takes_what_the_official_one_takes(method):
    dolphindb = pytest.importorskip("dolphindb")
    theirs = _parameters(getattr(dolphindb.Session, method))
    ours = _parameters(getattr(ddb.Session, method))
    shared = [(name, kind, _plain(default)) for name, kind, default in ours[: len(theirs)]]
    assert shared == [(name, kind, _plain(default)) for name, kind, default in theirs]
    assert [name for name, kind, _ in ours[len(theirs) :] if kind != "KEYWORD_ONLY"] == [], "only keyword-only additions"


@pytest.mark.official
def test_session__has_the_official_attributes():
    dolphindb = pytest.importorskip("dolphindb")
    for name in ("host", "port", "session_id"):
        assert hasattr(dolphindb.Session, name)
        assert hasattr(ddb.Session, name), name


def test_session__is_there_under_both_names():
    assert ddb.session is ddb.Session


def test_exceptions__are_runtime_errors_and_exported():
    from dolphindb_fast import errors

    for name in errors.__all__:
        exception = getattr(errors, name)
        assert getattr(ddb, name) is exception
        assert issubclass(exception, RuntimeError), name


def test_import_line__of_the_manual():
    import dolphindb_fast.settings

    assert ddb.settings is keys is dolphindb_fast.settings
    assert keys.DT_INT == 4
