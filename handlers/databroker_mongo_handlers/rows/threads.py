"""Reading with several threads, where reading lets others work: system calls and decoders do, HDF5 does not."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

_N_THREADS = 2
_NAME = "databroker-mongo-side-by-side"
_WORTH_A_THREAD_BYTES = 2 * 2**20  # of less, starting a thread takes longer than it saves
_Part = TypeVar("_Part")


def read_side_by_side(
    read: Callable[[_Part], object], parts: Sequence[_Part], *, n_bytes: int, n_threads: int = _N_THREADS
) -> None:
    """Read parts, threads taking turns when there is enough to read.

    Parameters
    ----------
    read : callable
        Reads one part; what it raises is raised here.
    parts : sequence
        The parts.
    n_bytes : int
        How much there is to read in all.
    n_threads : int, optional
        How many threads.
    """
    # Files that are read side by side read their parts one by one, or threads would be squared.
    if n_bytes < _WORTH_A_THREAD_BYTES or threading.current_thread().name.startswith(_NAME):
        n_threads = 1
    n_threads = max(1, min(n_threads, len(parts)))

    def read_share(number: int) -> None:
        for part in parts[number::n_threads]:
            read(part)

    if n_threads == 1:
        read_share(0)
        return
    # It imports logging and takes a quarter of the time of all of rows/, which each handler imports.
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(n_threads, _NAME) as pool:
        list(pool.map(read_share, range(n_threads)))
