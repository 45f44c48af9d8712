"""One time limit over the several queries that find a page of runs, and what it means when one is refused.

What does not belong here: failures that any query can meet (``failures``).
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from ...errors import QueryError, StoreUnavailable

_NO_TEXT_INDEX = 27
_BAD_FILTER = frozenset({2, 9, 14, 15, 51, 168, 241, 291})  # BadValue, FailedToParse, TypeMismatch, ...
_FIRST_OF_EXPRESSIONS = 15_000
"""From here on MongoDB numbers what may be wrong with an expression or a pattern."""


class TimeLimit:
    """A limit that begins anew with each page that is handed out.

    Parameters
    ----------
    seconds : float
        How long one page may take.
    address : str
        The database's URI without a password.
    joins : bool
        Whether documents of several kinds are brought together run by run.
    """

    def __init__(self, seconds: float, *, address: str, joins: bool):
        self._seconds = seconds
        self._address = address
        self._joins = joins
        self.restart()

    def restart(self) -> None:
        """Begin anew: something was handed out."""
        self._end = time.monotonic() + self._seconds

    @contextmanager
    def query(self) -> Iterator[None]:
        """Query within the time that is left.

        Raises
        ------
        StoreUnavailable
            When the time is over.
        QueryError
            When the server does not understand the filter, or a full-text query meets no text index.
        """
        import pymongo
        import pymongo.errors

        seconds_left = self._end - time.monotonic()
        if seconds_left <= 0:
            raise self._too_slow()
        try:
            with pymongo.timeout(seconds_left):
                yield
        except pymongo.errors.PyMongoError as error:
            if error.timeout and self._joins:
                raise self._too_slow() from error
            if isinstance(error, pymongo.errors.OperationFailure):
                self._refuse(error.code, error.details or {}, error)
            raise

    def _refuse(self, code: int | None, details: Mapping[str, object], error: Exception) -> None:
        if code == _NO_TEXT_INDEX:
            raise QueryError(
                "This database has no text index, which MongoDB needs to search the full text. An account that may "
                "write makes one with databroker-mongo admin create-indexes --text --apply.",
                address=self._address,
            ) from error
        if code is not None and (code in _BAD_FILTER or code >= _FIRST_OF_EXPRESSIONS):
            raise QueryError(f"MongoDB does not understand the filter: {details.get('errmsg', error)}.") from error

    def _too_slow(self) -> StoreUnavailable:
        help_joins = (
            " Run summaries, which databroker-mongo admin build-summaries --apply makes, answer such a query at once."
        )
        return StoreUnavailable(
            f"MongoDB at {self._address} did not find enough runs within {self._seconds:g} s. Narrow the query by "
            "fields of the start document or by time, or raise the catalog's timeout_seconds."
            + (help_joins if self._joins else ""),
            address=self._address,
            timeout_seconds=self._seconds,
        )
