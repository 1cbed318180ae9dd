"""How many random examples a test tries: a fixed set, or as many new ones as were asked for.

``DOLPHINDB_FAST_FUZZ=N`` asks for N new ones of each kind; ``DOLPHINDB_FAST_SEED`` repeats those of a seed.
"""

from __future__ import annotations

import os
import random

import pytest
from hypothesis import HealthCheck, seed, settings

__all__ = ["FUZZ", "SEED", "examples", "say_seed"]

FUZZ = int(os.environ.get("DOLPHINDB_FAST_FUZZ", "0"))
SEED = int(os.environ.get("DOLPHINDB_FAST_SEED", "0")) or random.SystemRandom().getrandbits(32)
_SETTINGS = dict(
    deadline=None,
    database=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
    report_multiple_bugs=False,
)


def examples(number):
    """`number` fixed examples, or as many new ones as were asked for."""
    if not FUZZ:
        return settings(max_examples=number, derandomize=True, **_SETTINGS)
    return lambda test: seed(SEED)(settings(max_examples=FUZZ, **_SETTINGS)(test))


@pytest.fixture(autouse=True)
def say_seed(request):
    """For every test of the module that imports it."""
    if FUZZ:
        # not by capsys, which a test that uses capfd can't have
        with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
            print(f"\nDOLPHINDB_FAST_FUZZ={FUZZ} DOLPHINDB_FAST_SEED={SEED}")
