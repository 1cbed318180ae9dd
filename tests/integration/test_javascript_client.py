"""What the vendor's JavaScript client makes of our bytes.

It is the npm package ``dolphindb``: after ``npm install dolphindb`` anywhere ``DOLPHINDB_FAST_NODE_MODULES``
names the folder ``node_modules``. Without node or the package these tests are skipped.
"""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
from pathlib import Path

import pytest
from support.cases import each
from support.corpus import BY_NAME
from support.parsing import DECIMALS, parse

import dolphindb_fast as ddb

HERE = Path(__file__).parent
MODULES = Path(os.environ.get("DOLPHINDB_FAST_NODE_MODULES") or HERE.parents[1] / "node_modules")
NODE = shutil.which("node")

pytestmark = [
    pytest.mark.skipif(NODE is None, reason="node is not installed"),
    pytest.mark.skipif(
        not (MODULES / "dolphindb" / "index.js").is_file(), reason=f"no npm package dolphindb in {MODULES}"
    ),
]

NAMES = [name for name, case in BY_NAME.items() if not case.refuses]
VOID, BOOL, FLOAT, DOUBLE, SYMBOL, STRING, ANY, BLOB, ARRAY = 0, 1, 15, 16, 17, 18, 25, 32, 64
INTEGERS = {1: "b", 2: "b", 4: "i", 8: "q"}


def _decoded_by_node(encoded: dict[str, bytes]) -> dict[str, dict]:
    lines = "".join(json.dumps({"name": name, "hex": raw.hex()}) + "\n" for name, raw in encoded.items())
    done = subprocess.run(
        [NODE, HERE / "javascript_client.mjs", MODULES],
        input=lines,
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
    )
    return {found["name"]: found for found in map(json.loads, filter(None, done.stdout.split("\n")))}


@pytest.fixture(scope="module")
def both():
    """Name -> our bytes, and name -> what the JavaScript client makes of them."""
    encoded = {}
    for name in NAMES:
        try:
            encoded[name] = ddb.dumps(BY_NAME[name].build())
        except Exception:  # noqa: BLE001 - the test of this case says so
            continue
    return encoded, _decoded_by_node(encoded)


def _text(raw: bytes) -> str:
    # a TextDecoder drops a byte order mark in front
    return raw.decode(errors="replace").removeprefix("\ufeff")


def _scalar(type_id, scale, cell):
    if type_id in DECIMALS:
        number = int.from_bytes(cell, "little", signed=True)
        null = -(1 << (8 * len(cell) - 1))
        return {"scale": scale, "number": None if number == null else str(number)}
    if type_id in (SYMBOL, STRING):
        return _text(cell)
    if type_id == BLOB or len(cell) == 16:
        return cell.hex()
    if type_id in (FLOAT, DOUBLE):
        (number,) = struct.unpack("<f" if type_id == FLOAT else "<d", cell)
        return None if cell in (b"\xff\xff\x7f\xff", b"\xff" * 6 + b"\xef\xff") else number
    number = int.from_bytes(cell, "little", signed=True)
    if number == -(1 << (8 * len(cell) - 1)):
        return None
    return str(bool(number)).lower() if type_id == BOOL else str(number)


def _vector(type_id, scale, cells):
    head = {"type": type_id, "rows": len(cells)}
    if type_id > ARRAY:
        joined = b"".join(cell for row in cells for cell in row).hex()
        return {**head, "scale": scale, "lengths": [len(row) for row in cells], "cells": joined}
    if type_id == ANY:
        return {**head, "cells": list(map(_object, cells))}
    if type_id in (SYMBOL, STRING):
        return {**head, "cells": list(map(_text, cells))}
    if type_id == BLOB:
        return {**head, "cells": [cell.hex() for cell in cells]}
    joined = b"".join(cells).hex()
    return {**head, "cells": {"scale": scale, "cells": joined} if type_id in DECIMALS else joined}


def _object(parsed):
    """The tree that javascript_client.mjs prints for an object that `parse` has read."""
    form, type_id, *rest = parsed
    if form == "scalar":
        return {"form": 0, "type": type_id, "value": _scalar(type_id, *rest)}
    if form in ("vector", "set"):
        type_id, scale, cells = parsed[-3:]
        return {"form": 1 if form == "vector" else 4, **_vector(type_id, scale, cells)}
    if form == "matrix":
        rows, columns, cells = rest
        return {"form": 3, "type": type_id, "rows": rows, "cols": columns, "cells": b"".join(cells).hex()}
    if form == "dictionary":
        (_, key_type, _), (_, value_type, scale), pairs = rest
        return {
            "form": 5,
            "type": type_id,
            "keys": _vector(key_type, 0, tuple(key for key, _ in pairs)),
            "values": _vector(value_type, scale, tuple(value for _, value in pairs)),
        }
    name, rows, names, vectors = rest
    return {
        "form": 6,
        "rows": rows,
        "name": _text(name),
        "names": list(map(_text, names)),
        "columns": [_vector(*vector[1:]) for vector in vectors],
    }


def _numbers(found, wanted):
    """`found` with the scalars that are floats on the other side read as such."""
    if isinstance(wanted, dict):
        return {key: _numbers(value, wanted.get(key)) for key, value in found.items()}
    if isinstance(wanted, list):
        return [_numbers(one, other) for one, other in zip(found, wanted, strict=True)]
    return float(found) if isinstance(wanted, float) and found is not None else found


@each("name", NAMES)
def test_javascript_client__reads_what_we_send(name, both):
    encoded, decoded = both
    assert name in encoded, "our client does not send it"
    found = decoded[name]
    assert "error" not in found, found
    assert found["length"] == len(encoded[name])
    wanted = _object(parse(encoded[name]))
    assert _numbers(found["value"], wanted) == wanted
