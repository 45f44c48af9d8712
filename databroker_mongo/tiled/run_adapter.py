"""A run: its start and stop as metadata, its streams as containers."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from functools import cached_property
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
    """A run as it was when it was fetched; to make one may wait for MongoDB.

    Parameters
    ----------
    serving : Serving
        What its tree hands on.
    run : Run
        The run.
    """

    def __init__(self, serving: Serving, run: Run):
        tags = serving.tag_fields.tags_of(run.start)
        super().__init__(plain(run.metadata), RUN_SPECS[serving.layout], access_tags=tags, answers=serving.answers)
        self.run = run
        self.n_bytes = n_bytes_of(self._metadata)
        # A page of runs has the names of their streams: no descriptor is read to count these.
        self._n_streams = len(run)
        self._serving = serving
        self._lock = threading.Lock()

    @property
    def seconds(self) -> float:
        """How long it may be given out as it is."""
        return self._serving.live_seconds if self._metadata["stop"] is None else self._serving.seconds

    def find_children(self) -> Mapping[str, Node]:
        """Return its streams."""
        with self._lock:
            return self._streams

    async def exact_len(self) -> int:
        """Return how many streams it has. A page of runs asks it of each: not in a thread, which would take longer."""
        return self._n_streams

    @cached_property
    def _streams(self) -> Mapping[str, Node]:
        make, names = _STREAMS[self._serving.layout], name_segments(self.run)
        streams = {names[name]: make(stream, self._count) for name, stream in self.run.items()}
        self._count(sum(n_bytes_of(each.metadata()) for each in streams.values()))
        return streams

    def _count(self, n_bytes: int) -> None:
        """Count what opened columns take in memory."""
        self._serving.cache.grow(self._metadata["start"]["uid"], self, n_bytes)
