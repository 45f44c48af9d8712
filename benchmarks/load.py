"""Fifty clients at a server of runs, and what may go wrong meanwhile: what is answered, how late, in how much memory.

``python -m benchmarks.load``, in an environment with the extra ``[tiled]``, takes ten minutes and a half. Each client
asks for metadata once in two seconds, while four others export CSV, of a server of several processes on a private
MongoDB. Meanwhile one reads slowly, one goes away, one asks for 300 MB, one a thousand times for a run that is not
there; and half way, MongoDB is stopped and started again.
"""

from __future__ import annotations

import contextlib
import itertools
import random
import socket
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import numpy as np
import psutil

from databroker_mongo import local_server
from databroker_mongo.server import stop_server

from .data import make_data
from .facts import Facts
from .programs import new_parser, note_of, sizes_of, with_database
from .servers import KEY, Server, ours, serving
from .table import show

_CLIENTS, _EXPORTERS, _PROCESSES = 50, 4, 3
_EVERY_SECONDS = 2.0
_AWAY_SECONDS, _BACK_SECONDS = 15.0, 5.0
_MISSING, _AT_ONCE = 1000, 4
_SERVER_ERRORS = (500, 502, 504)


@dataclass(frozen=True)
class Asked:
    """The paths of what is asked, in the layout of a server."""

    facts: Facts
    layout: int

    @property
    def table(self) -> str:
        """100,000 rows of ten numbers as CSV."""
        stream = f"data/{self.facts.scalars}/primary"
        place = f"table/full/{stream}/internal" if self.layout == 3 else f"container/full/{stream}/data"
        return f"{place}?format=text/csv"

    def stack(self, n_frames: int) -> str:
        """Frames of 2 MB each."""
        place = "primary/image" if self.layout == 3 else "primary/data/image"
        path = f"array/full/data/{self.facts.images['HDF5'].uid}/{place}"
        return f"{path}?slice=:{n_frames}&format=application/octet-stream"


class Record:
    """What was answered: when, to whom, with which status, after how many seconds; safe for threads."""

    def __init__(self) -> None:
        self.answers: list[tuple[float, str, int | str, float]] = []

    def ask(self, kind: str, ask: Callable[[], httpx.Response]) -> None:
        """Ask, and keep what was answered; an answer that breaks off is kept by the name of its error."""
        began = time.monotonic()
        status: int | str
        try:
            status = ask().status_code
        except httpx.HTTPError as error:
            status = type(error).__name__
        self.answers.append((began, kind, status, time.monotonic() - began))

    def statuses(self, kind: str) -> Counter[int | str]:
        """Return how often each status was answered."""
        return Counter(status for _, each, status, _ in self.answers if each == kind)


def main() -> None:
    """Run the command."""
    parser = new_parser(__spec__.name, __doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="how long they ask (%(default)s)")
    parser.add_argument("--databroker-2", metavar="PYTHON", help="ask databroker 2.0.2 of this environment instead")
    options = parser.parse_args()
    data = options.work / "server"
    with local_server(data, keep=True) as mongod:
        facts = make_data(with_database(mongod.uri), options.work, sizes_of(options))
        note = note_of(facts)
    # The address of the directory, which is that of whichever mongod runs on it.
    uris = {name: mongod.uri.replace("/?", f"/{each}?") for name, each in _databases(facts).items()}
    try:
        with _served(options, uris) as server:
            asked = Asked(facts, 2 if options.databroker_2 else 3)
            rows = _run(server, asked, data, 60 * options.minutes)
    finally:
        stop_server(data)
    show(["what", "answers", "goal", ""], rows, note, options.rst)


def _databases(facts: Facts) -> dict[str, str]:
    return {"runs": facts.runs_database, "data": facts.data_database}


def _served(options: Any, uris: dict[str, str]) -> contextlib.AbstractContextManager[Server]:
    if options.databroker_2:
        return serving(options.databroker_2, uris, n_processes=_PROCESSES)
    return ours(uris, 3, _PROCESSES)


def _run(server: Server, asked: Asked, data: Path, seconds: float) -> list[list[str]]:
    record, ends = Record(), threading.Event()
    threads: list[Callable[[], None]] = [
        *(lambda number=n: _client(server, asked, record, ends, number) for n in range(_CLIENTS)),
        *(lambda: _exporter(server, asked, record, ends) for _ in range(_EXPORTERS)),
        lambda: _slow_reader(server, asked, record, ends),
        lambda: _goes_away(server, asked, ends),
        lambda: _asks_for_much(server, asked, record, ends),
    ]
    with ThreadPoolExecutor(len(threads) + _AT_ONCE) as pool:
        busy = [pool.submit(each) for each in threads]
        busy += [pool.submit(_missing, server, record) for _ in range(_AT_ONCE)]
        memory, (away, back) = _watch(server, data, seconds)
        ends.set()
        for each in busy:
            each.result()
    return _rows(record, memory, away, back)


