"""Random tables through an appender: Arrow data leaves the table that a DataFrame of the same values leaves.

A fixed set of examples; ``DOLPHINDB_FAST_FUZZ=N`` tries N new ones and prints the seed, which ``DOLPHINDB_FAST_SEED``
repeats.
"""

from __future__ import annotations

import datetime
import itertools
import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.arrow_columns import as_arrow, as_frame
from support.fuzzing import examples, say_seed  # noqa: F401

import dolphindb_fast as ddb

# -- columns --------------------------------------------------------------------------------------------------

NUMBERS = ["BOOL", "CHAR", "SHORT", "INT", "LONG", "FLOAT", "DOUBLE"]
MOMENTS = ["DATE", "MONTH", "DATETIME", "DATEHOUR", "TIMESTAMP", "NANOTIMESTAMP"]
TIMES = ["TIME", "MINUTE", "SECOND", "NANOTIME"]
DECIMALS = ["DECIMAL32(2)", "DECIMAL64(4)", "DECIMAL128(10)"]
TEXTS = ["SYMBOL", "STRING"]
PARSED = ["BLOB", "UUID", "IPADDR", "INT128"]
ARRAYS = ["INT[]", "LONG[]"]
_NO_TEXT = [*NUMBERS, *MOMENTS, *TIMES, *DECIMALS, *ARRAYS]
EVERY = [*_NO_TEXT, *TEXTS, *PARSED]
UUID = "5d212a78-cc48-e3b1-4235-b4d91473ee87"

_words = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("a\0"), max_size=14)
_texts = st.one_of(
    _words,
    st.sampled_from(["a", "b", "größe"]),
    st.uuids().map(str),
    st.ip_addresses(v=4).map(str),
    st.binary(min_size=16, max_size=16).map(bytes.hex),
)
_datetimes = st.datetimes() | st.datetimes(datetime.datetime(1950, 1, 1), datetime.datetime(2030, 1, 1))
_near = st.datetimes(datetime.datetime(1680, 1, 1), datetime.datetime(2260, 1, 1))


def _whole(low, high):
    return st.integers(low, high) | st.integers(max(low, -3), min(high, 130))


#: kind of column -> its cells, and the types for which Arrow data and the frame's dtype have rules of their own:
#: integers of Arrow can be the raw cells of moments, and its ticks numbers; objects can be text, whatever they are
CELLS = {
    **{f"int{bits}": (_whole(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1), [*MOMENTS, *TIMES]) for bits in (8, 16, 32, 64)},
    **{f"uint{bits}": (_whole(0, 2**bits - 1), [*MOMENTS, *TIMES]) for bits in (8, 16, 32, 64)},
    "bool": (st.booleans(), [*MOMENTS, *TIMES]),
    "float": (st.floats(allow_nan=False, allow_infinity=False, width=32), []),
    "double": (st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([0.0, 1.0, 1.5, -2.25]), []),
    "timestamp[s]": (_datetimes.map(lambda moment: moment.replace(microsecond=0)), TEXTS),
    "timestamp[ms]": (_datetimes.map(lambda moment: moment.replace(microsecond=0)), TEXTS),
    "timestamp[us]": (_datetimes, TEXTS),
    "timestamp[ns]": (_near, TEXTS),
    "date": (st.dates(), [*NUMBERS, *TEXTS]),
    "text": (_texts, []),
    "large text": (_texts, []),
    "text view": (_texts, []),
    "dictionary": (st.sampled_from(["a", "b", "größe", "", UUID]), _NO_TEXT),
    "decimal": (st.integers(-(10**14), 10**14).map(lambda digits: Decimal(digits).scaleb(-3)), ["BOOL", *TEXTS]),
    "lists": (st.lists(_whole(-(2**63) + 1, 2**63 - 1), min_size=1, max_size=3), TEXTS),
    "null": (st.none(), []),
}
#: what a kind is likely to be appended to
LIKELY = {
    "int": [*NUMBERS, *DECIMALS],
    "uin": [*NUMBERS, *DECIMALS],
    "boo": NUMBERS,
    "flo": [*NUMBERS, *DECIMALS],
    "dou": [*NUMBERS, *DECIMALS],
    "tim": [*MOMENTS, *TIMES],
    "dat": MOMENTS,
    "tex": [*TEXTS, *PARSED],
    "lar": [*TEXTS, *PARSED],
    "dic": [*TEXTS, *PARSED],
    "dec": [*DECIMALS, "DOUBLE", "INT"],
    "lis": ARRAYS,
    "nul": EVERY,
}
#: frames have objects
OBJECTS = ["date", "decimal", "lists"]


