"""The levels of a handler, as the classes of this package have them, and level 0 by way of the others.

``databroker_mongo.assets.handler`` says what each level promises; nothing has to be imported from there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from .rows import Array, Structure

Datum = Mapping[str, Any]


class RegionHandler(Protocol):
    """What all handlers of this package can do; ``databroker_mongo`` documents it as levels 0 to 2."""

    def structure(self, **datum_kwargs: Any) -> Structure:
        """Return shape, dtype and chunks of one datum."""
        ...

    def read_into(self, out: Array, datums: Sequence[Datum], region: tuple[slice, ...]) -> None:
        """Fill ``out`` with the same region of each datum."""
        ...

    def get_file_list(self, datum_kwargs: Iterable[Datum]) -> list[str]:
        """Return the files of these datums, opening none."""
        ...

    def linked_files(self, datum_kwargs: Iterable[Datum] = ()) -> list[str]:
        """Return the files that the files of these datums refer to."""
        ...

    def close(self) -> None:
        """Close what is open."""
        ...


class CallsReadInto:
    """Level 0 by way of levels 1 and 2."""

    def __call__(self: RegionHandler, **datum_kwargs: Any) -> Array:
        """Return the array of one datum, in the shape and dtype that `structure` tells.

        Raises
        ------
        OSError
            When a file is missing, damaged, short or open for writing.
        """
        shape, dtype, _ = self.structure(**datum_kwargs)
        out: Array = np.empty((1, *shape), dtype)
        self.read_into(out, [datum_kwargs], tuple(slice(0, length) for length in shape))
        return out.reshape(shape)
