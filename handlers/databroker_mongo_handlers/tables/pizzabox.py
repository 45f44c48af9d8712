"""Files of the pizza-box electrometers and encoders of absorption beamlines: whole files of fixed columns.

Each datum, without keywords, is the file as a table of float64, as the handlers of the beamline ISS make it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..rows import Array, Closes

_CLOCK_TICK_SECONDS = 8.0051232e-9


class _WordTable(Closes):
    """Records of so many int32."""

    def __init__(self, path: str, *, n_words: int):
        self._path = path
        self._n_words = n_words

    def get_file_list(self, datum_kwargs: Iterable[Mapping[str, Any]] = ()) -> list[str]:
        """Return the one file."""
        return [self._path]

    def _words(self) -> Array:
        n_bytes, record = Path(self._path).stat().st_size, 4 * self._n_words
        if n_bytes % record:
            raise OSError(f"{self._path} has {n_bytes} bytes, which is not a whole number of records of {record}")
        return np.fromfile(self._path, "<i4").reshape(-1, self._n_words)


class AnalogSamples(_WordTable):
    """Spec ``APB``: seconds since 1970, then the channels i0, it, ir, iff, aux1, aux2, aux3, aux4.

    Parameters
    ----------
    path : str
        The file.
    """

    def __init__(self, path: str):
        super().__init__(path, n_words=10)

    def __call__(self) -> Array:
        """Return the table, shape ``(records, 9)``, float64.

        Raises
        ------
        OSError
            When the file is missing or ends within a record.
        """
        words = self._words()
        return np.column_stack([words[:, 8] + words[:, 9] * _CLOCK_TICK_SECONDS, words[:, :8]])


class TriggerTimes(_WordTable):
    """Spec ``APB_TRIGGER``: seconds since 1970, then which way the trigger went.

    Parameters
    ----------
    path : str
        The file.
    """

    def __init__(self, path: str):
        super().__init__(path, n_words=3)

    def __call__(self) -> Array:
        """Return the table, shape ``(records, 2)``, float64.

        Raises
        ------
        OSError
            When the file is missing or ends within a record.
        """
        words = self._words()
        return np.column_stack([words[:, 1] + words[:, 2] * _CLOCK_TICK_SECONDS, words[:, 0]])