@st.composite
def tables(draw):
    """Types of the table on the server by name, and the columns that are appended."""
    rows = draw(st.integers(0, 6))
    types, columns = {}, []
    for number in range(draw(st.integers(1, 4))):
        kind = draw(st.sampled_from(list(CELLS)))
        cells, apart = CELLS[kind]
        if kind != "lists" and draw(st.booleans()):
            cells = cells | st.none()
        values = draw(st.lists(cells, min_size=rows, max_size=rows))
        targets = LIKELY[kind[:3]]
        # a frame without rows, and objects without values, say no type that could be refused
        refusable = rows and not (kind in OBJECTS and set(map(type, values)) <= {type(None)})
        if refusable and draw(st.integers(0, 3)) == 0:
            targets = EVERY
        name = f"c{number}"
        types[name] = draw(st.sampled_from([target for target in targets if target not in apart]))
        columns.append((name, kind, values))
    order = draw(st.sampled_from(["same", "same", "permuted", "other", "some", "extra", "missing", "twice"]))
    if order == "permuted":
        columns = draw(st.permutations(columns))
    elif order == "other":
        columns = [(f"x{number}", *rest) for number, (_, *rest) in enumerate(columns)]
    elif order == "some":
        names = draw(st.permutations([name for name, _, _ in columns]))
        columns = [(name, *rest) for name, (_, *rest) in zip(["other", *names[1:]], columns, strict=True)]
    elif order == "extra":
        columns = [*columns, ("more", "int64", [1] * rows)]
    elif order == "missing":
        columns = columns[1:] or [("more", "null", [None] * rows)]
    elif order == "twice":
        columns = [(columns[0][0], *rest) for _, *rest in columns]
    return types, columns


# -- both ways ------------------------------------------------------------------------------------------------


def _left(session, types, sent):
    """The table that an append leaves, or why there is none."""
    name = f"t{next(_numbers)}"
    session.run(f"share table(1:0, `{'`'.join(types)}, [{','.join(types.values())}]) as {name}")
    try:
        count = ddb.TableAppender(None, name, session).append(sent)
        table = session.run(f"select * from {name}", raw=True)
        assert count == len(table)
        return ddb.dumps(table)
    except ddb.ConversionError as error:
        assert session.run(f"exec count(*) from {name}") == 0
        return f"{type(error).__name__}: {error}".replace(name, "t", 1)
    finally:
        session.run(f"undef(`{name}, SHARED)")


def _blamed(message, with_row=True):
    """What a refusal names: column, its number, row."""
    assert message.startswith(("ValueRefused: table t: ", "UnsupportedTypeError: table t: "))
    column = re.search(r"column '(\w+)' \(number (\d+)", message)
    row = re.search(r", row (\d+)", message)
    return column.groups() if column else message, row[1] if row and with_row else None


_numbers = itertools.count()


@pytest.fixture(scope="module")
def session(server_address):
    with ddb.Session(*server_address.login) as session:
        yield session


@examples(150)
@given(table=tables(), batches=st.integers(1, 3), kind=st.sampled_from(["stream", "array", "both"]))
def test_arrow_data__is_appended_as_a_frame_of_the_same_values(table, batches, kind, session, watchdog):
    watchdog()
    types, columns = table
    exporter = as_arrow(columns, 1 if kind == "array" else batches, kind)
    wanted = _left(session, types, as_frame(columns))
    found = _left(session, types, exporter)
    assert exporter.released == exporter.made
    if isinstance(wanted, str):
        assert isinstance(found, str), wanted
        # what Arrow's type forbids for the whole column, an object forbids in its row
        with_row = not found.startswith("UnsupportedTypeError")
        assert _blamed(found, with_row) == _blamed(wanted, with_row)
    else:
        assert found == wanted
