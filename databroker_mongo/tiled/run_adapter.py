"""A run: its start and stop as metadata, its streams as containers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tiled.structures.core import Spec

from ..runs import Run
from .metadata import n_bytes_of, plain
from .nodes import Container, Node, Serving, name_segments
from .old_stream_adapter import OldStreamAdapter
from .stream_adapter import StreamAdapter

RUN_SPEC = Spec("DatabrokerMongoRun", version="1")
"""That a run is served from here, for formats of our own; clients choose their classes by the other spec."""

RUN_SPECS: Final = {
    3: [RUN_SPEC, Spec("BlueskyRun", version="3.0")],
    2: [RUN_SPEC, Spec("BlueskyRun", version="1")],
}
_STREAMS: Final = {3: StreamAdapter, 2: OldStreamAdapter}


class RunAdapter(Container):
    """A run as it was when it was fetched.

    Parameters
    ----------
    serving : Serving
        What its tree hands on.
    run : Run
        The run, with its descriptors.
    """

    def __init__(self, serving: Serving, run: Run):
        super().__init__(plain(run.metadata), RUN_SPECS[serving.layout])
        self.run = run
        self._serving = serving
        names = name_segments(run)
        make = _STREAMS[serving.layout]
        self._streams = {names[name]: make(stream, self._count) for name, stream in run.items()}
        self.n_bytes = n_bytes_of(self._metadata) + sum(n_bytes_of(each.metadata()) for each in self._streams.values())

    @property
    def seconds(self) -> float:
        """How long it may be given out as it is."""
        return self._serving.live_seconds if self._metadata["stop"] is None else self._serving.seconds

    def children(self) -> Mapping[str, Node]:
        """Return its streams."""
        return self._streams

    def _count(self, n_bytes: int) -> None:
        """Count what opened columns take in memory."""
        self._serving.cache.grow(self._metadata["start"]["uid"], self, n_bytes)
