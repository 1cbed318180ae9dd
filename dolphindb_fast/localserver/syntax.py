"""Scripts as trees: the nodes, the filter between lexer and parser, and a cache by text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

try:
    from lark import Lark, Token, Transformer, v_args
    from lark.exceptions import LarkError, UnexpectedCharacters, UnexpectedToken, VisitError
except ModuleNotFoundError as error:
    if error.name != "lark":
        raise
    raise ModuleNotFoundError(
        "the local server parses scripts with lark: the extra 'local' brings it, and so does pip install lark",
        name="lark",
    ) from error

from ..column import Column
from . import literals
from .failures import ScriptError, refused

__all__ = ["parse", "parse_callable"]

#: Brackets within brackets; the interpreter recurses once per level.
NESTING_LIMIT = 64
#: Longer scripts are parsed anew each time, so that the cache stays small.
CACHED_LENGTH = 1 << 16


@dataclass(frozen=True, slots=True)
class Constant:
    value: Column


@dataclass(frozen=True, slots=True)
class Name:
    name: str


@dataclass(frozen=True, slots=True)
class Vector:
    elements: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Tuple:
    elements: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Pair:
    first: object
    second: object


@dataclass(frozen=True, slots=True)
class Sequence:
    """``first..last``"""

    first: object
    last: object


@dataclass(frozen=True, slots=True)
class Operation:
    """``first op operand op operand ...``, operators of one rank, from left to right."""

    first: object
    rest: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Logical:
    """Operands joined by ``&&`` or by ``||``."""

    conjunction: bool
    operands: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Not:
    operand: object


@dataclass(frozen=True, slots=True)
class Negative:
    count: int
    operand: object


@dataclass(frozen=True, slots=True)
class Chain:
    """A value and what is done to it: `Invoke`, `Bind`, `Index`, `Member` or `Method`."""

    base: object
    links: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Invoke:
    arguments: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Bind:
    arguments: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Index:
    """``[expression]``; None is ``[]``, which makes an array type of a type."""

    expression: object


@dataclass(frozen=True, slots=True)
class Member:
    name: str


@dataclass(frozen=True, slots=True)
class Method:
    name: str
    arguments: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Labelled:
    """``expression as name`` among arguments and selected columns; None is no name."""

    expression: object
    name: str | None


@dataclass(frozen=True, slots=True)
class Keyword:
    name: str
    expression: object


@dataclass(frozen=True, slots=True)
class Star:
    pass


@dataclass(frozen=True, slots=True)
class Hole:
    """An argument that a partial application leaves open."""


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    mutable: bool
    default: object


@dataclass(frozen=True, slots=True)
class Lambda:
    parameters: tuple[Any, ...]
    body: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Select:
    """A query; `order` holds pairs of an expression and whether it falls, `limit` is the most rows or None."""

    exec: bool
    items: tuple[Any, ...]
    source: object
    conditions: tuple[Any, ...]
    groups: tuple[Any, ...]
    order: tuple[Any, ...]
    limit: int | None


@dataclass(frozen=True, slots=True)
class Assign:
    name: str
    expression: object


@dataclass(frozen=True, slots=True)
class Define:
    name: str
    function: Lambda


@dataclass(frozen=True, slots=True)
class If:
    condition: object
    then: tuple[Any, ...]
    otherwise: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Try:
    body: tuple[Any, ...]
    name: str
    handler: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Return:
    expression: object


@dataclass(frozen=True, slots=True)
class Throw:
    expression: object


@dataclass(frozen=True, slots=True)
class Share:
    expression: object
    name: str | None


@dataclass(frozen=True, slots=True)
class UndefAll:
    pass


STATEMENTS = (Assign, Define, If, Try, Return, Throw, Share, UndefAll)


def _present(children: Any) -> tuple[Any, ...]:
    return tuple(c for c in children if c is not None)


def _body(node: Any) -> tuple[Any, ...]:
    return node if isinstance(node, tuple) else (node,)


@v_args(inline=True)
class _Builder(Transformer[Any, Any]):
    """Called by the parser as it goes; no tree of its own is built."""

    def start(self, *statements: Any) -> Any:
        return _present(statements)

    block = start

    def assign(self, name: Any, expression: Any) -> Assign:
        return Assign(str(name), expression)

    def define(self, name: Any, parameters: Any, body: Any) -> Define:
        return Define(str(name), Lambda(parameters or (), _body(body)))

    def lambda_(self, parameters: Any, body: Any) -> Lambda:
        return Lambda(parameters or (), _body(body))

    def if_(self, condition: Any, then: Any, otherwise: Any) -> If:
        return If(condition, _body(then), () if otherwise is None else _body(otherwise))

    def try_(self, body: Any, name: Any, handler: Any) -> Try:
        return Try(body, str(name), handler)

    def return_(self, expression: Any) -> Return:
        return Return(expression)

    def throw(self, expression: Any) -> Throw:
        return Throw(expression)

    def share(self, expression: Any, name: Any) -> Share:
        return Share(expression, None if name is None else str(name))

    def undef_all(self, _: Any) -> UndefAll:
        return UndefAll()

    def parameters(self, *parameters: Any) -> Any:
        return parameters

    def parameter(self, mutable: Any, name: Any, default: Any) -> Parameter:
        return Parameter(str(name), mutable is not None, default)

    def select(self, verb: Any, _: Any, top: Any, *parts: Any) -> Select:
        *items, source, where, groups, order, _, limit = parts
        rows = limit if top is None else top
        if rows is not None and not rows.isdecimal():
            raise ScriptError(f"top and limit take a whole number, not {rows}")
        rows = None if rows is None else int(rows)
        return Select(verb == "exec", tuple(items), source, where or (), groups or (), order or (), rows)

    def group(self, _: Any, *items: Any) -> Any:
        return items

    def order(self, _: Any, *criteria: Any) -> Any:
        return criteria

    def sorting(self, expression: Any, direction: Any) -> Any:
        return expression, direction == "desc"

    def item(self, expression: Any, name: Any) -> Labelled:
        return Labelled(expression, None if name is None else str(name))

    def star(self, *_: Any) -> Star:
        return Star()

    def where(self, *conditions: Any) -> Any:
        return conditions

    def either(self, *operands: Any) -> Any:
        return operands[0] if len(operands) == 1 else Logical(False, operands)

    def both(self, *operands: Any) -> Any:
        return operands[0] if len(operands) == 1 else Logical(True, operands)

    def not_(self, operand: Any) -> Not:
        return Not(operand)

    def binary(self, first: Any, *rest: Any) -> Any:
        if not rest:
            return first
        return Operation(first, tuple(zip(map(str, rest[::2]), rest[1::2], strict=True)))

    def negative(self, *parts: Any) -> Negative:
        return Negative(len(parts) - 1, parts[-1])

    def pair(self, first: Any, second: Any) -> Pair:
        return Pair(first, second)

    def sequence(self, first: Any, last: Any) -> Sequence:
        return Sequence(first, last)

    def chain(self, base: Any, *links: Any) -> Any:
        if not links:
            return base
        joined: list[Any] = []
        for link in links:
            if isinstance(link, Invoke) and joined and isinstance(joined[-1], Member):
                joined[-1] = Method(joined[-1].name, link.arguments)
            else:
                joined.append(link)
        return Chain(base, tuple(joined))

    def invoke(self, arguments: Any) -> Invoke:
        return Invoke(arguments or ())

    def arguments(self, *arguments: Any) -> Any:
        return arguments

    def bind(self, *arguments: Any) -> Bind:
        return Bind(arguments)

    def bound(self, expression: Any) -> Any:
        return expression

    def hole(self) -> Hole:
        return Hole()

    def index(self, expression: Any = None) -> Index:
        return Index(expression)

    def member(self, name: Any) -> Member:
        return Member(str(name))

    def labelled(self, expression: Any, name: Any) -> Labelled:
        return Labelled(expression, str(name))

    def keyword(self, name: Any, expression: Any) -> Keyword:
        return Keyword(str(name), expression)

    def name(self, name: Any) -> Name:
        return Name(str(name))

    def numbers(self, source: Any) -> Constant:
        return Constant(literals.numbers(source))

    def number(self, source: Any) -> Constant:
        return Constant(literals.number(source))

    def temporal(self, source: Any) -> Constant:
        return Constant(literals.temporal_literal(source))

    def string(self, source: Any) -> Constant:
        return Constant(literals.string(source))

    def symbols(self, source: Any) -> Constant:
        return Constant(literals.symbols(source))

    def vector(self, *elements: Any) -> Vector:
        return Vector(_present(elements))

    def tuple_(self, *elements: Any) -> Tuple:
        return Tuple(elements)


class TokenFilter:
    """Turns line ends and semicolons into separators where they separate statements.

    They do so at top level and inside the braces of a block, except after an operator, after the
    head of an ``if`` or ``def``, and before ``else``, ``catch``, ``from``, ``where``.
    """

    always_accept = ("NEWLINE", "SEMICOLON")

    _opening = {"LPAR", "LSQB", "LBRACE"}
    _closing = {"RPAR": "LPAR", "RSQB": "LSQB", "RBRACE": "LBRACE"}
    _continues_before = {
        "ELSE", "CATCH", "FROM", "WHERE", "GROUP_BY", "ORDER_BY", "LIMIT", "COMMA", "AND", "OR", "COMPARE", "MULTIPLY",
    }  # fmt: skip
    _continues_after = {
        "COMMA", "EQUAL", "ADD", "MINUS", "STAR", "MULTIPLY", "COMPARE", "COLON", "DOT", "AND", "OR", "NOT",
        "IF", "ELSE", "TRY", "RETURN_", "THROW", "SHARE", "AS", "SELECT", "EXEC", "WHERE", "FROM",
        "GROUP_BY", "ORDER_BY", "DEF", "__ANON_0", "__ANON_1", "__ANON_2",
    }  # fmt: skip
    _values = {"NAME", "RPAR", "RSQB", "RBRACE"}

    def process(self, stream: Iterator[Token]) -> Iterator[Token]:
        brackets = [_Bracket("", block=True)]
        before = previous = ""
        separator = None
        head_ended = False
        for token in stream:
            kind = token.type
            top = brackets[-1]
            if kind in self.always_accept:
                splits = top.block and previous not in ("", "LBRACE" if top.kind else "")
                if splits and not head_ended and previous not in self._continues_after:
                    separator = separator or token
                continue
            if separator is not None:
                if kind not in self._continues_before and kind != "RBRACE":
                    top.where = False
                    yield Token.new_borrow_pos("_SEPARATOR", separator, separator)
                    before = previous = ""
                separator = None
            if kind in ("WHERE", "GROUP_BY", "ORDER_BY"):
                top.where = kind == "WHERE"
            elif kind == "EQUAL" and top.where:
                token = Token.new_borrow_pos("COMPARE", "==", token)
            elif kind in self._opening:
                head = previous in ("IF", "CATCH", "DEF") or (previous == "NAME" and before == "DEF")
                inner = _Bracket(kind, head=head and kind == "LPAR")
                inner.block = kind == "LBRACE" and (head_ended or previous in ("ELSE", "TRY"))
                # a parenthesis inside a where clause belongs to it, the arguments of a call don't
                inner.where = top.where and kind == "LPAR" and previous not in self._values
                brackets.append(inner)
                if len(brackets) > NESTING_LIMIT:
                    raise ScriptError(f"line {token.line}: more than {NESTING_LIMIT} nested brackets")
            elif kind in self._closing and len(brackets) > 1 and top.kind == self._closing[kind]:
                brackets.pop()
                head_ended = top.head
                before, previous = previous, kind
                yield token
                continue
            head_ended = False
            before, previous = previous, kind
            yield token


class _Bracket:
    __slots__ = ("kind", "block", "head", "where")

    def __init__(self, kind: str, *, block: bool = False, head: bool = False) -> None:
        self.kind = kind
        self.block = block
        self.head = head
        self.where = False


@lru_cache(maxsize=1)
def _parser() -> Lark:
    grammar = (resources.files(__package__ or "") / "grammar.lark").read_text(encoding="utf-8")
    return Lark(grammar, parser="lalr", lexer="basic", postlex=TokenFilter(), transformer=_Builder())


#: Words that begin or join constructs of the language which this server does not have.
_REFUSED_WORDS = frozenset(
    "for while do break continue update delete insert alter drop create use module timer assert "
    "context pivot having distinct csort cgroup map case switch enum class import include "
    "transaction rpc submitJob with inner left right full join in between like exists interval".split()
)


def _explained(error: LarkError, script: str) -> ScriptError:
    line, column = getattr(error, "line", 0), getattr(error, "column", 0)
    if isinstance(error, UnexpectedToken):
        if error.token.type == "$END":
            place, found = f"line {script.count(chr(10)) + 1}", "the end of the script"
        else:
            place, found = f"line {line}, column {column}", f"'{str(error.token)[:40]}'"
            if error.token.type == "_SEPARATOR":
                found = "the end of the statement"
            # the word that began the statement, the one before the place, and the one at it
            before = re.findall(r"\w+", script.split("\n")[line - 1][: column - 1])
            for word in (*before[:1], *before[-1:], str(error.token)):
                if word in _REFUSED_WORDS:
                    return refused(f"line {line}: '{word}'")
        return ScriptError(
            f"Syntax error in {place}: {found} is not expected here (or it is outside the local server's subset)"
        )
    if isinstance(error, UnexpectedCharacters):
        return ScriptError(
            f"Syntax error in line {line}, column {column}: '{error.char}' is not expected here"
            " (or it is outside the local server's subset)"
        )
    return ScriptError(f"Syntax error: {error}")


def _parse(script: str) -> tuple[Any, ...]:
    try:
        statements: Any = _parser().parse(script)
    except VisitError as error:
        raise error.orig_exc from None
    except LarkError as error:
        raise _explained(error, script) from None
    return tuple(statements)


_cached_parse = lru_cache(maxsize=256)(_parse)


def parse(script: str) -> tuple[Any, ...]:
    """The statements of `script`."""
    return _cached_parse(script) if len(script) <= CACHED_LENGTH else _parse(script)


def parse_callable(source: str) -> Any:
    """The one expression that the name part of a function request is."""
    statements = parse(source)
    if len(statements) != 1 or isinstance(statements[0], STATEMENTS):
        raise ScriptError("a function request needs one expression that yields a function")
    return statements[0]
