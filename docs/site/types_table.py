"""The type tables, from `dolphindb_fast.dtypes`."""

from __future__ import annotations

from dolphindb_fast import dtypes

#: a source of each kind, to ask what it can be forced to
KINDS = {
    "bool": "bool",
    "integer": "integers",
    "float": "floats",
    "decimal": "Decimal, Arrow decimals",
    "moment": "`datetime64`, Arrow dates and timestamps",
    "time": "Arrow times",
    "bytes": "16 fixed bytes",
}


def render(which: str) -> str:
    """The table named `which`: "numpy", "arrow" or "forced"."""
    if which == "forced":
        rows = [(KINDS[kind], ", ".join(targets)) for kind, targets in dtypes.TARGETS.items()]
        return table(("cells of", "can be forced to"), rows)
    rules = {"numpy": dtypes.RULES, "arrow": dtypes.ARROW_RULES}[which]
    rows = [(f"`{rule.source}`", rule.target, rule.nulls) for rule in rules]
    return table(
        (f"{which} dtype" if which == "numpy" else "Arrow type", "DolphinDB", "nulls, and what is refused"), rows
    )


def table(head, rows) -> str:
    lines = ["| " + " | ".join(head) + " |", "| --- " * len(head) + "|"]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines)
