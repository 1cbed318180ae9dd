"""The reference, from docstrings: numpy style and the little of reStructuredText that they use -> Markdown."""

from __future__ import annotations

import importlib
import inspect
import re
import textwrap
from enum import Enum

import dolphindb_fast as ddb
from dolphindb_fast import aio, column

SECTIONS = ("Parameters", "Attributes", "Returns", "Raises", "Warns", "Examples")
#: what is said of objects without a signature of their own
BASES_NOT_SHOWN = (object, Exception, RuntimeError)

#: heading -> names; all other public names stand under "More"
GROUPS = {
    "Sessions": "Session Stats Submission Unacknowledged BlockReader Database",
    "Tables, writers and pools": "TableAppender TableUpserter Prepared PartitionedTableAppender "
    "MultithreadedTableWriter MultithreadedTableWriterStatus MultithreadedTableWriterThreadStatus DBConnectionPool",
    "Without a connection": "table Columns dumps loads typed TypedFrame Encoder verify",
    "Exceptions": "UsageError NotSupported ConversionError UnsupportedTypeError ValueRefused LinkError ConnectError "
    "AuthenticationError CertificateError SendTimeout ReplyTimeout OutcomeUnknown ProtocolError ServerError "
    "SubmissionError QueueFull Mismatch InsecureConnectionWarning",
}
#: names that are other spellings, or no objects of their own
ALIASES = {
    "session",
    "tableAppender",
    "tableUpsert",
    "AutoFitTableAppender",
    "AutoFitTableUpserter",
    "name",
    "settings",
}


def grouped() -> dict[str, list[str]]:
    """Heading -> the names that are there."""
    public = [name for name in ddb.__all__ if name not in ALIASES]
    found = {heading: [name for name in names.split() if name in public] for heading, names in GROUPS.items()}
    rest = [name for name in public if name not in {name for names in found.values() for name in names}]
    return {heading: names for heading, names in {**found, "More": rest}.items() if names}


def render() -> str:
    parts = []
    for heading, names in grouped().items():
        parts.append(f"## {heading}")
        parts += [entry(name, getattr(ddb, name)) for name in names]
    parts.append("## asyncio\n\nIn `dolphindb_fast.aio`; see [asyncio](asyncio.md).")
    parts += [entry(f"aio.{name}", getattr(aio, name)) for name in sorted(aio.__all__)]
    parts.append(
        "## Neutral values\n\nIn `dolphindb_fast.column`: what `raw=True` returns; `dumps` and `run` take them too."
    )
    parts += [
        entry(name, getattr(column, name), "column.")
        for name in column.__all__
        if inspect.isclass(getattr(column, name))
    ]
    return link_names("\n\n".join(parts))


def link_names(text: str) -> str:
    """Names in code that have a heading become links to it."""
    anchors = dict(re.findall(r"^##+ (\S+) \{#(.*)\}$", text, re.M))

    def link(found: re.Match) -> str:
        return f"[{found[0]}](#{anchors[found[1]]})" if found[1] in anchors else found[0]

    parts = re.split(r"(^#[^\n]*$|^```.*?^```$)", text, flags=re.M | re.S)
    parts[::2] = [re.sub(r"(?<![\[`])`([A-Za-z.]+)`(?!`)", link, part) for part in parts[::2]]
    return "".join(parts)


def entry(name: str, obj: object, prefix: str = "") -> str:
    """A class with its members, a function, or a constant; `prefix` is of its anchor."""
    parts = [f"### {name} {{#{prefix}{name.lower()}}}"]
    signature = signature_of(obj, name)
    if signature:
        parts.append(f"```python\n{signature}\n```")
    if inspect.isclass(obj):
        bases = [base.__name__ for base in obj.__bases__ if base not in BASES_NOT_SHOWN and not base.__name__[0] == "_"]
        if issubclass(obj, (Exception, Enum)) and bases:
            parts.append("Also: " + ", ".join(f"`{base}`" for base in bases) + ".")
    parts.append(markdown(inspect.getdoc(obj) or ""))
    if inspect.isclass(obj):
        parts += [member(prefix, name, *item) for item in members(obj)]
    return "\n\n".join(part for part in parts if part)


