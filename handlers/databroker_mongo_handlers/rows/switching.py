"""Handlers whose datums name a dataset or a file by some keywords, and a part of it by the others."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from itertools import groupby
from typing import Any

from .levels import CallsReadInto, Datum, RegionHandler, names_of
from .rows import Array, BeforeOpening, Layout, Structure

_MOST_KEPT = 64  # each may have a file open


class SwitchHandler(CallsReadInto):
    """One handler for each of the datasets or files among which the keywords of a datum choose.

    Parameters
    ----------
    choose : callable
        From the keywords of a datum to the key of its handler and the keywords that are left for it.
    make : callable
        From a key to a new handler.
    datum_names : sequence of str, optional
        What may be given by position, in order; by default what ``choose`` takes.
    """

    def __init__(
        self,
        choose: Callable[..., tuple[Hashable, dict[str, Any]]],
        *,
        make: Callable[[Any], Any],
        datum_names: Sequence[str] | None = None,
    ):
        self._choose = choose
        self._make = make
        self._names = datum_names
        self._made: dict[Hashable, RegionHandler] = {}

    def structure(self, **datum_kwargs: Any) -> Structure:
        """Return shape, dtype and chunks of one datum, from headers alone.

        Raises
        ------
        OSError
            When a file is missing or damaged, or the datum is not there in full.
        """
        key, left = self._choose(**datum_kwargs)
        return self._handler(key).structure(**left)

    def layout(self, **datum_kwargs: Any) -> Layout:
        """Return the shape of the array that a datum is taken from, and how it is.

        Raises
        ------
        OSError
            When a file is missing, damaged or open for writing.
        """
        key, left = self._choose(**datum_kwargs)
        return self._handler(key).layout(**left)

    def way(self, **datum_kwargs: Any) -> str:
        """Return how the values of a datum are read, in words.

        Raises
        ------
        OSError
            When a file is missing, damaged or open for writing.
        """
        key, left = self._choose(**datum_kwargs)
        return self._handler(key).way(**left)

    def read_into(self, out: Array, datums: Sequence[Datum], region: tuple[slice, ...]) -> None:
        """Fill ``out``, of shape ``(len(datums), *region_shape)``, with the same region of each datum.

        Raises
        ------
        OSError
            When a file is missing, damaged, short or open for writing.
        ValueError
            When ``out`` has not the dtype of the file, or datums differ in shape or dtype.
        """
        at = 0
        for key, chosen in groupby((self._choose(**datum) for datum in datums), key=lambda pair: pair[0]):
            left = [rest for _, rest in chosen]
            self._handler(key).read_into(out[at : at + len(left)], left, region)
            at += len(left)

    def get_file_list(self, datum_kwargs: Iterable[Datum]) -> list[str]:
        """Return the files that these datums are read from, each once, opening none."""
        chosen = self._by_key(datum_kwargs)
        return _each_once(path for key, left in chosen.items() for path in self._handler(key).get_file_list(left))

    def linked_files(
        self, datum_kwargs: Iterable[Datum] = (), *, before_opening: BeforeOpening | None = None
    ) -> list[str]:
        """Return the absolute paths of the files that the files of these datums refer to, from headers alone.

        ``before_opening`` is called with the path of each file that is opened to find out; what it raises is passed on.

        Raises
        ------
        OSError
            When a file is missing, damaged or open for writing.
        """
        chosen = self._by_key(datum_kwargs)
        return _each_once(
            path
            for key, left in chosen.items()
            for path in self._handler(key).linked_files(left, before_opening=before_opening)
        )

    def close(self) -> None:
        """Close what is open; calling the handler again opens it again."""
        while self._made:
            self._made.popitem()[1].close()

    def _datum_names(self) -> Sequence[str]:
        return names_of(self._choose) if self._names is None else self._names

    def _by_key(self, datum_kwargs: Iterable[Datum]) -> dict[Hashable, list[dict[str, Any]]]:
        chosen: dict[Hashable, list[dict[str, Any]]] = {}
        for datum in datum_kwargs:
            key, left = self._choose(**datum)
            chosen.setdefault(key, []).append(left)
        return chosen

    def _handler(self, key: Hashable) -> RegionHandler:
        if key not in self._made:
            if len(self._made) == _MOST_KEPT:
                self.close()
            self._made[key] = self._make(key)
        return self._made[key]


def _each_once(paths: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(paths))
