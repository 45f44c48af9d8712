"""How many threads decode, and whether any does: the one place where handlers ask the environment."""

from __future__ import annotations

import os
from typing import Final

DECODER_VARIABLE: Final = "DATABROKER_MONGO_DECODER"
THREADS_VARIABLE: Final = "DATABROKER_MONGO_DECODER_THREADS"
_MOST_THREADS = 8


def is_left_to_hdf5() -> bool:
    """Return whether HDF5 shall decode all chunks: ``DATABROKER_MONGO_DECODER=hdf5``.

    Raises
    ------
    ValueError
        When the variable has a value that means nothing.
    """
    chosen = os.environ.get(DECODER_VARIABLE, "")
    if chosen not in {"", "own", "hdf5"}:
        raise ValueError(f'{DECODER_VARIABLE}={chosen!r} in the environment: "own" and "hdf5" are known')
    return chosen == "hdf5"


def n_threads() -> int:
    """Return how many threads shall decode at once: ``DATABROKER_MONGO_DECODER_THREADS``, or one a core up to 8.

    Raises
    ------
    ValueError
        When the variable is no number of threads.
    """
    chosen = os.environ.get(THREADS_VARIABLE, "")
    if not chosen:
        return min(_MOST_THREADS, _n_usable_cores())
    if not (chosen.isascii() and chosen.isdigit() and int(chosen) > 0):
        raise ValueError(f"{THREADS_VARIABLE}={chosen!r} in the environment: a number of threads from 1 on is needed")
    return int(chosen)


def _n_usable_cores() -> int:
    # A batch system gives a job fewer cores than the machine has; only Linux can say so.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
