"""Names and numbers of the official client's ``dolphindb.settings``."""

from __future__ import annotations

from enum import Enum

# data forms
DF_SCALAR = 0
DF_VECTOR = 1
DF_PAIR = 2
DF_MATRIX = 3
DF_SET = 4
DF_DICTIONARY = 5
DF_TABLE = 6
DF_CHART = 7
DF_CHUNK = 8
FORM_NUM = 9

# data types
DT_VOID = 0
DT_BOOL = 1
DT_BYTE = 2
DT_CHAR = 2
DT_SHORT = 3
DT_INT = 4
DT_LONG = 5
DT_DATE = 6
DT_MONTH = 7
DT_TIME = 8
DT_MINUTE = 9
DT_SECOND = 10
DT_DATETIME = 11
DT_TIMESTAMP = 12
DT_NANOTIME = 13
DT_NANOTIMESTAMP = 14
DT_FLOAT = 15
DT_DOUBLE = 16
DT_SYMBOL = 17
DT_STRING = 18
DT_UUID = 19
DT_FUNCTIONDEF = 20
DT_HANDLE = 21
DT_CODE = 22
DT_DATASOURCE = 23
DT_RESOURCE = 24
DT_ANY = 25
DT_COMPRESS = 26
DT_DICTIONARY = 27
DT_DATEHOUR = 28
DT_DATEMINUTE = 29
DT_IPADDR = 30
DT_INT128 = 31
DT_BLOB = 32
DT_DECIMAL = 33
# the official client has no names for the next three
DT_COMPLEX = 34
DT_POINT = 35
DT_DURATION = 36
DT_DECIMAL32 = 37
DT_DECIMAL64 = 38
DT_DECIMAL128 = 39
DT_OBJECT = 40

# an array vector's type is its element type and ARRAY_TYPE_BASE
ARRAY_TYPE_BASE = 64
DT_VOID_ARRAY = 64
DT_BOOL_ARRAY = 65
DT_BYTE_ARRAY = 66
DT_CHAR_ARRAY = 66
DT_SHORT_ARRAY = 67
DT_INT_ARRAY = 68
DT_LONG_ARRAY = 69
DT_DATE_ARRAY = 70
DT_MONTH_ARRAY = 71
DT_TIME_ARRAY = 72
DT_MINUTE_ARRAY = 73
DT_SECOND_ARRAY = 74
DT_DATETIME_ARRAY = 75
DT_TIMESTAMP_ARRAY = 76
DT_NANOTIME_ARRAY = 77
DT_NANOTIMESTAMP_ARRAY = 78
DT_FLOAT_ARRAY = 79
DT_DOUBLE_ARRAY = 80
DT_SYMBOL_ARRAY = 81
DT_STRING_ARRAY = 82
DT_UUID_ARRAY = 83
DT_ANY_ARRAY = 89
DT_DATEHOUR_ARRAY = 92
DT_IPADDR_ARRAY = 94
DT_INT128_ARRAY = 95
DT_BLOB_ARRAY = 96
DT_DECIMAL32_ARRAY = 101
DT_DECIMAL64_ARRAY = 102
DT_DECIMAL128_ARRAY = 103
TYPE_NUM = 71

#: type id -> name, array types as ``INT[]``
TYPE_STRING = {
    DT_VOID: "VOID",
    DT_BOOL: "BOOL",
    DT_CHAR: "CHAR",
    DT_SHORT: "SHORT",
    DT_INT: "INT",
    DT_LONG: "LONG",
    DT_DATE: "DATE",
    DT_MONTH: "MONTH",
    DT_TIME: "TIME",
    DT_MINUTE: "MINUTE",
    DT_SECOND: "SECOND",
    DT_DATETIME: "DATETIME",
    DT_TIMESTAMP: "TIMESTAMP",
    DT_NANOTIME: "NANOTIME",
    DT_NANOTIMESTAMP: "NANOTIMESTAMP",
    DT_FLOAT: "FLOAT",
    DT_DOUBLE: "DOUBLE",
    DT_SYMBOL: "SYMBOL",
    DT_STRING: "STRING",
    DT_UUID: "UUID",
    DT_FUNCTIONDEF: "FUNCTIONDEF",
    DT_HANDLE: "HANDLE",
    DT_CODE: "CODE",
    DT_DATASOURCE: "DATASOURCE",
    DT_RESOURCE: "RESOURCE",
    DT_ANY: "ANY",
    DT_COMPRESS: "COMPRESS",
    DT_DICTIONARY: "DICTIONARY",
    DT_DATEHOUR: "DATEHOUR",
    DT_DATEMINUTE: "DATEMINUTE",
    DT_IPADDR: "IPADDR",
    DT_INT128: "INT128",
    DT_BLOB: "BLOB",
    DT_COMPLEX: "COMPLEX",
    DT_POINT: "POINT",
    DT_DURATION: "DURATION",
    DT_DECIMAL32: "DECIMAL32",
    DT_DECIMAL64: "DECIMAL64",
    DT_DECIMAL128: "DECIMAL128",
}
TYPE_STRING.update(
    {
        ARRAY_TYPE_BASE + element: f"{TYPE_STRING[element]}[]"
        for element in (
            *range(DT_VOID, DT_UUID + 1),
            DT_DATEHOUR,
            DT_IPADDR,
            DT_INT128,
            DT_BLOB,
            DT_DECIMAL32,
            DT_DECIMAL64,
            DT_DECIMAL128,
        )
    }
)

# partition schemes
SEQ = 0
VALUE = 1
RANGE = 2
LIST = 3
COMPO = 4
HASH = 5

# protocols
PROTOCOL_DEFAULT = 0
PROTOCOL_DDB = 1
PROTOCOL_PICKLE = 2
PROTOCOL_ARROW = 3
default_protocol = PROTOCOL_DDB


class SqlStd(Enum):
    """SQL dialect in which the server parses scripts."""

    DolphinDB = 0
    Oracle = 1
    MySQL = 2


class ParserType(Enum):
    """Script language in which the server parses scripts."""

    Default = 0
    DolphinDB = 1
    Python = 2
    Kdb = 3

    @classmethod
    def parse_from_str(cls, s: str) -> ParserType:
        """The parser of that name; an unknown name is DolphinDB's own, as in the official client."""
        return {"python": cls.Python, "kdb": cls.Kdb}.get(s, cls.DolphinDB)
