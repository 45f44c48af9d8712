"""What people type on a catalog because other libraries have it, and the errors that say what to type here.

What a catalog does is in ``run_catalog`` and its bases.
"""

from __future__ import annotations

from typing import Any, Final, NoReturn, Self

_ORDER: Final = (
    "the newest run is catalog[-1], the five newest are catalog[-5:]; the oldest is catalog.search(sort='time')[-1]"
)
_REMEDIES: Final = {
    **dict.fromkeys(("first", "last", "head", "tail"), _ORDER),
    "get_distinct": "catalog.distinct('plan_name', counts=True) counts the runs with each value",
    "get_serializer": "Writer(catalog) stores documents",
    "post_document": "Writer(catalog) stores documents",
    "scan_id": "catalog[23463] is the newest run of that scan id",
    "sort": "catalog.search(sort='-time') gives the runs in another order",
    "stats": "catalog.v1.stats() gives the size of the database",
    "uid": "catalog['777b44a'] is the run whose uid begins with that",
}
"""What to type for what other libraries have on a catalog."""


class CatalogHints:
    """Names of databroker 1 and 2 that say what they say there, and the errors that say what to type here."""

    container = "catalog"
    """What intake calls the kind of a source; clients tell a catalog by it."""

    @property
    def metadata(self) -> dict[str, Any]:
        """What intake and Tiled hold about a catalog as a whole: here nothing is stored about it."""
        return {}

    def __call__(self) -> Self:
        """Return the catalog itself, as databroker did."""
        return self

    def reload(self) -> None:
        """Do nothing: each question to a catalog is asked anew."""

    force_reload = reload

    def __getattr__(self, name: str) -> NoReturn:
        # A copy that is being made has no attributes yet.
        remedy = f": {_REMEDIES[name]}" if name in _REMEDIES else ""
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}{remedy}")


class NewestFirst:
    """What stands for the uids or runs of a catalog: no sequence, for in databroker 2 the first is the oldest."""

    def __getitem__(self, key: object) -> NoReturn:
        raise TypeError(f"a catalog's uids and runs have no numbers: databroker 2 counts from the oldest: {_ORDER}")

    def __getattr__(self, name: str) -> NoReturn:
        remedy = f", where databroker 2 begins with the oldest: {_ORDER}" if name in _REMEDIES else ""
        raise AttributeError(f"the uids and runs of a catalog have no {name!r}{remedy}")
