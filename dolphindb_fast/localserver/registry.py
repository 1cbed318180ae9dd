"""How built-in functions are declared, and the list of them.

A function is declared with its signature as the manual writes it: ``[x]`` may be left out, ``*x``
takes any number. `signatures` lists them all.
"""

from __future__ import annotations

from .interpreter import Builtin

__all__ = ["BUILTINS", "builtin", "signatures"]

BUILTINS: dict[str, Builtin] = {}

_SIGNATURES: list[str] = []


def builtin(signature: str, *, labelled=False):
    """Declare a function of the subset by its signature, such as ``size(X)``."""
    name, _, inside = signature[:-1].partition("(")
    words = [w.strip() for w in inside.split(",") if w.strip()]
    rest = bool(words) and words[-1].startswith("*")
    fixed = words[:-1] if rest else words
    parameters = tuple(w.strip("[]") for w in fixed)
    required = sum(not w.startswith("[") for w in fixed)

    def declare(implementation):
        BUILTINS[name] = Builtin(name, implementation, parameters, required, rest, labelled)
        _SIGNATURES.append(signature)
        return implementation

    return declare


def signatures() -> list[str]:
    """The signatures of all functions of the subset, in order of name."""
    return sorted(_SIGNATURES, key=str.lower)
