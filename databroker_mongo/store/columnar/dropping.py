"""Copies that are not believed any more are removed by whoever may; to read the events needs no right to remove."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..connection.collections import Collections
from .copies import DOUBT, DoubtfulCopyError
from .presence import COLLECTION

_logger = logging.getLogger("databroker_mongo")


def drop_doubtful(collections: Collections, doubts: Mapping[str, DoubtfulCopyError]) -> None:
    """Remove those copies that are of no use any more, and no other one that was made of the same events meanwhile.

    What goes wrong is only logged: a copy that is still there is doubted by the next reader as well. Who reads from
    secondaries removes none, for these may be behind.
    """
    import pymongo.errors
    from pymongo import ReadPreference

    if collections.metadata.read_preference != ReadPreference.PRIMARY:
        return
    for uid, doubt in doubts.items():
        if doubt.made is None:
            continue
        try:
            collections.named(COLLECTION).delete_many({"d": uid, "m": doubt.made})
        except pymongo.errors.PyMongoError as error:
            _logger.debug("the columnar copy of the descriptor %s could not be removed: %s", uid, error)
        else:
            _logger.info("the columnar copy of the descriptor %s was removed: %s", uid, doubt.reason)


def forbid(collections: Collections, descriptor_uids: Iterable[str]) -> None:
    """See to it that no copy of the events of these descriptors is believed, before another event of theirs is stored.

    Whoever may not remove one leaves a document that says so, which readers and builders obey.

    Raises
    ------
    pymongo.errors.PyMongoError
        Neither was possible.
    """
    import pymongo.errors

    copies = collections.named(COLLECTION)
    uids = list(dict.fromkeys(descriptor_uids))
    try:
        copies.delete_many({"d": {"$in": uids}})
    except pymongo.errors.OperationFailure:
        _leave_doubts(copies, uids)


def _leave_doubts(copies: Any, uids: Sequence[str]) -> None:
    import pymongo.errors

    for uid in uids:
        try:
            copies.insert_one({"d": uid, "b": DOUBT, "g": DOUBT, "doubt": True})
        except pymongo.errors.DuplicateKeyError:
            _logger.debug("the columnar copy of the descriptor %s is doubted already", uid)
