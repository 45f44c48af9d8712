"""The levels of a handler, as the classes of this package have them, and level 0 by way of the others.

``databroker_mongo.assets.handler`` says what each level promises; nothing has to be imported from there.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol, Self

import numpy as np

from .keeping_open import keep_open
from .rows import Array, BeforeOpening, Layout, Structure

Datum = Mapping[str, Any]


class RegionHandler(Protocol):
    """What all handlers of this package can do; ``databroker_mongo`` documents it as levels 0 to 2."""

    def structure(self, **datum_kwargs: Any) -> Structure:
        """Return shape, dtype and chunks of one datum."""
        ...

    def layout(self, **datum_kwargs: Any) -> Layout:
        """Return how a datum lies in the array that a file holds."""
        ...

    def way(self, **datum_kwargs: Any) -> str:
        """Return how the values of a datum are read, in words."""
        ...

    def read_into(self, out: Array, datums: Sequence[Datum], region: tuple[slice, ...]) -> None:
        """Fill ``out`` with the same region of each datum."""
        ...

    def get_file_list(self, datum_kwargs: Iterable[Datum]) -> list[str]:
        """Return the files of these datums, opening none."""
        ...

    def linked_files(
        self, datum_kwargs: Iterable[Datum] = (), *, before_opening: BeforeOpening | None = None
    ) -> list[str]:
        """Return the files that the files of these datums refer to."""
        ...

    def close(self) -> None:
        """Close what is open."""
        ...


class Closes:
    """A handler that ``with`` closes, as those of area-detector-handlers are; closing it once more does no harm."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    keep_open = staticmethod(keep_open)

    def close(self) -> None:
        """Close what is open: of itself, nothing."""


class CallsReadInto(Closes):
    """Level 0 by way of levels 1 and 2; the arguments of a datum may also be given by position."""

    def __call__(self, *arguments: Any, **datum_kwargs: Any) -> Array:
        """Return the array of one datum, in the shape and dtype that `structure` tells.

        Raises
        ------
        OSError
            When a file is missing, damaged, short or open for writing.
        TypeError
            When there are more arguments than a datum has.
        """
        datum = self._named(arguments, datum_kwargs)
        reader: RegionHandler = self  # type: ignore[assignment]  # subclasses have the other levels
        with self.keep_open():
            shape, dtype, _ = reader.structure(**datum)
            out: Array = np.empty((1, *shape), dtype)
            reader.read_into(out, [datum], tuple(slice(0, length) for length in shape))
        return out.reshape(shape)

    def _datum_names(self) -> Sequence[str]:
        """Return the names of what may be given by position, in order."""
        return ()

    def _named(self, arguments: Sequence[Any], datum_kwargs: Datum) -> Datum:
        names = self._datum_names() if arguments else ()
        if len(arguments) > len(names):
            takes = f"at most {len(names)} ({', '.join(names)})" if names else "none"
            raise TypeError(f"a datum has {len(arguments)} arguments without names, but takes {takes}")
        named = dict(zip(names, arguments, strict=False))
        twice = named.keys() & datum_kwargs.keys()
        if twice:
            raise TypeError(f"a datum has {', '.join(sorted(twice))} by position and by name")
        return {**named, **datum_kwargs}


def names_of(interprets: Callable[..., Any]) -> list[str]:
    """Return the names of the arguments of a function that interprets a datum, in order."""
    parameters = inspect.signature(interprets).parameters.values()
    return [each.name for each in parameters if each.kind not in (each.VAR_KEYWORD, each.VAR_POSITIONAL)]
