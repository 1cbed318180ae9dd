"""Random frames and objects: our bytes against the official client's.

A fixed set of examples; ``DOLPHINDB_FAST_FUZZ=N`` tries N new ones of each kind and prints the seed, which
``DOLPHINDB_FAST_SEED`` repeats.
"""

from __future__ import annotations

import warnings

import pandas as pd
import pytest
from hypothesis import given
from support import oracle, strategies
from support.fuzzing import examples, say_seed  # noqa: F401
from support.parsing import same_meaning
from support.recorder import official_session
from support.unchanged import fingerprint

import dolphindb_fast as ddb

pytestmark = pytest.mark.official


def _official(recorders, value):
    """What the official client sends, or why it does not."""
    recorder = recorders(official_session, enableASYNC=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return recorder.object(value)
        except RuntimeError as error:
            return error


def _ordered(value) -> bool:
    """Whether there is but one order in which `value` can be sent."""
    if isinstance(value, (set, dict)) and len(value) > 1:
        return False
    if isinstance(value, dict):
        return all(map(_ordered, value.values()))
    return not isinstance(value, (list, tuple)) or all(map(_ordered, value))


def _as_official_takes_it(value):
    if isinstance(value, pd.DataFrame) and any(dtype == "category" for dtype in value.dtypes):
        plain = oracle.as_symbols(value)
        types = {**getattr(plain, "__DolphinDB_Type__", {}), **getattr(value, "__DolphinDB_Type__", {})}
        object.__setattr__(plain, "__DolphinDB_Type__", types)
        return plain
    return value


def _compare(recorders, value) -> None:
    before = fingerprint(value)
    theirs = _official(recorders, _as_official_takes_it(value))
    if isinstance(theirs, RuntimeError):
        with pytest.raises(ddb.ConversionError):
            ddb.dumps(value)
    else:
        ours = ddb.dumps(value)
        if _ordered(value):
            assert not oracle.difference(ours, theirs)
        else:
            assert same_meaning(ours, theirs)
    assert fingerprint(value) == before, "the caller's object was changed"


@examples(120)
@given(frame=strategies.frames())
def test_frames(frame, recorders, watchdog):
    watchdog()
    _compare(recorders, frame)


@examples(60)
@given(frame=strategies.blocks())
def test_blocks(frame, recorders, watchdog):
    watchdog()
    _compare(recorders, frame)


@examples(150)
@given(value=strategies.objects)
def test_objects(value, recorders, watchdog):
    watchdog()
    _compare(recorders, value)
