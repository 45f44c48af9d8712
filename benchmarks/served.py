"""Runs over HTTP: how long clients wait for ours, in both layouts, and for databroker 2.0.2 on the same database.

``python -m benchmarks.served --peers``, in an environment with the extra ``[tiled]``. Each server is a process of its
own behind real HTTP on this machine, asked by Tiled's client, in turns, call by call.
"""

from __future__ import annotations

import argparse
import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import median
from typing import Any

from tiled.client import from_uri

from . import environments
from .facts import Facts
from .programs import data_of, new_parser, note_of
from .servers import KEY, OURS, Server, ours, serving
from .table import show

_PEER = "databroker 2.0.2"
_MEDIANS = "Medians, and the ratio of medians (of the shortest times)."
_FEWEST, _MOST = 3, 60


class Asker:
    """What a user does with the client of a server."""

    def __init__(self, server: Server, facts: Facts):
        self._facts = facts
        client = from_uri(f"{server.address}api/v1/", api_key=KEY)
        self._runs, self._data = client["runs"], client["data"]
        self._http = server.http()
        self._opened: dict[str, Any] = {}

    def warm(self) -> None:
        """Let the server import what it needs, by a run that is not measured."""
        self._runs[self._facts.uids[-1]]["primary"].read()

    def newest(self, number: int) -> Any:
        return self._runs[-1].start["uid"]

    def of_scan_id(self, number: int) -> Any:
        return self._runs[1 + (number * 37) % self._facts.sizes.runs].start["scan_id"]

    def page(self, number: int) -> Any:
        return [run.start["uid"] for run in self._runs.values()[100 * number : 100 * (number + 1)]]

    def metadata(self, number: int) -> Any:
        # Tiled gives 300 at most in one answer.
        first = 1000 * (number % max(1, self._facts.sizes.runs // 1000))
        begins = range(first, first + 1000, 250)
        pages = (self._runs.values()[begin : begin + 250] for begin in begins)
        return [run.metadata["stop"]["exit_status"] for page in pages for run in page]

    def numbers(self, number: int) -> Any:
        return self._stream(self._facts.scalars).read().sizes["time"]

    def frame(self, number: int) -> Any:
        return int(self._images("HDF5")[number % self._facts.images["HDF5"].n, 0].sum())

    def picture(self, number: int) -> Any:
        path = self._images("HDF5").item["links"]["full"].partition("/api/v1/")[2]
        found = self._http.get(
            path, params={"slice": f"{number % self._facts.images['HDF5'].n},0,:,:", "format": "png"}
        )
        return found.raise_for_status().content[:4]

    def windows(self, number: int) -> Any:
        return int(self._images("HDF5")[:, 0, 100:110, 100:110].sum())

    def stack(self, number: int) -> Any:
        return self._images("HDF5 small").read().shape

    def _stream(self, uid: str) -> Any:
        """Return a stream; it is looked up once, as a person holds it in a variable."""
        if uid not in self._opened:
            self._opened[uid] = self._data[uid]["primary"]
        return self._opened[uid]

    def _images(self, name: str) -> Any:
        if name not in self._opened:
            stream = self._stream(self._facts.images[name].uid)
            self._opened[name] = (stream if type(stream).__name__.endswith("V3") else stream["data"])["image"]
        return self._opened[name]


@dataclass(frozen=True)
class Asked:
    """Something that is asked, and how much of the time of databroker 2.0.2 it may take.

    Attributes
    ----------
    title : str
        What it is.
    ask : callable
        Asks it; is given the number of the call.
    goal : float
        The most of the time that repeated calls may take.
    first : float or None
        The same at the first touch; None where each call is of runs that nobody has asked for.
    """

    title: str
    ask: Callable[[Asker, int], Any]
    goal: float
    first: float | None = None


ASKED = (
    Asked("catalog[-1]", Asker.newest, 0.4),
    Asked("catalog[scan_id]", Asker.of_scan_id, 1.1),
    Asked("a page of 100 runs", Asker.page, 0.3),
    Asked("metadata of 1000 runs", Asker.metadata, 0.3),
    Asked("read() of 100,000 x 10 numbers", Asker.numbers, 0.45, 1.0),
    Asked("a frame of 1024 x 1024", Asker.frame, 0.45, 0.45),
    Asked("a frame as PNG", Asker.picture, 0.75),
    Asked("10 x 10 of each of 200 frames", Asker.windows, 0.1),
    Asked("read() of 2000 x 256 x 256", Asker.stack, 0.6, 0.6),
)


def main() -> None:
    """Run the command."""
    parser = new_parser(__spec__.name, __doc__)
    parser.add_argument("--peers", action="store_true", help="with databroker 2.0.2, from an environment that is made")
    parser.add_argument("--databroker-2", metavar="PYTHON", help="of an environment that is there already")
    parser.add_argument("--seconds", type=float, default=20.0, help="how long all are asked the same (%(default)s)")
    options = parser.parse_args()
    with data_of(options) as facts, contextlib.ExitStack() as stack:
        uris = {"runs": facts.uri(facts.runs_database), "data": facts.uri(facts.data_database)}
        servers = {name: stack.enter_context(ours(uris, layout)) for name, layout in OURS.items()}
        if python := _peer(options):
            servers[_PEER] = stack.enter_context(serving(python, uris))
        askers = {name: Asker(server, facts) for name, server in servers.items()}
        for asker in askers.values():
            asker.warm()
        rows = []
        for asked in ASKED:
            for row in _rows(asked, _measure(asked, askers, options.seconds)):
                print(*row, sep=" | ", flush=True)
                rows.append(row)
        headings = ["asked", *(f"{name}, ms" for name in servers), *(f"{name}, ratio" for name in OURS), "goal", ""]
        show(headings, rows, f"{note_of(facts)} {_MEDIANS}", options.rst)


def _peer(options: argparse.Namespace) -> str | None:
    return environments.made("databroker_2", options.work) if options.peers else options.databroker_2


def _measure(asked: Asked, askers: dict[str, Asker], seconds: float) -> dict[str, list[float]]:
    """Return how many seconds each call took, the first one first.

    Raises
    ------
    ValueError
        The servers give different answers.
    """
    taken: dict[str, list[float]] = {name: [] for name in askers}
    names = list(askers)
    ends = time.monotonic() + seconds
    for number in range(1 + _MOST):
        if number > _FEWEST and time.monotonic() > ends:
            break
        answers = {}
        for name in names[number % len(names) :] + names[: number % len(names)]:
            began = time.perf_counter()
            answers[name] = asked.ask(askers[name], number)
            taken[name].append(time.perf_counter() - began)
        if len(set(map(repr, answers.values()))) > 1:
            raise ValueError(f"{asked.title}: the servers give different answers: {answers}"[:2000])
    return taken


def _rows(asked: Asked, taken: dict[str, list[float]]) -> Iterator[list[str]]:
    if asked.first is not None:
        first = {name: each[:1] for name, each in taken.items()}
        yield [f"{asked.title}, the first time", *_cells(first, asked.first)]
    yield [asked.title, *_cells({name: each[1:] for name, each in taken.items()}, asked.goal)]


def _cells(taken: dict[str, list[float]], goal: float) -> list[str]:
    times = [f"{1000 * median(each):.3g}" for each in taken.values()]
    if _PEER not in taken:
        return [*times, "", "", f"{goal:g}", ""]
    ratios = [[best(taken[name]) / best(taken[_PEER]) for best in (median, min)] for name in OURS]
    told = [f"{of_medians:.2f} ({of_bests:.2f})" for of_medians, of_bests in ratios]
    return [*times, *told, f"{goal:g}", "yes" if all(min(each) <= goal for each in ratios) else "NO"]


if __name__ == "__main__":
    main()