def members(cls: type) -> list[tuple[str, object]]:
    """Public methods and properties that are this package's, the refused ones left out."""
    own = [
        base
        for base in cls.__mro__
        if base.__module__.startswith("dolphindb_fast") and not base.__module__.endswith(".refused")
    ]
    found = {name: value for base in reversed(own) for name, value in vars(base).items() if not name.startswith("_")}
    return sorted(
        (name, value)
        for name, value in found.items()
        if (callable(value) or isinstance(value, (property, staticmethod, classmethod)))
        and getattr(value, "__doc__", None)
        and not inspect.isclass(value)
    )


def member(prefix: str, owner: str, name: str, value: object) -> str:
    parts = [f"#### {owner}.{name} {{#{prefix}{owner.lower()}.{name.lower()}}}"]
    if not isinstance(value, property):
        parts.append(f"```python\n{signature_of(value, name)}\n```")
    parts.append(markdown(inspect.getdoc(value)))
    return "\n\n".join(parts)


def signature_of(obj: object, name: str) -> str:
    """Names and defaults; the types stand in the docstring."""
    try:
        signature = inspect.signature(obj)
    except (TypeError, ValueError):
        return ""
    if inspect.isclass(obj) and issubclass(obj, (BaseException, tuple)):
        return ""
    shown = [
        parameter.replace(annotation=inspect.Parameter.empty, default=_default(parameter.default))
        for parameter in signature.parameters.values()
        if parameter.name != "self"
    ]
    text = f"{name}{inspect.Signature(shown)}"
    if len(text) <= 80:
        return text
    return re.sub(
        r"^([\w.]+\()(.*)(\))$", lambda found: found[1] + "\n    " + ",\n    ".join(_split(found[2])) + ",\n)", text
    )


def _default(value):
    class Shown:
        def __repr__(self) -> str:
            return f"settings.{type(value).__name__}.{value.name}"

    return Shown() if isinstance(value, Enum) else value


def _split(arguments: str) -> list[str]:
    return re.findall(r"(?:[^,(\[{]|\([^)]*\)|\[[^\]]*\]|\{[^}]*\})+", arguments.replace(", ", ","))


def markdown(text: str) -> str:
    """A docstring, dedented, as Markdown."""
    parts, body = [], []
    lines = [*text.strip().split("\n"), ""]
    number = 0
    section = ""
    while number < len(lines):
        underline = lines[number + 1] if number + 1 < len(lines) else ""
        if lines[number] in SECTIONS and set(underline.strip()) == {"-"}:
            parts.append(_section(section, body))
            section, body = lines[number], []
            number += 2
            continue
        body.append(lines[number])
        number += 1
    parts.append(_section(section, body))
    return "\n\n".join(part for part in parts if part)


def _section(name: str, lines: list[str]) -> str:
    if name == "Examples":
        return "**Examples**\n\n```python\n" + "\n".join(lines).strip() + "\n```"
    if not name:
        return literal_blocks("\n".join(lines).strip())
    items: list[tuple[str, list[str]]] = []
    for line in lines:
        if line and not line.startswith(" "):
            items.append((line, []))
        elif line:
            items[-1][1].append(line.strip())
    return f"**{name}**\n\n" + "\n".join(_item(name, term, words) for term, words in items)


def _item(section: str, term: str, words: list[str]) -> str:
    names, _, kind = term.partition(" : ")
    # what is returned often has a type only
    head = names if section == "Returns" and not kind else ", ".join(f"`{one}`" for one in names.split(", "))
    return f"- {head}" + (f" ({kind})" if kind else "") + (": " + " ".join(words) if words else "")


def literal_blocks(text: str) -> str:
    """``::`` and what is indented behind it, and indented tables, as fenced blocks."""
    shown: list[str] = []
    lines = text.split("\n")
    number = 0
    while number < len(lines):
        line = lines[number]
        indented = line.startswith("    ") and line.strip() and (not shown or not shown[-1].strip())
        if not indented:
            shown.append(re.sub(r" ?::$", ":" if line.strip() != "::" else "", line))
            number += 1
            continue
        block = []
        while number < len(lines) and (lines[number].startswith("    ") or not lines[number].strip()):
            block.append(lines[number])
            number += 1
        shown += ["```text", *textwrap.dedent("\n".join(block)).strip("\n").split("\n"), "```", ""]
    return "\n".join(shown)


def object_text(module: str, name: str) -> str:
    """One object that is no public name of the package itself."""
    return entry(name, getattr(importlib.import_module(module), name))


def module_text(name: str) -> str:
    """The docstring of a module, without its first line, which is the page's title."""
    text = inspect.getdoc(importlib.import_module(name)) or ""
    return literal_blocks(text.partition("\n")[2].strip())
