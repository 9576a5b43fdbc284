"""Shows what a command does before it can begin, as a bar on standard error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn


@contextmanager
def shown_progress(title: str) -> Iterator[Callable[[str, float | None], None]]:
    """Yield a function that takes a step and the share that is done, 0 to 1, or None.

    The bar appears with the first step and goes with the last; without a terminal there is none.
    """
    console = Console(stderr=True)
    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(20),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    tasks: list[TaskID] = []
    with ExitStack() as stack:

        def show(step: str, share: float | None) -> None:
            if not tasks:
                stack.enter_context(bar)
                tasks.append(bar.add_task(""))
            total = None if share is None else 1.0
            bar.update(
                tasks[0], description=f"{title}: {step}", total=total, completed=share or 0.0
            )

        yield show
