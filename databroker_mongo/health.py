"""What is wrong with the documents of a run, or of a whole database: everything, each with what it concerns.

Such documents were stored because an experiment cannot be repeated, and they are read as well as can be; here they are
named. What does not belong here: files and whether columns can be read (``readability``), mending.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from typing import Any

from .documents import stream_of
from .errors import RunNotFound
from .queries import Eq
from .store.examination import EventKind
from .store.protocol import Document, Store
from .store.stream_rows import is_streamed, rows_in_files

STALLED_SECONDS = 600.0
"""A run without stop document whose last event is older than this does not go on by itself."""

CRASHED_SECONDS = 86400.0
"""A run without stop document whose last event is older than this has ended without saying so."""

_FIT = {
    "number": {"number", "integer", "boolean", "null"},
    "integer": {"number", "integer", "boolean", "null"},
    "boolean": {"boolean", "integer", "null"},
    "string": {"string", "null"},
    "array": {"array", "null"},
}


@dataclass(frozen=True)
class Finding:
    """Something that is wrong.

    Attributes
    ----------
    kind : str
        What, in a word: ``no-stop``, ``second-stop``, ``broken-descriptor``, ``unnamed-stream``, ``missing-value``,
        ``undeclared-key``, ``missing-timestamp``, ``wrong-type``, ``gap``, ``repeated-seq-num``, ``repeated-event``,
        ``num-events``, ``lost-stream-documents``, ``missing-datum``, ``missing-resource``; of its files
        ``missing-files`` and ``unreadable-spec``; of a database ``orphans``, ``duplicates``, ``missing-index``,
        ``other-index`` and ``extra-index``.
    message : str
        What, in a sentence, and how it is read.
    run_uid, stream, data_key : str or None
        What it concerns.
    facts : dict
        Figures and uids, by name.
    """

    kind: str
    message: str
    run_uid: str | None = None
    stream: str | None = None
    data_key: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_fault(self) -> bool:
        """Whether somebody has to do something. A run in progress is none, nor is an index that nobody here needs."""
        return self.kind != "extra-index" and self.facts.get("state") != "in progress"


def check_run(store: Store, run_uid: str, *, now: float | None = None) -> list[Finding]:
    """Return all that is wrong with the documents of a run; an empty list is good news.

    Parameters
    ----------
    store : Store
        Where the run is.
    run_uid : str
        Its full uid.
    now : float, optional
        The time to compare with, seconds since 1970.

    Raises
    ------
    RunNotFound
        There is no such run.
    """
    start = next(store.find_starts(Eq("uid", run_uid), sort=(), limit=1), None)
    if start is None:
        raise RunNotFound(f"There is no run {run_uid!r} at {store.address}.", run_uid=run_uid)
    return list(_Check(store, start, time.time() if now is None else now).findings())


def check_database(store: Store, *, metadata: Sequence[str] = ()) -> list[Finding]:
    """Return what is wrong with a database as a whole: indexes, documents stored twice, and what belongs to nothing.

    Parameters
    ----------
    store : Store
        The database.
    metadata : sequence of str
        Fields of the start document that the site asks about, which have an index, too.
    """
    return [*_indexes(store, metadata), *_duplicates(store), *_orphans(store)]


def _indexes(store: Store, metadata: Sequence[str]) -> Iterator[Finding]:
    kinds = {"missing": "missing-index", "differs": "other-index", "extra": "extra-index"}
    for report in store.indexes(metadata=metadata):
        if report.state in kinds:
            facts = {"collection": report.collection, "index": report.name}
            text = f"The index {report.name} of {report.collection!r}: {report.state} ({report.detail})."
            yield Finding(kinds[report.state], text, facts=facts)


def _duplicates(store: Store) -> Iterator[Finding]:
    for kind, copies in store.examination.duplicates().items():
        text = f"{len(copies)} {kind} documents are stored more than once, under the same uid."
        yield Finding("duplicates", text, facts={"document": kind, "uids": list(copies)[:10]})


def _orphans(store: Store) -> Iterator[Finding]:
    orphans = store.examination.orphans()
    kinds = (
        ("descriptor", "events", orphans.descriptors),
        ("run", "descriptors", orphans.starts_of_descriptors),
        ("run", "stop documents", orphans.starts_of_stops),
        ("resource", "datums", orphans.resources),
        ("stream_resource", "stream datums", orphans.stream_resources),
        ("descriptor", "stream datums", orphans.descriptors_of_stream_datums),
        ("run", "stream resources", orphans.starts_of_stream_resources),
    )
    for parent, children, counts in kinds:
        for uid, n in counts.items():
            text = f"{n} {children} belong to a {parent} that is not there."
            yield Finding("orphans", text, facts={parent: uid, "n": n})
    for uid in orphans.stray_stream_resources:
        text = "A stream resource names no run, and no stream datum names it."
        yield Finding("orphans", text, facts={"stream_resource": uid})


class _Check:
    """The documents of one run, asked for once each."""

    def __init__(self, store: Store, start: Document, now: float):
        self._store = store
        self._start = start
        self._uid = start["uid"]
        self._now = now
        self._stop = store.stops([self._uid]).get(self._uid)
        self._descriptors = store.descriptors([self._uid])[self._uid]
        self._kinds = store.examination.event_kinds([each["uid"] for each in self._descriptors])
        self._stream_of = {each["uid"]: stream_of(each) for each in self._descriptors}
        self._rows_in_files = rows_in_files(store, self._uid, self._descriptors)

    def findings(self) -> Iterator[Finding]:
        """Yield what is wrong, the run first, then its streams."""
        yield from self._stops()
        yield from self._broken_descriptors()
        for descriptor in self._descriptors:
            if not descriptor.get("name"):
                yield self._finding("unnamed-stream", "A descriptor has no name; it is read as 'primary'.", descriptor)
            kinds = [kind for kind in self._kinds if kind.descriptor_uid == descriptor["uid"]]
            for kind in kinds:
                yield from self._keys(descriptor, kind)
        for stream in dict.fromkeys(self._stream_of.values()):
            yield from self._rows(stream)
        yield from self._counts()
        yield from self._external()

    def _finding(self, kind: str, message: str, of: Document | str | None = None, **facts: Any) -> Finding:
        stream = of if isinstance(of, str) or of is None else self._stream_of[of["uid"]]
        return Finding(kind, message, self._uid, stream, facts.pop("data_key", None), facts)

    def _stops(self) -> Iterator[Finding]:
        for stop in self._store.examination.other_stops(self._uid):
            text = f"There is a second stop document, with exit status {stop.get('exit_status')!r}; the first counts."
            yield self._finding("second-stop", text, uid=stop.get("uid"))
        if self._stop is None:
            yield self._without_stop()

    def _broken_descriptors(self) -> Iterator[Finding]:
        for descriptor, fields in self._store.examination.broken_descriptors(self._uid):
            text = (
                f"Of a descriptor {', '.join(fields)} is of another type than it should be, and read as if not there."
            )
            stream = stream_of(descriptor)
            yield self._finding("broken-descriptor", text, stream, uid=descriptor["uid"], fields=fields)

    def _without_stop(self) -> Finding:
        streams = self._store.streams([self._uid])[self._uid].values()
        times = [self._store.event_index(uids).snapshot.last_time for uids in streams]
        last = max([self._start["time"], *(each["time"] for each in self._descriptors), *times])
        age = self._now - last
        state = "crashed" if age > CRASHED_SECONDS else "stalled" if age > STALLED_SECONDS else "in progress"
        text = f"There is no stop document, and nothing came for {age:,.0f} s: {state}."
        return self._finding("no-stop", text, state=state, last_time=last)

    def _keys(self, descriptor: Document, kind: EventKind) -> Iterator[Finding]:
        """Compare what events hold with what their descriptor declares."""
        facts = {"n_events": kind.n_events, "first_seq_num": kind.first_seq_num}
        declared = {key: each for key, each in descriptor["data_keys"].items() if not is_streamed(each)}
        for key in declared.keys() - kind.types.keys():
            text = f"{kind.n_events} events lack {key!r}; it is read as a missing value."
            yield self._finding("missing-value", text, descriptor, data_key=key, **facts)
        for key in kind.types.keys() - descriptor["data_keys"].keys():
            text = f"{kind.n_events} events hold {key!r}, which is not declared; it is no column."
            yield self._finding("undeclared-key", text, descriptor, data_key=key, **facts)
        for key in kind.types.keys() - kind.timestamps:
            text = f"{kind.n_events} events have no timestamp for {key!r}."
            yield self._finding("missing-timestamp", text, descriptor, data_key=key, **facts)
        for key in declared.keys() & kind.types.keys():
            dtype, found = str(declared[key].get("dtype")), kind.types[key]
            if "external" not in declared[key] and found not in _FIT.get(dtype, (found,)):
                text = f"{kind.n_events} events hold a value of type {found} for {key!r}, declared as {dtype}."
                yield self._finding("wrong-type", text, descriptor, data_key=key, **facts)

    def _rows(self, stream: str) -> Iterator[Finding]:
        uids = [uid for uid, name in self._stream_of.items() if name == stream]
        seq_nums = self._store.event_index(uids).seq_num.tolist()
        for before, after in pairwise([0, *sorted(set(seq_nums))]):
            if after > before + 1:
                text = f"Events {before + 1} to {after - 1} are missing."
                yield self._finding("gap", text, stream, first=before + 1, last=after - 1)
        repeated = [number for number, group in groupby(sorted(seq_nums)) if len(list(group)) > 1]
        if repeated:
            text = f"{len(repeated)} seq_nums occur more than once; all rows are kept."
            yield self._finding("repeated-seq-num", text, stream, seq_nums=repeated[:10])
        copies = self._store.examination.repeated_events(uids)
        if copies:
            text = f"{len(copies)} events are stored more than once, under the same uid."
            yield self._finding("repeated-event", text, stream, uids=list(copies)[:10])

    def _counts(self) -> Iterator[Finding]:
        """Compare what the stop document tells with the events; of a fly scan, which has none, with rows of files."""
        found: dict[str, int] = dict.fromkeys(self._stream_of.values(), 0)
        for kind in self._kinds:
            found[self._stream_of[kind.descriptor_uid]] += kind.n_events
        told = (self._stop or {}).get("num_events")
        told = told if isinstance(told, Mapping) else {}
        in_files: dict[str, Counter[str]] = {}
        for (uid, key), n_rows in self._rows_in_files.items():
            in_files.setdefault(self._stream_of[uid], Counter())[key] += n_rows
        for stream in {**found, **told} if told else ():
            counts: list[tuple[str | None, int]] = [(None, found.get(stream, 0))]
            if not found.get(stream) and self._is_streamed(stream):
                counts = [*in_files.get(stream, {}).items()]
            expected = told.get(stream, 0)
            for data_key, n in counts:
                if n != expected:
                    text = f"The stop document tells of {expected} events, {n} are there."
                    yield self._finding("num-events", text, stream, data_key=data_key, told=expected, found=n)

    def _is_streamed(self, stream: str) -> bool:
        of_stream = [each for each in self._descriptors if self._stream_of[each["uid"]] == stream]
        return any(is_streamed(data_key) for each in of_stream for data_key in each["data_keys"].values())

    def _external(self) -> Iterator[Finding]:
        for descriptor in self._descriptors:
            for key, each in descriptor["data_keys"].items():
                if is_streamed(each):
                    yield from self._stream_datums(descriptor, key)
                elif "external" in each:
                    yield from self._datums(descriptor, key)

    def _stream_datums(self, descriptor: Document, key: str) -> Iterator[Finding]:
        n_rows = self._rows_in_files.get((descriptor["uid"], key))
        n_events = sum(kind.n_events for kind in self._kinds if kind.descriptor_uid == descriptor["uid"])
        if n_rows is None:
            text = f"{key!r} is in a file, but the stream resource that names the file is not there."
            yield self._finding("lost-stream-documents", text, descriptor, data_key=key)
        elif n_rows < n_events and self._stop is not None:
            text = f"The stream datums of {key!r} tell where {n_rows} rows are, of {n_events}."
            yield self._finding("lost-stream-documents", text, descriptor, data_key=key, told=n_rows, found=n_events)

    def _datums(self, descriptor: Document, key: str) -> Iterator[Finding]:
        index = self._store.event_index([descriptor["uid"]], keys=[key])
        named = {value for value in index.data[key] if isinstance(value, str)}
        datums = self._store.datums(named)
        missing = sorted(named - datums.keys())
        if missing:
            text = f"{len(missing)} of {len(named)} datums of {key!r} are not there."
            yield self._finding("missing-datum", text, descriptor, data_key=key, datum_ids=missing[:10])
        owners = {each["resource"] for each in datums.values() if "resource" in each}
        for uid in sorted(owners - self._store.resources(sorted(owners)).keys()):
            text = f"A resource of {key!r} is not there, so nobody knows the file."
            yield self._finding("missing-resource", text, descriptor, data_key=key, resource_uid=uid)
