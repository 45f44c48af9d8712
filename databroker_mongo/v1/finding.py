"""Finding runs: ``db[...]``, ``db(...)``, aliases and filters.

What does not belong here: what the keywords of ``db(...)`` ask (``questions``), what is done with runs (``reading``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ..errors import QueryError
from .header import Header
from .questions import questions_of
from .reading import Reading
from .results import Results

if TYPE_CHECKING:
    from ..run_catalog import Catalog


class Finding(Reading):
    """The part of a broker that finds runs.

    Parameters
    ----------
    catalog : Catalog
        The runs.
    **options : object
        As for `Reading`.

    Attributes
    ----------
    aliases : dict
        Questions by the name under which :meth:`alias` keeps them.
    filters : dict
        Keywords that are asked beside those of each ``db(...)``.
    """

    def __init__(self, catalog: Catalog, **options: Any):
        super().__init__(catalog, **options)
        self.aliases: dict[str, Any] = {}
        self.filters: dict[str, Any] = {}

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, slice):
            return self._slice(key)
        if not isinstance(key, str) and isinstance(key, Iterable):
            return [Header(run, self) for run in self._catalog[list(key)]]
        return Header(self._catalog[key], self)

    def _slice(self, key: slice) -> list[Header]:
        begin, end = key.start, key.stop or 0
        if begin is None or begin > -1 or end > 0:
            raise QueryError(
                "a slice of db counts back from the latest run and has a beginning, as db[-5:] or db[-5:-2]; it was "
                f"db[{key.start}:{key.stop}:{key.step}]"
            )
        found = self._catalog[begin : end or None]
        wanted = (end - 1 - position for position in reversed(range(begin, end, key.step or 1)))
        return [Header(found[number], self) for number in wanted if number < len(found)]

    def __call__(self, text_search: str | None = None, **query: Any) -> Results:
        """Find runs.

        Parameters
        ----------
        text_search : str, optional
            Words that occur in the start document; the database needs a text index.
        **query : object
            ``since`` and ``until``, both included: texts of any granularity, datetimes, or seconds since 1970;
            ``data_key``, one that a stream has; all others are fields of the start document, in MongoDB's language.

        Returns
        -------
        Results
            Headers, the newest first.

        Raises
        ------
        QueryError
            It cannot be asked.
        """
        asked = [questions_of(self.filters), questions_of(query, text=text_search)]
        return Results(self, self._catalog.search(*asked))

    def __getattr__(self, name: str) -> Results:
        aliases = self.__dict__.get("aliases", {})
        if name not in aliases:
            raise AttributeError(f"{type(self).__name__} has no attribute and no alias {name!r}")
        query = aliases[name]
        return self(**(query() if callable(query) else query))

    def alias(self, key: str, **query: Any) -> None:
        """Let ``db.key`` stand for ``db(**query)``.

        Raises
        ------
        ValueError
            A broker has something else under this name.
        """
        self._keep_alias(key, query)

    def dynamic_alias(self, key: str, func: Callable[[], Mapping[str, Any]]) -> None:
        """Let ``db.key`` stand for ``db(**func())``, asked anew each time.

        Raises
        ------
        ValueError
            A broker has something else under this name.
        """
        self._keep_alias(key, func)

    def _keep_alias(self, key: str, query: Any) -> None:
        if key not in self.aliases and (hasattr(type(self), key) or key in self.__dict__):
            raise ValueError(f"{key!r} cannot be an alias: a broker has something else under this name")
        self.aliases[key] = query

    def add_filter(self, **query: Any) -> None:
        """Narrow each later ``db(...)`` by these keywords as well; ``db[...]`` stays as it is."""
        self.filters.update(query)

    def clear_filters(self) -> None:
        """Undo :meth:`add_filter`."""
        self.filters.clear()
