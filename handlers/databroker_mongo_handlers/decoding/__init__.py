"""Compressed chunks of HDF5 datasets, decoded outside of HDF5 and its lock, and of Python's: several threads at once.

What is unusual stays with HDF5, and so does all if a variable of the environment says so.
"""

from __future__ import annotations

from .chunk_decoder import ChunkDecoder, DecodingError
from .pipelines import decoder_of
from .threads import n_threads

__all__ = ["ChunkDecoder", "DecodingError", "decoder_of", "n_threads"]
