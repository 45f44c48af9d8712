"""Trees for the configuration of a Tiled server."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from tiled.access_control.protocols import normalize_access_tags

from ..config import find_entries, redact_uri
from ..errors import CatalogWarning, ConfigurationError
from ..queries import TagFields
from ..runs import Catalog
from .answers import Answers
from .catalog_adapter import CatalogAdapter
from .fence import gaps_in_fence, require_fence
from .formats import register_formats
from .nodes import Serving
from .paging import Cache

LAYOUTS = (3, 2)

TagOption = str | Mapping[str, str]
"""A field with tags, as a configuration has it."""


def from_name(name: str, *, layout: int = 3, trust_documents: bool = False, **options: Any) -> CatalogAdapter:
    """Return the runs of a configured catalog as a tree; no query is sent yet.

    Parameters
    ----------
    name : str
        The name under which the catalog is configured where the server runs.
    layout : {3, 2}
        How clients see a run: 3 as TiledWriter writes it, 2 as databroker 2 serves it.
    trust_documents : bool
        Whether a catalog without ``allowed_roots`` is served: then documents may name all files that the server can
        read, and whoever reads runs gets them.
    **options : object
        ``seconds`` (60): how long a run that is over is given out as it was found, corrections and all;
        ``live_seconds`` (2): the same for one in progress; ``cache_bytes`` (500 million): how much memory may be kept
        for these; ``tag_field``: the field of the start document that holds the access tags of a run, by which a policy
        of tags decides who sees it, or a list of fields, of which the first that a run has decides; in the place of a
        field ``{field: proposal_id, template: "pass-{}"}``; ``public_after``: ``{days: 1095}`` or ``{field: NAME}``,
        when a run is public; ``top_level_access_tags``: those of the catalog itself, as of a catalog in SQL;
        ``tells_places`` (False): whether answers about files and databases that cannot be read name paths and hosts.

    Raises
    ------
    ConfigurationError
        No catalog of this name is configured, or its entry or an option cannot be used; or it has no
        ``allowed_roots``.
    """
    found = Catalog.from_settings(find_entries()[name])
    if not trust_documents:
        require_fence(found, name)
    return make_tree(found, layout=layout, **options)


def from_uri(
    uri: str,
    *,
    layout: int = 3,
    catalog: Mapping[str, Any] | None = None,
    trust_documents: bool = False,
    **options: Any,
) -> CatalogAdapter:
    """Return the runs of a database as a tree; no query is sent yet.

    Parameters
    ----------
    uri : str
        As for `Catalog.from_uri`.
    layout : {3, 2}
        How clients see a run.
    catalog : mapping, optional
        The other arguments of `Catalog.from_uri`: ``root_map``, ``allowed_roots``, ``handlers``, ``scope``, ...
    trust_documents : bool
        As for :func:`from_name`.
    **options : object
        As for :func:`from_name`.

    Raises
    ------
    ConfigurationError
        The URI or an argument cannot be used, or there are no ``allowed_roots``.
    """
    found = Catalog.from_uri(uri, **(catalog or {}))
    if not trust_documents:
        require_fence(found, redact_uri(uri))
    return make_tree(found, layout=layout, **options)


def make_tree(
    catalog: Catalog,
    *,
    layout: int = 3,
    seconds: float = 60.0,
    live_seconds: float = 2.0,
    cache_bytes: int = 500_000_000,
    tag_field: TagOption | Sequence[TagOption] = (),
    public_after: Mapping[str, Any] | None = None,
    top_level_access_tags: Collection[str] = (),
    tells_places: bool = False,
) -> CatalogAdapter:
    """Return the runs of a catalog as a tree, the oldest first, as Tiled's clients expect."""
    if layout not in LAYOUTS:
        raise ConfigurationError(f"layout is one of {', '.join(map(str, LAYOUTS))}, not {layout!r}.", layout=layout)
    register_formats()
    tag_fields = TagFields.of_options(tag_field, public_after)
    for gap in gaps_in_fence(catalog, tag_fields):
        warnings.warn(gap, CatalogWarning, stacklevel=2)
    serving = Serving(
        catalog=catalog.search(sort="time"),
        layout=layout,
        cache=Cache(n_bytes=cache_bytes),
        seconds=seconds,
        live_seconds=live_seconds,
        tag_fields=tag_fields,
        top_level_access_tags=normalize_access_tags(top_level_access_tags),
        answers=Answers(tells_places),
    )
    return CatalogAdapter(serving)
