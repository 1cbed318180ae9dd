"""`verify`: are the bytes of an object those of the official client? Needs the official client beside this package.

With ``DOLPHINDB_FAST_VERIFY=N`` in the environment the first N requests of the process that carry objects are
verified before they are sent. Without it nothing here is called.
"""

from __future__ import annotations

import functools
import logging
import re
import threading
from typing import Any, NamedTuple

from . import settings as keys
from ._core import SessionCore, dumps
from ._decode import decode
from .column import Column, Dictionary, Set
from .errors import Mismatch, NotSupported, UsageError
from .session import Session

__all__ = ["verify"]

log = logging.getLogger("dolphindb_fast")

SHOWN_BYTES = 16

_HEAD = re.compile(r"(.+?): (?:(?:table|dictionary|chart|set|matrix|compressed|chunk)\b|.+ (?:scalar|vector|pair)\b)")


def verify(obj: object) -> int:
    """Compare the wire bytes of one object with what the official client makes of it.

    The order of dictionaries and sets is left out of account: the official client's is that of its hash table.

    Parameters
    ----------
    obj : object
        As for `dumps`.

    Returns
    -------
    int
        How many bytes were compared.

    Raises
    ------
    Mismatch
        They differ; the message says where: object, column, row.
    ConversionError
        As `dumps`.
    NotSupported
        There is nothing to compare with: the official client is not installed, or refuses the object.
    """
    ours = dumps(obj)
    theirs = _official(obj)
    if ours == theirs or (_has_order_of_its_own(obj) and _ordered(decode(ours)) == _ordered(decode(theirs))):
        return len(ours)
    raise Mismatch(explain(ours, theirs))


def _official(obj: object) -> bytes:
    try:
        from dolphindb import io
    except ImportError as error:
        raise NotSupported(f"verify compares with the official client, which can't be imported: {error}") from None
    try:
        official: bytes = io.dumps(obj)
    except Exception as error:
        kind = type(obj).__name__
        raise NotSupported(f"the official client refuses this {kind}, nothing can be compared: {error}") from error
    return official


def _has_order_of_its_own(obj: object) -> bool:
    if isinstance(obj, (list, tuple)):
        return any(map(_has_order_of_its_own, obj))
    return isinstance(obj, (dict, set, frozenset))


def _ordered(value: Any) -> Any:
    """Something that is equal for values that differ in the order of dictionaries and sets only."""
    if isinstance(value, Dictionary):
        pairs = zip(_items(value.keys), _items(value.values), strict=True)
        return value.form, value.keys.type, value.values.type, sorted(pairs, key=repr)
    if isinstance(value, Set):
        return value.values.type, sorted(_items(value.values), key=repr)
    if isinstance(value, Column) and value.type == keys.DT_ANY:
        return [_ordered(item) for item in value.data]
    return dumps(value)


def _items(column: Column) -> list[Any]:
    if column.type == keys.DT_ANY:
        return [_ordered(item) for item in column.data]
    if column.offsets is not None:
        cuts = column.offsets.tolist()
        return [column.data[a:b].tobytes() for a, b in zip(cuts, cuts[1:], strict=False)]
    return [cell.tobytes() for cell in column.data]


class Place(NamedTuple):
    """What a byte belongs to: words for a person, and the value there if it is one."""

    words: str
    value: str


def explain(ours: bytes, theirs: bytes) -> str:
    """Where two objects' bytes differ first, in words."""
    common = min(len(ours), len(theirs))
    at = next((i for i in range(common) if ours[i] != theirs[i]), common)
    place, other = _place(ours, at), _place(theirs, at)
    lines = [
        f"not what the official client sends: byte {at} of {len(ours)} (official: of {len(theirs)}) is the first "
        f"that differs, in {place.words}"
    ]
    if other.words != place.words:
        lines.append(f"  official  in {other.words}")
    for name, data, value in (("ours", ours, place.value), ("official", theirs, other.value)):
        shown = data[at : at + SHOWN_BYTES].hex(" ") or "(ends here)"
        lines.append(f"  {name:<9} {shown}" + (f"  {value}" if value else ""))
    return "\n".join(lines)


