"""How built-in functions are declared, and the list of them.

A function is declared with its signature as the manual writes it: ``[x]`` may be left out, ``*x``
takes any number. `signatures` lists them all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from .interpreter import Builtin

__all__ = ["BUILTINS", "builtin", "signatures"]

_Function = TypeVar("_Function", bound=Callable[..., Any])

BUILTINS: dict[str, Builtin] = {}

_SIGNATURES: list[str] = []


def builtin(signature: str, *, labelled: bool = False) -> Callable[[_Function], _Function]:
    """Declare a function of the subset by its signature, such as ``size(X)``."""
    name, _, inside = signature[:-1].partition("(")
    words = [w.strip() for w in inside.split(",") if w.strip()]
    rest = bool(words) and words[-1].startswith("*")
    fixed = words[:-1] if rest else words
    parameters = tuple(w.strip("[]") for w in fixed)
    required = sum(not w.startswith("[") for w in fixed)

    def declare(implementation: _Function) -> _Function:
        BUILTINS[name] = Builtin(name, implementation, parameters, required, rest, labelled)
        _SIGNATURES.append(signature)
        return implementation

    return declare


def signatures() -> list[str]:
    """The signatures of all functions of the subset, in order of name."""
    return sorted(_SIGNATURES, key=str.lower)
