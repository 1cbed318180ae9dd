"""Running parsed scripts: scopes, expressions, statements, calls.

Values are `Column` (never changed in place), `MemoryTable`, `Dictionary`, `Matrix`, `Set`, `Database`, functions,
and None for "no value". Scripts reach nothing else: names are looked up in the scopes and tables below,
never in Python's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .. import settings as keys
from ..column import Column, Dictionary
from . import arithmetic, syntax
from .failures import ScriptError, refused
from .forms import adopted, array_type, cell, indexed
from .select import run_select
from .tables import Database, MemoryTable
from .vectors import text, text_value, texts, unified

__all__ = ["Aliased", "Builtin", "Counters", "Partial", "Session", "UserFunction", "Workspace"]

#: User functions calling user functions; each level takes about ten Python frames.
CALL_DEPTH_LIMIT = 40


@dataclass
class Counters:
    """What a server, or one of its connections, has done since it started."""

    connections: int = 0
    requests: int = 0
    rows: int = 0
    failures: int = 0

    def __add__(self, other: Counters) -> Counters:
        return Counters(
            self.connections + other.connections,
            self.requests + other.requests,
            self.rows + other.rows,
            self.failures + other.failures,
        )


@dataclass
class Workspace:
    """What all connections of a server have in common."""

    users: dict[str, str]
    shared: dict[str, MemoryTable] = field(default_factory=dict)
    databases: dict[str, Database] = field(default_factory=dict)
    views: dict[str, UserFunction] = field(default_factory=dict)

    def check_password(self, user: str, password: str) -> None:
        if self.users.get(user) != password:
            raise ScriptError("The user name or password is incorrect.")


class Aliased:
    """An argument with a column name: ``expression as name``."""

    __slots__ = ("value", "name", "explicit")

    def __init__(self, value: Any, name: str | None, explicit: bool) -> None:
        self.value = value
        self.name = name
        self.explicit = explicit


@dataclass(frozen=True)
class Builtin:
    """A function of the subset.

    `parameters` in the order of the manual; the first `required` must be given; `rest` takes any
    number of further ones; with `labelled`, arguments arrive as `Aliased`.
    """

    name: str
    implementation: Callable[..., Any]
    parameters: tuple[str, ...]
    required: int
    rest: bool = False
    labelled: bool = False

    def __repr__(self) -> str:
        return self.name


@dataclass(frozen=True, repr=False)
class UserFunction:
    """What ``def`` made; it sees its parameters, shared tables and functions, no session variables."""

    name: str
    definition: syntax.Lambda
    functions: dict[Any, Any]

    def __repr__(self) -> str:
        return f"def {self.name}({', '.join(p.name for p in self.definition.parameters)})"


@dataclass(frozen=True, repr=False)
class Partial:
    """``function{arguments}``; `_OPEN` marks the places left open, `named` are those given by name."""

    function: object
    arguments: tuple[Any, ...]
    named: dict[str, Any]

    def __repr__(self) -> str:
        return f"{self.function!r}{{...}}"


_OPEN = object()
_WITHOUT_VALUE = ("append!", "upsert!")
_FUNCTIONS = (Builtin, UserFunction, Partial)


class _Returned:
    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


class Frame:
    """Variables of a session or of one call; `fixed` are parameters that are not ``mutable``."""

    __slots__ = ("variables", "fixed", "functions")

    def __init__(self, variables: dict[str, Any], functions: dict[str, Any], fixed: Any = frozenset()) -> None:
        self.variables = variables
        self.functions = functions
        self.fixed = fixed


class Session:
    """One connection's view of the server: its variables, functions, user, printed lines.

    Parameters
    ----------
    workspace : Workspace
    """

    def __init__(self, workspace: Workspace) -> None:
        from .functions import BUILTINS, CONSTANTS

        self.workspace = workspace
        self.user = "guest"
        self.counters = Counters()
        self.printed: list[str] = []
        self._builtins = BUILTINS
        self._constants = CONSTANTS
        self._top = Frame({}, {})
        self._depth = 0

    @property
    def variables(self) -> dict[Any, Any]:
        return self._top.variables

    @property
    def functions(self) -> dict[Any, Any]:
        return self._top.functions

    def clear(self) -> None:
        """Forget variables and functions of this session."""
        self._top.variables.clear()
        self._top.functions.clear()

    # entry points ---------------------------------------------------------------------------

    def run(self, script: str) -> Any:
        """The value of the script's last statement; assignments, definitions, ``append!`` and ``upsert!`` have none."""
        statements = syntax.parse(script)
        result = self._guarded(self._run_block, statements, self._top)
        if isinstance(result, _Returned):
            return result.value
        return None if statements and self._yields_target(statements[-1]) else result

    def call(self, source: str, arguments: list[Any]) -> Any:
        """Apply the callable expression `source` to decoded arguments."""
        expression = syntax.parse_callable(source)
        return self._guarded(self._call_request, expression, [adopted(a) for a in arguments])

    def upload(self, names: list[str], values: list[Any]) -> None:
        """Set session variables."""
        for name, value in zip(names, values, strict=True):
            if not name.isidentifier():
                raise ScriptError(f"'{name}' is not a variable name")
            self._top.variables[name] = adopted(value)

    def _guarded(self, work: Callable[..., Any], *arguments: Any) -> Any:
        self._depth = 0
        try:
            return work(*arguments)
        except RecursionError:
            raise ScriptError("the script is nested too deeply") from None
        except MemoryError:
            raise ScriptError("out of memory") from None

    def _call_request(self, expression: str, arguments: Any) -> Any:
        if isinstance(expression, syntax.Name):
            function = self.function(expression.name, self._top)
        else:
            function = self.evaluate(expression, self._top)
        result = self.apply(function, arguments)
        while isinstance(function, Partial):
            function = function.function
        return None if isinstance(function, Builtin) and function.name in _WITHOUT_VALUE else result

    @staticmethod
    def _yields_target(statement: Any) -> bool:
        """``append!`` and ``upsert!`` would answer with the whole table: nobody asked for it."""
        if not isinstance(statement, syntax.Chain):
            return False
        last = statement.links[-1]
        if isinstance(last, syntax.Method):
            return last.name in _WITHOUT_VALUE
        return (
            isinstance(last, syntax.Invoke)
            and len(statement.links) == 1
            and isinstance(statement.base, syntax.Name)
            and statement.base.name in _WITHOUT_VALUE
        )

    # names ----------------------------------------------------------------------------------

    def _lookup(self, name: str, frame: Frame) -> Any:
        for scope in (frame.variables, self.workspace.shared, self._constants):
            if name in scope:
                return scope[name]
        function = self._find_function(name, frame)
        if function is not None:
            return function
        raise ScriptError(
            f"Cannot recognize the token {name}: no such variable or shared table here; a built-in of that"
            " name is not part of the local server's subset; run it on a DolphinDB server"
        )

    def _find_function(self, name: str, frame: Frame) -> Any:
        value = frame.variables.get(name)
        if isinstance(value, _FUNCTIONS):
            return value
        for scope in (frame.functions, self._top.functions, self.workspace.views, self._builtins):
            if name in scope:
                return scope[name]
        return None

    def function(self, name: str, frame: Frame) -> Any:
        """The function called `name`, or the refusal that names it."""
        found = self._find_function(name, frame)
        if found is None:
            raise refused(f"Cannot recognize the token {name}: it is not defined here; a function '{name}'")
        return found

    # expressions ----------------------------------------------------------------------------

    def evaluate(self, node: Any, frame: Frame) -> Any:
        return _EVALUATE[type(node)](self, node, frame)

    def _constant(self, node: Any, frame: Frame) -> Any:
        return node.value

    def _name(self, node: Any, frame: Frame) -> Any:
        return self._lookup(node.name, frame)

    def _vector(self, node: Any, frame: Frame) -> Any:
        return unified([cell(self.evaluate(e, frame)) for e in node.elements])

    def _tuple(self, node: Any, frame: Frame) -> Column:
        return Column(keys.DT_ANY, [cell(self.evaluate(e, frame)) for e in node.elements])

    def _pair(self, node: Any, frame: Frame) -> Any:
        cells = unified([self._scalar(node.first, frame), self._scalar(node.second, frame)])
        if cells.type == keys.DT_ANY:
            raise ScriptError("a pair needs two values of one kind")
        cells.form = keys.DF_PAIR
        return cells

    def _scalar(self, node: Any, frame: Frame) -> Any:
        value = self.evaluate(node, frame)
        if not isinstance(value, Column) or value.form != keys.DF_SCALAR:
            raise ScriptError("a pair needs two scalars")
        return value

    def _sequence(self, node: Any, frame: Frame) -> Any:
        return arithmetic.sequence(self.evaluate(node.first, frame), self.evaluate(node.last, frame))

    def _operation(self, node: Any, frame: Frame) -> Any:
        value = self.evaluate(node.first, frame)
        for symbol, operand in node.rest:
            value = arithmetic.binary(symbol, value, self.evaluate(operand, frame))
        return value

    def _logical(self, node: Any, frame: Frame) -> Any:
        # both sides are evaluated, as vectors need it; a scalar left side that decides does not go on
        values = []
        for operand in node.operands:
            value = self.evaluate(operand, frame)
            values.append(value)
            if isinstance(value, Column) and value.form == keys.DF_SCALAR:
                if len(values) == 1 and arithmetic.is_true(value) != node.conjunction:
                    break
        return arithmetic.combine(node.conjunction, values)

    def _not(self, node: Any, frame: Frame) -> Any:
        return arithmetic.invert(self.evaluate(node.operand, frame))

    def _negative(self, node: Any, frame: Frame) -> Any:
        return arithmetic.negative(self.evaluate(node.operand, frame), node.count)

    def _lambda(self, node: Any, frame: Frame) -> UserFunction:
        return UserFunction("", node, frame.functions)

    def _select(self, node: Any, frame: Frame) -> Any:
        return run_select(self, node, frame)

    def _star(self, node: Any, frame: Frame) -> None:
        raise ScriptError("'*' as an argument has a meaning only in count(*) of a select")

    def _chain(self, node: Any, frame: Frame) -> Any:
        links = node.links
        first = links[0]
        if isinstance(node.base, syntax.Name) and isinstance(first, (syntax.Invoke, syntax.Bind)):
            value = self.function(node.base.name, frame)
        else:
            value = self.evaluate(node.base, frame)
        base = node.base
        for link in links:
            value = self._link(value, link, base, frame)
            base = None
        return value

    def _link(self, value: Any, link: Any, base: Any, frame: Frame) -> Any:
        kind = type(link)
        if kind is syntax.Invoke:
            return self._invoke(value, (), link.arguments, frame)
        if kind is syntax.Bind:
            if not isinstance(value, _FUNCTIONS):
                raise ScriptError("partial application needs a function")
            arguments, named = [], {}
            for node in link.arguments:
                if isinstance(node, syntax.Keyword):
                    named[node.name] = self.evaluate(node.expression, frame)
                else:
                    arguments.append(_OPEN if isinstance(node, syntax.Hole) else self.evaluate(node, frame))
            return Partial(value, tuple(arguments), named)
        if kind is syntax.Index:
            if link.expression is None:
                return array_type(value)
            return indexed(value, self.evaluate(link.expression, frame))
        if kind is syntax.Member:
            if isinstance(value, MemoryTable):
                return value.column(link.name)
            if isinstance(value, Dictionary):
                return indexed(value, text(link.name))
            raise ScriptError(f"'.{link.name}': only tables and dictionaries have named parts")
        function = self.function(link.name, frame)
        if isinstance(base, syntax.Name):
            self._check_mutable(function, base, frame)
        return self._invoke(function, (value,), link.arguments, frame)

    def _check_mutable(self, function: Any, node: Any, frame: Frame) -> None:
        changes = isinstance(function, Builtin) and function.name.endswith("!")
        if changes and isinstance(node, syntax.Name) and node.name in frame.fixed:
            raise ScriptError(f"Constant variable [{node.name}] can't be modified: declare it mutable")

    def _invoke(self, function: Any, leading: tuple[Any, ...], nodes: Any, frame: Frame) -> Any:
        labelled = isinstance(function, Builtin) and function.labelled
        if nodes and not leading:
            self._check_mutable(function, nodes[0], frame)
        arguments, named = list(leading), dict[str, Any]()
        for node in nodes:
            kind = type(node)
            if kind is syntax.Keyword:
                named[node.name] = self.evaluate(node.expression, frame)
            elif kind is syntax.Labelled:
                if not labelled:
                    raise ScriptError(f"'as {node.name}' has no meaning among these arguments")
                arguments.append(Aliased(self.evaluate(node.expression, frame), node.name, True))
            elif labelled:
                name = node.name if kind is syntax.Name else None
                arguments.append(Aliased(self.evaluate(node, frame), name, False))
            else:
                arguments.append(self.evaluate(node, frame))
        return self.apply(function, arguments, named)

    # calls ----------------------------------------------------------------------------------

    def apply(self, function: Any, arguments: list[Any], named: dict[str, Any] | None = None) -> Any:
        """Call a function value."""
        while isinstance(function, Partial):
            given = iter(arguments)
            filled = [next(given, _OPEN) if a is _OPEN else a for a in function.arguments]
            if _OPEN in filled:
                raise ScriptError(f"{function!r}: an argument is missing")
            arguments = [*filled, *given]
            named = {**function.named, **(named or {})}
            function = function.function
        if isinstance(function, Builtin):
            return self._apply_builtin(function, arguments, named)
        if isinstance(function, UserFunction):
            return self._apply_user(function, arguments, named)
        raise ScriptError("this value is not a function")

    def _apply_builtin(self, function: Builtin, arguments: list[Any], named: dict[str, Any] | None) -> Any:
        if named:
            arguments = _merged(function.name, function.parameters, function.required, arguments, named)
        count = len(arguments)
        if count < function.required or (count > len(function.parameters) and not function.rest):
            takes = str(function.required)
            if function.rest:
                takes += " or more"
            elif len(function.parameters) > function.required:
                takes += f" to {len(function.parameters)}"
            raise ScriptError(f"The function {function.name} takes {takes} argument(s), {count} were given")
        if function.labelled:
            arguments = [a if isinstance(a, Aliased) else Aliased(a, None, False) for a in arguments]
        return function.implementation(self, *arguments)

    def _apply_user(self, function: UserFunction, arguments: list[Any], named: dict[str, Any] | None) -> Any:
        parameters = function.definition.parameters
        if len(arguments) > len(parameters):
            raise ScriptError(
                f"The function {function.name or 'def'} takes {len(parameters)} argument(s),"
                f" {len(arguments)} were given"
            )
        names = tuple(p.name for p in parameters)
        variables = dict(zip(names, arguments, strict=False))
        for name, value in (named or {}).items():
            if name not in names or name in variables:
                raise ScriptError(f"The function {function.name or 'def'} takes no argument {name} here")
            variables[name] = value
        frame = Frame(variables, function.functions, frozenset(p.name for p in parameters if not p.mutable))
        for parameter in parameters:
            if parameter.name not in variables:
                if parameter.default is None:
                    raise ScriptError(f"The function {function.name or 'def'} misses argument {parameter.name}")
                variables[parameter.name] = self.evaluate(parameter.default, frame)
        self._depth += 1
        try:
            if self._depth > CALL_DEPTH_LIMIT:
                raise ScriptError(f"functions call each other more than {CALL_DEPTH_LIMIT} deep")
            result = self._run_block(function.definition.body, frame)
        finally:
            self._depth -= 1
        return result.value if isinstance(result, _Returned) else result

    # statements -----------------------------------------------------------------------------

    def _run_block(self, statements: Any, frame: Frame) -> Any:
        value = None
        for statement in statements:
            value = _EVALUATE[type(statement)](self, statement, frame)
            if type(value) is _Returned:
                return value
        return value

    def _assign(self, node: Any, frame: Frame) -> None:
        if node.name in frame.fixed:
            raise ScriptError(f"Constant variable [{node.name}] can't be modified: declare it mutable")
        value = self.evaluate(node.expression, frame)
        if value is None:
            raise ScriptError(f"{node.name}: the right side has no value")
        frame.variables[node.name] = value

    def _define(self, node: Any, frame: Frame) -> None:
        frame.functions[node.name] = UserFunction(node.name, node.function, frame.functions)

    def _if(self, node: Any, frame: Frame) -> Any:
        chosen = node.then if arithmetic.is_true(self.evaluate(node.condition, frame)) else node.otherwise
        result = self._run_block(chosen, frame)
        return result if type(result) is _Returned else None

    def _try(self, node: Any, frame: Frame) -> Any:
        try:
            result = self._run_block(node.body, frame)
        except ScriptError as error:
            frame.variables[node.name] = texts(["SYSTEM", error.serverText])
            result = self._run_block(node.handler, frame)
        return result if type(result) is _Returned else None

    def _return(self, node: Any, frame: Frame) -> Any:
        return _Returned(None if node.expression is None else self.evaluate(node.expression, frame))

    def _throw(self, node: Any, frame: Frame) -> None:
        raise ScriptError(text_value(self.evaluate(node.expression, frame), "throw: the message"))

    def _share(self, node: Any, frame: Frame) -> None:
        if node.name is None:
            if not isinstance(node.expression, syntax.Tuple) or len(node.expression.elements) != 2:
                raise ScriptError("share: 'share table as name' or 'share(table, name)'")
            value, name = (self.evaluate(e, frame) for e in node.expression.elements)
            name = text_value(name, "share: the name")
        else:
            value, name = self.evaluate(node.expression, frame), node.name
        if not isinstance(value, MemoryTable):
            raise refused("share of anything but a table")
        if not name.isidentifier():
            raise ScriptError(f"share: '{name}' is not a name")
        self.workspace.shared[name] = value

    def _undef_all(self, node: Any, frame: Frame) -> None:
        self.clear()


