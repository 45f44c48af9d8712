"""Changes to the start, stop or descriptors of a run; the earlier documents are kept.

What does not belong here: how revisions are stored (``store/insertion/revisions``).
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from .. import documents
from ..errors import InvalidDocument, RunNotFound, StreamNotFound
from ..queries import Eq
from ..store import Document, WritableStore
from ..values import copied

_FIXED = ("uid", "run_start")
_NAMING = (*_FIXED, "name")

Changes = Mapping[str | tuple[str, ...], Any]
"""New values of fields. A key is the name of a field, or a tuple of names, which is the path of a nested one."""


class Removal(enum.Enum):
    """The type of ``REMOVE``."""

    REMOVE = "remove"

    def __repr__(self) -> str:
        return "REMOVE"


REMOVE = Removal.REMOVE
"""A value for a field in a correction, which removes the field."""


def update_run(
    store: WritableStore,
    run_uid: str,
    *,
    start: Changes | None = None,
    stop: Changes | None = None,
    descriptors: Mapping[str, Changes] | None = None,
) -> None:
    """Change fields of a run's start, stop and descriptors. The same change made twice is made once.

    Others may correct the same run at the same time: each field gets the value that was given last.

    Parameters
    ----------
    store : WritableStore
        Where the run is.
    run_uid : str
        Its full uid.
    start, stop : mapping, optional
        New values of fields, by name; fields that are not named stay as they are. A tuple of names is the path of a
        nested field: ``{("sample", "name"): "A2"}``. ``REMOVE`` as the value removes the field, which the document must
        have, or have had.
    descriptors : mapping of str to mapping, optional
        The same for the descriptors of streams, by the name of the stream (all its descriptors) or the uid of one.

    Raises
    ------
    RunNotFound
        There is no such run, or it has no stop document to change.
    StreamNotFound
        The run has no such stream or descriptor.
    InvalidDocument
        The changed document breaks its schema, or a field that identifies it would be changed. Nothing is changed.
    """
    wanted = {"start": start, "stop": stop}
    for name, changes in {**wanted, **_by_stream(descriptors)}.items():
        _require_fields(name, changes)
    corrections = [(name, _stored(store, name, run_uid), changes) for name, changes in wanted.items() if changes]
    corrections += [("descriptor", *each) for each in _of_streams(store, run_uid, descriptors or {})]
    for name, stored, changes in corrections:
        _changed(name, changes, stored)
        _require_what_is_removed(store, name, changes, stored)
    for name, stored, changes in corrections:
        store.correct(name, stored["uid"], partial(_changed, name, changes))


def _by_stream(descriptors: Mapping[str, Changes] | None) -> Mapping[str, Changes]:
    if descriptors is None or isinstance(descriptors, Mapping):
        return descriptors or {}
    raise InvalidDocument(
        "Corrections of descriptors are a mapping of the name of a stream, or the uid of a descriptor, to new values "
        f"of fields, as in {{'primary': {{'hints': {{}}}}}}, not {descriptors!r}."
    )


def _require_fields(name: str, changes: Changes | None) -> None:
    """Insist on new values by the names of fields."""
    if changes is not None and not isinstance(changes, Mapping):
        raise InvalidDocument(
            f"Corrections of {name!r} are a mapping of fields to new values, as in {{'sample': 'A2'}}, not {changes!r}."
        )
    for key in changes or ():
        path = key if isinstance(key, tuple) else (key,)
        if not path or not all(isinstance(field, str) for field in path):
            raise InvalidDocument(
                f"{key!r} names no field to correct in {name!r}: write its name, or ('sample', 'name') for one within "
                "another."
            )


def _stored(store: WritableStore, name: str, run_uid: str) -> Document:
    start = next(store.find_starts(Eq("uid", run_uid), sort=(), limit=1), None)
    if start is None:
        raise RunNotFound(f"There is no run {run_uid!r} at {store.address}.", run_uid=run_uid)
    if name == "start":
        return start
    stop = store.stops([run_uid]).get(run_uid)
    if stop is None:
        raise RunNotFound("The run has no stop document to change; send the missing one to a Writer.", run_uid=run_uid)
    return stop


def _of_streams(
    store: WritableStore, run_uid: str, wanted: Mapping[str, Changes]
) -> Iterator[tuple[Document, Changes]]:
    if not wanted:
        return
    _stored(store, "start", run_uid)
    stored = store.descriptors([run_uid])[run_uid]
    for key, changes in wanted.items():
        found = [each for each in stored if key in (documents.stream_of(each), each["uid"])]
        if not found:
            names = ", ".join(dict.fromkeys(map(documents.stream_of, stored))) or "none"
            raise StreamNotFound(
                f"The run has no stream {key!r}, and no descriptor of that uid. It has: {names}.",
                run_uid=run_uid,
                stream=key,
            )
        for descriptor in found:
            yield descriptor, changes


def _changed(name: str, changes: Changes, stored: Document) -> Document:
    changed = copied(stored)
    for key, value in changes.items():
        path = key if isinstance(key, tuple) else (key,)
        if path[:1] in [(field,) for field in _FIXED] and (len(path) > 1 or value != stored.get(path[0])):
            raise InvalidDocument(
                f"The field {path[0]!r} identifies a {name} document and cannot be changed.",
                **documents.facts_of(name, stored),
                field=path[0],
            )
        _set(name, changed, path, value if value is REMOVE else _encoded(name, stored, path, value))
    # What is not corrected stays as it is stored, be it of a type that no writer of this package would store.
    documents.validate(name, changed)
    return changed


def _require_what_is_removed(store: WritableStore, name: str, changes: Changes, stored: Document) -> None:
    """Refuse to remove a field that the document has not, unless an earlier correction may be what removed it."""
    removed = [key if isinstance(key, tuple) else (key,) for key, value in changes.items() if value is REMOVE]
    missing = [path for path in removed if not _has(stored, path)]
    earlier = store.examination.revisions(name, stored["uid"]) if missing else []
    for path in missing:
        if not any(_has(document, path) for document in earlier):
            raise InvalidDocument(
                f"The {name} document has no field {'.'.join(path)!r} that could be removed. Its fields are: "
                f"{', '.join(map(repr, stored))}.",
                **documents.facts_of(name, stored),
                field=".".join(path),
            )


def _has(document: object, path: tuple[str, ...]) -> bool:
    for field in path:
        if not isinstance(document, Mapping) or field not in document:
            return False
        document = document[field]
    return True


def _encoded(name: str, stored: Document, path: tuple[str, ...], value: Any) -> Any:
    """Return a new value as it can be stored; the error, if it cannot, names the document and the field."""
    nested: Any = value
    for field in reversed(path):
        nested = {field: nested}
    encoded: Any = documents.encode(name, {**{key: stored[key] for key in _NAMING if key in stored}, **nested})
    for field in path:
        encoded = encoded[field]
    return encoded


def _set(name: str, document: Document, path: tuple[str, ...], value: Any) -> None:
    """Set or remove the field that a path leads to; what it leads through is made where it is missing."""
    place: Any = document
    for depth, field in enumerate(path[:-1], 1):
        if field not in place and value is REMOVE:
            return
        place = place.setdefault(field, {})
        if not isinstance(place, dict):
            raise InvalidDocument(
                f"The field {'.'.join(path[:depth])!r} is not a mapping, so there is no field {'.'.join(path)!r} "
                "in it.",
                **documents.facts_of(name, document),
                field=".".join(path),
            )
    if value is REMOVE:
        place.pop(path[-1], None)
    else:
        place[path[-1]] = value
