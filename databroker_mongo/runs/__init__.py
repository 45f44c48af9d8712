"""What a person holds: a catalog of runs, a run, a stream."""

from .catalog import Catalog
from .run import Run
from .stream import Stream

__all__ = ["Catalog", "Run", "Stream"]
