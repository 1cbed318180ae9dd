"""Object columns of a forced type: every kind of value as every type, against the official client's bytes."""

from __future__ import annotations

import datetime
import uuid
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from support.cases import each
from support.values import object_column

import dolphindb_fast as ddb

pytestmark = pytest.mark.official

TYPES = {
    "BOOL": 1, "CHAR": 2, "SHORT": 3, "INT": 4, "LONG": 5, "DATE": 6, "MONTH": 7, "TIME": 8, "MINUTE": 9,
    "SECOND": 10, "DATETIME": 11, "TIMESTAMP": 12, "NANOTIME": 13, "NANOTIMESTAMP": 14, "FLOAT": 15,
    "DOUBLE": 16, "SYMBOL": 17, "STRING": 18, "UUID": 19, "ANY": 25, "DATEHOUR": 28, "IPADDR": 30, "INT128": 31,
    "BLOB": 32, "DECIMAL32": ["DECIMAL32", 2], "DECIMAL64": ["DECIMAL64", 4], "DECIMAL128": ["DECIMAL128", 1],
    "OBJECT": 40,
}  # fmt: skip
INTEGRAL = "BOOL CHAR SHORT INT LONG"
REAL = "FLOAT DOUBLE"
DECIMAL = "DECIMAL32 DECIMAL64 DECIMAL128"
DAYS = "DATE MONTH DATETIME TIMESTAMP NANOTIMESTAMP DATEHOUR"
TIMES = "TIME MINUTE SECOND NANOTIME"
WIDE = "UUID IPADDR INT128"
INTS = (0, 1, -1, 2, 127, 128, -128, 300, 32_768, 2**31 - 1, 2**31, -(2**31), 2**62 + 1)
UNITS = ("M", "D", "h", "m", "s", "ms", "us", "ns")

VALUES = {
    **{f"int-{i}": i for i in INTS},
    "int-huge": 2**63,
    "bool": True,
    "numpy-bool": np.bool_(False),
    "float": 1.5,
    "float-whole": 2.0,
    "float-large": 1e300,
    "nan": float("nan"),
    "infinity": float("inf"),
    "int8": np.int8(-5),
    "int16": np.int16(300),
    "int64": np.int64(2**40),
    "uint8": np.uint8(200),
    "uint64": np.uint64(2**63),
    "float32": np.float32(1.5),
    "float32-nan": np.float32("nan"),
    "float32-infinity": np.float32("inf"),
    "float16": np.float16(1.5),
    "decimal": Decimal("2.5"),
    "decimal-up": Decimal("1.255"),
    "decimal-down": Decimal("-1.245"),
    "decimal-exponent": Decimal("1E+3"),
    "decimal-nan": Decimal("NaN"),
    "decimal-infinity": Decimal("-Infinity"),
    "text": "a",
    "text-number": "5",
    "text-empty": "",
    "text-uuid": "12345678-1234-5678-9ABC-def012345678",
    "text-hex": "12345678123456789abcDEF012345678",
    "text-hex-bad": "12345678123456789abcDEF01234567g",
    "text-ip": "192.168.1.2",
    "text-ip-beyond": "1.2.3.256",
    "text-ip-short": "1.2.3",
    "text-ip6": "2001:db8:1:2:3:4:5:6",
    "text-ip6-gap": "fe80::1",
    "text-ip6-gap-first": "::1",
    "text-ip6-gap-last": "1::",
    "text-ip6-dotted": "64:ff9b::1.2.3.4",
    "bytes": b"1.2.3.4",
    "bytes-nul": b"a\0b",
    "bytearray": bytearray(b"q"),
    "date": datetime.date(2020, 1, 2),
    "date-1969": datetime.date(1969, 12, 31),
    "date-last": datetime.date.max,
    "moment": datetime.datetime(2020, 1, 2, 3, 4, 5, 678_999),
    "moment-1969": datetime.datetime(1969, 12, 31, 23, 59, 59, 999_999),
    "moment-last": datetime.datetime.max,
    "time": datetime.time(1, 2, 3, 456_789),
    "stamp": pd.Timestamp("2020-01-02 03:04:05.678999"),
    "stamp-nanoseconds": pd.Timestamp("2020-01-02 03:04:05.678999321"),
    "stamp-aware": pd.Timestamp("2020-01-02", tz="Asia/Tokyo"),
    **{f"datetime64-{unit}": np.datetime64(18_263, unit) for unit in UNITS},
    **{f"datetime64-{unit}-1969": np.datetime64(-5, unit) for unit in UNITS},
    "datetime64-Y": np.datetime64(5, "Y"),
    "datetime64-nat": np.datetime64("NaT", "D"),
    "timedelta": datetime.timedelta(1),
    "none": None,
    "na": pd.NA,
    "nat": pd.NaT,
    "uuid": uuid.UUID(int=5),
    "list": [1],
    "dict": {"a": 1},
    "complex": 1j,
    "object": object,
}

