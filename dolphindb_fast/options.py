"""What stands in the header of a request: flags of the session and of one run, and the checks of these arguments."""

from __future__ import annotations

from typing import Any

from . import settings as keys
from .errors import NotSupported, UsageError

__all__ = ["compress_methods", "request_header", "session_flags", "wire_parser", "wire_protocol", "wire_sql"]

ASYNCHRONOUS = 4
CLEAR_MEMORY = 16
API_CLIENT = 32
COMPRESS = 64
PYTHON_PARSER = 2048
KDB_PARSER = 4096
ARROW = 32768
SQL_SHIFT = 19
NO_DECIMALS = 8388608

#: smallest fetchSize
LEAST_BLOCK = 8192

_PROTOCOLS = {
    "default": keys.PROTOCOL_DEFAULT,
    "ddb": keys.PROTOCOL_DDB,
    "pickle": keys.PROTOCOL_PICKLE,
    "arrow": keys.PROTOCOL_ARROW,
}
#: ``wire: method`` of a compressed column
_METHODS = {"LZ4": 1, "DELTA": 2}
_DIALECTS = {"ddb": keys.SqlStd.DolphinDB, "oracle": keys.SqlStd.Oracle, "mysql": keys.SqlStd.MySQL}


def wire_protocol(protocol: int | str, enablePickle: bool | None, compress: bool) -> int:
    """``settings.PROTOCOL_DDB`` or ``PROTOCOL_ARROW``."""
    if enablePickle and protocol != keys.PROTOCOL_DEFAULT:
        raise UsageError("When enablePickle=true, the parameter protocol must not be specified. ")
    known = _PROTOCOLS.get(protocol.lower()) if isinstance(protocol, str) else protocol
    if known is None or known not in _PROTOCOLS.values():
        raise UsageError(f"Protocol {protocol} is not supported. ")
    if enablePickle or known == keys.PROTOCOL_PICKLE:
        name = "enablePickle=True" if enablePickle else "protocol=PROTOCOL_PICKLE"
        raise NotSupported(
            f"{name} is refused: unpickling what a server sends runs whatever code it chose to send. "
            "PROTOCOL_DDB and PROTOCOL_ARROW carry the same values."
        )
    if known == keys.PROTOCOL_ARROW and compress:
        raise UsageError("The Arrow protocol does not support compression.")
    return keys.PROTOCOL_DDB if known == keys.PROTOCOL_DEFAULT else known


def compress_methods(methods: object) -> int | tuple[int, ...] | dict[str, int] | None:
    """``wire: method`` of all columns, of each by position or by name, 0 for none; None: nothing is compressed."""
    if methods is None or isinstance(methods, str):
        return _method(methods) or None
    if isinstance(methods, dict):
        return {name: _method(method) for name, method in methods.items()} or None
    if isinstance(methods, (list, tuple)):
        return tuple(map(_method, methods)) or None
    raise UsageError(f"compressMethods must be a method, a list or a dict of methods, not {type(methods).__name__}")


def _method(method: object) -> int:
    if method is None:
        return 0
    if not isinstance(method, str) or method.upper() not in _METHODS:
        raise UsageError(f"Unsupported compression method {method!r}; there are 'LZ4' and 'DELTA'")
    return _METHODS[method.upper()]


def wire_parser(parser: Any, python: bool) -> keys.ParserType:
    """The member that a name, number or member (of the official client's enumeration too) means."""
    value: Any = getattr(parser, "value", parser)
    if python:
        if not hasattr(parser, "value") or value != keys.ParserType.Default.value:
            raise UsageError("The parameter parser must not be specified when python=true")
        return keys.ParserType.Python
    if not isinstance(value, int):
        return keys.ParserType.parse_from_str(value)
    try:
        return keys.ParserType(value)
    except ValueError as error:
        raise UsageError(str(error)) from None


def wire_sql(sqlStd: Any) -> keys.SqlStd:
    """The member that a name, number or member (of the official client's enumeration too) means."""
    value = getattr(sqlStd, "value", sqlStd)
    if isinstance(value, str) and value in _DIALECTS:
        return _DIALECTS[value]
    try:
        return keys.SqlStd(value)
    except ValueError as error:
        raise UsageError(f"sqlStd: {error}") from None


def session_flags(asynchronous: bool, compress: bool, parser: keys.ParserType, dialect: keys.SqlStd) -> int:
    """``wire: flag`` of every request of a session, but for Arrow."""
    flags: int = API_CLIENT | dialect.value << SQL_SHIFT
    flags |= ASYNCHRONOUS if asynchronous else 0
    flags |= COMPRESS if compress else 0
    return flags | {keys.ParserType.Python: PYTHON_PARSER, keys.ParserType.Kdb: KDB_PARSER}.get(parser, 0)


def request_header(
    flags: int,
    clearMemory: bool | None = None,
    priority: int | None = None,
    parallelism: int | None = None,
    fetchSize: int | None = None,
    disableDecimal: bool | None = None,
) -> bytes:
    """``wire: <flag>_1_<priority>_<parallelism>__<fetchSize>``."""
    priority = 4 if priority is None else priority
    parallelism = 64 if parallelism is None else parallelism
    if not isinstance(priority, int) or not 0 <= priority <= 9:
        raise UsageError("priority must be an integer from 0 to 9")
    if not isinstance(parallelism, int) or not 0 < parallelism < 2**31:
        raise UsageError("parallelism must be an integer greater than 0")
    if fetchSize is not None and (not isinstance(fetchSize, int) or not LEAST_BLOCK <= fetchSize < 2**31):
        # exactly 8192 passes, here as there
        raise UsageError("<Exception> in runBlock: fetchSize must be greater than 8192")
    flags |= CLEAR_MEMORY if clearMemory else 0
    flags |= NO_DECIMALS if disableDecimal else 0
    return b"%d_1_%d_%d__%d" % (flags, priority, parallelism, fetchSize or 0)
