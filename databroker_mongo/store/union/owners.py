"""Which database of several a document is in, kept in mind for as many documents as people have at hand at once."""

from __future__ import annotations

from collections.abc import Iterable

_MOST_KEPT = 200_000


class Owners:
    """From the uids of documents to the number of the database that has them; those noted first are forgotten first."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def note(self, uids: Iterable[str], number: int) -> None:
        """Keep in mind that these are in a database."""
        self._numbers.update(dict.fromkeys(uids, number))
        while len(self._numbers) > _MOST_KEPT:
            # Another thread may have forgotten it already.
            self._numbers.pop(next(iter(self._numbers)), None)

    def get(self, uid: str) -> int | None:
        """Return the number of the database that a document is in, if it is known."""
        return self._numbers.get(uid)
