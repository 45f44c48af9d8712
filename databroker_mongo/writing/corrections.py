"""Changes to the start or stop of a run; what they replace is kept.

What does not belong here: how revisions are stored (``store/revisions``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .. import documents
from ..errors import InvalidDocument, RunNotFound
from ..queries import Eq
from ..store.protocol import Document, WritableStore

_FIXED = ("uid", "run_start")


def update_run(
    store: WritableStore,
    run_uid: str,
    *,
    start: Mapping[str, Any] | None = None,
    stop: Mapping[str, Any] | None = None,
) -> None:
    """Change fields of a run's start and stop document. The same change made twice is made once.

    Parameters
    ----------
    store : WritableStore
        Where the run is.
    run_uid : str
        Its full uid.
    start, stop : mapping, optional
        New values of fields, by name; fields that are not named stay as they are.

    Raises
    ------
    RunNotFound
        There is no such run, or it has no stop document to change.
    InvalidDocument
        The changed document breaks its schema, or a field that identifies it is to be changed.
    """
    changed = []
    for name, changes in (("start", start), ("stop", stop)):
        if changes is not None:
            changed.append((name, _changed(name, _stored(store, name, run_uid), changes)))
    for name, document in changed:
        store.replace(name, document)


def _stored(store: WritableStore, name: str, run_uid: str) -> Document:
    start = next(store.find_starts(Eq("uid", run_uid), sort=(), limit=1), None)
    if start is None:
        raise RunNotFound(f"There is no run {run_uid!r} at {store.address}.", run_uid=run_uid)
    if name == "start":
        return start
    stop = store.stops([run_uid]).get(run_uid)
    if stop is None:
        raise RunNotFound(
            "The run has no stop document that could be changed; give a Writer the one it lacks.", run_uid=run_uid
        )
    return stop


def _changed(name: str, stored: Document, changes: Mapping[str, Any]) -> Document:
    for field in _FIXED:
        if field in changes and changes[field] != stored.get(field):
            raise InvalidDocument(
                f"The field {field!r} identifies a {name} document and cannot be changed.",
                **documents.facts_of(name, stored),
                field=field,
            )
    [(_, document)] = documents.checked(name, {**stored, **changes})
    return document
