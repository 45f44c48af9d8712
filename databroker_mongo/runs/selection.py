"""Selection: which runs a catalog shows, and in which order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..queries import All, Query, Sort, Window, conjunction
from ..store import Document, Kept, Store

if TYPE_CHECKING:
    from .field_hints import Step


@dataclass(frozen=True)
class Selection:
    """The runs that a catalog shows, in order.

    Attributes
    ----------
    window : Window
        What is asked of them, how they are sorted, how many are skipped and how many are taken.
    searches : tuple of (Query, Query)
        The searches that led here, one within the other: which runs were searched, and what was asked. They say
        nothing of the runs, and are there for the hints of a search that finds none.
    query : Query
        The query that these runs match, and no others.
    """

    window: Window
    searches: tuple[Step, ...] = field(default=(), compare=False)
    query: Query = field(init=False, compare=False)

    def __post_init__(self) -> None:
        is_all = not (self.window.skip or self.window.limit)
        object.__setattr__(self, "query", self.window.query if is_all else self.window)

    def narrowed(self, wanted: Query, *, sort: Sort | None = None, skip: int = 0, limit: int = 0) -> Selection:
        """Return the runs of these that match a query as well, as a search of them."""
        window = Window(conjunction([self.query, wanted]), self.window.sort if sort is None else sort, skip, limit)
        return Selection(window, self.searches if wanted == All() else (*self.searches, (self.query, wanted)))

    def scoped(self, scope: Query) -> Selection:
        """Return the runs of these that are in a scope. Nobody searched for it, so nobody is told what it lacks."""
        return Selection(Window(conjunction([self.query, scope]), self.window.sort))

    def starts(self, store: Store, *, skip: int = 0, limit: int = 0, fields: Sequence[str] = ()) -> Iterator[Document]:
        """Yield start documents in order; ``limit=0`` means all."""
        window = self.window
        n_left = window.limit - skip if window.limit else 0
        if window.limit and n_left <= 0:
            return iter(())
        limit = min(limit or n_left, n_left) if window.limit else limit
        return store.find_starts(window.query, sort=window.sort, skip=window.skip + skip, limit=limit, fields=fields)

    def kept_pages(self, store: Store) -> Iterator[list[Kept]]:
        """Yield all start documents in order, page by page, so that each may be given out more than once."""
        window = self.window
        return store.find_kept_pages(window.query, sort=window.sort, skip=window.skip, limit=window.limit)

    def count(self, store: Store) -> int:
        """Return how many runs there are."""
        return store.count_starts(self.window.query, skip=self.window.skip, limit=self.window.limit)

    def estimate(self, store: Store) -> int:
        """Return about how many runs there are; only all runs of a database are not counted for it."""
        return store.estimate_starts() if self.query == All() else self.count(store)
