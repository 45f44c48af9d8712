"""The indexes of the databases that are measured on: those that suitcase-mongo makes, and those that we ask for.

The text indexes are left out: no task asks for words, and they take longer to make than all the rest.
"""

from __future__ import annotations

from typing import Any, Final

INDEXES: Final = {
    "run_start": (
        (("uid", 1),),
        (("scan_id", -1), ("_id", -1)),
        (("time", 1), ("_id", -1)),
        (("time", -1), ("_id", -1)),
        (("time", -1), ("scan_id", -1)),
        (("proposal_id", 1), ("time", -1)),
    ),
    "run_stop": ((("run_start", 1),), (("uid", 1),), (("time", -1),), (("exit_status", 1),)),
    "event_descriptor": ((("uid", 1),), (("run_start", -1), ("time", -1)), (("time", -1),)),
    "event": ((("uid", 1),), (("descriptor", -1), ("time", 1)), (("descriptor", 1), ("seq_num", 1))),
    "resource": ((("uid", 1),), (("resource_id", 1),)),
    "datum": ((("datum_id", 1),), (("resource", 1),)),
}
_UNIQUE: Final = {"uid", "datum_id"}


def create_indexes(database: Any) -> None:
    """Make all indexes of a database."""
    for collection, each in INDEXES.items():
        for keys in each:
            is_unique = len(keys) == 1 and keys[0][0] in _UNIQUE
            database[collection].create_index(list(keys), unique=is_unique)
