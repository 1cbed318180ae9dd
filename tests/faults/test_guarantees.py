"""Every row of the table of guarantees, carried out.

A fault strikes at several bytes of each place, one of them at random: ``DOLPHINDB_FAST_SEED`` repeats it.
"""

from __future__ import annotations

import itertools
import os
import random
from collections import Counter

import pytest
from support.guarantees import ORDERS, PLACES, TABLE, WAYS
from support.reconnecting import waits  # noqa: F401
from support.trials import TRIALS, Synchronous
from support.waiting import in_thread

SEED = os.environ.get("DOLPHINDB_FAST_SEED") or str(random.SystemRandom().randrange(1 << 32))


def positions(where, chance):
    """Where in a place to strike."""
    fractions = {"within": (0, 0.34, 0.67, 0.9999, chance.random())}
    return [(step, fraction) for step in where for fraction in fractions.get(step, (0,))]


def cases():
    for guarantee in TABLE:
        for fault, mode, order in itertools.product(guarantee.faults, guarantee.modes, guarantee.orders):
            name = "-".join((guarantee.place, fault, "+".join(guarantee.where), mode, order))
            yield pytest.param(guarantee, fault, mode, order, name, id=name)


@pytest.mark.parametrize("guarantee, fault, mode, order, name", list(cases()))
def test_guarantee(guarantee, fault, mode, order, name):
    chance = random.Random(SEED + name)
    print(f"DOLPHINDB_FAST_SEED={SEED}")
    where = positions(guarantee.where, chance)
    if fault == "full":
        where = where[:1]
    kinds = TRIALS[guarantee.place]
    trials = [kind(guarantee, fault, order, mode, position) for position in where for kind in kinds]
    calls = [in_thread(trial.run) for trial in trials]
    for trial, call in zip(trials, calls, strict=True):
        print(f"at {trial.position}")
        call.result()


def promised(place):
    """Every fault, byte, way to connect and order that there is for a place."""
    where = {"header": ["within"], "body": ["within", "behind"]}.get(place, ["before", "within", "behind"])
    where = where[1:] if place.endswith(("answer", "reply")) else where
    modes = ["plain", "reconnect", *["retry"] * (TRIALS[place] == [Synchronous])]
    orders = [order for order in ORDERS if (place, order) != ("barrier-answer", "unanswered")]
    yield from itertools.product(("delay", "bytes", "stall", "close", "reset"), where, modes, orders)
    if place in ("asynchronous", "batch", "synchronous", "acknowledged-request"):
        yield from itertools.product(["full"], ["within"], modes, orders)


@pytest.mark.parametrize("place", PLACES)
def test_table__promises_one_thing_in_each_case(place):
    rows = [row for row in TABLE if row.place == place and row.way != "resubmit"]
    found = Counter(
        case
        for row in rows
        for case in itertools.product(row.faults, row.where, WAYS[row.way][1], row.orders)
    )
    wanted = set(promised(place))
    assert {case: found[case] for case in wanted if found[case] != 1} == {}
