"""What settings say of the runs of a catalog: which of its database are in it, and which other catalogs as well.

What does not belong here: how its files are read (``assets``), and what corrects its documents (``transforms``).
"""

from __future__ import annotations

from ..config import CatalogSettings
from ..errors import CatalogNotFound, ConfigurationError, QueryError
from ..queries import Query, TimeRange, scope_of


def limits_of(settings: CatalogSettings) -> list[Query]:
    """Return the queries that the runs of a catalog match.

    Raises
    ------
    ConfigurationError
        The time since which they count is not understood.
    QueryError
        The scope is not valid.
    """
    limits = [scope_of(settings.scope)] if settings.scope else []
    if settings.since is None:
        return limits
    try:
        return [*limits, TimeRange(since=settings.since)]
    except QueryError as error:
        raise _error(settings, f"'since' is not understood: {error}") from error


def settings_of_others(settings: CatalogSettings) -> list[CatalogSettings]:
    """Return the settings of the catalogs that a catalog is joined to.

    Raises
    ------
    ConfigurationError
        One is not configured, or is itself joined to others.
    """
    if not settings.also:
        return []
    from ..config import find_entries  # late: most catalogs are joined to none

    entries = find_entries()
    found = []
    for name in settings.also:
        try:
            other = entries[name]
        except CatalogNotFound as error:
            raise _error(settings, f"'also' names {name!r}: {error}") from error
        if other.also:
            raise _error(settings, f"'also' names {name!r}, which has 'also' itself: name the catalogs that it names")
        found.append(other)
    return found


def _error(settings: CatalogSettings, message: str) -> ConfigurationError:
    return ConfigurationError(f"catalog {settings.name!r}: {message}", file=settings.file, line=settings.line)
