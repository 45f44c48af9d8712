"""The result of ``db(...)``: the headers of the runs that match, fetched a page at a time as they are used."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from .header import Header

if TYPE_CHECKING:
    from ..runs import Catalog
    from .reading import Reading


class Results:
    """Headers, the newest first. Each iteration queries the database again.

    Parameters
    ----------
    broker : Broker
        The broker that searched.
    catalog : Catalog
        The runs that match.
    """

    def __init__(self, broker: Reading, catalog: Catalog):
        self._broker = broker
        self._catalog = catalog

    def __iter__(self) -> Iterator[Header]:
        return (Header(run, self._broker) for run in self._catalog.values())

    def __repr__(self) -> str:
        return f"<Results: headers of {self._catalog!r}>"

    def _repr_html_(self) -> str:
        return self._catalog._repr_html_()
