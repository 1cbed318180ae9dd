"""The upload corpus: what our client sends for every object, against what the official client does."""

from __future__ import annotations

import re
import warnings
from unittest import mock

import pandas as pd
import pytest
from support import differences, oracle
from support.cases import each
from support.corpus import BY_NAME, DIFFERS, EQUIVALENT, EVERY, REFUSED
from support.parsing import same_meaning
from support.recorder import split
from support.unchanged import fingerprint

import dolphindb_fast as ddb

pytestmark = pytest.mark.official

NAMES = list(BY_NAME)
_official = {}


def _ask(official, call):
    """The request that ``call(session)`` makes the official client send, whatever it warns of."""
    # CPython 3.13 reports what the attributes of an object raise when the official client asks for them
    with warnings.catch_warnings(), mock.patch("sys.unraisablehook", lambda unraisable: None):
        warnings.simplefilter("ignore")
        return split(official.record(call))


def _by_official(official, case):
    """What the official client sends for the case's object, or why not; asked once."""
    if case.name not in _official:
        value = case.build()
        try:
            _official[case.name] = _ask(official, lambda s: s.run("f", value))
        except RuntimeError as error:
            _official[case.name] = error
    return _official[case.name]


def _expected(official, case) -> bytes:
    """The object's bytes as they ought to be."""
    if case.wire is not None:
        return case.wire
    if case.like is not None:
        same = case.like()
        return _ask(official, lambda s: s.run("f", same)).objects
    return _by_official(official, case).objects


def _check(case, ours: bytes, theirs: bytes) -> None:
    if case.expect == EQUIVALENT:
        assert same_meaning(ours, theirs)
    else:
        assert not oracle.difference(ours, theirs)


def _check_refusal(case, call) -> None:
    # a type that is misspelled is no matter of the value
    with pytest.raises((ddb.ConversionError, ddb.UsageError)) as caught:
        call()
    message = str(caught.value)
    for word in case.place:
        assert re.search(word, message), f"{word!r} is not in {message!r}"


@each("name", [name for name in NAMES if not BY_NAME[name].crashes])
def test_expectation__is_what_the_official_client_does(name, official):
    case = BY_NAME[name]
    theirs = _by_official(official, case)
    if case.expect == REFUSED:
        assert isinstance(theirs, RuntimeError), "the official client sends it"
    elif case.expect != DIFFERS:
        assert not isinstance(theirs, RuntimeError), str(theirs)
    elif case.refuses:
        assert not isinstance(theirs, RuntimeError), "both refuse: no difference"
    elif not isinstance(theirs, RuntimeError):
        assert oracle.difference(theirs.objects, _expected(official, case)), "both send the same: no difference"


@each("name", NAMES)
def test_dumps(name, official):
    case = BY_NAME[name]
    value = case.build()
    before = fingerprint(value)
    if case.refuses:
        _check_refusal(case, lambda: ddb.dumps(value))
    else:
        _check(case, ddb.dumps(value), _expected(official, case))
    assert fingerprint(value) == before, "the caller's object was changed"


@each("name", NAMES)
def test_run(name, ours, official):
    case = BY_NAME[name]
    value = case.build()
    before = fingerprint(value)
    if case.refuses:
        assert ours.record(lambda s: _check_refusal(case, lambda: s.run("f", value))) == b""
    else:
        mine, theirs = ours.run("f", value), _ask(official, lambda s: s.run("f", None))
        assert mine[:2] == theirs[:2]
        _check(case, mine.objects, _expected(official, case))
    assert fingerprint(value) == before, "the caller's object was changed"


@each("name", NAMES)
def test_upload(name, ours, official):
    case = BY_NAME[name]
    value = case.build()
    before = fingerprint(value)
    if case.refuses:
        assert ours.record(lambda s: _check_refusal(case, lambda: s.upload({"x": value}))) == b""
    else:
        mine = split(ours.record(lambda s: s.upload({"x": value})))
        assert mine[:2] == _ask(official, lambda s: s.upload({"x": None}))[:2]
        if case.expect != DIFFERS:
            same = case.build()
            _check(case, mine.objects, _ask(official, lambda s: s.upload({"x": same})).objects)
        else:
            _check(case, mine.objects, _expected(official, case))
    assert fingerprint(value) == before, "the caller's object was changed"


FORCED = [name for name in NAMES if "forced" in name]


@each("name", FORCED)
def test_typed__says_the_same_without_an_attribute(name):
    noted, plain = BY_NAME[name].build(), BY_NAME[name].build()
    # a name that no column has is ignored in the note
    types = {column: spec for column, spec in noted.__DolphinDB_Type__.items() if column in noted}
    object.__delattr__(plain, "__DolphinDB_Type__")
    try:
        theirs = ddb.dumps(noted)
    except RuntimeError as error:
        with pytest.raises(type(error)):
            ddb.dumps(ddb.typed(plain, types))
    else:
        assert ddb.dumps(ddb.typed(plain, types)) == theirs
    assert not hasattr(plain, "__DolphinDB_Type__")


def test_corpus__is_large_and_says_what_it_needs():
    assert len(EVERY) >= 600
    assert {word for case in EVERY for word in case.needs.split()} <= {"pyarrow", "pandas2", "pandas3"}


def test_corpus__shares_nothing_between_cases():
    """Objects that can be changed are made anew at each call."""
    for case in BY_NAME.values():
        one, other = case.build(), case.build()
        if isinstance(one, (list, dict, set, pd.DataFrame, pd.Series)) and case.name != "scalar-class":
            assert one is not other, case.name


def test_differences__every_row_has_cases_and_every_case_a_row():
    assert {case.reason for case in EVERY if case.expect == DIFFERS} == differences.KEYS
    assert not [case.name for case in EVERY if case.reason and case.expect != DIFFERS]
    assert len(differences.KEYS) == len(differences.ROWS)
