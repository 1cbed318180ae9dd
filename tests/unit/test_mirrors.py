"""Every struct member that a `.pxd` mirrors has the type that the C header gives it. The C compiler compares them."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CSRC = ROOT / "csrc"
MIRRORS = sorted((ROOT / "dolphindb_fast" / "_c").glob("*.pxd"))

COMPILER = shutil.which("gcc") or shutil.which("clang")

pytestmark = [
    pytest.mark.skipif(not CSRC.is_dir(), reason="runs beside the source only"),
    pytest.mark.skipif(COMPILER is None, reason="needs a C compiler"),
]

_STRUCT = re.compile(r"^    ctypedef struct (\w+):\n((?:        .*\n|\n)*)", re.M)
_MEMBER_NAME = re.compile(r"\(\*(\w+)(?:\[\w+\])?\)|(\w+)(?:\[\w+\])?$")


def _members(mirror: Path) -> list[tuple[str, str, str]]:
    """Struct, member and the member's declaration, in C."""
    found = []
    for struct, body in _STRUCT.findall(mirror.read_text(encoding="utf-8")):
        for line in filter(None, map(str.strip, body.splitlines())):
            declaration = re.sub(r"\s*\b(noexcept|nogil)\b", "", line.split("#")[0]).strip()
            name = _MEMBER_NAME.search(declaration)
            found.append((struct, name[1] or name[2], declaration))
    return found


def _check(members: list[tuple[str, str, str]]) -> str:
    """A C file that compiles if each member is declared as in the header. `0, x` has no qualifier such as _Atomic."""
    lines = [f'#include "{header.name}"' for header in sorted(CSRC.glob("*.h"))]
    lines.append("#define MEMBER(type, name) (((type *)0)->name)")
    for number, (struct, name, declaration) in enumerate(members):
        mirrored = f"mirror_{number}"
        lines += [
            f"struct {mirrored} {{ {declaration}; }};",
            f"_Static_assert(__builtin_types_compatible_p(__typeof__((0, MEMBER({struct}, {name}))),"
            f' __typeof__((0, MEMBER(struct {mirrored}, {name})))), "type of {struct}.{name}");',
            f"_Static_assert(sizeof(MEMBER({struct}, {name})) == sizeof(MEMBER(struct {mirrored}, {name})),"
            f' "size of {struct}.{name}");',
        ]
    return "\n".join(lines) + "\n"


def _complaints(members: list[tuple[str, str, str]], folder: Path) -> list[str]:
    source = folder / "check.c"
    source.write_text(_check(members))
    command = [COMPILER, "-std=c11", "-fsyntax-only", f"-I{CSRC}", str(source)]
    compiled = subprocess.run(command, capture_output=True, text=True)
    return [line for line in compiled.stderr.splitlines() if "error" in line]


def test_struct_members__have_the_types_of_the_headers(tmp_path):
    members = [member for mirror in MIRRORS for member in _members(mirror)]
    assert len(members) >= 100, "the parser above is simple; it must not pass because it finds nothing"
    assert _complaints(members, tmp_path) == []


@pytest.mark.parametrize(
    "struct, name, declaration",
    [
        ("ddb_producer", "next", "int (*next)(ddb_producer *self, ddb_piece *pieces, int max, void *error)"),
        ("ddb_error", "row", "int32_t row"),
        ("ddb_column", "data", "char *data"),
        ("ddb_link", "inbox", "uint8_t inbox[64]"),
        ("ddb_link", "bytes_sent", "int64_t bytes_sent"),
        ("ddb_link", "no_such_member", "int no_such_member"),
    ],
)
def test_struct_member__of_another_type_is_found(struct, name, declaration, tmp_path):
    assert _complaints([(struct, name, declaration)], tmp_path)
