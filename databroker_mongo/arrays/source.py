"""All that is known of a stream before a column of it is opened."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..assets import AssetReader
from ..store import Document
from .rows import PageRows, StreamRows
from .structure import DataKey

Transform = Callable[[Document], Document]


@dataclass
class StreamSource:
    """All that is needed to open columns of one stream.

    Attributes
    ----------
    rows : StreamRows or PageRows
        Its rows.
    assets : AssetReader
        What reads external data.
    descriptors : list of dict
        Its descriptors, in order of time.
    run_uid : str
        Its run.
    is_complete : bool
        Whether the run has a stop document, so that its files no longer grow.
    facts : dict
        ``run_uid``, ``scan_id`` and ``stream``, for errors.
    transforms : dict
        Callables for ``resource``, ``datum`` and ``stream_resource`` documents.
    n_said : int or None
        How many events the stop document says there are, where it does.
    """

    rows: StreamRows | PageRows
    assets: AssetReader
    descriptors: Sequence[Document]
    run_uid: str
    is_complete: bool
    facts: dict[str, Any]
    transforms: Mapping[str, Transform] = field(default_factory=dict)
    n_said: int | None = None

    @property
    def where(self) -> str:
        """Which stream of which run this is, in words for a warning."""
        return f"run {self.run_uid} (scan id {self.facts['scan_id']}), stream {self.facts['stream']!r}"

    @property
    def data_keys(self) -> dict[str, DataKey]:
        """The data keys of all descriptors, in stored order; the first to declare one decides."""
        merged: dict[str, DataKey] = {}
        for descriptor in self.descriptors:
            for key, data_key in descriptor["data_keys"].items():
                merged.setdefault(key, data_key)
        return merged

    @property
    def devices(self) -> dict[str, str]:
        """The device of each data key, where the descriptors tell."""
        return {
            key: device
            for descriptor in self.descriptors
            for device, keys in (descriptor.get("object_keys") or {}).items()
            for key in keys
        }

    def transform(self, name: str) -> Transform:
        """Return the transform of documents of one kind."""
        return self.transforms.get(name, _unchanged)


def _unchanged(document: Document) -> Document:
    return document
