"""Events that are stored after their run has ended: no copy that lacks them may be believed, not even for a moment."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ...documents import Document
from ..connection.collections import Collections
from .dropping import forbid
from .presence import COLLECTION, has_copies

_logger = logging.getLogger("databroker_mongo")

_MOST_REMEMBERED = 10_000
_ASK_AGAIN_SECONDS = 300.0
"""Less than the hour after which a copy may settle."""


class LateEvents:
    """Sees to the copies of events when others of theirs are stored.

    Copies are made of runs that have ended, or rest for a month. So nothing is to be seen to while a run is in
    progress, which is asked now and then for each descriptor: another process may have stored the stop.

    Parameters
    ----------
    collections : Collections
        Where.
    """

    def __init__(self, collections: Collections):
        self.collections = collections
        self._asked: dict[str, float] = {}

    def find(self, events: Sequence[Document]) -> list[str]:
        """Return the descriptors of these events of which there may be copies, in a database that has any."""
        uids = {uid for event in events if isinstance(uid := event.get("descriptor"), str)}
        now = time.monotonic()
        unknown = [uid for uid in sorted(uids) if now - self._asked.get(uid, -math.inf) > _ASK_AGAIN_SECONDS]
        if not unknown:
            return []
        late = [uid for uid in unknown if self._is_late(uid)] if has_copies(self.collections) else []
        if len(self._asked) > _MOST_REMEMBERED:
            self._asked.clear()
        self._asked.update(dict.fromkeys(set(unknown) - set(late), now))
        return late

    @contextmanager
    def storing(self, descriptor_uids: Sequence[str]) -> Iterator[None]:
        """Drop what copies there are of these descriptors, before events of theirs are stored, and afterwards too.

        Before, so that nobody believes a copy without them; afterwards, since one may have been made meanwhile.
        """
        self._forbid(descriptor_uids)
        try:
            yield
        finally:
            self._forbid(descriptor_uids)

    def end_runs(self) -> None:
        """Ask anew of each descriptor: runs have ended."""
        self._asked.clear()

    def _is_late(self, descriptor_uid: str) -> bool:
        import pymongo.errors

        collections = self.collections
        try:
            if collections.named(COLLECTION).find_one({"d": descriptor_uid}, {"_id": 1}) is not None:
                return True
        except pymongo.errors.OperationFailure:
            return True  # an account that may not look there may be able to leave a doubt
        descriptor = collections.event_descriptor.find_one({"uid": descriptor_uid}, {"run_start": 1})
        if descriptor is None:
            return False
        return collections.run_stop.find_one({"run_start": descriptor.get("run_start")}, {"_id": 1}) is not None

    def _forbid(self, descriptor_uids: Sequence[str]) -> None:
        """Drop the copies; if that cannot be done, the events are stored all the same, for they are what counts."""
        import pymongo.errors

        if not descriptor_uids:
            return
        try:
            forbid(self.collections, descriptor_uids)
        except pymongo.errors.PyMongoError as error:
            _logger.warning(
                "late events are stored, and the columnar copies of the descriptors %s could not be dropped: %s. "
                "Readers that count events see it; those that trust settled copies do after the next admin "
                "build-columnar.",
                ", ".join(descriptor_uids),
                error,
            )
