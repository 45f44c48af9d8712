"""Nothing in memory: the server is started again and the system forgets its files before each call.

``python -m benchmarks.cold_caches`` needs the right to write to /proc/sys/vm/drop_caches; about five minutes.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from statistics import median

from databroker_mongo import local_server
from databroker_mongo.server import stop_server

from .contest import Contestant
from .facts import Facts
from .measuring import Reading
from .programs import data_of, new_parser, note_of, with_database
from .table import milliseconds, show
from .tasks import BY_TITLE

_FORGET = Path("/proc/sys/vm/drop_caches")
_NAMES = ("by_hand", "ours")
_TITLES = (
    "catalog[scan_id]",
    "first page of 100 runs",
    "read() of 10 columns of numbers",
    "one column of 1000 runs",
    "HDF5: one frame",
    "HDF5: read()",
)
_CHEAP = "uid in catalog"
_PATIENCE_SECONDS = 300.0


def main() -> None:
    """Run the command."""
    parser = new_parser(__spec__.name, __doc__)
    parser.add_argument("--rounds", type=int, default=3, help="how often each call is made (%(default)s)")
    options = parser.parse_args()
    if options.server or not os.access(_FORGET, os.W_OK):
        sys.exit(f"It needs a private server, and the right to write to {_FORGET}.")
    with data_of(options) as facts:
        taken = note_of(facts)
    rows = []
    for title in _TITLES:
        found: dict[str, list[float]] = {name: [] for name in _NAMES}
        for number in range(1, options.rounds + 1):
            for name in _NAMES:
                found[name].append(_measure(name, title, facts, number, options.work / "server"))
        by_hand, ours = (median(found[name]) for name in _NAMES)
        rows.append([title, milliseconds(by_hand), milliseconds(ours), f"{ours / by_hand:.2f}"])
        print(*rows[-1], sep=" | ", flush=True)
    note = f"The server was started again and the page cache dropped before each of {options.rounds} calls; medians."
    show(["task", "by hand, ms", "here, ms", "ratio"], rows, f"{taken} {note}", options.rst)


def _measure(name: str, title: str, facts: Facts, number: int, data: Path) -> float:
    """Call once: the process has imported what it needs, and its connection is open."""
    contestant = Contestant(name, sys.executable, facts)
    try:
        with local_server(data):
            _do(contestant, title, 0)
        stop_server(data)
        with local_server(data) as server:
            assert with_database(server.uri) == facts.server
            _do(contestant, _CHEAP, 0)
            os.sync()
            _FORGET.write_text("3")
            return _do(contestant, title, number).seconds
    finally:
        contestant.stop()


def _do(contestant: Contestant, title: str, number: int) -> Reading:
    found = contestant.do(BY_TITLE[title], number, patience=_PATIENCE_SECONDS)
    if not isinstance(found, Reading):
        raise RuntimeError(f"{title}: {found}")
    return found


if __name__ == "__main__":
    main()
