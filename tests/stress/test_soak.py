"""The soak of `soak.py`: 4 seconds, or as many as ``DOLPHINDB_FAST_SOAK`` says; and that it would notice."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from stress import soak

SECONDS = os.environ.get("DOLPHINDB_FAST_SOAK", "4")
#: in long runs each thread waits a little between calls, so that memory and not the processor is what is
#: tested
PACE = "0" if float(SECONDS) < 60 else "0.02"

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc/self")


@pytest.mark.slow
def test_soak__breaks_no_promise(watchdog):
    pytest.importorskip("lark")
    command = [sys.executable, "-W", "error", soak.__file__, "--seconds", SECONDS, "--pace", PACE]
    environment = {**os.environ, "PYTHONPATH": str(Path(soak.ddb.__file__).parents[1])}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            for line in process.stdout:
                watchdog()
                print(line, end="")
        finally:
            process.kill()
    assert process.returncode == 0


@pytest.fixture
def ledger():
    """Of 100 submissions: the first 80 acknowledged, 10 unknown, 10 refused."""
    made = soak.Ledger()
    for state in [soak.ACKNOWLEDGED] * 80 + [soak.UNKNOWN] * 10 + [soak.REFUSED] * 10:
        made.note(made.new(), state)
    return made


def ids(submissions):
    return np.concatenate([soak.make_frame(number)["id"].to_numpy() for number in submissions])


@pytest.mark.parametrize("there", [range(80), range(90), [*range(79, -1, -1), 85]], ids=["least", "most", "order"])
def test_verdict__of_kept_promises(there, ledger):
    totals, wrong = ledger.verdict(ids(there))
    assert wrong == []
    assert totals["rows acknowledged"] == sum(soak.row_count(number) for number in range(80))


@pytest.mark.parametrize(
    "there, says",
    [
        (range(1, 80), "acknowledged and not found"),
        (range(91), "said that nothing was sent"),
        ([*range(80), 5], "more than once"),
        ([*range(80), 200], "nobody sent"),
    ],
    ids=["lost", "refused", "twice", "foreign"],
)
def test_verdict__of_broken_promises(there, says, ledger):
    _, wrong = ledger.verdict(ids(there))
    assert len(wrong) == 1 and says in wrong[0]


@pytest.mark.parametrize("change", ["one-missing", "one-twice", "one-for-another"])
def test_verdict__of_submissions_in_part(change, ledger):
    found = ids(range(80))
    found = {
        "one-missing": found[:-1],
        "one-twice": np.append(found, found[-1]),
        "one-for-another": np.append(found[:-1], found[-2]),
    }[change]
    assert "found in part" in "".join(ledger.verdict(found)[1])
