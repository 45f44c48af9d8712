"""Context: what a catalog hands to its runs, and a run to its streams."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..assets import AssetReader
from ..documents import Document
from ..queries import Query
from ..store import Store

if TYPE_CHECKING:
    from ..arrays import Transform
    from ..store import UnionStore


@dataclass(frozen=True)
class Context:
    """Where runs are, who reads their files, and what corrects their documents.

    Attributes
    ----------
    store : Store
        Where the documents are.
    assets : AssetReader
        The reader of external data.
    transforms : mapping
        Callables by kind of document (``start``, ``stop``, ``descriptor``, ``resource``, ``stream_resource``,
        ``datum``), applied to each document that is read.
    """

    store: Store
    assets: AssetReader
    transforms: Mapping[str, Transform] = field(default_factory=dict)

    def transform(self, kind: str) -> Transform:
        """Return what corrects the documents of a kind; where nothing does, they stay as they are."""
        return self.transforms.get(kind, _unchanged)

    def of_run(self, uid: str) -> Context:
        """Return what is handed to a run: the same to each."""
        return self


@dataclass(frozen=True)
class JointContext(Context):
    """What a catalog of several databases hands to its runs: to each what is of the database that it is in.

    Attributes
    ----------
    union : UnionStore
        The store, which tells in which of the databases a run is.
    members : tuple of Context
        Those of the databases.
    """

    union: UnionStore = field(kw_only=True)
    members: tuple[Context, ...] = field(kw_only=True)

    @classmethod
    def of(cls, members: Sequence[tuple[Context, Query]], *, is_partial: bool) -> JointContext:
        """Return what a catalog hands on that has the runs of several that match their queries."""
        from ..store import Member, UnionStore  # late: as a rule there is one database

        contexts = [context for context, _ in members]
        store = UnionStore([Member(context.store, query) for context, query in members], is_partial=is_partial)
        kinds = {kind: transform for context in contexts for kind, transform in context.transforms.items()}
        return cls(store, contexts[0].assets, kinds, union=store, members=tuple(contexts))

    def of_run(self, uid: str) -> Context:
        """Return what is handed to a run.

        Raises
        ------
        RunNotFound
            It is in none of the databases.
        """
        return self.members[self.union.number_of_run(uid)].of_run(uid)


def _unchanged(document: Document) -> Document:
    return document
