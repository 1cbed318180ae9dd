"""Which dtype becomes which wire type, by which conversion and null rule, and what it can be forced to: as data.

The compiled core reads `RULES` and `ARROW_RULES` once at import into its tables; the documentation prints them.
What each becomes was recorded from the official client 3.0.6.1; unsigned types, which it refuses, are widened.
`cast` is the rule of all other ways from a fixed-width source to a wire type.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["ARROW_FORMATS", "ARROW_RULES", "RULES", "Cast", "Rule", "Source", "arrow_name", "cast"]


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

#: Arrow types of fixed width; what their bitmap says is null is NULL, floats keep NaN and infinities
ARROW_RULES = (
    Rule("bool", "BOOL", "", ""),
    Rule("int8", "CHAR", "COPY8", "the smallest value is NULL too"),
    Rule("int16", "SHORT", "COPY16", "the smallest value is NULL too"),
    Rule("int32", "INT", "COPY32", "the smallest value is NULL too"),
    Rule("int64", "LONG", "COPY64", "the smallest value is NULL too"),
    Rule("uint8", "SHORT", "U8_SHORT", ""),
    Rule("uint16", "INT", "U16_INT", ""),
    Rule("uint32", "LONG", "U32_LONG", ""),
    Rule("uint64", "LONG", "U64_LONG", "above 2**63 - 1 refused"),
    Rule("float", "FLOAT", "COPY32", ""),
    Rule("double", "DOUBLE", "COPY64", ""),
    Rule("date32[day]", "DATE", "COPY32", ""),
    Rule("date64[ms]", "DATE", "", "what 32 bits can't hold refused"),
    Rule("time32[s]", "SECOND", "COPY32", ""),
    Rule("time32[ms]", "TIME", "COPY32", ""),
    Rule("time64[us]", "NANOTIME", "I64US_NANOTIMESTAMP", ""),
    Rule("time64[ns]", "NANOTIME", "COPY64", ""),
    Rule("timestamp[s]", "DATETIME", "I64S_DATETIME", "outside 1901-12-13 to 2038-01-19 refused"),
    Rule("timestamp[ms]", "TIMESTAMP", "COPY64", ""),
    Rule("timestamp[us]", "NANOTIMESTAMP", "I64US_NANOTIMESTAMP", "outside 1677 to 2262 refused"),
    Rule("timestamp[ns]", "NANOTIMESTAMP", "COPY64", ""),
    Rule("decimal32", "DECIMAL32", "", ""),
    Rule("decimal64", "DECIMAL64", "", ""),
    Rule("decimal128", "DECIMAL128", "", ""),
    Rule("fixed_size_binary[16]", "INT128", "", ""),
)

#: what Arrow's C data interface calls its types; those with parameters stand in `arrow_name`
ARROW_FORMATS = {
    "n": "null",
    "b": "bool",
    "c": "int8",
    "C": "uint8",
    "s": "int16",
    "S": "uint16",
    "i": "int32",
    "I": "uint32",
    "l": "int64",
    "L": "uint64",
    "e": "halffloat",
    "f": "float",
    "g": "double",
    "z": "binary",
    "Z": "large_binary",
    "vz": "binary_view",
    "u": "string",
    "U": "large_string",
    "vu": "string_view",
    "tdD": "date32[day]",
    "tdm": "date64[ms]",
    "tts": "time32[s]",
    "ttm": "time32[ms]",
    "ttu": "time64[us]",
    "ttn": "time64[ns]",
    "tss:": "timestamp[s]",
    "tsm:": "timestamp[ms]",
    "tsu:": "timestamp[us]",
    "tsn:": "timestamp[ns]",
    "tDs": "duration[s]",
    "tDm": "duration[ms]",
    "tDu": "duration[us]",
    "tDn": "duration[ns]",
    "tiM": "month_interval",
    "tiD": "day_time_interval",
    "tin": "month_day_nano_interval",
    "+l": "list",
    "+L": "large_list",
    "+vl": "list_view",
    "+vL": "large_list_view",
    "+s": "struct",
    "+m": "map",
    "+r": "run_end_encoded",
}


def arrow_name(format: str) -> str:
    """The name of an Arrow type without what is in it; a format that is none stands for itself."""
    kind, _, rest = format.partition(":")
    if kind == "d" and "," in rest:
        precision, scale, *bits = rest.split(",")
        return f"decimal{bits[0] if bits else 128}({precision}, {scale})"
    if kind in ("w", "+w"):
        return f"{'fixed_size_binary' if kind == 'w' else 'fixed_size_list'}[{rest}]"
    if rest and kind + ":" in ARROW_FORMATS:
        return f"{ARROW_FORMATS[kind + ':'][:-1]}, tz={rest}]"
    return ARROW_FORMATS.get(format, f"of format {format!r}")


class Source(NamedTuple):
    """Cells of fixed width, wherever they come from.

    Attributes
    ----------
    load : str
        ``ddb_load`` of csrc/ddb_cast.h, without its prefix.
    kind : str
        What they mean: ``bool``, ``integer``, ``float``, ``decimal``, ``moment``, ``time`` (of day) or ``bytes``.
    unit : str
        Of moments and times.
    scale : int
        Of decimals.
    arrow : bool
        Whether NaN and infinities are values (else they are NULL), and integers can be the raw cells of a temporal
        type.
    listed : bool
        Cells of lists: NaN is NULL all the same.
    """

    load: str
    kind: str
    unit: str = ""
    scale: int = 0
    arrow: bool = False
    listed: bool = False


class Cast(NamedTuple):
    """The fields of ``ddb_cast`` in csrc/ddb_cast.h."""

    load: str
    store: str
    flags: frozenset[str] = frozenset()
    digits: int = 0
    modulo: int = 0
    divide: int = 1
    multiply: int = 1
    low: int = 0
    high: int = 0
    null: int = 0


_DAY = 86_400 * 10**9

#: nanoseconds in a tick
UNITS = {"D": _DAY, "h": 3_600 * 10**9, "m": 60 * 10**9, "s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}

#: wire type -> cell, and for temporal types the unit of a tick
CELLS = {
    "BOOL": "I8",
    "CHAR": "I8",
    "SHORT": "I16",
    "INT": "I32",
    "LONG": "I64",
    "FLOAT": "F32",
    "DOUBLE": "F64",
    "DECIMAL32": "I32",
    "DECIMAL64": "I64",
    "DECIMAL128": "I128",
    "UUID": "BYTES16",
    "INT128": "BYTES16",
}
MOMENTS = {
    "DATE": ("I32", "D"),
    "MONTH": ("I32", "D"),
    "DATETIME": ("I32", "s"),
    "DATEHOUR": ("I32", "h"),
    "TIMESTAMP": ("I64", "ms"),
    "NANOTIMESTAMP": ("I64", "ns"),
}
TIMES = {"TIME": ("I32", "ms"), "MINUTE": ("I32", "m"), "SECOND": ("I32", "s"), "NANOTIME": ("I64", "ns")}

#: digits after the point that a decimal type can have
SCALES = {"DECIMAL32": 9, "DECIMAL64": 18, "DECIMAL128": 38}

_INTEGERS = ("CHAR", "SHORT", "INT", "LONG")
_NUMBERS = ("BOOL", *_INTEGERS, "FLOAT", "DOUBLE")

#: what a kind of cells can be forced to; ticks become numbers as they are, in their own unit
TARGETS = {
    "bool": _NUMBERS,
    "integer": (*_NUMBERS, *SCALES),
    "float": (*_NUMBERS, *SCALES),
    "decimal": (*_INTEGERS, "FLOAT", "DOUBLE", *SCALES),
    "moment": (*_NUMBERS, *MOMENTS, *TIMES),
    "time": (*_NUMBERS, *TIMES),
    "bytes": ("UUID", "INT128"),
}


def cast(source: Source, target: str, scale: int = 0) -> Cast | None:
    """How cells of `source` become the wire type named `target`; None if they can't."""
    raw = source.arrow and source.kind in ("bool", "integer") and (target in MOMENTS or target in TIMES)
    if target not in TARGETS[source.kind] and not raw:
        return None
    store, unit = CELLS.get(target), ""
    if store is None:
        store, unit = (MOMENTS | TIMES)[target]
    if store == "BYTES16":
        return Cast(source.load, store)
    bits = {"F32": 32, "F64": 64}.get(store) or int(store[1:])
    high = 2 ** (min(bits, 64) - 1) - 1
    # the smallest value is NULL: only cells that are of this type already may have it
    same = source.load == store and source.kind != "float"
    steps = Cast(source.load, store, low=-high - same, high=high, null=-high - 1)
    if source.load == "U64":
        steps = steps._replace(low=0)
    flags = set()
    if source.kind == "float" and (source.listed or not source.arrow):
        flags.add("NAN_NULL" if source.listed else "INFINITE_NULL")
    if source.kind in ("moment", "time"):
        flags.add("LOWEST_NULL")
    if target == "BOOL" and source.kind != "bool":
        # an int8 cell can be NULL, as the BOOL that it is sent as
        return steps._replace(low=0, high=1, flags=frozenset(flags | ({"LOWEST_NULL"} if same else set())))
    if source.kind == "float" and source.arrow and not source.listed and source.load == store:
        # as they lie, NaN and infinities too; what stands in for NULL is the float's
        null = -(2**23 + 1) if bits == 32 else -(2**52 + 1)
        return steps._replace(load=f"I{bits}", store=f"I{bits}", low=-high - 1, null=null)
    if target in SCALES:
        return _decimal_steps(steps, source, scale, flags)
    if source.kind == "decimal":
        return steps._replace(digits=-source.scale)
    if unit and not raw:
        return _tick_steps(steps._replace(flags=frozenset(flags)), source, target, UNITS[unit])
    return steps._replace(flags=frozenset(flags))


def _decimal_steps(steps: Cast, source: Source, scale: int, flags: set[str]) -> Cast:
    if source.kind == "decimal" and source.load == steps.store != "I128" and source.scale == scale:
        # as it lies
        return steps
    if source.kind == "decimal":
        return steps._replace(digits=scale - source.scale, flags=frozenset({"ROUND"}))
    if source.kind == "float":
        return steps._replace(digits=scale, flags=frozenset(flags | {"ROUND"}))
    if steps.store == "I128":
        return steps._replace(digits=scale)
    limit = steps.high // 10**scale
    return steps._replace(multiply=10**scale, low=max(steps.low, -limit), high=limit)


def _tick_steps(steps: Cast, source: Source, target: str, tick: int) -> Cast:
    own = UNITS[source.unit]
    if target in TIMES and source.kind == "moment":
        steps = steps._replace(modulo=_DAY // own)
    if target == "MONTH":
        steps = steps._replace(flags=steps.flags | {"MONTH"})
    if own < tick:
        return steps._replace(divide=tick // own)
    limit = steps.high // (own // tick)
    return steps._replace(multiply=own // tick, low=-limit, high=limit)
