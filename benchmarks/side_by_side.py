"""The same questions asked of catalogs of different sizes: what grows with the number of runs, and what does not."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Sequence
from pathlib import Path

from .contest import Contestant, Limits, Result, compete
from .facts import Facts
from .table import milliseconds, show
from .tasks import TASKS

_GROUPS = ("look-up", "list", "search")
_NAMES = ("by_hand", "ours")
_MOST_GROWTH = 1.5
"""How much longer a look-up may take in the largest catalog than in the smallest."""


def measure(catalogs: Sequence[Facts], limits: Limits, note: str, path: Path | None) -> None:
    """Measure the tasks about runs on catalogs, the smallest first; print the table, and write it to a file."""
    contestants = [[Contestant(name, sys.executable, facts) for name in _NAMES] for facts in catalogs]
    wanted = [task for task in TASKS if task.group in _GROUPS]
    rows = []
    try:
        # All sizes of a task follow each other: the machine is the same for them.
        for of_sizes in zip(*(compete(wanted, each, limits) for each in contestants), strict=True):
            task, results = of_sizes[0][0], [found for _, found in of_sizes]
            rows.append([task.title, *_cells(results, is_look_up=task.group == "look-up")])
            print(*rows[-1], sep=" | ", flush=True)
    finally:
        for contestant in itertools.chain.from_iterable(contestants):
            contestant.stop()
    sizes = [f"{facts.sizes.runs:,}" for facts in catalogs]
    per_size = [heading for size in sizes for heading in (f"{size} runs: by hand, ms", "here, ms", "ratio")]
    headings = ["task", *per_size, f"{sizes[-1]} / {sizes[0]}: by hand", "here", f"look-ups <= {_MOST_GROWTH}x"]
    show(headings, rows, f"{note} {catalogs[0].sizes.events_per_run} events in each run.", path)


def _cells(results: Sequence[dict[str, Result]], *, is_look_up: bool) -> list[str]:
    failed = [found.error for each in results for found in each.values() if not found.readings]
    if failed:
        return [failed[0], *[""] * (3 * len(results) + 2)]
    cells = []
    for each in results:
        by_hand, ours = (each[name].seconds for name in _NAMES)
        cells += [milliseconds(by_hand), milliseconds(ours), f"{ours / by_hand:.2f}"]
    growths = [results[-1][name].seconds / results[0][name].seconds for name in _NAMES]
    is_reached = growths[-1] <= _MOST_GROWTH
    return [*cells, *(f"{growth:.2f}" for growth in growths), ("yes" if is_reached else "NO") if is_look_up else ""]