def _watch(server: Server, data: Path, seconds: float) -> tuple[list[float], tuple[float, float]]:
    """Look at the memory of the server once in a second; half way, stop MongoDB and start it again."""
    began, memory = time.monotonic(), []
    away = back = 0.0
    with contextlib.ExitStack() as stack:
        while (now := time.monotonic()) < began + seconds:
            memory.append(sum(_memory(pid) for pid in server.pids))
            if not away and now > began + seconds / 2:
                away = now
                stop_server(data)
                time.sleep(_AWAY_SECONDS)
                stack.enter_context(local_server(data, keep=True))
                back = time.monotonic()
            time.sleep(1.0)
    return memory, (away, back)


def _memory(pid: int) -> float:
    process = psutil.Process(pid)
    return sum(each.memory_info().rss for each in [process, *process.children(recursive=True)]) / 1e6


def _client(server: Server, asked: Asked, record: Record, ends: threading.Event, number: int) -> None:
    """Ask for metadata once in two seconds: of a run, a page of runs, or what a stream has."""
    uids = random.Random(number).sample(asked.facts.uids, min(50, len(asked.facts.uids)))
    paths = itertools.cycle(
        path
        for uid in uids
        for path in (f"metadata/runs/{uid}", "search/runs?page[limit]=25&sort=-time", f"search/runs/{uid}/primary")
    )
    time.sleep(_EVERY_SECONDS * number / _CLIENTS)
    with server.http() as http:
        while not ends.wait(_EVERY_SECONDS):
            path = next(paths)
            record.ask("metadata", lambda path=path: http.get(path))


def _exporter(server: Server, asked: Asked, record: Record, ends: threading.Event) -> None:
    with server.http() as http:
        while not ends.is_set():
            record.ask("CSV of 100,000 rows", lambda: http.get(asked.table))


def _slow_reader(server: Server, asked: Asked, record: Record, ends: threading.Event) -> None:
    def read_slowly() -> httpx.Response:
        with server.http() as http, http.stream("GET", asked.stack(20)) as answer:
            for _ in answer.iter_bytes(1_000_000):
                if ends.wait(0.2):
                    break
            return answer

    while not ends.is_set():
        record.ask("40 MB, read slowly", read_slowly)


def _goes_away(server: Server, asked: Asked, ends: threading.Event) -> None:
    """Ask for something large, read a little of it, and hang up."""
    place = urlsplit(server.address)
    request = f"GET /api/v1/{asked.stack(20)} HTTP/1.1\r\nHost: {place.netloc}\r\nAuthorization: Apikey {KEY}\r\n\r\n"
    while not ends.wait(1.0):
        with contextlib.suppress(OSError), socket.create_connection((place.hostname or "", place.port or 0)) as away:
            away.sendall(request.encode())
            away.recv(1000)


def _asks_for_much(server: Server, asked: Asked, record: Record, ends: threading.Event) -> None:
    with server.http() as http:
        while not ends.wait(5.0):
            record.ask("more than 300 MB", lambda: http.get(asked.stack(150)))


def _missing(server: Server, record: Record) -> None:
    with server.http() as http:
        for _ in range(_MISSING // _AT_ONCE):
            record.ask("a run that is not there", lambda: http.get(f"metadata/runs/{uuid.uuid4()}"))


def _rows(record: Record, memory: list[float], away: float, back: float) -> list[list[str]]:
    kinds = dict.fromkeys(kind for _, kind, _, _ in record.answers)
    rows = [[kind, _told(record.statuses(kind)), "", ""] for kind in kinds]
    wrong = [status for _, _, status, _ in record.answers if status in _SERVER_ERRORS or isinstance(status, str)]
    rows.append(["500, 502, 504, broken off", f"{len(wrong)}", "0", _verdict(not wrong)])
    calm = [
        seconds
        for began, kind, _, seconds in record.answers
        if kind == "metadata" and not away - 1 < began < back + _BACK_SECONDS
    ]
    p50, p99 = (1000 * np.percentile(calm, part) for part in (50, 99))
    rows.append(["metadata, median / 99th percentile, ms", f"{p50:.0f} / {p99:.0f}", "<= 250", _verdict(p99 <= 250)])
    late = [status for began, _, status, _ in record.answers if began > back + _BACK_SECONDS and status == 503]
    meanwhile = [status for began, _, status, _ in record.answers if away < began < back]
    rows.append(["while MongoDB is away", _told(Counter(meanwhile)), "503", ""])
    rows.append([f"503 from {_BACK_SECONDS:g} s after it is back", f"{len(late)}", "0", _verdict(not late)])
    early, last = (float(np.median(part)) for part in (memory[len(memory) // 4 : len(memory) // 3], memory[-20:]))
    told = f"{early:.0f} / {last:.0f} / {max(memory):.0f}"
    rows.append(
        ["MB of all processes: after a quarter / at the end / most", told, "<= +15 %", _verdict(last < 1.15 * early)]
    )
    return rows


def _told(statuses: Counter[int | str]) -> str:
    return ", ".join(f"{number} x {status}" for status, number in sorted(statuses.items(), key=str)) or "none"


def _verdict(is_met: bool) -> str:
    return "yes" if is_met else "NO"


if __name__ == "__main__":
    main()
