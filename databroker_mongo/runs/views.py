"""What ``catalog.keys()``, ``values()`` and ``items()`` give: uids and runs in order, the runs fetched in pages."""

from __future__ import annotations

from collections.abc import Callable, ItemsView, Iterator, KeysView, Mapping, ValuesView
from typing import NoReturn

from .remedies import OF_CATALOG, ORDER
from .run import Run

Pages = Callable[[], Iterator[list[Run]]]


class _NewestFirst:
    """No sequence, though one might think so: in databroker 2 the first is the oldest."""

    def __getitem__(self, key: object) -> NoReturn:
        raise TypeError(f"a catalog's uids and runs have no numbers: databroker 2 counts from the oldest: {ORDER}")

    def __getattr__(self, name: str) -> NoReturn:
        remedy = f", where databroker 2 begins with the oldest: {ORDER}" if name in OF_CATALOG else ""
        raise AttributeError(f"the uids and runs of a catalog have no {name!r}{remedy}")


class Uids(_NewestFirst, KeysView[str]):
    """The uids of a catalog."""

    def __repr__(self) -> str:
        return f"<uids of {self._mapping!r}>"


class Runs(_NewestFirst, ValuesView[Run]):
    """The runs of a catalog, page by page."""

    def __init__(self, catalog: Mapping[str, Run], pages: Pages):
        super().__init__(catalog)
        self._pages = pages

    def __iter__(self) -> Iterator[Run]:
        for page in self._pages():
            yield from page

    def __repr__(self) -> str:
        return f"<runs of {self._mapping!r}>"

    def __contains__(self, run: object) -> bool:
        return isinstance(run, Run) and self._mapping.get(run.start["uid"]) == run


class RunsByUid(_NewestFirst, ItemsView[str, Run]):
    """Pairs of uid and run of a catalog, page by page."""

    def __init__(self, catalog: Mapping[str, Run], pages: Pages):
        super().__init__(catalog)
        self._pages = pages

    def __iter__(self) -> Iterator[tuple[str, Run]]:
        for page in self._pages():
            for run in page:
                yield run.start["uid"], run

    def __repr__(self) -> str:
        return f"<uids and runs of {self._mapping!r}>"
