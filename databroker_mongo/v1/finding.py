"""Finding runs: ``db[...]``, ``db(...)``, aliases and filters.

What does not belong here: what the keywords of ``db(...)`` ask (``questions``), what is done with runs (``reading``).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import QueryError
from ..printable import shown
from ..runs import integer_key, listed_keys
from .header import Header
from .questions import questions_of
from .reading import Reading
from .results import Results

if TYPE_CHECKING:
    from ..runs import Catalog

_DEEPEST = 50


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
        Queries by the name under which :meth:`alias` keeps them.
    filters : dict
        Keywords that are added to each ``db(...)``.
    """

    def __init__(self, catalog: Catalog, **options: Any):
        super().__init__(catalog, **options)
        self.aliases: dict[str, Any] = {}
        self.filters: dict[str, Any] = {}

    def __getitem__(self, key: Any) -> Any:
        return self._of(key, 0)

    def _of(self, key: Any, depth: int) -> Any:
        if isinstance(key, slice):
            return self._slice(key)
        if _is_several(key):
            return self._several(listed_keys(key), depth)
        return Header(self._catalog[key], self)

    def _slice(self, key: slice) -> list[Header]:
        defaults = (None, 0, 1)
        begin, end, step = (
            default if each is None else integer_key(each)
            for each, default in zip((key.start, key.stop, key.step), defaults, strict=True)
        )
        if begin is None or end is None or not step or begin > -1 or end > 0:
            raise QueryError(
                "a slice of db counts back from the latest run and has a beginning, as db[-5:] or db[-5:-2], and its "
                f"step is not 0; it was db[{':'.join(map(shown, (key.start, key.stop, key.step)))}]"
            )
        positions = range(begin, end, step)
        if not positions:
            return []
        newest_first = positions if step < 0 else reversed(positions)
        latest = max(positions[0], positions[-1])
        found = self._catalog[min(positions[0], positions[-1]) : latest + 1 or None]
        wanted = itertools.takewhile(lambda place: place < len(found), (latest - each for each in newest_first))
        headers = [Header(found[place], self) for place in wanted]
        # As in databroker 1, which reverses the positions whatever the step: a step back gives the oldest first.
        return headers[::-1] if step < 0 else headers

    def _several(self, keys: Sequence[Any], depth: int) -> list[Any]:
        """Return what each key gives; all plain keys are asked for together."""
        if depth > _DEEPEST:
            raise QueryError(f"Lists of keys may be nested at most {_DEEPEST} levels deep; these are deeper.")
        plain = iter(self._catalog[[key for key in keys if not _is_nested(key)]])
        return [self._of(key, depth + 1) if _is_nested(key) else Header(next(plain), self) for key in keys]

    def __call__(self, text_search: str | None = None, **query: Any) -> Results:
        """Find runs.

        Parameters
        ----------
        text_search : str, optional
            Words that occur in the start document; the database needs a text index.
        **query : object
            ``since`` and ``until``, both included: strings of any granularity, datetimes, or seconds since 1970;
            ``data_key``, one that a stream has; all others are fields of the start document, with values or MongoDB
            operators.

        Returns
        -------
        Results
            Headers, the newest first.

        Raises
        ------
        QueryError
            The query is not possible.
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
            A broker already has an attribute of this name.
        """
        self._keep_alias(key, query)

    def dynamic_alias(self, key: str, func: Callable[[], Mapping[str, Any]]) -> None:
        """Let ``db.key`` stand for ``db(**func())``, called again each time.

        Raises
        ------
        ValueError
            A broker already has an attribute of this name.
        """
        self._keep_alias(key, func)

    def _keep_alias(self, key: str, query: Any) -> None:
        if key not in self.aliases and (hasattr(type(self), key) or key in self.__dict__):
            raise ValueError(f"{key!r} cannot be an alias: a broker already has an attribute of this name")
        self.aliases[key] = query

    def add_filter(self, **query: Any) -> None:
        """Narrow each later ``db(...)`` by these keywords as well; ``db[...]`` stays as it is."""
        self.filters.update(query)

    def clear_filters(self, **query: Any) -> None:
        """Undo :meth:`add_filter`; keywords have no effect, as in databroker 1."""
        self.filters.clear()


def _is_several(key: Any) -> bool:
    is_one = isinstance(key, str | bytes | int | Mapping) or getattr(key, "ndim", 1) == 0
    return not is_one and isinstance(key, Iterable)


def _is_nested(key: Any) -> bool:
    return isinstance(key, slice) or _is_several(key)