# Where the clients differ. Every other pair of value and type must be the same bytes, or refused by both.

#: the official client refuses what has one right meaning
REFUSES = {
    **{name: DECIMAL for name, value in VALUES.items() if name.startswith("int") and abs(value) < 2**17},
    **{f"int-{i}": "DECIMAL64 DECIMAL128" for i in (2**31 - 1, 2**31, -(2**31))},
    "int-4611686018427387905": "DECIMAL128",
    "int-huge": "DECIMAL128",
    "int64": "DECIMAL64 DECIMAL128",
    "uint8": f"{DAYS} {TIMES} {DECIMAL} ANY OBJECT",
    "uint64": "DECIMAL128",
    "float32-nan": f"{INTEGRAL} {WIDE} {DECIMAL} BLOB",
    "decimal-exponent": "ANY OBJECT",
    "decimal-nan": f"{INTEGRAL} {WIDE} BLOB",
    "datetime64-nat": f"{INTEGRAL} {REAL} {WIDE} {DECIMAL} BLOB",
    "text-ip6-gap-first": "IPADDR",
    "text-ip6-gap-last": "IPADDR",
    "text-ip6-dotted": "IPADDR",
    "bytearray": "ANY OBJECT",
    "uuid": "ANY OBJECT",
}
#: it sends something else than the value; what the type can't hold is refused here
CORRUPTS = {
    "float-large": "FLOAT",
    "float32-nan": REAL,
    "decimal-nan": REAL,
    "bytes-nul": "SYMBOL ANY",
    "date-last": "DATETIME NANOTIMESTAMP",
    "moment-last": "DATETIME NANOTIMESTAMP",
    "time": DAYS,
    "stamp-nanoseconds": "NANOTIME NANOTIMESTAMP",
    "datetime64-h-1969": f"{TIMES} DATE MONTH",
    **{f"datetime64-{unit}-1969": "MONTH" for unit in ("m", "s", "ms", "us")},
    "datetime64-ns-1969": "MONTH",
}
#: it takes a count of nanoseconds, or a UUID, for a number
REINTERPRETS = {
    "datetime64-ns": "SHORT INT LONG FLOAT DOUBLE",
    "datetime64-ns-1969": f"{INTEGRAL} {REAL}",
    "uuid": INTEGRAL,
}


def _sent(send):
    try:
        return bytes(send())
    except RuntimeError:
        return None


@each("type_name", TYPES)
def test_forced_object__is_sent_as_the_official_client_sends_it(type_name, official):
    for name, value in VALUES.items():
        frame = pd.DataFrame({"a": object_column([value])})
        object.__setattr__(frame, "__DolphinDB_Type__", {"a": TYPES[type_name]})
        ours, theirs = _sent(lambda f=frame: ddb.dumps(f)), _sent(lambda f=frame: official.object(f))
        if type_name in REFUSES.get(name, "").split():
            assert theirs is None and ours is not None, name
        elif type_name in CORRUPTS.get(name, "").split():
            assert theirs is not None and ours != theirs, name
        elif type_name in REINTERPRETS.get(name, "").split():
            assert theirs is not None and ours is None, name
        else:
            assert ours == theirs, name
