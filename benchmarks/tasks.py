"""What is measured: the tasks, with the arguments of each round, and what they should take.

A contestant has a method for a task; where it also has one of the same name with ``prepare_`` before it, that is called
first, and what it returns are the arguments. What does not belong here: how a contestant does it.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .facts import Facts

Arguments = Callable[[Facts, int], tuple[Any, ...]]


@dataclass(frozen=True)
class Goal:
    """What a task should take, beside the program that is written by hand.

    Attributes
    ----------
    ratio : float or None
        At most so many times as long.
    beyond_ms : float or None
        At most so many milliseconds more.
    below_ms : float or None
        At most so many milliseconds.
    """

    ratio: float | None = None
    beyond_ms: float | None = None
    below_ms: float | None = None

    def __str__(self) -> str:
        said = {"<= {:.3g}x": self.ratio, "<= +{:g} ms": self.beyond_ms, "< {:g} ms": self.below_ms}
        return ", ".join(text.format(number) for text, number in said.items() if number is not None)

    def is_reached(self, seconds: float, by_hand: float) -> bool:
        """Tell whether it is reached."""
        most = [
            by_hand * (self.ratio or math.inf),
            by_hand + (self.beyond_ms or math.inf) / 1000,
            (self.below_ms or math.inf) / 1000,
        ]
        return seconds <= min(most)


@dataclass(frozen=True)
class Task:
    """Something to do.

    Attributes
    ----------
    title : str
        What a person would call it.
    group : str
        By which it is chosen on the command line.
    method : str
        The method of a contestant.
    arguments : callable
        From the facts and the number of the round to its arguments.
    goal : Goal
        What it should take.
    """

    title: str
    group: str
    method: str
    arguments: Arguments
    goal: Goal = Goal()


def _nothing(facts: Facts, number: int) -> tuple[Any, ...]:
    return ()


def _place(facts: Facts, number: int) -> tuple[Any, ...]:
    return (1 + number % min(400, facts.sizes.runs),)


def _scan_id(facts: Facts, number: int) -> tuple[Any, ...]:
    return (random.Random(number).randrange(1, facts.sizes.runs),)


def _uid(facts: Facts, number: int) -> tuple[Any, ...]:
    return (facts.uids[number * 7 % len(facts.uids)],)


def _uid_beginning(facts: Facts, number: int) -> tuple[Any, ...]:
    """Return a beginning that is no number: that could be a scan id, too."""
    beginnings = [uid[:8] for uid in facts.uids if not uid[:8].isdecimal()]
    return (beginnings[number * 11 % len(beginnings)],)


def _window(facts: Facts, number: int) -> tuple[Any, ...]:
    return facts.since, facts.until


def _sample(facts: Facts, number: int) -> tuple[Any, ...]:
    return "scan", f"sample_{number % 500:03d}"


def _proposal(facts: Facts, number: int) -> tuple[Any, ...]:
    return (f"P-{70_000 + number % 200}",)


def _row(facts: Facts, number: int) -> tuple[Any, ...]:
    return (random.Random(number).randrange(facts.sizes.events - 10),)


def _image(name: str) -> Arguments:
    return lambda facts, number: (name,)


def _image_and_frame(name: str) -> Arguments:
    return lambda facts, number: (name, number * 17 % facts.images[name].n)


LOOK_UP = Goal(ratio=2)

_OF_CODECS: dict[str, tuple[float, float | None]] = {
    "gzip alone": (0.25, None),
    "gzip": (0.25, None),
    "zstd": (0.4, None),
    "LZ4": (0.4, None),
    "bitshuffle LZ4": (0.55, 0.15),
    "blosc": (0.7, None),
}
"""How many times as long as h5py whole files may take, and windows where there are blocks to choose from."""

TASKS = (
    Task("catalog[-N]", "look-up", "run_at", _place, LOOK_UP),
    Task("catalog[scan_id]", "look-up", "run_of_scan_id", _scan_id, LOOK_UP),
    Task("catalog[uid]", "look-up", "run_of_uid", _uid, LOOK_UP),
    Task("catalog[partial uid]", "look-up", "run_of_beginning", _uid_beginning, LOOK_UP),
    Task("uid in catalog", "look-up", "has_run", _uid, LOOK_UP),
    Task("catalog[-5:]", "look-up", "latest_runs", _nothing, LOOK_UP),
    Task("len(catalog)", "list", "count_runs", _nothing, LOOK_UP),
    Task("first page of 100 runs", "list", "first_page", _nothing, Goal(ratio=2)),
    Task("start and stop of 1000 runs", "list", "runs_between", _window, Goal(ratio=1.2)),
    Task("table of 1000 runs", "list", "table", _nothing, Goal(ratio=2)),
    Task("search time, len", "search", "count_between", _window, Goal(ratio=2)),
    Task("search plan & sample, len", "search", "count_of_sample", _sample, Goal(ratio=2)),
    Task("search plan & sample, uids", "search", "uids_of_sample", _sample, Goal(ratio=2)),
    Task("search proposal (indexed), uids", "search", "uids_of_proposal", _proposal, Goal(ratio=2)),
    Task("search failed runs, first 100", "search", "failed_runs", _nothing, Goal(ratio=2)),
    Task("distinct samples, counted", "search", "samples", _nothing, Goal(ratio=2)),
    Task("read() of 10 columns of numbers", "events", "read_scalars", _nothing, Goal(ratio=1.5)),
    Task("read() of one of these", "events", "read_one_column", _nothing, Goal(ratio=1.5)),
    Task("read() of an array of 1000 each", "events", "read_arrays", _nothing, Goal(ratio=1.5)),
    Task("to_dask() of 10 columns", "events", "open_scalars", _nothing),
    Task("10 rows of a lazy column", "events", "some_rows", _row, Goal(beyond_ms=5)),
    Task("documents(fill='no')", "events", "export", _nothing, Goal(ratio=1.5)),
    Task("one column of 1000 runs", "many", "column_of_many", _nothing, Goal(ratio=1.5)),
    Task("its mean in each, a table", "many", "means_of_many", _nothing, Goal(ratio=1.5)),
    Task("mean image of each of 200 runs", "many", "mean_images", _nothing, Goal(ratio=1.5)),
    *(
        Task(f"{name}: {title}", f"images {name}", method, arguments(name), goal)
        for name in ("HDF5", "HDF5 small", "TIFF", "TIFF zlib")
        for title, method, arguments, goal in (
            ("to_dask()", "open_images", _image, Goal(beyond_ms=15)),
            ("one frame", "one_frame", _image_and_frame, Goal(beyond_ms=5)),
            ("10 x 10 of every frame", "small_window", _image, Goal(ratio=0.2 if name == "TIFF zlib" else 1.5)),
            ("mean over time", "mean_frame", _image, Goal(ratio=1.7)),
            ("read()", "read_images", _image, Goal(ratio=1.2)),
        )
    ),
    *(
        Task(f"HDF5 {codec}: {title}", "images compressed", method, arguments(f"HDF5 {codec}"), goal)
        for codec, (of_whole, of_window) in _OF_CODECS.items()
        for title, method, arguments, goal in (
            ("one frame", "one_frame", _image_and_frame, Goal(beyond_ms=5)),
            ("10 x 10 of every frame", "small_window", _image, Goal(ratio=of_window)),
            ("read()", "read_images", _image, Goal(ratio=of_whole)),
        )
    ),
    Task("insert a descriptor of 268 keys", "insert", "insert_descriptor", _nothing, Goal(below_ms=3)),
    Task("insert 960 events, durable each, 16 threads", "insert", "insert_shared", _nothing, Goal(ratio=0.5)),
    Task("insert events one by one", "insert", "insert_events", _nothing, Goal(ratio=1 / 0.7)),
    Task("insert pages of 100 events", "insert", "insert_pages", _nothing, Goal(ratio=1 / 0.7)),
)
BY_TITLE = {task.title: task for task in TASKS}
GROUPS = tuple(dict.fromkeys(task.group for task in TASKS))
