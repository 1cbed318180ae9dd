"""What the source must look like: layers, mirrors of headers, who may know what."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from support.cases import each

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "dolphindb_fast"
CSRC = ROOT / "csrc"

pytestmark = pytest.mark.skipif(not CSRC.is_dir(), reason="runs beside the source only")


def _code(path: Path) -> str:
    """The text of a C or Cython file without comments, docstrings and strings."""
    text = path.read_text(encoding="utf-8")
    if path.suffix in (".c", ".h", ".inc"):
        text = re.sub(r"/\*.*?\*/|//[^\n]*", " ", text, flags=re.S)
        return re.sub(r'"(?:\\.|[^"\\\n])*"', lambda found: found[0] if found[0].endswith('.h"') else '""', text)
    text = re.sub(r'("""|\'\'\').*?\1', " ", text, flags=re.S)
    return re.sub(r"#[^\n]*", "", text)


def _cython(pattern: str) -> list[Path]:
    return sorted(path for path in PACKAGE.glob(pattern) if path.suffix in (".pyx", ".pxi", ".pxd"))


C_FILES = sorted([*CSRC.glob("*.[ch]"), *CSRC.glob("*.inc")])
CYTHON_FILES = _cython("*.p*") + sorted((PACKAGE / "_c").glob("*.pxd"))


@each("path", C_FILES, ids=lambda path: path.name)
def test_c__knows_neither_python_nor_numpy(path):
    found = re.findall(r"#\s*include\s*[<\"]([^>\"]*)[>\"]", path.read_text())
    assert [name for name in found if re.search(r"python|numpy|^(?!ddb_).*arrow", name, re.I)] == []
    assert not re.search(r"\b_?Py[A-Z_]\w*|\bPyObject\b|\bnpy_", _code(path))


SYSTEM = r"^(sys/|unistd|fcntl|poll|errno|netinet|arpa|netdb|time\.h|signal|pthread|winsock|windows)"


@each("path", C_FILES, ids=lambda path: path.name)
def test_c__only_the_link_calls_the_operating_system(path):
    found = re.findall(r"#\s*include\s*<([^>]*)>", path.read_text())
    calls = [name for name in found if re.match(SYSTEM, name)]
    assert not calls or path.name.startswith("ddb_link_"), calls


@each("path", [p for p in C_FILES if p.suffix == ".c"], ids=lambda path: path.name)
def test_c__has_no_mutable_globals(path):
    depth, offending = 0, []
    for line in _code(path).splitlines():
        if depth == 0 and re.match(r"static\b(?!.*\()(?!.*\bconst\b).*[;=]", line):
            offending.append(line)
        depth += line.count("{") - line.count("}")
    assert offending == []
    assert not re.search(r"^[ \t]+static\s+(?!const|inline)(?!.*\bconst\b)\w", _code(path), re.M), (
        "static local variable"
    )


def _mentions(paths: list[Path], pattern: str) -> list[str]:
    return [
        f"{path.name}:{number}: {line.strip()}"
        for path in paths
        for number, line in enumerate(_code(path).splitlines(), 1)
        if re.search(pattern, line)
    ]


def test_encode__never_mentions_the_link():
    assert _cython("_encode*")
    assert _mentions(_cython("_encode*"), r"(?i)\blink\b|_link\b|ddb_link|socket|\bSession") == []


def test_link__never_mentions_tables_or_encoding():
    assert _cython("_link*")
    assert (
        _mentions(_cython("_link*"), r"(?i)pandas|encode|DataFrame|\b_frame|ddb_column|ddb_string|ddb_arrow|numpy")
        == []
    )


def test_pandas__is_known_to_the_frame_and_the_result_alone():
    allowed = {*(path.name for path in _cython("_frame*")), "result.py", "lossless.py"}
    rooms = [path for path in _cython("*.p*") + sorted(PACKAGE.glob("*.py")) if path.name not in allowed]
    # commands and the local server stand outside: they are users of the package
    rooms = [path for path in rooms if path.name != "__main__.py"]
    assert _mentions(rooms, r"^\s*(c?import|from)\s+pandas\b|\bpd\.") == []


def test_decode__knows_neither_socket_nor_pandas():
    assert _mentions(_cython("_decode*"), r"(?i)\bsocket|pandas|\brecv") == []


def test_session__is_not_known_below_it():
    results = [PACKAGE / name for name in ("column.py", "cells.py", "lossless.py", "result.py")]
    lower = [p for p in CYTHON_FILES if not p.name.startswith("_core")] + results
    assert _mentions(lower, r"(from|import)\s+\.?session\b|from \. import .*\bsession\b") == []


@each("path", CYTHON_FILES, ids=lambda path: path.name)
def test_cython__has_no_except_star(path):
    assert _mentions([path], r"except\s*\*") == []


# headers and their mirrors

_FUNCTION = re.compile(
    r"^\s*(?!typedef|return|else|static)([A-Za-z_][\w \t*]*?)\b(ddb_\w+)\s*\(([^;{}]*)\)\s*(?:DDB_\w+\s*)*;",
    re.M,
)


