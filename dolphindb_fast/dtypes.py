"""Which numpy dtype becomes which wire type, by which conversion and null rule: as data.

The compiled core reads `RULES` once at import into its tables; the documentation prints them.
What each becomes was recorded from the official client 3.0.6.1; unsigned types, which it refuses, are widened.
"""
from __future__ import annotations

from typing import NamedTuple

__all__ = ["RULES", "Rule"]


class Rule(NamedTuple):
    """One source dtype.

    Attributes
    ----------
    source : str
        Name of the numpy dtype; ``datetime64[unit]`` with its unit.
    target : str
        Name of the wire type.
    conversion : str
        ``ddb_conversion`` of csrc/ddb_column.h, without its prefix.
    nulls : str
        What becomes NULL, and what is refused.
    """

    source: str
    target: str
    conversion: str
    nulls: str


RULES = (
    Rule("bool", "BOOL", "COPY8", "no nulls"),
    Rule("int8", "CHAR", "COPY8", "the smallest value is NULL"),
    Rule("int16", "SHORT", "COPY16", "the smallest value is NULL"),
    Rule("int32", "INT", "COPY32", "the smallest value is NULL"),
    Rule("int64", "LONG", "COPY64", "the smallest value is NULL"),
    Rule("uint8", "SHORT", "U8_SHORT", "no nulls"),
    Rule("uint16", "INT", "U16_INT", "no nulls"),
    Rule("uint32", "LONG", "U32_LONG", "no nulls"),
    Rule("uint64", "LONG", "U64_LONG", "no nulls; above 2**63 - 1 refused"),
    Rule("float32", "FLOAT", "F32_FLOAT", "NaN and infinities are NULL"),
    Rule("float64", "DOUBLE", "F64_DOUBLE", "NaN and infinities are NULL"),
    Rule("datetime64[s]", "DATETIME", "I64S_DATETIME", "NaT is NULL; outside 1901-12-13 to 2038-01-19 refused"),
    Rule("datetime64[ms]", "TIMESTAMP", "COPY64", "NaT is NULL"),
    Rule("datetime64[us]", "NANOTIMESTAMP", "I64US_NANOTIMESTAMP", "NaT is NULL; outside 1677 to 2262 refused"),
    Rule("datetime64[ns]", "NANOTIMESTAMP", "COPY64", "NaT is NULL"),
)
