"""Photoemission spectra that SPECS analysers write through areaDetector, one HDF5 file a frame, as tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np

from ..hdf5 import INSTRUMENT_ATTRIBUTES, NEXUS_DATA, opened
from ..rows import Closes, paths_of_frames, whole_number


class SpecsTables(Closes):
    """Spec ``SPECS_HDF5_SINGLE_DATAFRAME``: datum ``point_number`` is a list of tables with their kinetic energies.

    Parameters
    ----------
    path : str
        The folder of the files.
    template : str
        In C's ``printf`` style, for folder, file name and number.
    filename : str
        The part of the name that all files have.
    key : str, optional
        Name of the dataset, of shape ``(columns, rows)``.
    column_names : sequence of str, optional
        Names of its columns.
    frame_per_point : int, optional
        Tables of one datum.
    """

    def __init__(
        self,
        path: str,
        *,
        template: str,
        filename: str,
        key: str = NEXUS_DATA,
        column_names: Sequence[str] | None = None,
        frame_per_point: int = 1,
    ):
        self._path_of = paths_of_frames(template, str(path), filename)
        self._key = key
        self._column_names = column_names
        self._frame_per_point = whole_number(frame_per_point, "frame_per_point", minimum=1)

    def __call__(self, point_number: int) -> list[Any]:
        """Return one pandas.DataFrame for each frame.

        Raises
        ------
        OSError
            When a file is missing or damaged, or open for writing.
        ImportError
            When pandas is not installed.
        """
        return [self._table(path) for path in self._paths(point_number)]

    def get_file_list(self, datum_kwargs: Iterable[Mapping[str, Any]]) -> list[str]:
        """Return the files that these tables are read from, opening none."""
        return list(dict.fromkeys(path for datum in datum_kwargs for path in self._paths(**datum)))

    def _paths(self, point_number: int) -> list[str]:
        first = whole_number(point_number, "point_number") * self._frame_per_point
        numbers = range(first, first + self._frame_per_point)
        return [self._path_of(number) for number in numbers]

    def _table(self, path: str) -> Any:
        with opened(path) as file:
            table = _pandas().DataFrame(file.dataset(self._key)[()].T, columns=self._column_names)
            start, stop, step = (
                file.dataset(f"{INSTRUMENT_ATTRIBUTES}/{name}")[0]
                for name in ("StartEnergy", "StopEnergy", "StepEnergy")
            )
        table["kinetic_energy"] = np.append(np.arange(start, stop, step), stop)
        return table


def _pandas() -> ModuleType:
    try:
        return import_module("pandas")
    except ImportError as error:
        raise ImportError("tables of SPECS need pandas: pip install databroker-mongo-handlers[pandas]") from error
