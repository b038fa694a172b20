"""Laying words out in a terminal: in 80 columns, and in more where there are more."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.padding import Padding
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from xref.moments import in_calendar


def console(*, to_stderr: bool = False) -> Console:
    """Return a console; plain text where the output is no terminal."""
    return Console(stderr=to_stderr, highlight=False, soft_wrap=False)


@contextmanager
def progress_bar() -> Iterator[Callable[[str, int, int], None]]:
    """Show a bar on standard error, if that is a terminal; it is told what, how much, of how much.

    It appears only where something takes more than a moment, and goes when that is done.
    """
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=console(to_stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    )
    tasks: dict[str, TaskID] = {}

    def progress(what: str, done: int, whole: int) -> None:
        if what not in tasks:
            tasks[what] = bar.add_task(what, total=whole)
        bar.update(tasks[what], completed=done)

    with bar:
        yield progress


def indent(text: Text | str, columns: int = 4) -> Padding:
    """Indent words."""
    return Padding(text, (0, 0, 0, columns))


def print_paragraph(out: Console, text: str, columns: int = 0) -> None:
    """Print words, wrapped and indented."""
    out.print(Padding(Text(text), (0, 0, 0, columns), expand=False))


def pairs(rows: Sequence[tuple[str, Text | str]], columns: int = 4) -> Padding:
    """Lay out labels and texts in two columns, the second wrapped."""
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True, style="dim", min_width=9)
    table.add_column(overflow="fold")
    for label, text in rows:
        table.add_row(label, text)
    return Padding(table, (0, 0, 0, columns))


def moment(at_ms: int) -> str:
    """Return a moment on this machine's clock, and how far that is from UTC."""
    local = in_calendar(at_ms).astimezone()
    zone = local.isoformat()[-6:] if local.utcoffset() else ""
    return f"{local:%Y-%m-%d %H:%M} UTC{zone}"
