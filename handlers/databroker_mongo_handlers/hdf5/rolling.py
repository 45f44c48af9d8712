"""HDF5 files that roll over: ``NAME.h5_000001.h5``, ``NAME.h5_000002.h5``, ... as Odin writes them.

Finding the members of such a family, and how far it can be read while it grows. Reading them does not belong here.
"""

from __future__ import annotations

import re
from itertools import count
from pathlib import Path

from ..rows import BeforeOpening, ChainedRows
from .flags import is_open_for_writing
from .rows import HDF5Rows

_NUMBERED = re.compile(r"(?P<beginning>.*_)(?P<number>\d{6})(?P<ending>\.h(df)?5)")


def members(path: str) -> list[str]:
    """Return the files of the family that a path names: those that there are, or the path alone.

    The path may be that of the first file, ``NAME_000001.h5``, or what all have in common, ``NAME.h5``.
    """
    named = _NUMBERED.fullmatch(path)
    if named and int(named["number"]) == 1:
        beginning, ending = named["beginning"], named["ending"]
    elif not Path(path).exists() and Path(f"{path}_000001.h5").exists():
        beginning, ending = f"{path}_", ".h5"
    else:
        return [path]
    found: list[str] = []
    for number in count(1):
        member = f"{beginning}{number:06d}{ending}"
        if not Path(member).exists():
            return found or [path]
        found.append(member)
    return found


def rolling_rows(path: str, dataset: str, *, swmr: bool, row_axes: int | None = None) -> ChainedRows:
    """Return the rows of a family of files, numbered through.

    While a file that has a successor is still open for writing, it may get rows yet; the family ends with it for now.

    Parameters
    ----------
    path : str
        As in `members`.
    dataset : str
        Name of the dataset in each file.
    swmr : bool
        Follow a writer in SWMR mode.
    row_axes : int, optional
        How many axes a row has, by default all of a dataset but the first.
    """

    def find_sources(before_opening: BeforeOpening | None) -> list[HDF5Rows]:
        sources = []
        for member in members(path):
            if before_opening is not None:
                before_opening(member)
            sources.append(HDF5Rows(member, dataset, swmr=swmr, row_axes=row_axes))
            if is_open_for_writing(member):
                break
        return sources

    return ChainedRows(find_sources, list_paths=lambda: members(path), name=f"{path}: {dataset}")
