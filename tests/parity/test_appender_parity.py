"""Our appenders against the official ones: the same requests, and for every cast of the corpus the same bytes."""

from __future__ import annotations

import gc
import warnings

import numpy as np
import pandas as pd
import pytest
from support import oracle, replies
from support.cases import each
from support.corpus import BY_NAME, DIFFERS, EQUIVALENT
from support.parsing import same_meaning
from support.recorder import reply, split
from support.schemas import schema, type_number

import dolphindb_fast as ddb

dolphindb = pytest.importorskip("dolphindb")

pytestmark = pytest.mark.official

SEVEN = reply(replies.scalar("INT", 7))


def _made(recorder, make, columns):
    """The request and the result of ``make(session)`` when the table has these columns: name -> (type, scale)."""
    types, scales = zip(*columns.values(), strict=True)
    answer = reply(schema(list(columns), types, scales))
    return _asked(recorder, make, answer)


def _asked(recorder, call, answer):
    results = []
    # the official classes keep the interpreter lock while they wait
    official = recorder.session.__class__.__module__.startswith("dolphindb.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        raw = recorder.record(lambda session: results.append(call(session)), answer, ahead=official)
    return raw, results[0]


def _appended(recorder, module, columns, frame):
    """The table that ``TableAppender.append(frame)`` sends."""
    _, appender = _made(recorder, lambda s: module.TableAppender(table_name="t", conn=s), columns)
    raw, count = _asked(recorder, lambda s: appender.append(frame), SEVEN)
    assert count == 7
    return split(raw).objects


# -- requests -------------------------------------------------------------------------------------------------

COLUMNS = {"a": (4, None), "b": (12, None), "c": (17, None)}


def _frame():
    return pd.DataFrame({"a": [1, 2], "b": np.array(["2020-01-02T03:04:05.678"] * 2, "M8[ns]"), "c": ["x", "y"]})


APPENDERS = {
    "memory": lambda module, s: module.TableAppender(table_name="t", conn=s),
    "positions": lambda module, s: module.TableAppender("", "t", s),
    "database": lambda module, s: module.TableAppender("dfs://db", "t", s),
    "old-names": lambda module, s: module.tableAppender(dbPath="dfs://db", tableName="t", ddbSession=s),
}


@pytest.mark.parametrize("name", APPENDERS)
def test_appender__sends_what_the_official_one_sends(name, ours_sync, official_sync):
    sent = []
    for recorder, module in ((ours_sync, ddb), (official_sync, dolphindb)):
        asked, appender = _made(recorder, lambda s, m=module: APPENDERS[name](m, s), COLUMNS)
        appended, count = _asked(recorder, lambda s, a=appender: a.append(_frame()), SEVEN)
        sent.append((asked, appended, count))
    assert sent[0] == sent[1]


UPSERTERS = {
    "keyed": ((), {}),
    "ignoring-null": (("dfs://db", "t"), {"ignore_null": True, "key_cols": ["a"]}),
    "sorting": (("", "t"), {"key_cols": ["a", "b"], "sort_cols": ["c"]}),
    "old-names": ((), {"ignoreNull": True, "keyColNames": ["a"], "sortColumns": ["b", "c"], "tableName": "t"}),
}


@pytest.mark.parametrize("name", UPSERTERS)
def test_upserter__sends_what_the_official_one_sends(name, ours_sync, official_sync):
    arguments, keywords = UPSERTERS[name]
    if not arguments:
        keywords = {"tableName": "t", **keywords}
    sent = []
    for recorder, module in ((ours_sync, ddb), (official_sync, dolphindb)):

        def make(session, module=module, official=recorder is official_sync):
            conn = {"ddbSession": session} if "tableName" in keywords else {"conn": session}
            return module.tableUpsert(*arguments, **keywords, **conn)

        asked, upserter = _made(recorder, make, COLUMNS)
        upserted, count = _asked(recorder, lambda s, u=upserter: u.upsert(_frame()), SEVEN)
        sent.append((asked, upserted, count))
        if recorder is official_sync:
            # its end is a request too, for whose reply it keeps the interpreter lock
            recorder.connection.send(reply())
            del upserter
            gc.collect()
            assert b"undef('(def(mutable tb" in recorder._marked()
    assert sent[0] == sent[1]


# -- every cast of the corpus ---------------------------------------------------------------------------------

#: types that no column of a table on the server has
NO_COLUMN = {"VOID", "OBJECT", "ANY", "NO SUCH TYPE", "COMPLEX", "POINT", "DURATION", "DATEMINUTE"}


def _target(spec):
    """Type and scale of a note on a column; None: no table can have such a column."""
    name, scale = spec if isinstance(spec, list) and len(spec) == 2 else (spec, None)
    name = name[0] if isinstance(name, list) and len(name) == 1 else name
    if isinstance(name, str) and name.upper() in NO_COLUMN | {"DECIMAL32", "DECIMAL64", "DECIMAL128"} and scale is None:
        return None
    try:
        number = type_number(name.upper() if isinstance(name, str) else name)
    except (KeyError, TypeError):
        return None
    # a table's decimals have a scale
    if number in (37, 38, 39, 101, 102, 103) and scale is None:
        return None
    return (number, scale) if isinstance(number, int) and number not in (0, 25, 40) else None


def _noted(case):
    """The case's frame without its note, and the columns of a table that has these types; None if no table can."""
    frame = case.build()
    if not isinstance(frame, pd.DataFrame) or "__DolphinDB_Type__" not in frame.__dict__:
        return None
    try:
        notes = dict(frame.__DolphinDB_Type__)
    except (TypeError, ValueError):
        return None
    object.__delattr__(frame, "__DolphinDB_Type__")
    own = {"int64": 5, "float64": 16, "object": 18, "str": 18}
    columns = {}
    for name in frame.columns:
        spec = notes.get(name)
        if spec is None and str(frame[name].dtype) not in own:
            return None
        columns[name] = (own[str(frame[name].dtype)], None) if spec is None else _target(spec)
    return (frame, columns) if columns and all(columns.values()) else None


CASTS = [name for name, case in BY_NAME.items() if "forced" in name and not case.crashes and _noted(case)]


def test_casts__are_many():
    assert len(CASTS) > 300


@each("name", CASTS)
def test_cast__is_that_of_the_official_appender(name, ours_sync, official_sync):
    case = BY_NAME[name]
    frame, columns = _noted(case)
    try:
        theirs = _appended(official_sync, dolphindb, columns, _noted(case)[0])
    except RuntimeError as error:
        theirs = error
        # the reply that was sent ahead was not read
        official_sync.close()
    if case.refuses:
        assert case.expect == DIFFERS or isinstance(theirs, RuntimeError), "the official appender sends it"
        with pytest.raises(ddb.ConversionError, match="^table t: "):
            _appended(ours_sync, ddb, columns, frame)
        return
    ours = _appended(ours_sync, ddb, columns, frame)
    if case.expect == DIFFERS:
        # what we send for the same types given by the caller, of which the corpus says that it is right
        assert ours == ddb.dumps(case.build())
    elif case.expect == EQUIVALENT:
        assert same_meaning(ours, theirs)
    else:
        assert not oracle.difference(ours, theirs)


# -- columns whose names are not the table's --------------------------------------------------------------------

SAME = {"a": (4, None), "b": (4, None)}


def test_names_in_another_order__the_official_appender_misplaces(ours_sync, official_sync):
    frame = pd.DataFrame({"b": [1, 2], "a": [3, 4]})
    theirs = ddb.loads(_appended(official_sync, dolphindb, SAME, frame))
    # it writes the table's names above the frame's columns as they stand
    assert list(theirs.columns) == ["a", "b"] and theirs["a"].tolist() == [1, 2]
    ours = ddb.loads(_appended(ours_sync, ddb, SAME, frame))
    assert list(ours.columns) == ["a", "b"] and ours["a"].tolist() == [3, 4]


def test_name_of_another_column__the_official_appender_misplaces(ours_sync, official_sync):
    frame = pd.DataFrame({"b": [1, 2], "x": [3, 4]})
    assert ddb.loads(_appended(official_sync, dolphindb, SAME, frame))["a"].tolist() == [1, 2]
    with pytest.raises(ddb.ValueRefused, match="number 0 is called 'b', which is the table's column number 1"):
        _appended(ours_sync, ddb, SAME, frame)


def test_other_names__the_official_appender_casts_dates_only(ours_sync, official_sync):
    columns = {"p": (4, None), "q": (12, None), "r": (17, None)}
    frame = _frame()
    theirs = _appended(official_sync, dolphindb, columns, frame)
    ours = _appended(ours_sync, ddb, columns, frame)
    frame.columns = list("pqr")
    assert theirs == ddb.dumps(ddb.typed(frame, {"q": "TIMESTAMP"}))
    assert ours == ddb.dumps(ddb.typed(frame, {"p": "INT", "q": "TIMESTAMP", "r": "SYMBOL"}))


@pytest.mark.parametrize("columns", [[0, 1, 2], ["a", "a", "b"], [("a", 1), ("b", 2), ("c", 3)]])
def test_names_that_are_none__both_refuse(columns, ours_sync, official_sync):
    frame = _frame().set_axis(pd.Index(columns), axis=1)
    for recorder, module in ((ours_sync, ddb), (official_sync, dolphindb)):
        with pytest.raises(RuntimeError):
            _appended(recorder, module, COLUMNS, frame)
    official_sync.close()
