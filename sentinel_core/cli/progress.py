"""Progress of long work, on standard error so that output can be piped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

Advance = Callable[[int, int], None]
"""Called with the work done and the work in all."""


@contextmanager
def progress_bar(description: str) -> Iterator[Advance]:
    """Show a bar while work goes on; on something that is no terminal, one line at the end."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:
        tasks: list[TaskID] = []  # none until work begins: what is found done shows no bar

        def advance(done: int, total: int) -> None:
            if not tasks:
                tasks.append(progress.add_task(description, total=total))
            progress.update(tasks[0], completed=done)

        yield advance
