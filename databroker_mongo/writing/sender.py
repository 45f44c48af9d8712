"""The two ways of sending documents, seen from the writer. Nothing else."""

from __future__ import annotations

from typing import Protocol

from .delivery import Rows


class Sender(Protocol):
    """What brings the documents of a writer to the store, or to the spool. Threads may share it.

    Attributes
    ----------
    flushed_after : frozenset of str
        The kinds of documents after which nothing is held back.
    n_given : int
        How many calls brought documents.
    n_acknowledged : int
        Of how many of them, counted from the first, all documents are stored or refused.
    """

    flushed_after: frozenset[str]
    n_given: int
    n_acknowledged: int

    def put_first(self, rows: Rows) -> None:
        """Store the first documents at once, so that who gives them learns whether that can be done at all.

        Raises
        ------
        InvalidDocument, DuplicateDocument
            For the first document that is refused, after all others are stored.
        StoreError, ServerError, ConfigurationError
            When they cannot be stored, and there is no spool or no hope. They are forgotten.
        """
        ...

    def put(self, rows: Rows) -> None:
        """Take documents: to be stored before this returns, or later, or to be spooled while the server is gone.

        Raises
        ------
        InvalidDocument, DuplicateDocument
            A document was refused, of this call or of an earlier one; all others are accepted.
        StoreError, ServerError, ConfigurationError
            Documents could not be stored, and there is no spool.
        """
        ...

    def flush(self) -> None:
        """Send what is pending, and return when it is stored or, while the server is gone, in the spool.

        Raises
        ------
        InvalidDocument, DuplicateDocument, StoreError, ServerError, ConfigurationError
            As :meth:`put` does.
        """
        ...

    def close(self, *, seconds: float | None = None) -> str | None:
        """Send what is pending, if it can be, and free the spool; return what the user must know of the rest.

        Parameters
        ----------
        seconds : float, optional
            How long to wait for that where all that is pending is in the spool, from where it is sent another time.
        """
        ...
