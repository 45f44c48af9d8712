"""The documents of the external data of many streams, fetched together: a store that has them at hand.

Pure of MongoDB: it asks a store, and answers the questions that reading one stream after the other would ask.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, cast

from ...arrays import is_held
from ...documents import is_streamed
from ...errors import StoreError
from ...store import Document, EventIndex, Store, Values
from ...values import copied
from .rows import Taken, descriptor_uids


def hold_documents(
    store: Store, group: Sequence[Taken], keys: Sequence[str], *, one_at_a_time: threading.Lock
) -> Store:
    """Return the store, with the documents of what streams hold of external data keys at hand.

    Parameters
    ----------
    store : Store
        Where they are.
    group : sequence of (Stream, EventIndex)
        The streams and their rows, with the values of the keys.
    keys : sequence of str
        The data keys.
    one_at_a_time : threading.Lock
        What a thread holds while it asks the store for anything else.
    """
    held = _Held(store, one_at_a_time)
    ids: set[str] = set()
    streamed: list[str] = []
    for stream, taken in group:
        if isinstance(taken, StoreError):
            continue
        data_keys = stream.source.data_keys
        external = [key for key in keys if "external" in data_keys.get(key, ())]
        ids.update(_texts(taken, external))
        if any(is_streamed(data_keys[key]) or not is_held(taken.data[key]) for key in external):
            streamed += descriptor_uids(stream)
    held.fetch(sorted(ids), streamed)
    # It has every method of a store, though it is none for a type checker.
    return cast(Store, held)


def _texts(index: EventIndex, keys: Iterable[str]) -> Iterator[str]:
    for key in keys:
        values: Values = index.data[key]
        yield from (each for each in values if isinstance(each, str)) if isinstance(values, list) else ()


class _Held:
    """A store and some of its documents."""

    def __init__(self, store: Store, one_at_a_time: threading.Lock):
        self._store = store
        self._one_at_a_time = one_at_a_time
        self._datums: dict[str, Document] = {}
        self._known_ids: set[str] = set()
        self._resources: dict[str, list[Document]] = {}
        self._known_names: set[str] = set()
        self._stream_datums: dict[str, list[Document]] = {}
        self._stream_resources: dict[str, Document] = {}

    def fetch(self, ids: Sequence[str], streamed: Sequence[str]) -> None:
        """Fetch what these identifiers of datums, and these descriptors of streamed data, lead to."""
        if ids:
            self._known_ids, self._datums = set(ids), self._store.datums(ids)
            names = {name for datum in self._datums.values() if isinstance(name := datum.get("resource"), str)}
            likely = {each.partition("/")[0] for each in self._known_ids - self._datums.keys() if "/" in each}
            self._known_names = names | likely
            self._resources = self._store.resources(sorted(self._known_names)) if self._known_names else {}
        if streamed:
            self._stream_datums = {uid: [] for uid in streamed}
            for datum in self._store.stream_datums(streamed):
                self._stream_datums[datum["descriptor"]].append(datum)
            datums = [datum for each in self._stream_datums.values() for datum in each]
            uids = dict.fromkeys(uid for datum in datums if isinstance(uid := datum.get("stream_resource"), str))
            found = self._store.stream_resources(list(uids)) if uids else []
            self._stream_resources = {resource["uid"]: resource for resource in found}

    def datums(self, datum_ids: Iterable[str]) -> dict[str, Document]:
        wanted = list(datum_ids)
        if not self._known_ids.issuperset(wanted):
            return dict(self._ask("datums", wanted))
        return {each: copied(self._datums[each]) for each in wanted if each in self._datums}

    def resources(self, uids: Sequence[str]) -> dict[str, list[Document]]:
        if not self._known_names.issuperset(uids):
            return dict(self._ask("resources", uids))
        return {uid: copied(self._resources[uid]) for uid in uids if uid in self._resources}

    def stream_datums(self, descriptor_uids: Sequence[str]) -> list[Document]:
        if not self._stream_datums.keys() >= set(descriptor_uids):
            return list(self._ask("stream_datums", descriptor_uids))
        return [copied(datum) for uid in descriptor_uids for datum in self._stream_datums[uid]]

    def stream_resources(self, uids: Sequence[str]) -> list[Document]:
        if not self._stream_resources.keys() >= set(uids):
            return list(self._ask("stream_resources", uids))
        return [copied(self._stream_resources[uid]) for uid in uids]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        found = getattr(self._store, name)
        return (lambda *asked, **options: self._ask(name, *asked, **options)) if callable(found) else found

    def _ask(self, name: str, *asked: Any, **options: Any) -> Any:
        """Ask the store, while no other thread does."""
        with self._one_at_a_time:
            answer = getattr(self._store, name)(*asked, **options)
            return list(answer) if isinstance(answer, Iterator) else answer
