"""The example of the document runs as it stands, but for the port."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.process import program

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "asyncio.md"


@pytest.mark.skipif(not DOCUMENT.is_file(), reason="runs beside the source only")
def test_example__runs(server):
    (example,) = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    assert example.count('"localhost", 8848') == 1
    done = program(example.replace('"localhost", 8848', f'"{server.host}", {server.port}'))
    said = [line for line in done.stderr.splitlines() if not line.startswith("Executing <")]
    assert said == []
    assert done.stdout == "2000 rows, 2000 in the table\nhighest price 2.5\n"
