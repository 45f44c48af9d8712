"""How many runs are done, on a terminal; nothing is said elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_FEW_RUNS = 100


@contextmanager
def show_progress(what: str, count: Callable[[], int]) -> Iterator[Callable[[int], object]]:
    """Show how many are done, if there are more than a few and somebody looks at a terminal.

    Parameters
    ----------
    what : str
        What is counted.
    count : callable
        Tells how many there are; asked only if somebody sees it.

    Yields
    ------
    callable
        To be called with how many more are done.
    """
    total = count() if sys.stderr is not None and sys.stderr.isatty() else 0
    if total <= _FEW_RUNS:
        yield lambda n: None
        return
    from rich.console import Console  # it takes as long to load as a small read
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=total)
        yield lambda n: progress.advance(task, n)
