"""Where this client and the official one differ on purpose when they send: one row for each kind of input."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["ROWS", "Difference"]


class Difference(NamedTuple):
    """One kind of input; what the official client does with it; what ours does."""

    key: str
    what: str
    official: str
    ours: str


ROWS = (
    Difference(
        "unsigned",
        "unsigned columns, arrays and scalars",
        "refused",
        "widened; uint64 to LONG with range check",
    ),
    Difference("byte-order", "big-endian columns and arrays", "refused", "read rightly"),
    Difference(
        "categorical",
        "Categorical",
        "refused",
        "text: SYMBOL, used categories only, in order of first appearance; others: their values",
    ),
    Difference(
        "arrow-types",
        "Arrow timestamp[us], time64[us], date64, binary, string_view, large and fixed-size lists, "
        "decimal64, dictionaries of other words, indices or with a null word",
        "refused",
        "NANOTIMESTAMP with overflow check, NANOTIME, DATE, BLOB, STRING, array vector, DECIMAL64; "
        "SYMBOL, or the type of the words",
    ),
    Difference(
        "arrow-empty-rows",
        "Arrow list columns that end in empty or null rows alone",
        "a count is missing, stream torn",
        "every row has its count",
    ),
    Difference(
        "masked-strided",
        "strided masked columns without NULL",
        "other cells, or unstable bytes",
        "read rightly",
    ),
    Difference(
        "arrow-sliced",
        "slices of Arrow list columns",
        "refused, or rows with cells of other rows",
        "the rows of the slice",
    ),
    Difference(
        "arrow-forced",
        "Arrow dates and timestamps forced to another unit; columns with null forced to another number, UUID, INT128",
        "raw integers; refused",
        "converted",
    ),
    Difference(
        "arrow-null",
        "Arrow decimals with null forced to FLOAT, DOUBLE; Arrow null columns forced to a type",
        "refused",
        "the nearest number; NULLs of that type",
    ),
    Difference("datetime-range", "DATETIME beyond 2038, microseconds beyond 2262", "wrapped", "refused, row named"),
    Difference(
        "text",
        "text with NUL, lone surrogate, text over 262,143 bytes",
        "cut, dropped, stream torn",
        "refused before anything is sent",
    ),
    Difference("bytes-nul", "bytes with NUL as scalar or in a list, set or dict", "cut at the NUL", "sent whole"),
    Difference("depth", "objects nested more than 64 deep, or in themselves", "sent, or crash", "refused"),
    Difference(
        "time-as-date",
        "datetime.time in a column of dates or moments, or forced to such a type",
        "NULL",
        "refused",
    ),
    Difference("forced-range", "forced types that can't hold the value", "wrapped", "refused, row named"),
    Difference("forced-nan", "NaN forced to BOOL, CHAR, SHORT; NaT forced to numbers", "0, -9.22e18", "NULL"),
    Difference("month", "dates before 1970 forced to MONTH", "January 1970", "their month"),
    Difference(
        "decimal-scale",
        "Decimals of rising scales in one list or column",
        "rounded to the scale of the first, or refused",
        "the largest scale of all",
    ),
    Difference(
        "decimal-wide",
        "Decimals of negative scale, or too large for DECIMAL64",
        "refused",
        "scale 0; DECIMAL128 as far as it reaches",
    ),
    Difference(
        "decimal-int",
        "integers among Decimals; object, nullable and Arrow integers forced to DECIMAL",
        "refused",
        "the same number as a decimal",
    ),
    Difference(
        "float32",
        "numpy.float32 beside what only a wider type holds, in an object column",
        "cut off, infinite",
        "the wider type",
    ),
    Difference("builtins", "bytearray, frozenset", "refused", "as bytes, as set"),
    Difference("empty-name", "object columns of nulls whose name is the empty text", "refused", "sent"),
    Difference("uuid", "uuid.UUID", "refused; among integers its number", "UUID; among integers refused"),
    Difference("null-kinds", "NaN of numpy.float32 or Decimal among integers in an object column", "refused", "NULL"),
    Difference(
        "timestamp-ns",
        "pandas.Timestamp objects forced to NANOTIME, NANOTIMESTAMP",
        "nanoseconds are cut off",
        "kept",
    ),
    Difference(
        "decimal-float",
        "floats forced to DECIMAL",
        "cut off: 4.35 of scale 2 is 4.34",
        "rounded, halves away from zero",
    ),
    Difference("nullable-forced", "nullable floats forced to integers", "refused", "as plain floats"),
    Difference("extension", "pandas extension arrays outside a Series", "refused", "as a Series of them"),
)

KEYS = {row.key for row in ROWS}
