"""Wide matrices: one test that loops over all its cases and tells of each one that fails.

``@each("name", NAMES)`` is written like ``@pytest.mark.parametrize``, alone or stacked. pytest sees one test
without the looped arguments: the cost that it has for every test, about a millisecond, is paid once.
``pytest --case REGEX`` runs only the cases, of all loops, whose id the expression finds.
"""

from __future__ import annotations

import collections
import functools
import inspect
import itertools
import os
import re

import pytest

from .recorder import Recorder

__all__ = ["WIDE", "each"]

#: whether tests marked as wide try all that they have, as in CI, or the part that finds most faults in the least time
WIDE = os.environ.get("DOLPHINDB_FAST_WIDE", "0") not in ("", "0")

#: so many failing cases of a loop are shown with their tracebacks
SHOWN = 3
_PLAIN = (str, int, float, complex, bool, type(None))


def _word(value, ids, default: str) -> str:
    """The part of an id that says `value`, as pytest would say it."""
    if callable(ids):
        word = ids(value)
        if word is not None:
            return str(word)
    if isinstance(value, _PLAIN):
        return str(value)
    return getattr(value, "__name__", default)


def _axis(names, values, ids) -> list[tuple[str, dict]]:
    """Id and arguments of each of the `values`."""
    rows = [(value,) for value in values] if len(names) == 1 else [tuple(value) for value in values]
    if ids is None or callable(ids):
        words = (
            [_word(cell, ids, f"{name}{i}") for name, cell in zip(names, row, strict=True)]
            for i, row in enumerate(rows)
        )
        texts = map("-".join, words)
    else:
        texts = map(str, ids)
    return [(text, dict(zip(names, row, strict=True))) for text, row in zip(texts, rows, strict=True)]


class _Loop:
    """The cases of one test: the product of what its decorators give."""

    def __init__(self, function, names=(), axes=()):
        self.function = function
        self.names = names
        self.axes = axes

    def cases(self, pattern: str | None):
        """Id and arguments of each case whose id `pattern` finds."""
        wanted = re.compile(pattern or "").search
        for combination in itertools.product(*self.axes):
            name = "-".join(word for word, _ in combination)
            if wanted(name):
                yield name, {key: value for _, arguments in combination for key, value in arguments.items()}

    def run(self, positional, fixtures, request, more_time) -> None:
        recorders = [fixture for fixture in fixtures.values() if isinstance(fixture, Recorder)]
        count, skips, failures, shown = 0, collections.Counter(), [], []
        for name, arguments in self.cases(request.config.getoption("--case")):
            more_time()
            for recorder in recorders:
                recorder.revive()
            try:
                _frame_called(name)(self.function, positional, {**fixtures, **arguments})
            except pytest.skip.Exception as skipped:
                skips[str(skipped)] += 1
            except (Exception, pytest.fail.Exception) as error:
                # without the two frames of this module
                inner = error.__traceback__.tb_next.tb_next
                seen = pytest.ExceptionInfo.from_exc_info((type(error), error, inner or error.__traceback__))
                failures.append(f"{name}: {seen.exconly().splitlines()[0]}")
                if len(shown) < SHOWN:
                    shown.append(f"\n{f' {name} ':-^100}\n{seen.getrepr(style='long')}")
                # whatever a failing case has left behind must not reach the next one
                for recorder in recorders:
                    recorder.close()
            count += 1
        compared = count - skips.total()
        request.node.user_properties += [("cases", compared), ("skipped_cases", dict(skips))]
        if failures:
            lines = [f"{len(failures)} of {count} cases failed:", *(f"  {line}" for line in failures), *shown]
            pytest.fail("\n".join(lines), pytrace=False)
        if not compared:
            pytest.skip("; ".join(skips) or "no cases")


def _frame_called(name: str):
    """A function that makes a call from a frame of this name: it says in which case a test hangs."""

    def call(function, arguments, keywords):
        function(*arguments, **keywords)

    call.__code__ = call.__code__.replace(co_name=name)
    return call


def each(names, values, *, ids=None):
    """Run the test for each of the `values`, in one loop that goes on when a case fails.

    Parameters
    ----------
    names
        The test's arguments that the values are for, as for ``pytest.mark.parametrize``.
    values
        One value for each case, or one tuple if there are several names.
    ids
        A text for each case, or a function that makes one of a value.
    """
    names = [name.strip() for name in names.split(",")] if isinstance(names, str) else list(names)
    axis = _axis(names, values, ids)

    def decorate(function):
        inner = getattr(function, "loop", None) or _Loop(function)
        loop = _Loop(inner.function, [*inner.names, *names], [*inner.axes, axis])
        parameters = inspect.signature(loop.function).parameters
        own = [parameter for name, parameter in parameters.items() if name not in loop.names]
        mine = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY)
            for name in ("request", "watchdog")
            if name not in parameters
        ]

        @functools.wraps(loop.function)
        def run(*positional, **fixtures):
            passed = {name: value for name, value in fixtures.items() if name in parameters}
            loop.run(positional, passed, fixtures["request"], fixtures["watchdog"])

        run.__signature__ = inspect.Signature([*own, *mine])
        run.loop = loop
        return run

    return decorate


def pytest_addoption(parser):
    parser.addoption("--case", metavar="REGEX", help="run only the cases of loops whose id REGEX finds")


def pytest_collection_modifyitems(config, items):
    pattern = config.getoption("--case")
    if pattern is None:
        return
    loops = (getattr(getattr(item, "obj", None), "loop", None) for item in items)
    found = [isinstance(loop, _Loop) and next(loop.cases(pattern), None) is not None for loop in loops]
    config.hook.pytest_deselected(items=[item for item, wanted in zip(items, found, strict=True) if not wanted])
    items[:] = itertools.compress(items, found)


def pytest_terminal_summary(terminalreporter):
    loops = [
        dict(report.user_properties)
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", None) == "call" and any(key == "cases" for key, _ in report.user_properties)
    ]
    if not loops:
        return
    terminalreporter.line(f"{sum(loop['cases'] for loop in loops):,} cases in {len(loops):,} loops")
    skips = collections.Counter()
    for loop in loops:
        skips.update(loop["skipped_cases"])
    for reason, count in skips.most_common():
        terminalreporter.line(f"{count:,} cases skipped: {reason}")
