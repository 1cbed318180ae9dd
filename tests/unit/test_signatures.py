"""The surface that a user of the official client types: parameters, their order, kinds and defaults."""

from __future__ import annotations

import inspect

import pytest

import dolphindb_fast as ddb
import dolphindb_fast.settings as keys

METHODS = ("__init__", "connect", "login", "run", "upload", "close", "isClosed", "getSessionId")


def _undecorated(function):
    """The function inside the official client's decorators, some of which hide its signature."""
    for cell in inspect.unwrap(function).__closure__ or ():
        if inspect.isfunction(cell.cell_contents):
            return _undecorated(cell.cell_contents)
    return inspect.unwrap(function)


def _parameters(function):
    found = inspect.signature(_undecorated(function)).parameters.values()
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
    assert [name for name, kind, _ in ours[len(theirs) :] if kind != "KEYWORD_ONLY"] == [], (
        "only keyword-only additions"
    )


@pytest.mark.official
@pytest.mark.parametrize("name", ["host", "port", "session_id", "startup"])
def test_session__has_the_official_attributes(name, ours_sync, official_sync):
    ours, theirs = getattr(ours_sync.session, name), getattr(official_sync.session, name)
    assert type(ours) is type(theirs)
    assert ours == theirs or name == "port"


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
