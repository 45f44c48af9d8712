"""A day's loop: runs are opened one after the other, and the memory of the process is looked at on the way.

``python -m benchmarks.day_loop`` opens 100,000 runs, and reads each tenth; about four minutes.
"""

from __future__ import annotations

import time
from itertools import islice

from databroker_mongo import Catalog

from .measuring import resident_megabytes
from .programs import data_of, new_parser, note_of
from .table import show

_READ_EACH = 10
_N_LOOKS = 10
_MOST_MEGABYTES = 50


def main() -> None:
    """Run the command."""
    parser = new_parser(__spec__.name, __doc__)
    parser.add_argument("--opened", type=int, default=100_000, help="how many runs are opened (%(default)s)")
    options = parser.parse_args()
    with data_of(options) as facts:
        catalog = Catalog.from_uri(facts.uri(facts.runs_database))
        rows = _loop(catalog, options.opened)
        note = note_of(facts)
    growth = float(rows[-1][1]) - float(rows[0][1])
    verdict = f"From the first look to the last it grew by {growth:.0f} MB; at most {_MOST_MEGABYTES} are wanted."
    show(["runs opened", "resident, MB", "ms a run"], rows, f"{note} {verdict}", options.rst)


def _loop(catalog: Catalog, n_opened: int) -> list[list[str]]:
    """Open runs by their uids, again from the first where there are fewer."""
    rows, step = [], max(1, n_opened // _N_LOOKS)
    uids = list(islice(catalog, n_opened))
    began = time.perf_counter()
    for number in range(1, n_opened + 1):
        run = catalog[uids[number % len(uids)]]
        names = list(run)
        if number % _READ_EACH == 0:
            run[names[0]].read()
        if number % step == 0:
            seconds, began = time.perf_counter() - began, time.perf_counter()
            rows.append([f"{number:,}", f"{resident_megabytes():.0f}", f"{1000 * seconds / step:.2f}"])
            print(*rows[-1], sep=" | ", flush=True)
    return rows


if __name__ == "__main__":
    main()