_EVALUATE = {
    syntax.Constant: Session._constant,
    syntax.Name: Session._name,
    syntax.Vector: Session._vector,
    syntax.Tuple: Session._tuple,
    syntax.Pair: Session._pair,
    syntax.Sequence: Session._sequence,
    syntax.Operation: Session._operation,
    syntax.Logical: Session._logical,
    syntax.Not: Session._not,
    syntax.Negative: Session._negative,
    syntax.Lambda: Session._lambda,
    syntax.Chain: Session._chain,
    syntax.Select: Session._select,
    syntax.Star: Session._star,
    syntax.Assign: Session._assign,
    syntax.Define: Session._define,
    syntax.If: Session._if,
    syntax.Try: Session._try,
    syntax.Return: Session._return,
    syntax.Throw: Session._throw,
    syntax.Share: Session._share,
    syntax.UndefAll: Session._undef_all,
}


def _merged(
    name: str, parameters: tuple[str, ...], required: int, arguments: list[Any], named: dict[str, Any]
) -> list[Any]:
    """Positional and keyword arguments as one list; optional ones that are left out between others are None."""
    merged = list(arguments)
    for position, parameter in enumerate(parameters):
        if parameter in named:
            if position < len(merged):
                raise ScriptError(f"{name}: argument {parameter} is given twice")
            for missing in parameters[len(merged) : min(position, required)]:
                raise ScriptError(f"{name}: argument {missing} must be given before {parameter}")
            merged += [None] * (position - len(merged))
            merged.append(named[parameter])
    for unknown in named.keys() - set(parameters):
        raise refused(f"the argument {unknown} of {name}")
    return merged