def _signature(result: str, arguments: str) -> tuple[str, ...]:
    """Result and argument types without names: ``const char *x`` -> ``const char*``."""
    types = []
    for place, text in enumerate([result, *arguments.split(",")]):
        words = re.sub(r"\b(extern|inline|static|struct|DDB_\w+)\b", " ", text)
        stars = words.count("*") + words.count("[")
        words = re.sub(r"\[[^\]]*\]|\*", " ", words).split()
        if place and words == ["void"] and not stars:
            continue  # f(void)
        if place and len(words) > 1 + (words[0] in ("const", "unsigned")):
            words.pop()  # the parameter's name
        if words:
            types.append(" ".join(words) + "*" * stars)
    return tuple(types)


def _header_functions(path: Path) -> dict[str, tuple[str, ...]]:
    text = re.sub(r"^\s*#(?:[^\n]*\\\n)*[^\n]*", "", _code(path), flags=re.M)
    inline = re.findall(
        r"\b(?:static\s+inline|DDB_INLINE)\s+([A-Za-z_][\w \t*]*?)\b(ddb_\w+)\s*\(([^;{}]*)\)\s*\{", text
    )
    found = [*_FUNCTION.findall(text), *inline]
    signatures = {name: _signature(result, arguments) for result, name, arguments in found if "typedef" not in result}
    return dict(sorted(signatures.items(), key=lambda item: re.search(rf"\b{item[0]}\s*\(", text).start()))


def _mirror_functions(path: Path) -> dict[str, tuple[str, ...]]:
    found = re.findall(
        r"^\s+([A-Za-z_][\w \t*]*?)\b(ddb_\w+)\s*\(([^()]*)\)\s*(?:noexcept)?\s*(?:nogil)?\s*$",
        _code(path),
        re.M,
    )
    return {name: _signature(result, arguments) for result, name, arguments in found}


HEADERS = sorted(CSRC.glob("*.h"))


@each("header", HEADERS, ids=lambda path: path.name)
def test_header__has_a_mirror_with_the_same_signatures(header):
    mirror = PACKAGE / "_c" / (header.stem.removeprefix("ddb_") + ".pxd")
    assert mirror.is_file(), "every header has one"
    assert f'cdef extern from "{header.name}"' in mirror.read_text()
    declared, mirrored = _header_functions(header), _mirror_functions(mirror)
    assert mirrored == declared
    assert list(mirrored) == [name for name in declared if name in mirrored], "same order"


def test_header_functions__are_found_by_this_test():
    """The parser above is simple; it must not pass because it finds nothing."""
    every = {name for header in HEADERS for name in _header_functions(header)}
    used = set()
    for path in CSRC.glob("*.c"):
        used |= set(re.findall(r"^(?!static)[A-Za-z_][\w \t*]*?\b(ddb_\w+)\s*\([^;{}]*\)\s*\{", _code(path), re.M))
    assert used - every == set(), "defined without a declaration"
    assert len(every) >= 20


def test_mirrors__are_of_headers_that_exist():
    names = {path.stem.removeprefix("ddb_") for path in HEADERS}
    assert {path.stem for path in (PACKAGE / "_c").glob("*.pxd")} - {"__init__"} <= names


# the table of extensions


def _extensions() -> dict[str, tuple[str, list[str]]]:
    for node in ast.parse((ROOT / "setup.py").read_text()).body:
        if isinstance(node, ast.Assign) and node.targets[0].id == "EXTENSIONS":
            return ast.literal_eval(node.value)
    raise AssertionError("setup.py has no table EXTENSIONS")


def test_setup__names_each_c_file_in_exactly_one_extension():
    listed = [source for _, sources in _extensions().values() for source in sources]
    assert sorted(listed) == sorted(f"csrc/{path.name}" for path in CSRC.glob("*.c"))


def test_setup__names_each_compiled_module():
    listed = {pyx for pyx, _ in _extensions().values()}
    assert listed == {f"dolphindb_fast/{path.name}" for path in PACKAGE.glob("*.pyx")}


# stubs


def _stub_names(path: Path) -> tuple[dict[str, set[str]], set[str]]:
    """Public classes with their public methods, and public functions and values."""
    classes: dict[str, set[str]] = {}
    others: set[str] = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            members = {n.name for n in node.body if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))}
            members |= {n.target.id for n in node.body if isinstance(n, ast.AnnAssign)}
            classes[node.name] = {name for name in members if not name.startswith("_")}
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and not node.name.startswith("_"):
            others.add(node.name)
    return classes, others


@pytest.mark.parametrize("name", [path.stem for path in PACKAGE.glob("*.pyx")])
def test_stub__names_what_the_compiled_module_has(name):
    import importlib
    import inspect

    stub = PACKAGE / f"{name}.pyi"
    assert stub.is_file(), "every compiled module has a stub"
    module = importlib.import_module(f"dolphindb_fast.{name}")
    classes, functions = _stub_names(stub)
    here = {
        k: v
        for k, v in vars(module).items()
        if not k.startswith("_") and getattr(v, "__module__", None) == module.__name__
    }
    assert classes.keys() == {k for k, v in here.items() if inspect.isclass(v)}
    assert functions == {k for k, v in here.items() if callable(v) and not inspect.isclass(v)}
    for class_name, members in classes.items():
        public = {m for m in vars(here[class_name]) if not m.startswith("_")}
        assert members == public, class_name


@each(
    "path",
    sorted(PACKAGE.glob("**/*.py")) + CYTHON_FILES + C_FILES + sorted((ROOT / "tests").glob("**/*.py")),
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_file__is_one_room(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 650, "a file of more than about 600 lines is two rooms"
    marks = "|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X"])
    assert [line for line in lines if re.search(rf"\b({marks})\b", line)] == []
