"""Runs that nobody but staff would see on a server, since none of the fields for it says whose they are."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Iterator

from ..documents import Document
from ..queries import UNTAGGED, And, Query, TagFields
from ..store import Store
from .documents import Finding


def check_tags(store: Store, query: Query, fields: TagFields) -> Iterator[Finding]:
    """Yield for each year how many runs have no access tag, the oldest year first.

    Parameters
    ----------
    store : Store
        Where the runs are.
    query : Query
        Which of them are looked at.
    fields : TagFields
        Where their tags are.
    """
    names = ", ".join(each.path for each in fields.fields)
    untagged = store.find_starts(And((query, fields.query([UNTAGGED]))), sort=(("time", 1),), fields=("time",))
    for year, n_runs in Counter(map(_year_of, untagged)).items():
        when = "without a time" if year is None else f"of {year}"
        text = f"{n_runs} runs {when} have no access tag in {names}: on a server, staff alone see them."
        yield Finding("untagged-runs", text, facts={"year": year, "n": n_runs, "fields": names})


def _year_of(start: Document) -> int | None:
    try:
        return datetime.datetime.fromtimestamp(start["time"], datetime.UTC).year
    except (KeyError, TypeError, ValueError, OverflowError, OSError):
        return None
