"""Progress bars and a table: rich on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

#: seconds between two drawings of a bar. One drawing takes about a millisecond of the measured thread, so
#: bars are drawn by that thread and rarely, never by a thread of their own that would compete for the GIL.
REDRAW = 0.25


class Display:
    """Where the demo shows what it does; needs rich."""

    def __init__(self) -> None:
        from rich.console import Console

        self.console = Console(highlight=False, soft_wrap=True)

    def say(self, text: str) -> None:
        self.console.print(text, markup=False)

    @contextmanager
    def bar(self, label: str, total: int) -> Iterator[Callable[[int], None]]:
        """A bar; the value is to be called with how much is done."""
        if not self.console.is_terminal:
            self.say(label)
            yield lambda done: None
            return
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        columns = TextColumn("{task.description}"), BarColumn(None), MofNCompleteColumn(), TimeElapsedColumn()
        with Progress(*columns, console=self.console, auto_refresh=False, expand=True) as progress:
            task = progress.add_task(label, total=total)
            progress.refresh()
            drawn = time.monotonic()

            def update(done: int) -> None:
                nonlocal drawn
                now = time.monotonic()
                if now - drawn >= REDRAW or done >= total:
                    drawn = now
                    progress.update(task, completed=done, refresh=True)

            yield update

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]], left: int) -> None:
        """Show `rows`; the first `left` columns are text, the others numbers."""
        if not self.console.is_terminal:
            widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
            for row in (head, *rows):
                cells = [row[i].ljust(w) if i < left else row[i].rjust(w) for i, w in enumerate(widths)]
                self.say("  ".join(cells).rstrip())
            return
        from rich import box
        from rich.table import Table

        # narrow enough for 80 columns: the text columns are never cut, long heads are wrapped
        table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
        for i, name in enumerate(head):
            table.add_column(name, justify="left" if i < left else "right", no_wrap=i < left)
        for row in rows:
            table.add_row(*row)
        self.console.print(table)