def _place(data: bytes, at: int) -> Place:
    """The innermost object, its column and row that byte `at` belongs to."""
    # the commands stand outside the package: only this function needs one of them
    from .commands._walk import Stopped, walk

    heads: dict[int, tuple[str, bytes]] = {}
    try:
        for stretch in walk(data):
            head = _HEAD.match(stretch.meaning)
            if head:
                heads = {depth: seen for depth, seen in heads.items() if depth < stretch.depth}
                heads[stretch.depth] = (head[1], stretch.data)
            if at < stretch.offset + len(stretch.data):
                row, value = _row(stretch, heads.get(stretch.depth), at)
                names = [name for name, _ in heads.values() if name != "object" or len(heads) == 1]
                inside = "" if head or row else f" ({stretch.meaning})"
                return Place(", ".join(names) + (" (its head)" if head else row) + inside, value or stretch.meaning)
    except Stopped as stopped:
        return Place(f"bytes that are not understood from byte {stopped.offset} on", "")
    return Place("what follows the object", "")


def _row(stretch: Any, head: Any, at: int) -> tuple[str, str]:
    """The row of byte `at` in the cells of a vector, and what it says there; empty if `stretch` is something else."""
    from .commands._cells import FIXED_SIZES, describe_cell

    if head is None or stretch.data is head[1] or len(head[1]) != 10 or head[1][1] != keys.DF_VECTOR:
        return "", ""
    kind, rows = head[1][0], int.from_bytes(head[1][2:6], "little")
    offset = at - stretch.offset
    if kind in (keys.DT_STRING, keys.DT_SYMBOL):
        row = stretch.data.count(b"\0", 0, offset)
        text = stretch.data.split(b"\0")[row].decode(errors="replace")
        return f", row {row}", repr(text[:40])
    if stretch.meaning.startswith("symbol numbers"):
        return f", row {offset // 4}, as symbol number", describe_cell(keys.DT_INT, stretch.data[offset & ~3 :][:4])
    size = FIXED_SIZES.get(kind, 0)
    if size and len(stretch.data) == size * rows:
        row = offset // size
        return f", row {row}", describe_cell(kind, stretch.data[row * size : (row + 1) * size])
    return "", ""


def watch(count: int) -> None:
    """Verify the objects of the next `count` requests of this process before they are sent."""
    lock = threading.Lock()
    left = count

    def check(objects: tuple[object, ...]) -> None:
        nonlocal left
        with lock:
            if not objects or left == 0:
                return
            left -= 1
            if left == 0:
                # from here on calls go straight to the core again
                for name in watched:
                    delattr(Session, name)
        for obj in objects:
            try:
                verify(obj)
            except NotSupported as error:
                log.warning("not verified: %s", error)

    @functools.wraps(SessionCore.run)
    def run(self: Session, script: Any, *args: Any, **options: Any) -> Any:
        check(args)
        return SessionCore.run(self, script, *args, **options)

    @functools.wraps(Session.call)
    def call(self: Session, func: Any, *args: Any, **options: Any) -> Any:
        check(args)
        return super(Session, self).call(func, *args, **options)

    def _upload(self: Session, variables: dict[str, object]) -> Any:
        check(tuple(variables.values()))
        return SessionCore._upload(self, variables)

    watched = {"run": run, "call": call, "_upload": _upload}
    for name, method in watched.items():
        setattr(Session, name, method)


def verify_first_requests(count: str) -> None:
    """Do what the environment asks for; at import."""
    if not count.isdecimal():
        raise UsageError(f"DOLPHINDB_FAST_VERIFY must be a number of requests; it is {count!r}")
    if int(count):
        watch(int(count))
