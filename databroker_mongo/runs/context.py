"""Context: what a catalog hands to its runs, and a run to its streams."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..assets import AssetReader
from ..documents import Document
from ..store import Store

if TYPE_CHECKING:
    from ..arrays import Transform


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


def _unchanged(document: Document) -> Document:
    return document
