"""What mypy and pyright say of the package and of a program that uses it; stubs of compiled modules."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STUBS = sorted((ROOT / "dolphindb_fast").glob("_*.pyi"))

pytestmark = pytest.mark.skipif(not (ROOT / "csrc").is_dir(), reason="runs beside the source only")


@pytest.mark.slow
@pytest.mark.parametrize("checker", ["mypy", "pyright"])
def test_checker__finds_nothing_in_package_and_example(checker, watchdog):
    if importlib.util.find_spec(checker) is None:
        pytest.skip("needs the extra typing")
    watchdog()
    done = subprocess.run([sys.executable, "-m", checker], cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr


def _parameters(arguments: ast.arguments) -> list[tuple[str, str, object]]:
    """Name, kind and default of each; a default of ``...`` in the stub stands for any."""
    kinds = inspect.Parameter
    plain = [*arguments.posonlyargs, *arguments.args]
    defaults: list[ast.expr | None] = [*[None] * (len(plain) - len(arguments.defaults)), *arguments.defaults]
    found = [(p.arg, kinds.POSITIONAL_OR_KEYWORD, d) for p, d in zip(plain, defaults, strict=True) if p.arg != "self"]
    if arguments.vararg:
        found.append((arguments.vararg.arg, kinds.VAR_POSITIONAL, None))
    found += [(p.arg, kinds.KEYWORD_ONLY, d) for p, d in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)]
    return [(name, kind.name, _ABSENT if d is None else ast.literal_eval(d)) for name, kind, d in found]


_ABSENT = "no default"


def _stubbed(stub: Path) -> list[tuple[str, list[ast.stmt]]]:
    """What a stub says of the module, and of each class in it."""
    body = ast.parse(stub.read_text()).body
    return [("", body), *((node.name, node.body) for node in body if isinstance(node, ast.ClassDef))]


@pytest.mark.parametrize("stub", STUBS, ids=lambda path: path.name)
def test_stub__has_the_signatures_of_the_compiled_module(stub):
    module = importlib.import_module(f"dolphindb_fast.{stub.stem}")
    compared = 0
    for owner_name, body in _stubbed(stub):
        owner = getattr(module, owner_name) if owner_name else module
        for node in body:
            if isinstance(node, ast.AnnAssign):
                assert isinstance(node.target, ast.Name) and hasattr(owner, node.target.id), node.target
            if not isinstance(node, ast.FunctionDef) or node.name in ("__init__", "__call__", "__await__"):
                # slots of extension types have no signature to compare with
                continue
            real = getattr(owner, node.name)
            if any(isinstance(d, ast.Name) and d.id == "property" for d in node.decorator_list):
                assert inspect.isdatadescriptor(real), node.name
                continue
            actual = [
                (p.name, p.kind.name, _ABSENT if p.default is p.empty else p.default)
                for p in inspect.signature(real).parameters.values()
                if p.name != "self"
            ]
            said = [
                (name, kind, default if given is ... else given)
                for (name, kind, given), (_, _, default) in zip(_parameters(node.args), actual, strict=True)
            ]
            assert said == actual, f"{owner_name}.{node.name}"
            compared += 1
    assert compared > 5
