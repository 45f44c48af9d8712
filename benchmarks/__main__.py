"""The command: make the data, measure, print the table."""

from __future__ import annotations

import argparse
import contextlib
import sys
from dataclasses import replace
from pathlib import Path

import pymongo

from . import cold, environments, side_by_side, table
from .contest import Contestant, Limits, compete
from .data import make_data
from .facts import Facts
from .indexes import measure_building
from .latency import delayed
from .programs import new_parser, note_of, server_of, sizes_of, with_database
from .tasks import GROUPS, TASKS, Goal

_TURNS = "Medians; contestants take turns, call by call."


def main() -> None:
    """Run the command."""
    options = _parser().parse_args()
    sizes = sizes_of(options)
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(server_of(options))
        if options.catalogs:
            all_sizes = [replace(sizes, runs=n_runs) for n_runs in options.catalogs]
            catalogs = [make_data(server, options.work, each) for each in all_sizes]
            note = f"{note_of(catalogs[0])} {_TURNS}"
            side_by_side.measure(catalogs, Limits(options.seconds, options.patience), note, options.rst)
            return
        facts = make_data(server, options.work, sizes)
        if options.index_building:
            with pymongo.MongoClient(facts.uri("")) as client:  # type: ignore[var-annotated]  # pymongo infers no type
                _tell(f"{measure_building(facts, client)}\n\n{note_of(facts)}\n", options.rst)
            return
        if options.latency_ms:
            server = stack.enter_context(delayed(server, options.work / "delayed.sock", options.latency_ms / 1000))
            facts = replace(facts, server=with_database(server))
        _measure(facts, options)


def _tell(text: str, path: Path | None) -> None:
    print(text)
    if path is not None:
        path.write_text(text)


def _peers(options: argparse.Namespace) -> dict[str, str]:
    peers = {name: getattr(options, name) for name in environments.REQUIREMENTS}
    if options.peers:
        return {name: python or environments.made(name, options.work) for name, python in peers.items()}
    return {name: python for name, python in peers.items() if python}


def _measure(facts: Facts, options: argparse.Namespace) -> None:
    peers = _peers(options)
    pythons = {"by_hand": sys.executable, "ours": sys.executable, **peers}
    contestants = [Contestant(name, python, facts, n_processes=options.readers) for name, python in pythons.items()]
    wanted = [task for task in TASKS if not options.only or task.group in options.only]
    if options.readers > 1:
        # There is one database to insert into; and many on few processors are held to no goal.
        wanted = [replace(task, goal=Goal()) for task in wanted if task.group != "insert"]
    rows: list[table.Row] = []
    try:
        if options.readers == 1 and (not options.only or "cold" in options.only):
            rows += cold.measure(pythons, facts, n_times=options.cold_starts)
        for row in compete(wanted, contestants, Limits(options.seconds, options.patience)):
            rows.append(row)
            print(*table.cells(row, list(peers)), sep=" | ", flush=True)
    finally:
        for contestant in contestants:
            contestant.stop()
        # What was measured until somebody interrupts is worth having.
        caption = " ".join([_caption(facts), *(f"{environments.versions(*peer)}." for peer in peers.items())])
        table.show_results(rows, list(peers), caption, options.rst)


def _caption(facts: Facts) -> str:
    sizes = facts.sizes
    return (
        f"{note_of(facts)} {_TURNS} {sizes.runs:,} runs; {sizes.events:,} events of ten numbers; {sizes.arrays:,} "
        f"events of an array of 1000; {sizes.frames} frames of 1024 x 1024 and {sizes.small_frames} of 256 x 256, "
        "uint16. Questions and peak memory: by hand / here."
    )


def _parser() -> argparse.ArgumentParser:
    parser = new_parser("benchmarks", sys.modules[__package__].__doc__)
    parser.add_argument("--only", nargs="+", choices=["cold", *GROUPS], help="groups of tasks")
    parser.add_argument("--seconds", type=float, default=3.0, help="of each contestant at each task (%(default)s)")
    parser.add_argument("--latency-ms", type=float, default=0.0, help="added to each round trip (%(default)s)")
    parser.add_argument("--readers", type=int, default=1, help="how many do each task at once (%(default)s)")
    parser.add_argument("--patience", type=float, default=120.0, help="seconds until a call is given up (%(default)s)")
    parser.add_argument("--cold-starts", type=int, default=7, help="how many processes are started (%(default)s)")
    parser.add_argument(
        "--peers", action="store_true", help="with databroker 1.2.5 and 2.0.2, from environments that are made here"
    )
    parser.add_argument("--databroker-1", metavar="PYTHON", help="of an environment that is there already")
    parser.add_argument("--databroker-2", metavar="PYTHON", help="of an environment that is there already")
    parser.add_argument(
        "--catalogs", type=int, nargs="+", metavar="RUNS", help="measure instead catalogs of so many runs side by side"
    )
    parser.add_argument(
        "--index-building", action="store_true", help="measure instead how long all indexes take, and what writing then"
    )
    return parser


if __name__ == "__main__":
    main()
