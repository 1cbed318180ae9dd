"""The loops of wide tests: every case is run, every failing one is told, and they are counted."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]

HEAD = """
import pytest
from support.cases import each

@pytest.fixture(autouse=True)
def watchdog():
    yield lambda: None

"""


@pytest.fixture
def run(pytester):
    """Runs a module of tests; the result of pytest."""

    def run(source, *options):
        pytester.makepyfile(test_loops=HEAD + source)
        return pytester.runpytest_inprocess(
            "-p", "support.cases", "-p", "no:hypothesispytest", "-p", "no:xdist", "-ra", *options
        )

    return run


def test_cases__are_one_test_and_are_counted(run):
    result = run(
        """
seen = []

@each("number", [1, 2, 3])
@each("word, letter", [("one", "a"), ("two", "b")])
def test_all(number, letter, word, tmp_path):
    seen.append((word, letter, number))

class TestMethod:
    @each("number", range(4))
    def test_one(self, number):
        assert number < 4

def test_order():
    assert sorted(seen) == [(*pair, number) for pair in (("one", "a"), ("two", "b")) for number in (1, 2, 3)]
"""
    )
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(["10 cases in 2 loops"])
    result.stdout.no_fnmatch_line("*cases skipped*")


def test_failing_cases__are_all_told_and_the_loop_goes_on(run):
    result = run(
        """
@each("number", range(9), ids=lambda number: f"case{number}")
def test_even(number):
    print("saw", number)
    if number == 7:
        raise ValueError("seven")
    if number == 5:
        pytest.fail("five")
    assert number not in (1, 3), "odd"
"""
    )
    result.assert_outcomes(failed=1)
    assert "saw 8" in result.stdout.lines
    result.stdout.fnmatch_lines(
        [
            "4 of 9 cases failed:",
            "  case1: AssertionError: odd",
            "  case3: AssertionError: odd",
            "  case5: Failed: five",
            "  case7: ValueError: seven",
            "*- case1 -*",
            ">       assert number not in (1, 3), *",
            "*- case3 -*",
            "*- case5 -*",
        ]
    )
    result.stdout.no_fnmatch_line("*- case7 -*")
    result.stdout.fnmatch_lines(["9 cases in 1 loops"])


def test_one_failing_case__fails_the_test(run):
    result = run("@each('number', [1, 0, 2])\ndef test_division(number):\n    1 / number\n")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["1 of 3 cases failed:", "  0: ZeroDivisionError: *", "*test_loops.py:*: ZeroDivisionError"]
    )


def test_skipped_cases__are_counted_apart_with_their_reasons(run):
    result = run(
        """
@each("number", range(5))
def test_some(number):
    if number < 3:
        pytest.skip("small" if number else "none")

@each("number", range(2))
def test_all(number):
    pytest.skip("small")

@each("number", [])
def test_nothing(number):
    raise AssertionError
"""
    )
    result.assert_outcomes(passed=1, skipped=2)
    result.stdout.fnmatch_lines(["2 cases in 3 loops", "4 cases skipped: small", "1 cases skipped: none"])
    result.stdout.fnmatch_lines(["SKIPPED * small", "SKIPPED * no cases"])


def test_option_case__runs_the_cases_that_match_and_no_other_test(run):
    source = """
@each("name", ["one", "two", "three"])
def test_names(name):
    assert name != "two"

@each("name", ["four"])
def test_others(name):
    pass

def test_plain():
    pass
"""
    result = run(source, "--case", "^t.*e$")
    result.assert_outcomes(passed=1, deselected=2)
    result.stdout.fnmatch_lines(["1 cases in 1 loops"])
    run(source, "--case", "two").assert_outcomes(failed=1, deselected=2)


def test_recorder_that_a_case_closed__is_alive_in_the_next(run):
    result = run(
        """
from support.recorder import Recorder, our_session

@pytest.fixture
def ours():
    with Recorder(our_session, enableASYNC=True) as recorder:
        yield recorder

@each("number", range(4))
def test_requests(number, ours):
    if number == 0:
        ours.connection.close()
    if number == 1:
        ours.session.close()
    assert ours.run("f", number).objects[2] == number
"""
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["2 of 4 cases failed:", "  0: *", "  1: *"])


def test_frame__says_which_case_it_is(run):
    result = run(
        """
import sys

@each("name", ["größe 1", "b"])
def test_name(name):
    assert sys._getframe(1).f_code.co_name == name
"""
    )
    result.assert_outcomes(passed=1)


def test_watchdog__is_called_before_each_case(run):
    result = run(
        """
calls = []

@pytest.fixture
def watchdog():
    return lambda: calls.append(None)

@each("number", [1, 2, 3])
def test_calls(number, watchdog, request):
    assert len(calls) == number and request.node.name == "test_calls"
"""
    )
    result.assert_outcomes(passed=1)
