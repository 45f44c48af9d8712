"""What waited on which machine for a database, as the writers there leave it in the collection ``spool_reports``.

There is a row for each folder of each machine, about the last time that something waited there.
"""

from __future__ import annotations

import platform
from typing import Any

from ..connection.collections import Collections
from ..insertion.insertion import make_id
from ..reports import SpoolReport

COLLECTION = "spool_reports"


def leave_spool_report(collections: Collections, report: SpoolReport) -> None:
    """Leave what waited on this machine, in the place of what was left before."""
    host = platform.node()
    row = {"host": host, **vars(report)}
    # The clock of this machine may be wrong: that of the server tells when this was.
    change = {"$set": row, "$currentDate": {"reported": True}}
    collections.named(COLLECTION).update_one({"_id": make_id(host, report.path)}, change, upsert=True)


def read_spool_reports(collections: Collections) -> list[dict[str, Any]]:
    """Return the rows of all machines, the latest first."""
    return list(collections.named(COLLECTION).find({}, {"_id": 0}).sort("reported", -1))
