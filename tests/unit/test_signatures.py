"""The surface that a user of the official client types: every name, parameters, order, kinds, defaults."""

from __future__ import annotations

import inspect

import pytest
from support.cases import each

import dolphindb_fast as ddb
import dolphindb_fast.settings as keys
from dolphindb_fast import refused

#: what of the official client is built here; everything else is named in `refused`
MODULE_BUILT = {
    *("AutoFitTableAppender", "AutoFitTableUpserter", "BlockReader", "DBConnectionPool", "Database"),
    *("MultithreadedTableWriter", "MultithreadedTableWriterStatus", "MultithreadedTableWriterThreadStatus"),
    *("PartitionedTableAppender", "Session", "TableAppender", "TableUpserter", "__version__", "month", "name"),
    *("session", "settings", "tableAppender", "tableUpsert"),
}
SESSION_BUILT = {
    *("call", "clearAllCache", "close", "connect", "convertDatabase", "convertDatetime64", "database"),
    *("dropDatabase", "dropPartition", "dropTable", "exec", "existsDatabase", "existsTable", "getInitScript"),
    *("getSessionId", "isClosed", "login", "run", "runFile", "setInitScript", "setTimeout", "undef"),
    *("undefAll", "upload"),
}
ATTRIBUTES = {
    *("enableChunkGranularityConfig", "host", "is_alive", "is_busy", "is_closed", "keep_alive_time", "port"),
    *("session_id", "startup"),
}


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
@each("method", ["__init__", *sorted(SESSION_BUILT)])
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
def test_module__has_each_official_name_in_one_group():
    dolphindb = pytest.importorskip("dolphindb")
    groups = [MODULE_BUILT, set(refused.LATER), set(refused.NOT_HERE)]
    assert sorted(name for group in groups for name in group) == sorted({*dolphindb.__all__})


@pytest.mark.official
def test_session__has_each_official_name_in_one_group():
    dolphindb = pytest.importorskip("dolphindb")
    session = dolphindb.Session()
    # `cpp` is the compiled half of the official session
    theirs = {name for name in (*dir(dolphindb.Session), *vars(session)) if not name.startswith("_")}
    theirs.remove("cpp")
    groups = [SESSION_BUILT, ATTRIBUTES, set(refused.SESSION_LATER), set(refused.SESSION_NOT_HERE)]
    assert sorted(name for group in groups for name in group) == sorted(theirs)


@pytest.mark.official
@pytest.mark.parametrize("ours", [ddb.BlockReader, ddb.Database, ddb.month], ids=lambda ours: ours.__name__)
def test_class__has_the_official_methods(ours):
    theirs = getattr(pytest.importorskip("dolphindb"), ours.__name__)
    public = {name for name in dir(theirs) if not name.startswith("_")}
    assert {name for name in dir(ours) if not name.startswith("_")} == public
    if ours is not ddb.Database:
        for name in public:
            member = inspect.getattr_static(theirs, name)
            assert type(inspect.getattr_static(ours, name)) is type(member)
            if inspect.isfunction(member):
                assert _parameters(getattr(ours, name)) == _parameters(member)


@pytest.mark.official
@pytest.mark.parametrize(
    "ours",
    [ddb.DBConnectionPool, ddb.PartitionedTableAppender, ddb.TableAppender, ddb.TableUpserter],
    ids=lambda ours: ours.__name__,
)
def test_writing_class__takes_what_the_official_one_takes(ours):
    theirs = getattr(pytest.importorskip("dolphindb"), ours.__name__)
    public = {name for name in dir(theirs) if not name.startswith("_")}
    assert public <= {name for name in dir(ours) if not name.startswith("_")}
    for name in ("__init__", *sorted(public)):
        member = getattr(ours, name)
        found = [(parameter, kind, _plain(default)) for parameter, kind, default in _parameters(member)]
        expected = _parameters(getattr(theirs, name))
        assert found == [(parameter, kind, _plain(default)) for parameter, kind, default in expected], name
        assert inspect.iscoroutinefunction(member) == inspect.iscoroutinefunction(getattr(theirs, name)), name


@pytest.mark.official
@pytest.mark.parametrize(
    "method",
    ["__init__", "insert", "getStatus", "getUnwrittenData", "insertUnwrittenData", "waitForThreadCompletion"],
)
def test_writer__takes_what_the_official_one_takes(method):
    dolphindb = pytest.importorskip("dolphindb")
    theirs = _parameters(getattr(dolphindb.MultithreadedTableWriter, method))
    ours = _parameters(getattr(ddb.MultithreadedTableWriter, method))
    assert ours[: len(theirs)] == theirs
    assert {kind for _, kind, _ in ours[len(theirs) :]} <= {"KEYWORD_ONLY"}
    assert {name for name in dir(dolphindb.MultithreadedTableWriter) if not name.startswith("_")} <= {
        *dir(ddb.MultithreadedTableWriter)
    }


@pytest.mark.official
@pytest.mark.parametrize(
    "names",
    [
        ("AutoFitTableAppender", "TableAppender", "tableAppender"),
        ("AutoFitTableUpserter", "TableUpserter", "tableUpsert"),
    ],
)
def test_writing_class__has_the_official_spellings(names):
    dolphindb = pytest.importorskip("dolphindb")
    for module in (dolphindb, ddb):
        assert len({getattr(module, name) for name in names}) == 1


@each("name", sorted(MODULE_BUILT))
def test_built_name__is_there(name):
    assert getattr(ddb, name) is not None


@each("name", sorted(refused.MODULE))
def test_refused_name__says_what_to_do(name):
    with pytest.raises(ddb.NotSupported, match=f"^{name} .*") as caught:
        getattr(ddb, name)
    assert ("not built yet" in str(caught.value)) == (name in refused.LATER)
    if name in refused.NOT_HERE and name != "logger":
        assert "the official client can live in the same process" in str(caught.value)
    with pytest.raises(ddb.NotSupported):
        exec(f"from dolphindb_fast import {name}")


def test_unknown_name__is_an_attribute_error():
    assert not hasattr(ddb, "noSuchName")
    with pytest.raises(ImportError):
        exec("from dolphindb_fast import noSuchName")


@each("name", sorted(refused.SESSION))
def test_refused_method__says_what_to_do(name):
    session = ddb.Session()
    with pytest.raises(ddb.NotSupported, match=f"^Session.{name} "):
        getattr(session, name)("a", 1, x=2)
    if name != "msg_logger":
        with pytest.raises(ddb.NotSupported):
            getattr(ddb.Session, name)()


def test_database__creates_no_tables():
    with pytest.raises(ddb.NotSupported, match="query builder"):
        ddb.Database("d", None).createPartitionedTable(None, "t", "a")


@pytest.mark.official
@each("name", sorted(ATTRIBUTES - {"is_alive"}))
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
