"""Object columns of a forced type against independent arithmetic: decimal, ipaddress, numpy's calendar."""

from __future__ import annotations

import datetime
import decimal
import ipaddress
import uuid

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import expected
from support.values import object_column

import dolphindb_fast as ddb


def _dumps(values, spec):
    """The cells of a forced column of one frame, without the vector's head."""
    raw = ddb.dumps(ddb.typed(pd.DataFrame({"a": object_column(values)}), {"a": spec}))
    head = expected.table({"a": b""}, len(values))
    assert raw.startswith(head)
    return raw[len(head) + (14 if "DECIMAL" in str(spec) else 10) :]


_EXACT = decimal.Context(10_000, decimal.ROUND_HALF_UP, decimal.MIN_EMIN, decimal.MAX_EMAX)


@given(
    st.decimals(allow_nan=True, allow_infinity=True) | st.decimals(-(10**9), 10**9) | st.integers(),
    st.integers(0, 9),
    st.sampled_from([("DECIMAL32", 4), ("DECIMAL64", 8), ("DECIMAL128", 16)]),
)
def test_decimal__is_rounded_half_away_from_zero(value, scale, target):
    name, size = target
    limit = 2 ** (8 * size - 1)
    number = decimal.Decimal(value)
    if not number.is_finite():
        wanted = -limit
    elif number and number.adjusted() > 60:
        wanted = None
    else:
        wanted = int(number.scaleb(scale, _EXACT).quantize(decimal.Decimal(1), context=_EXACT))
        wanted = wanted if -limit < wanted < limit else None
    if wanted is None:
        with pytest.raises(ddb.ValueRefused, match=name):
            _dumps([value], [name, scale])
    else:
        assert _dumps([value], [name, scale]) == wanted.to_bytes(size, "little", signed=True)


_HEX = "0123456789abcdefABCDEF"
_ADDRESS = st.one_of(
    st.ip_addresses().map(str),
    st.ip_addresses(v=6).map(lambda address: address.exploded.upper()),
    st.text("0123456789abcdefF:.", max_size=45),
    st.lists(st.sampled_from(["", "0", "1", "ffff", "12345", "1.2.3.4", "g"]), max_size=10).map(":".join),
    st.lists(st.integers(0, 300).map(str), min_size=3, max_size=5).map(".".join),
)


@given(_ADDRESS)
def test_address__is_read_as_python_reads_it(text):
    try:
        wanted = ipaddress.ip_address(text).packed[::-1].ljust(16, b"\0")
    except ValueError:
        wanted = bytes(16) if text == "" else None
        if "." in text and ":" not in text:
            # zeros before a number are legal here, as in the official client
            parts = text.split(".")
            if len(parts) == 4 and all(p.isdigit() and len(p) <= 3 and int(p) < 256 for p in parts):
                wanted = bytes(map(int, parts[::-1])).ljust(16, b"\0")
    if wanted is None:
        with pytest.raises(ddb.ValueRefused, match="IPADDR"):
            _dumps([text], "IPADDR")
    else:
        assert _dumps([text], "IPADDR") == wanted


@given(st.uuids(), st.text(_HEX + "-", max_size=40))
def test_uuid_and_int128__are_read_as_python_reads_them(value, other):
    cell = value.bytes[::-1]
    for given_ in (value, str(value), str(value).upper(), str(value).encode()):
        assert _dumps([given_], "UUID") == cell
    assert _dumps([value.hex], "INT128") == cell
    if len(other) not in (0, 32) or "-" in other:
        with pytest.raises(ddb.ValueRefused):
            _dumps([other], "INT128")
    if len(other) not in (0, 36):
        with pytest.raises(ddb.ValueRefused):
            _dumps([other], "UUID")
    assert _dumps([uuid.UUID(int=0), None, ""], "UUID") == bytes(48)


#: type -> unit that its cells count, their dtype
DAYS = {"DATE": ("D", "<i4"), "DATEHOUR": ("h", "<i4"), "DATETIME": ("s", "<i4"), "TIMESTAMP": ("ms", "<i8")}
DAYS["NANOTIMESTAMP"] = ("ns", "<i8")
TIMES = {"TIME": ("ms", "<i4"), "MINUTE": ("m", "<i4"), "SECOND": ("s", "<i4"), "NANOTIME": ("ns", "<i8")}


@given(st.datetimes(), st.sampled_from(["h", "m", "s", "ms", "us"]))
def test_moment__is_what_numpy_makes_of_it(moment, unit):
    exact = np.datetime64(moment, "us")
    for value, instant in ((moment, exact), (exact.astype(f"M8[{unit}]"), exact.astype(f"M8[{unit}]"))):
        micros = int(instant.astype("M8[us]").astype("i8"))
        for name, (target, dtype) in DAYS.items():
            tick = micros * 1000 if target == "ns" else int(instant.astype(f"M8[{target}]").astype("i8"))
            if abs(tick) < 2 ** (8 * np.dtype(dtype).itemsize - 1):
                assert _dumps([value], name) == np.array(tick, dtype).tobytes()
            else:
                with pytest.raises(ddb.ValueRefused, match=name):
                    _dumps([value], name)
        for name, (target, dtype) in TIMES.items():
            count = int(np.timedelta64(1, target) / np.timedelta64(1, "ns"))
            tick = micros % (86_400 * 10**6) * 1000 // count
            assert _dumps([value], name) == np.array(tick, dtype).tobytes()
        month = int(instant.astype("M8[M]").astype("i8")) + 1970 * 12
        assert _dumps([value], "MONTH") == np.array(month, "<i4").tobytes()


@given(st.dates(), st.times())
def test_date_and_time__of_python(date, time):
    assert _dumps([date], "DATE") == np.array(date.toordinal() - 719_163, "<i4").tobytes()
    assert _dumps([date], "MINUTE") == bytes(4)
    since = datetime.datetime.combine(datetime.date.min, time) - datetime.datetime.min
    ticks = since // datetime.timedelta(microseconds=1) * 1000
    assert _dumps([time], "NANOTIME") == np.array(ticks, "<i8").tobytes()


SPECS = ("VOID", "COMPLEX", "POINT", "DURATION", "STRING[]", "SYMBOL[]")


@pytest.mark.parametrize("spec", SPECS)
def test_type__that_objects_can_not_become_is_refused(spec):
    values = [["a"], ["b"]] if spec.endswith("[]") else [1, 2]
    with pytest.raises(ddb.ConversionError, match=r"column 'a'"):
        _dumps(values, spec)


@pytest.mark.parametrize("spec", [["DECIMAL32", 10], ["DECIMAL64", 19], ["DECIMAL64[]", 19]])
def test_scale__that_the_type_does_not_have_is_refused(spec):
    values = [[decimal.Decimal(1)]] if "[]" in spec[0] else [decimal.Decimal(1)]
    with pytest.raises(ddb.ConversionError, match=str(spec[1])):
        _dumps(values, spec)


def test_decimals__without_a_scale_have_the_widest():
    values = [decimal.Decimal("1.5"), 2, decimal.Decimal("2.55"), None]
    assert _dumps(values, "DECIMAL32") == np.array([150, 200, 255, -(2**31)], "<i4").tobytes()


def test_symbols__are_numbered_in_order_of_first_appearance():
    values = ["b", None, b"a", "", "a", 1, float("nan"), "1", "größe"]
    raw = ddb.dumps(ddb.typed(pd.DataFrame({"a": object_column(values)}), {"a": "SYMBOL"}))
    texts = ["b", None, "a", None, "a", "1", None, "1", "größe"]
    assert raw == expected.table({"a": expected.symbols(texts)}, len(texts))
