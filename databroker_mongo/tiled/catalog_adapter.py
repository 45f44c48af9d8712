"""A catalog: its runs by uid, the oldest first, narrowed by what clients search for."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, ClassVar, Final

from fastapi import APIRouter, HTTPException
from tiled.server.core import NoEntry
from tiled.structures.core import Spec, StructureFamily

from ..errors import QueryError
from ..queries import Eq, plain_path
from ..runs import Catalog
from .nodes import Container, Node, Serving
from .paging import Made, next_cursor
from .queries import translate_query, translate_sorting
from .routes import make_router
from .run_adapter import RUN_SPECS, RunAdapter

CATALOG_SPEC = Spec("DatabrokerMongoCatalog", version="1")
"""That runs are served from here, for the page; clients choose their classes by the other spec."""

_VERSIONS: Final = {3: "3.0", 2: "1"}
_SECONDS_OF_COUNTS: Final = 5.0
_N_BYTES_OF_A_COUNT: Final = 500


class CatalogAdapter(Container):
    """The runs of a catalog, all or those that a client searched for.

    Parameters
    ----------
    serving : Serving
        What all nodes of the tree are handed.
    catalog : Catalog, optional
        The runs that were searched for; by default all.
    """

    # Where a catalog begins, Tiled asks a policy for its own tags, as it does for catalogs in SQL.
    node: ClassVar[SimpleNamespace] = SimpleNamespace(parent=None)

    def __init__(self, serving: Serving, catalog: Catalog | None = None):
        specs = [CATALOG_SPEC, Spec("CatalogOfBlueskyRuns", version=_VERSIONS[serving.layout])]
        super().__init__({}, specs, access_tags=serving.top_level_access_tags, answers=serving.answers)
        self.sorting = [("time", 1)]
        self._serving = serving
        self._catalog = serving.catalog if catalog is None else catalog
        self._is_whole = catalog is None

    @property
    def include_routers(self) -> list[APIRouter]:
        """The routes that clients of databroker 2, and the page, ask beside those of Tiled."""
        return [make_router()]

    def search(self, query: object) -> CatalogAdapter:
        """Return those of the runs that answer to a query of Tiled; nothing is asked yet."""
        specs = [spec.name for spec in RUN_SPECS[self._serving.layout]]
        asked = translate_query(query, specs, self._serving.tag_fields)
        return CatalogAdapter(self._serving, self._catalog.search(asked))

    def sort(self, sorting: Sequence[tuple[str, int]]) -> CatalogAdapter:
        """Return the runs in another order.

        Raises
        ------
        HTTPException
            Runs cannot be sorted by this.
        """
        try:
            return CatalogAdapter(self._serving, self._catalog.search(sort=translate_sorting(sorting)))
        except QueryError as error:
            raise self.answers.answer(error) from error

    async def lookup_adapter(self, segments: Sequence[str]) -> Node:
        """Return a run by its whole uid, or a node in it.

        Raises
        ------
        NoEntry
            No run here has this uid.
        """
        uid, *deeper = segments
        run = await self.answers.ask(self._find_run, uid)
        return await run.lookup_adapter(deeper) if deeper else run

    async def exact_len(self) -> int:
        """Return how many runs there are: of all, as the server keeps count."""
        return await self.answers.ask(self._count)

    async def lbound_len(self, threshold: int) -> int:
        """Return how many runs there are, for whoever would be content with less."""
        return await self.exact_len()

    async def items_page(self, cursor: int | None, limit: int) -> tuple[list[tuple[str, Node]], int | None]:
        """Return a page of uids and runs in three queries, and the cursor of the next."""
        begin = cursor or 0
        found = await self.answers.ask(self._runs, begin, limit + 1)
        return found[:limit], next_cursor(begin, limit, len(found))

    async def keys_page(self, cursor: int | None, limit: int) -> tuple[list[str], int | None]:
        """Return a page of uids, and the cursor of the next."""
        begin = cursor or 0
        found = await self.answers.ask(self._catalog.page_of_uids, begin, limit + 1)
        return found[:limit], next_cursor(begin, limit, len(found))

    async def items_range(self, offset: int = 0, limit: int | None = None) -> list[tuple[str, Node]]:
        """Return some runs.

        Raises
        ------
        HTTPException
            All are wanted at once.
        """
        return await self.answers.ask(self._runs, offset, _limited(limit))

    async def keys_range(self, offset: int = 0, limit: int | None = None) -> list[str]:
        """Return some uids."""
        return await self.answers.ask(self._catalog.page_of_uids, offset, _limited(limit))

    async def read(self, fields: object = None) -> Container:
        """Refuse: a catalog has too many runs for one answer.

        Raises
        ------
        HTTPException
            Always.
        """
        raise _too_many_runs()

    async def get_distinct(
        self, metadata: Sequence[str], structure_families: bool, specs: bool, counts: bool
    ) -> dict[str, Any]:
        """Return which values fields of the runs have."""
        found: dict[str, Any] = {}
        if metadata:
            found["metadata"] = {key: await self.answers.ask(self._distinct, key, counts) for key in metadata}
        for name, is_wanted, value in (
            ("structure_families", structure_families, StructureFamily.container),
            ("specs", specs, RUN_SPECS[self._serving.layout]),
        ):
            if is_wanted:
                found[name] = [{"value": value, "count": await self.exact_len() if counts else None}]
        return found

    def _runs(self, begin: int, limit: int) -> list[tuple[str, Node]]:
        return [(run.start["uid"], RunAdapter(self._serving, run)) for run in self._catalog.page(begin, limit)]

    def _find_run(self, uid: str) -> RunAdapter:
        one = _of_uid(self._catalog, uid)
        if not self._is_whole and not one.page_of_uids(limit=1):
            raise NoEntry(uid)
        return self._serving.cache.get(("run", uid), lambda: self._make_run(uid))

    def _make_run(self, uid: str) -> Made[RunAdapter]:
        found = _of_uid(self._serving.catalog, uid).page(limit=1)
        if not found:
            raise NoEntry(uid)
        run = RunAdapter(self._serving, found[0])
        return Made(run, run.n_bytes, run.seconds)

    def _count(self) -> int:
        def count() -> Made[int]:
            return Made(self._catalog.estimate_len(), _N_BYTES_OF_A_COUNT, _SECONDS_OF_COUNTS)

        return self._serving.cache.get(("count", repr(self._catalog.query)), count)

    def _distinct(self, key: str, counts: bool) -> list[dict[str, Any]]:
        found = self._catalog.store.distinct(self._catalog.query, plain_path(key), counts=counts)
        return [{"value": value, "count": n_runs if counts else None} for value, n_runs in found]


def _of_uid(catalog: Catalog, uid: str) -> Catalog:
    try:
        return catalog.search(Eq("uid", uid))
    except QueryError as error:  # no text that MongoDB can hold
        raise NoEntry(uid) from error


def _limited(limit: int | None) -> int:
    if limit is None:
        raise _too_many_runs()
    return limit


def _too_many_runs() -> HTTPException:
    return HTTPException(400, "A catalog has too many runs to be exported in one answer; export them one by one.")
