"""Documents that are given out more than once, each time such that who is given one may change it. Nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..documents import Document
from ..values import copied


class Kept:
    """A document of which anybody may be given one of their own.

    The first is the one that was decoded when it was read, each other is decoded anew from its bytes. For a thousand
    runs a copy of each document would take as long as to read them, most of that for Python's collection of garbage.

    Parameters
    ----------
    document : dict
        The document; nobody else holds it if there are bytes.
    raw : bytes, optional
        Its bytes; without them it is copied.
    decode : callable, optional
        Makes an equal document of the bytes.

    Attributes
    ----------
    uid : str
        Its uid.
    """

    __slots__ = ("_decode", "_fresh", "_own", "_raw", "uid")

    def __init__(self, document: Document, raw: bytes = b"", decode: Callable[[bytes], Document] | None = None):
        self.uid: Any = document.get("uid")
        self._raw = raw
        self._decode = decode
        if decode is None:
            self._own = document
        else:
            self._fresh = document

    def __reduce__(self) -> tuple[Any, ...]:
        return Kept, (self.look(),)

    def look(self) -> Document:
        """Return the document for reading only: the same each time."""
        try:
            return self._own
        except AttributeError:
            self._own = self._decoded()
            return self._own

    def give(self) -> Document:
        """Return a document that belongs to who asked for it."""
        try:
            fresh = self._fresh
            del self._fresh  # of several threads one can, and has it
        except AttributeError:
            return copied(self._own) if self._decode is None else self._decoded()
        return fresh

    def _decoded(self) -> Document:
        assert self._decode is not None
        return self._decode(self._raw)
