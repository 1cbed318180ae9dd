"""What a server answers to ``schema(t)``."""

from __future__ import annotations

from dolphindb_fast import settings

from . import replies

__all__ = ["schema", "type_number"]

_NUMBERS = {name: number for number, name in settings.TYPE_STRING.items()}


def type_number(kind) -> int:
    """A type's number, given that or its name."""
    return kind if isinstance(kind, int) else _NUMBERS[kind]


def schema(names, types, scales=None, **members) -> bytes:
    """The reply's object: columns of `types` (names or numbers), and `members` besides, as wire objects."""
    count = len(names)
    columns = {
        "name": replies.vector("STRING", names),
        "typeString": replies.vector("STRING", map(str, types)),
        "typeInt": replies.vector("INT", map(type_number, types)),
        "comment": replies.vector("STRING", [""] * count),
        "extra": replies.vector("INT", scales or [None] * count),
    }
    members = {"partitionColumnName": replies.scalar("STRING", ""), **members}
    keys = replies.vector("STRING", ["colDefs", *members])
    return replies.dictionary(keys, replies.any_vector([replies.table(columns, count), *members.values()]))
