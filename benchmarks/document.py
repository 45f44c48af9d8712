"""Take the tables of the documentation again: all of them, or those that are named.

``python -m benchmarks.document`` writes them into ``docs/reference/benchmarks`` and the headline into ``README.rst``;
data that are missing are made first. ``python -m benchmarks.document clients live`` takes two of them.
"""

from __future__ import annotations

import argparse
import re
import shlex
import subprocess
import sys
import textwrap
import time
from pathlib import Path

from .table import PEERS

_ROOT = Path(__file__).parents[1]
_TABLES = _ROOT / "docs" / "reference" / "benchmarks"
_WIDTH = 120
_README = _ROOT / "README.rst"
_COMMANDS = {
    "tasks": "benchmarks --runs 100000 --seconds 1.5 --peers",
    "catalogs": "benchmarks --catalogs 10000 100000 1000000 --events-per-run 10 --seconds 1",
    "latency": "benchmarks --runs 100000 --latency-ms 1 --seconds 0.5",
    "latency-10": "benchmarks --runs 100000 --latency-ms 10 --seconds 0.5 --only look-up list search events many",
    "readers": "benchmarks --runs 100000 --readers 8 --seconds 0.5",
    "indexes": "benchmarks --runs 1000000 --events-per-run 10 --index-building",
    "clients": "benchmarks.clients --runs 100000",
    "day-loop": "benchmarks.day_loop --runs 100000",
    "writing-beside": "benchmarks.writing_beside --many 10000",
    "live": "benchmarks.live",
    "live-latency": "benchmarks.live --latency-ms 1",
    "cold-caches": "benchmarks.cold_caches --runs 100000",
}
_SECTIONS = {
    "clients": (
        "Thirty-two clients at once",
        "Threads of one process, and processes, ask as fast as they are answered: how many answers there are in a "
        "second, and how long one waits for them.",
    ),
    "day-loop": (
        "The memory of a day's loop",
        "100,000 runs are opened one after the other, each tenth is read, and the resident memory of the process is "
        "looked at on the way.",
    ),
    "writing-beside": (
        "Writing beside a reader",
        "A ``Writer(durable='batch')`` in a process of its own is to write 1000 events a second, while another process "
        "reads the rows of 10,000 runs over and over: does it keep its pace, and how long does a call of it take?",
    ),
    "live": (
        "From a document to who reads it",
        "From the call of a ``Writer(durable='each')`` until the row is read by who looks as often as possible, and "
        "from the stop until ``catalog[-1].primary.read()`` gives the run.",
    ),
    "live-latency": ("... with a millisecond of network", "Writer and readers are each a millisecond away."),
    "latency-10": ("Ten milliseconds of network", "The tasks that ask a server, from far away."),
    "cold-caches": (
        "Nothing in memory",
        "The server is started again and the page cache of the system dropped before each call. The process has its "
        "modules and its connection already.",
    ),
}
"""What is measured by programs of their own, or from further away: a title and what it is, for the documentation."""

_HEADLINE = {
    "import, open, first run": "import, open a catalog, get the first run",
    "catalog[scan_id]": "catalog[scan_id] among 100,000 runs",
    "first page of 100 runs": "first page of 100 runs",
    "start and stop of 1000 runs": "metadata of 1000 runs",
    "read() of 10 columns of numbers": "read() of 10 columns of 100,000 numbers",
    "one column of 1000 runs": "one column of 1000 runs of 200 events",
    "mean image of each of 200 runs": "mean image of each of 200 runs",
    "HDF5: one frame": "one frame of a lazy stack (HDF5)",
    "HDF5: 10 x 10 of every frame": "10 x 10 of each of 200 frames",
    "HDF5: read()": "read() of 200 frames of 1024 x 1024",
    "HDF5 bitshuffle LZ4: read()": "the same, compressed by bitshuffle and LZ4",
}
"""Tasks for the README, and what they are called there."""


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog=f"python -m {__spec__.name}", description=__doc__)
    parser.add_argument("tables", nargs="*", metavar="TABLE", help=f"which of {', '.join(_COMMANDS)}; by default all")
    parser.add_argument("--work", type=Path, help="directory for the server and files")
    options = parser.parse_args()
    unknown = set(options.tables) - _COMMANDS.keys()
    if unknown:
        parser.error(f"there is no table {', '.join(sorted(unknown))}; there are {', '.join(_COMMANDS)}")
    for name in options.tables or _COMMANDS:
        command = [sys.executable, "-m", *shlex.split(_COMMANDS[name]), "--rst", str(_TABLES / f"{name}.txt")]
        command += ["--work", str(options.work)] if options.work else []
        began = time.perf_counter()
        subprocess.run(command, cwd=_ROOT, check=True)
        print(f"{name}: {time.perf_counter() - began:.0f} s", flush=True)
        (_TABLES / "at-scale.txt").write_text(sections())
        if name == "tasks":
            _README.write_text(with_headline(_README.read_text(), (_TABLES / "tasks.txt").read_text()))


def sections() -> str:
    """Return the sections of what was measured by programs of their own, with the tables that there are."""
    parts = []
    for name, (title, text) in _SECTIONS.items():
        parts += [title, "-" * len(title), ""]
        parts += textwrap.wrap(text, _WIDTH, break_long_words=False, break_on_hyphens=False)
        parts += ["", "::", "", f"    python -m {_COMMANDS[name]}", ""]
        if (_TABLES / f"{name}.txt").exists():
            parts += [f".. include:: benchmarks/{name}.txt", ""]
    return "\n".join(parts)


def with_headline(readme: str, tasks: str) -> str:
    """Return the README with the table of the tasks that it shows, from the table of all tasks.

    Raises
    ------
    ValueError
        The README has no table of how fast it is.
    """
    headings, *rows = rows_of(tasks)
    by_title = {row[0]: dict(zip(headings, row, strict=True)) for row in rows}
    columns = ["by hand, ms", "here, ms", *PEERS.values()]
    table = [["task", "by hand", "here", *PEERS.values()]]
    for title, said in _HEADLINE.items():
        if title in by_title:
            # Of another package the ratio follows the time.
            table.append([said, *(by_title[title].get(name, "").partition(" (")[0] for name in columns)])
    lines = [".. list-table::", "   :header-rows: 1", ""]
    for row in table:
        lines += [f"   {'* -' if number == 0 else '  -'} {cell}".rstrip() for number, cell in enumerate(row)]
    place = re.compile(r"\.\. list-table::\n.*?\n(?=\nLearn more\n)", re.DOTALL)
    text = "\n".join([*lines, ""])
    changed, n_changed = place.subn(lambda _: text, readme)
    if n_changed != 1:
        raise ValueError(f"{_README} has no table before 'Learn more'")
    return changed


def rows_of(text: str) -> list[list[str]]:
    """Return the rows of a list-table, the head first."""
    cells = re.compile(r"^   (\*| ) -(.*)$", re.MULTILINE)
    rows: list[list[str]] = []
    for begins, cell in cells.findall(text):
        if begins == "*":
            rows.append([])
        rows[-1].append(cell.strip())
    return rows


if __name__ == "__main__":
    main()
