"""What all nodes of the tree are to Tiled: containers of named nodes, their pages, and how names become segments.

Tiled asks for the contents of a node, in its event loop, in one of several ways (``tiled/server/core.py``). Here each
answers from `Container.children`, which is called in a thread.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from types import SimpleNamespace
from typing import Any, ClassVar
from uuid import uuid4

from tiled.queries import AccessTagsFilter
from tiled.server.core import NoEntry
from tiled.structures.core import Spec, StructureFamily
from tiled.utils import UnsupportedQueryType

from ..queries import TagFields
from ..runs import Catalog
from .answers import DISCREET, Answers
from .paging import Cache, next_cursor

Node = Any
"""An adapter, as Tiled calls it: a container, a table or an array."""


@dataclass(frozen=True)
class Serving:
    """What a tree hands on to its nodes.

    Attributes
    ----------
    catalog : Catalog
        All runs that are served.
    layout : int
        3 as TiledWriter writes runs, 2 as databroker 2 serves them.
    cache : Cache
        The runs that were looked at, with their opened columns.
    seconds, live_seconds : float
        How long a run that is over, and one in progress, are given out as they were found.
    tag_fields : TagFields
        Where the access tags of a run are.
    top_level_access_tags : frozenset of str
        Those of the catalog itself.
    answers : Answers
        How it answers what goes wrong.
    """

    catalog: Catalog
    layout: int
    cache: Cache
    seconds: float
    live_seconds: float
    tag_fields: TagFields
    top_level_access_tags: frozenset[str]
    answers: Answers


class Container:
    """A node that holds others, all of which are at hand once one is asked for.

    Parameters
    ----------
    metadata : mapping
        What is told of it.
    specs : sequence of Spec
        What it is to clients.
    access_tags : frozenset of str, optional
        Who may see it, to a policy of tags: by default nobody. The nodes in it have the same.
    answers : Answers, optional
        How it answers what goes wrong, and the nodes in it.
    """

    structure_family = StructureFamily.container
    # Tiled asks this of a node with search() to know whether a policy has looked at its parent.
    node: ClassVar[SimpleNamespace] = SimpleNamespace(parent="the tree")

    def __init__(
        self,
        metadata: Mapping[str, Any],
        specs: Sequence[Spec],
        *,
        access_tags: frozenset[str] = frozenset(),
        answers: Answers = DISCREET,
    ):
        self._metadata = metadata
        self.specs = list(specs)
        self.access_tags = access_tags
        self.answers = answers

    def children(self) -> Mapping[str, Node]:
        """Return the nodes in it by name, with its tags; may wait for MongoDB and files."""
        children = self.find_children()
        for child in children.values():
            child.access_tags, child.answers = self.access_tags, self.answers
        return children

    def find_children(self) -> Mapping[str, Node]:
        """Return the nodes in it by name."""
        raise NotImplementedError

    def metadata(self) -> Mapping[str, Any]:
        """Return what is told of it."""
        return self._metadata

    def structure(self) -> None:
        """Return nothing: a container has children instead."""

    def search(self, query: object) -> Container:
        """Return itself if it has one of the tags that a policy searches for; nothing else is searched for in a run."""
        if not isinstance(query, AccessTagsFilter):
            raise UnsupportedQueryType(type(query).__name__)
        return Part(self, {}) if self.access_tags.isdisjoint(query.tags) else self

    async def lookup_adapter(self, segments: Sequence[str]) -> Node:
        """Return a node in it.

        Raises
        ------
        NoEntry
            There is none.
        """
        name, *deeper = segments
        children = await self.answers.ask(self.children)
        if name not in children:
            raise NoEntry(name)
        found = children[name]
        return await found.lookup_adapter(deeper) if deeper else found

    async def exact_len(self) -> int:
        """Return how many nodes are in it."""
        return len(await self.answers.ask(self.children))

    async def cursor_for_offset(self, offset: int) -> int | None:
        """Return the cursor of a page, which is how many come before."""
        return offset or None

    async def items_page(self, cursor: int | None, limit: int) -> tuple[list[tuple[str, Node]], int | None]:
        """Return a page of names and nodes, and the cursor of the next."""
        begin = cursor or 0
        found = await self.items_range(begin, limit + 1)
        return found[:limit], next_cursor(begin, limit, len(found))

    async def keys_page(self, cursor: int | None, limit: int) -> tuple[list[str], int | None]:
        """Return a page of names, and the cursor of the next."""
        found, following = await self.items_page(cursor, limit)
        return [name for name, _ in found], following

    async def items_range(self, offset: int = 0, limit: int | None = None) -> list[tuple[str, Node]]:
        """Return names and nodes from one on."""
        children = await self.answers.ask(self.children)
        return list(islice(children.items(), offset, None if limit is None else offset + limit))

    async def keys_range(self, offset: int = 0, limit: int | None = None) -> list[str]:
        """Return names from one on."""
        return [name for name, _ in await self.items_range(offset, limit)]

    async def read(self, fields: Collection[str] | None = None) -> Container:
        """Return the container, or one with some of its nodes alone, for an export.

        Raises
        ------
        KeyError
            A node that is not in it.
        """
        if fields is None:
            return self
        children = await self.answers.ask(self.children)
        return Part(self, {name: children[name] for name in fields})

    def __dask_tokenize__(self) -> str:
        # Tiled makes ETags of this. Each export is one of its own, since a run may have grown.
        return uuid4().hex


class Part(Container):
    """Some nodes of a container, for an export of these alone."""

    def __init__(self, whole: Container, children: Mapping[str, Node]):
        super().__init__(whole.metadata(), whole.specs, access_tags=whole.access_tags, answers=whole.answers)
        self.whole = whole
        self._children = children

    def find_children(self) -> Mapping[str, Node]:
        """Return them."""
        return self._children


def name_segments(names: Iterable[str], taken: Collection[str] = ()) -> dict[str, str]:
    """Return a segment of a path for each name: itself, unless it cannot be one or is taken.

    Examples
    --------
    >>> name_segments(["I0", "a/b", "a_b", "time", ""], taken=["time"])
    {'I0': 'I0', 'a/b': 'a_b_', 'a_b': 'a_b', 'time': 'time_', '': '_'}
    """
    names = list(names)
    segments = {name: name for name in names if _is_segment(name) and name not in taken}
    used = {*segments, *taken}
    for name in names:
        if name not in segments:
            segment = name.replace("/", "_") if name.strip("./") else "_"
            while segment in used:
                segment += "_"
            segments[name] = segment
            used.add(segment)
    return {name: segments[name] for name in names}


def _is_segment(name: str) -> bool:
    return "/" not in name and name not in ("", ".", "..")
