"""Names and numbers of the official client's settings."""

from __future__ import annotations

from enum import Enum

import pytest

import dolphindb_fast.settings as keys

pytestmark = pytest.mark.official


@pytest.fixture(scope="module")
def official():
    return pytest.importorskip("dolphindb.settings")


PREFIXES = ("DT_", "DF_", "PROTOCOL_")
OTHERS = (
    "ARRAY_TYPE_BASE",
    "FORM_NUM",
    "TYPE_NUM",
    "SEQ",
    "VALUE",
    "RANGE",
    "LIST",
    "COMPO",
    "HASH",
    "default_protocol",
)


def test_constants__have_the_official_names_and_numbers(official):
    theirs = {name: value for name, value in vars(official).items() if name.startswith(PREFIXES) or name in OTHERS}
    ours = {name: getattr(keys, name, "missing") for name in theirs}
    assert ours == theirs


#: what the official client's own code uses of its settings, and nothing here does
INTERNAL = {
    *("DATA_CATEGORY", "DATA_SIZE", "DBNAN", "DDB_EPSILON", "Literal", "VERBOSE"),
    *("getCategory", "get_verbose", "set_verbose"),
}


def test_names__are_there_or_left_away_on_purpose(official):
    theirs = {name for name in vars(official) if not name.startswith("_")}
    assert {name for name in theirs if not hasattr(keys, name)} == INTERNAL


#: types of the wire that the official client has no name for, since it refuses them
UNNAMED = ["DT_COMPLEX", "DT_POINT", "DT_DURATION"]


def test_constants__of_ours_are_the_officials(official):
    names = [name for name in vars(keys) if name.startswith(PREFIXES)]
    assert [name for name in names if not hasattr(official, name)] == UNNAMED


def test_type_string__holds_every_official_name(official):
    assert {number: keys.TYPE_STRING.get(number) for number in official.TYPE_STRING} == official.TYPE_STRING


@pytest.mark.parametrize("name", ["SqlStd", "ParserType"])
def test_enumerations__are_equal(name, official):
    ours, theirs = getattr(keys, name), getattr(official, name)
    assert issubclass(ours, Enum)
    assert {member.name: member.value for member in ours} == {member.name: member.value for member in theirs}


@pytest.mark.parametrize("text", ["dolphindb", "python", "kdb", "", "Python"])
def test_parser_type__from_text(text, official):
    assert keys.ParserType.parse_from_str(text).name == official.ParserType.parse_from_str(text).name
