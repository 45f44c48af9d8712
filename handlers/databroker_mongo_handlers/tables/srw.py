"""Intensities that Synchrotron Radiation Workshop computed: text files, with how many points there are at the top."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from ..rows import Array, Closes

_HEADER_LINES = 10
_N_HORIZONTAL, _N_VERTICAL = 6, 9


class SimulatedIntensity(Closes):
    """Specs ``srw`` and ``SIREPO_FLYER``: the datum, without keywords, is the intensity.

    Parameters
    ----------
    path : str
        The file.
    ndim : int, optional
        2 for an image, ``(y, x)``; 1 for a spectrum, ``(energies,)``.

    Raises
    ------
    ValueError
        When ``ndim`` is neither.
    """

    def __init__(self, path: str, *, ndim: int = 2):
        if ndim not in (1, 2):
            raise ValueError(f"ndim must be 1 or 2, not {ndim!r}")
        self._path = path
        self._ndim = ndim

    def __call__(self) -> Array:
        """Return the intensity, float64.

        Raises
        ------
        OSError
            When the file is missing, damaged or short.
        """
        shape = self._shape()
        try:
            numbers = np.loadtxt(self._path, ndmin=1).ravel()
        except ValueError as error:
            raise OSError(f"{self._path} cannot be read as numbers: {error}") from error
        if self._ndim == 1:
            return numbers
        if len(numbers) != shape[0] * shape[1]:
            raise OSError(f"{self._path} holds {len(numbers)} numbers, but declares an image of {shape}")
        return numbers.reshape(shape)

    def get_file_list(self, datum_kwargs: Iterable[Mapping[str, Any]] = ()) -> list[str]:
        """Return the one file."""
        return [self._path]

    def _shape(self) -> tuple[int, int]:
        with Path(self._path).open(encoding="utf-8", errors="replace") as file:
            lines = list(islice(file, _HEADER_LINES))
        try:
            n_y, n_x = (int(float(lines[at].replace("#", "").split()[0])) for at in (_N_VERTICAL, _N_HORIZONTAL))
        except (IndexError, ValueError) as error:
            raise OSError(
                f"{self._path} is not a file of intensities: its first ten lines do not count points"
            ) from error
        return n_y, n_x
