"""A progress bar for long steps, where tqdm is installed; nothing otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress_bar(what: str, total: int | None, *, initial: int = 0, unit: str) -> Iterator[Callable[[int], object]]:
    """Show how far a step has come.

    Parameters
    ----------
    what : str
        What is being done, as the bar's title.
    total : int or None
        How much there is to do; None when it is not known.
    initial : int
        How much was done before.
    unit : str
        In what it is counted.

    Yields
    ------
    callable
        To be called with how much more has been done.
    """
    try:
        from tqdm.auto import tqdm
    except ImportError:
        yield lambda n: None
        return
    is_bytes = unit == "B"
    with tqdm(
        desc=what, total=total, initial=initial, unit=unit, unit_scale=is_bytes, unit_divisor=1024 if is_bytes else 1000
    ) as bar:
        yield bar.update
