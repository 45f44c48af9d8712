"""Many clients at once, as threads of a process and as processes: how much is answered, and how long one waits.

``python -m benchmarks.clients`` lets 32 clients ask for 8 seconds each task; about three minutes.
"""

from __future__ import annotations

import importlib
import multiprocessing
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

import numpy as np

from .facts import Facts
from .programs import data_of, new_parser, note_of
from .table import show
from .tasks import BY_TITLE, Task

_CONTESTANTS = ("by_hand", "ours")
_TITLES = ("catalog[scan_id]", "first page of 100 runs", "read() of one of these")
_WARMING_SECONDS = 2.0


def main() -> None:
    """Run the command."""
    parser = new_parser(__spec__.name, __doc__)
    parser.add_argument("--clients", type=int, default=32, help="how many there are (%(default)s)")
    parser.add_argument("--seconds", type=float, default=8.0, help="how long they ask for each task (%(default)s)")
    options = parser.parse_args()
    rows = []
    with data_of(options) as facts:
        note = note_of(facts)
        for title in _TITLES:
            for kind, ask in (("threads", _in_threads), ("processes", _in_processes)):
                found = {name: ask(facts, name, title, options.clients, options.seconds) for name in _CONTESTANTS}
                rows.append([title, f"{options.clients} {kind}", *_cells(found, options.seconds)])
                print(*rows[-1], sep=" | ", flush=True)
    headings = ["task", "clients", "by hand, a second", "here, a second", "ratio"]
    waits = ["by hand, median ms", "here, median ms", "by hand, 99th percentile, ms", "here, 99th percentile, ms"]
    show([*headings, *waits], rows, f"{note} {options.clients} clients ask as fast as they are answered.", options.rst)


def _cells(found: dict[str, list[float]], seconds: float) -> list[str]:
    rates = [len(found[name]) / seconds for name in _CONTESTANTS]
    waits = [f"{1000 * np.percentile(found[name], part):.1f}" for part in (50, 99) for name in _CONTESTANTS]
    return [*(f"{rate:.0f}" for rate in rates), f"{rates[1] / rates[0]:.2f}", *waits]


def _in_threads(facts: Facts, name: str, title: str, n_clients: int, seconds: float) -> list[float]:
    contestant = _contestant(name, facts)
    begins = time.monotonic() + _WARMING_SECONDS
    with ThreadPoolExecutor(n_clients) as pool:
        asked = [
            pool.submit(_ask, contestant, BY_TITLE[title], facts, number, begins, seconds)
            for number in range(n_clients)
        ]
        return [each for answered in asked for each in answered.result()]


def _in_processes(facts: Facts, name: str, title: str, n_clients: int, seconds: float) -> list[float]:
    # Importing takes all of them on few processors a while.
    begins = time.monotonic() + _WARMING_SECONDS + n_clients / 2
    with ProcessPoolExecutor(n_clients, multiprocessing.get_context("spawn")) as pool:
        asked = [
            pool.submit(_ask_in_process, facts, name, title, number, begins, seconds) for number in range(n_clients)
        ]
        return [each for answered in asked for each in answered.result()]


def _ask_in_process(facts: Facts, name: str, title: str, number: int, begins: float, seconds: float) -> list[float]:
    return _ask(_contestant(name, facts), BY_TITLE[title], facts, number, begins, seconds)


def _contestant(name: str, facts: Facts) -> Any:
    return importlib.import_module(f"{__package__}.contestants.{name}").Contestant(facts)


def _ask(contestant: Any, task: Task, facts: Facts, number: int, begins: float, seconds: float) -> list[float]:
    """Do a task over and over, once before all begin; return how long each call took."""
    method: Callable[..., Any] = getattr(contestant, task.method)
    method(*task.arguments(facts, number))
    time.sleep(max(0.0, begins - time.monotonic()))
    waited: list[float] = []
    now = time.monotonic()
    ends = max(begins, now) + seconds
    while now < ends:
        method(*task.arguments(facts, 1000 * number + len(waited)))
        before, now = now, time.monotonic()
        waited.append(now - before)
    return waited


if __name__ == "__main__":
    main()
