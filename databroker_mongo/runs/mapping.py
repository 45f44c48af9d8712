"""What stands between the brackets of a catalog, what iterating over it gives, and its repr; runs are fetched in bulk.

What does not belong here: what a key may mean (``run_keys``), and questions (``run_catalog``).
"""

from __future__ import annotations

import warnings
from collections.abc import ItemsView, Iterator, KeysView, Mapping, Sequence, ValuesView
from itertools import chain, islice, repeat
from typing import TYPE_CHECKING, Any, overload

from .. import display
from ..errors import CatalogWarning, QueryError, RunIndexError, RunNotFound, stacklevel_of_caller
from ..printable import shown
from ..queries import Query, Window
from ..store import Document, Store
from . import keys as run_keys
from .catalog_hints import NewestFirst
from .field_hints import Step, missing_names
from .run import Run

if TYPE_CHECKING:
    from ..arrays import Transform
    from ..assets import AssetReader
    from ..v1 import Header

PAGES = (100, 900, 2000)
"""How many runs are fetched at once, page after page; the last number repeats."""
_MOST_LISTED = 10
_SPARSE = 100
"""How many runs may be fetched for each of several that are asked for by their positions."""


class RunMapping(Mapping[str, Run]):
    """A mapping from uids to the runs that a window shows, in its order.

    Parameters
    ----------
    store : Store
        Where the documents are.
    assets : AssetReader
        What reads the external data of the runs.
    view : Window
        Which runs, and in which order.
    name : str, optional
        The name under which the catalog is configured.
    transforms : mapping, optional
        Callables by kind of document, applied to what is read.
    """

    def __init__(
        self,
        store: Store,
        assets: AssetReader,
        *,
        view: Window,
        name: str | None = None,
        transforms: Mapping[str, Transform] | None = None,
    ):
        self._store = store
        self._view = view
        self._assets = assets
        self._name = name
        self._transforms = dict(transforms or {})
        self._steps: tuple[Step, ...] = ()
        self._has_hinted = False

    @property
    def name(self) -> str | None:
        """The name under which the catalog is configured."""
        return self._name

    @property
    def store(self) -> Store:
        """The store that holds the runs."""
        return self._store

    @property
    def assets(self) -> AssetReader:
        """The reader of the external data of the runs."""
        return self._assets

    @property
    def query(self) -> Query:
        """The query that the runs of the catalog match."""
        return self._view if self._view.skip or self._view.limit else self._view.query

    @overload
    def __getitem__(self, key: slice | list[Any]) -> list[Run]: ...

    @overload
    def __getitem__(self, key: str | int) -> Run: ...

    def __getitem__(self, key: Any) -> Run | list[Run]:
        """Return the run, or the list of runs, of a key.

        Raises
        ------
        RunNotFound
            No run matches the key; `RunIndexError` for a position before the first run, `AmbiguousKey` if more than one
            matches. All are a KeyError.
        QueryError
            A slice that does not count from the latest run.
        """
        if isinstance(key, slice):
            return self._runs(self._starts_of_slice(key))
        if isinstance(key, list):
            return self._runs(self._starts_of_keys(run_keys.listed_keys(key)))
        return self._runs([self._start_of(key)])[0]

    def __contains__(self, key: object) -> bool:
        try:
            self._start_of(key)
        except RunNotFound:
            return False
        return True

    def __len__(self) -> int:
        n_runs = self._store.count_starts(self._view.query, skip=self._view.skip, limit=self._view.limit)
        if not n_runs:
            self._hint()
        return n_runs

    def __bool__(self) -> bool:
        return next(self._starts(limit=1, fields=("uid",)), None) is not None

    def __iter__(self) -> Iterator[str]:
        for start in self._starts(fields=("uid",)):
            yield start["uid"]

    def keys(self) -> KeysView[str]:
        """Return the uids, in order."""
        return _Keys(self)

    def values(self) -> ValuesView[Run]:
        """Return the runs, in order; they are fetched page by page."""
        return _Values(self)

    def items(self) -> ItemsView[str, Run]:
        """Return pairs of uid and run, in order; they are fetched page by page."""
        return _Items(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RunMapping) and self._store == other._store and self._view == other._view

    def __hash__(self) -> int:
        return hash(self._store)

    def __repr__(self) -> str:
        return display.catalog_text(self._name, self._store.address, repr(self.query))

    def _repr_html_(self) -> str:
        runs = [(run.start, run.stop) for run in self._runs(list(self._starts(limit=_MOST_LISTED)))]
        return display.catalog_html(self._name, self._store.address, repr(self.query), runs)

    def _ipython_key_completions_(self) -> list[str]:
        return [start["uid"] for start in self._starts(limit=100, fields=("uid",))]

    def _starts(self, *, skip: int = 0, limit: int = 0, fields: Sequence[str] = ()) -> Iterator[Document]:
        """Yield start documents in the order of the catalog; ``limit=0`` means all."""
        view = self._view
        n_left = view.limit - skip if view.limit else 0
        if view.limit and n_left <= 0:
            return iter(())
        limit = min(limit or n_left, n_left) if view.limit else limit
        found = self._store.find_starts(view.query, sort=view.sort, skip=view.skip + skip, limit=limit, fields=fields)
        return found if skip or view.skip else self._with_hint(found)

    def _with_hint(self, starts: Iterator[Document]) -> Iterator[Document]:
        first = next(starts, None)
        if first is None:
            self._hint()
            return
        yield first
        yield from starts

    def _hint(self, *more: Step, near_only: bool = False) -> None:
        """Warn of what was searched for and no run has, now that nothing was found; once for a search."""
        if not more and (self._has_hinted or not self._steps):
            return
        text = missing_names(self._store, (*self._steps, *more), near_only=near_only)
        self._has_hinted = self._has_hinted or not more
        if text:
            warnings.warn(text, CatalogWarning, stacklevel=stacklevel_of_caller())

    def _runs(self, starts: Sequence[Document]) -> list[Run]:
        """Make runs of start documents: one question for all stop documents."""
        stops = self._store.stops([start["uid"] for start in starts]) if starts else {}
        return [
            Run(
                self._store,
                start,
                stops.get(start["uid"]),
                assets=self._assets,
                as_header=self._header,
                transforms=self._transforms,
            )
            for start in starts
        ]

    def _header(self, run: Run) -> Header:
        raise NotImplementedError

    def _pages(self) -> Iterator[list[Run]]:
        starts = self._starts()
        for size in chain(PAGES, repeat(PAGES[-1])):
            page = self._runs(list(islice(starts, size)))
            if not page:
                return
            yield page

    def _start_of(self, key: object) -> Document:
        number = run_keys.integer_key(key)
        if number is None or number >= 0:
            return run_keys.find(key, self._store, self.query)
        is_countable = -number <= run_keys.FARTHEST_PLACE
        start = next(self._starts(skip=-number - 1, limit=1), None) if is_countable else None
        if start is None:
            raise RunIndexError(f"the catalog has no run {shown(number)}: it holds {len(self)} runs", key=number)
        return start

    def _starts_of_slice(self, key: slice) -> list[Document]:
        first, last, step = (
            default if each is None else run_keys.integer_key(each)
            for each, default in zip((key.start, key.stop, key.step), (None, 0, 1), strict=True)
        )
        if first is None or last is None or first >= 0 or last > 0 or step != 1:
            raise QueryError(
                f"a slice of a catalog counts from the latest run, as [-5:] or [-5:-2]; it was "
                f"[{':'.join(map(shown, (key.start, key.stop, key.step)))}]. All runs are in values()."
            )
        skip = min(-last, run_keys.FARTHEST_PLACE)
        n_runs = min(-first, run_keys.FARTHEST_PLACE) - skip
        return list(self._starts(skip=skip, limit=n_runs)) if n_runs > 0 else []

    def _starts_of_keys(self, keys: Sequence[Any]) -> list[Document]:
        """Return the start document of each key: one question for all uids, one for scan ids, one for positions."""
        numbers = [number for number in map(run_keys.integer_key, keys) if number is not None]
        places = [-number for number in numbers if 0 < -number <= run_keys.FARTHEST_PLACE]
        known = run_keys.find_several(keys, self._store, self.query) | self._starts_at(places)
        # True and 1.0 are equal to 1 as keys of a mapping, and are no keys of a run.
        lookups = [str.__str__(key) if isinstance(key, str) else run_keys.integer_key(key) for key in keys]
        return [known[each] if each in known else self._start_of(key) for key, each in zip(keys, lookups, strict=True)]

    def _starts_at(self, places: Sequence[int]) -> dict[Any, Document]:
        """Return the start documents at places counted from 1, by negative position."""
        first, last = min(places, default=0), max(places, default=0)
        if not places or last - first > _SPARSE * len(places):
            return {}  # each is asked for by itself: there may be many runs between them
        starts = self._starts(skip=first - 1, limit=last - first + 1)
        return {-place: start for place, start in enumerate(starts, first)}


class _Keys(NewestFirst, KeysView[str]):
    """The uids of a catalog."""

    _mapping: RunMapping

    def __repr__(self) -> str:
        return f"<uids of {self._mapping!r}>"


class _Values(NewestFirst, ValuesView[Run]):
    """The runs of a catalog."""

    _mapping: RunMapping

    def __iter__(self) -> Iterator[Run]:
        for page in self._mapping._pages():
            yield from page

    def __repr__(self) -> str:
        return f"<runs of {self._mapping!r}>"

    def __contains__(self, run: object) -> bool:
        return isinstance(run, Run) and self._mapping.get(run.start["uid"]) == run


class _Items(NewestFirst, ItemsView[str, Run]):
    """Pairs of uid and run of a catalog."""

    _mapping: RunMapping

    def __iter__(self) -> Iterator[tuple[str, Run]]:
        for page in self._mapping._pages():
            for run in page:
                yield run.start["uid"], run

    def __repr__(self) -> str:
        return f"<uids and runs of {self._mapping!r}>"
