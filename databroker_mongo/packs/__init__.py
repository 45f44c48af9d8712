"""Directories that databroker-pack wrote."""

from .reading import Pack, read_documents, read_pack

__all__ = [
    "Pack",
    "read_documents",
    "read_pack",
]
