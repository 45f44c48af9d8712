"""What there is to measure on: how much of it, where it is, and by what it is found. Sent to contestants as JSON."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Sizes:
    """How much data there is.

    Attributes
    ----------
    runs : int
        Small runs, to be found and listed.
    events_per_run : int
        Events of each of these.
    events : int
        Events of the run of ten numbers each.
    arrays : int
        Events of the run of one array of 1000 numbers each.
    frames, small_frames : int
        Frames of 1024 x 1024, and of 256 x 256.
    many : int
        Runs that are read at once, of 200 events each.
    image_runs : int
        Runs with a file of 5 frames of 256 x 256 each.
    inserted : int
        Events that are inserted.
    """

    runs: int = 10_000
    events_per_run: int = 5
    events: int = 100_000
    arrays: int = 10_000
    frames: int = 200
    small_frames: int = 2000
    many: int = 1000
    image_runs: int = 200
    inserted: int = 10_000


@dataclass(frozen=True)
class ImageRun:
    """A run whose images are in files.

    Attributes
    ----------
    uid : str
        Its uid.
    n, ny, nx : int
        Number and shape of its frames.
    spec, root, path : str
        As in its resource document.
    """

    uid: str
    n: int
    ny: int
    nx: int
    spec: str
    root: str
    path: str


@dataclass(frozen=True)
class Facts:
    """Where the data is.

    Attributes
    ----------
    server : str
        URI of the server, with ``DATABASE`` in the place of the name of a database.
    runs_database, data_database, many_database, images_database, scratch_database : str
        Where the small runs are, where the large ones, where those that are read many at once, with numbers and with
        images, and where what is inserted goes.
    sizes : Sizes
        How much there is.
    uids : list of str
        Some of the small runs, spread evenly.
    since, until : float
        Between these times lie 1000 of the small runs, or all.
    scalars, arrays : str
        The uid of the run of many events, and of the one of arrays.
    images : dict of ImageRun
        The runs with images.
    work : str
        A directory for files.
    """

    server: str
    runs_database: str
    data_database: str
    many_database: str
    images_database: str
    scratch_database: str
    sizes: Sizes
    uids: list[str]
    since: float
    until: float
    scalars: str
    arrays: str
    images: dict[str, ImageRun]
    work: str

    def uri(self, database: str) -> str:
        """Return the URI of a database."""
        return self.server.replace("DATABASE", database)

    def to_json(self) -> str:
        """Return all of it as JSON, in one line."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Facts:
        """Read what :meth:`to_json` gave."""
        found: dict[str, Any] = json.loads(text)
        found["sizes"] = Sizes(**found["sizes"])
        found["images"] = {name: ImageRun(**image) for name, image in found["images"].items()}
        return cls(**found)
