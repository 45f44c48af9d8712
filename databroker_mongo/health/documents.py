"""Everything that is wrong with the documents of a run or of a whole database, each finding with what it concerns.

Such documents were stored because an experiment cannot be repeated, and they are read as well as possible; here they
are reported, not mended. Whether columns can be read from their files is asked in ``files``.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..documents import Span, is_streamed, left_over, n_events_said, rows_without_events, spans_of, stream_of
from ..errors import CatalogError, RunNotFound
from ..queries import Eq
from ..store import UNNUMBERED, Document, EventKind, Store
from .stream_rows import stream_datums_by_key

STALLED_SECONDS = 600.0
"""A run without stop document whose last event is older than this does not go on by itself."""

CRASHED_SECONDS = 86400.0
"""A run without stop document whose last event is older than this has ended without saying so."""

_LAST_MOMENT = 2**63 / 1e9
"""In seconds since 1970, as nanoseconds in 64 bits can count them."""

_NO_FAULTS = {"extra-index", "repeated-seq-num", "no-events", "offline-files", "untagged-runs"}
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
        The kind, in a word: ``no-stop``, ``second-stop``, ``broken-descriptor``, ``unnamed-stream``, ``missing-value``,
        ``undeclared-key``, ``missing-timestamp``, ``wrong-type``, ``gap``, ``repeated-seq-num``, ``repeated-event``,
        ``num-events``, ``no-seq-num``, ``no-time``, ``missing-events``, ``no-events``, ``lost-stream-documents``,
        ``second-value``, ``missing-datum``, ``missing-resource``; of its files ``missing-files``, ``forbidden-files``,
        ``offline-files`` and ``unreadable-spec``; of a database ``orphans``, ``duplicates``, ``missing-index``,
        ``other-index``, ``extra-index`` and ``untagged-runs``.
    message : str
        The finding in a sentence, and how the data are read.
    run_uid, stream, data_key : str or None
        What it concerns.
    facts : dict
        Figures and uids, by name; they are left out when a finding is printed, because the message has the important
        ones.
    """

    kind: str
    message: str
    run_uid: str | None = None
    stream: str | None = None
    data_key: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def is_fault(self) -> bool:
        """Whether somebody has to act.

        False for a run in progress, for a plan that was rewound (``repeated-seq-num``) or perhaps a fly scan
        (``no-events``), for files on tape, and for an index that this package does not need.
        """
        return self.kind not in _NO_FAULTS and self.facts.get("state") != "in progress"


def check_run(store: Store, run_uid: str, *, now: float | None = None) -> list[Finding]:
    """Return everything that is wrong with the documents of a run; an empty list means that nothing is.

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
        Fields of the start document that the site queries, which should have an index, too.
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
            text = f"{n} {children} belong to a {parent} that is missing."
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
        stored = store.examination.descriptors(self._uid)
        self._descriptors = [descriptor for descriptor, _ in stored]
        self._broken = [(descriptor, fields) for descriptor, fields in stored if fields]
        self._kinds = store.examination.event_kinds([each["uid"] for each in self._descriptors])
        self._stream_of = {each["uid"]: stream_of(each) for each in self._descriptors}
        self._streams: dict[str, list[Document]] = {}
        for each in self._descriptors:
            self._streams.setdefault(self._stream_of[each["uid"]], []).append(each)
        is_any_in_files = any(
            self._can_be_in_files(stream, key) for stream in self._streams for key in self._keys_of(stream)
        )
        self._stream_datums = stream_datums_by_key(store, self._uid, self._streams) if is_any_in_files else {}
        self._indexes = {
            stream: store.examination.rows([each["uid"] for each in descriptors])
            for stream, descriptors in self._streams.items()
        }

    def findings(self) -> Iterator[Finding]:
        """Yield what is wrong, the run first, then its streams."""
        yield from self._stops()
        yield from self._broken_descriptors()
        for descriptor in self._descriptors:
            stream = self._stream_of[descriptor["uid"]]
            if descriptor.get("name") != stream:
                text = f"A descriptor has no name; it is read as {stream!r}."
                yield self._finding("unnamed-stream", text, descriptor)
            kinds = [kind for kind in self._kinds if kind.descriptor_uid == descriptor["uid"]]
            for kind in kinds:
                yield from self._keys(descriptor, kind)
        for stream in self._streams:
            yield from self._rows(stream)
        yield from self._counts()
        for stream in self._streams:
            yield from self._external(stream)

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
        for descriptor, fields in self._broken:
            text = f"Of a descriptor {', '.join(fields)} is of a wrong type, and is read as if it were missing."
            stream = stream_of(descriptor)
            yield self._finding("broken-descriptor", text, stream, uid=descriptor["uid"], fields=fields)

    def _without_stop(self) -> Finding:
        times = [index.snapshot.last_time for index in self._indexes.values()]
        started = self._start.get("time")
        opened = [started] if isinstance(started, int | float) and math.isfinite(started) else []
        last = max([*opened, *(each["time"] for each in self._descriptors), *times], default=0.0)
        age = self._now - last
        state = "crashed" if age > CRASHED_SECONDS else "stalled" if age > STALLED_SECONDS else "in progress"
        text = f"There is no stop document, and nothing has arrived for {age:,.0f} s: {state}."
        return self._finding("no-stop", text, state=state, last_time=last)

    def _keys(self, descriptor: Document, kind: EventKind) -> Iterator[Finding]:
        """Compare what events hold with what their descriptor declares."""
        facts = {"n_events": kind.n_events, "first_seq_num": kind.first_seq_num}
        stream = self._stream_of[descriptor["uid"]]
        declared = {key: each for key, each in descriptor["data_keys"].items() if not self._is_in_files(stream, key)}
        for key in declared.keys() - kind.types.keys():
            text = f"{kind.n_events} events lack {key!r}; it is read as a missing value."
            yield self._finding("missing-value", text, descriptor, data_key=key, **facts)
        for key in kind.types.keys() - descriptor["data_keys"].keys():
            text = f"{kind.n_events} events hold {key!r}, which is not declared; it is not a column."
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
        yield from self._odd_events(stream)
        numbers = np.unique(self._numbers(stream))
        steps = np.diff(numbers, prepend=0)
        for first, last in zip((numbers - steps)[steps > 1].tolist(), numbers[steps > 1].tolist(), strict=True):
            text = f"Events {first + 1} to {last - 1} are missing."
            yield self._finding("gap", text, stream, first=first + 1, last=last - 1)
        numbers, counts = np.unique(self._rows_of(stream), return_counts=True)
        repeated = numbers[counts > 1].tolist()
        if repeated:
            text = f"{len(repeated)} seq_nums occur more than once, as after a rewind; all rows are kept."
            yield self._finding("repeated-seq-num", text, stream, seq_nums=repeated[:10])
        copies = self._store.examination.repeated_events([each["uid"] for each in self._streams[stream]])
        if copies:
            text = f"{len(copies)} events are stored more than once, under the same uid."
            yield self._finding("repeated-event", text, stream, uids=list(copies)[:10])

    def _odd_events(self, stream: str) -> Iterator[Finding]:
        index = self._indexes[stream]
        times = index.time[index.seq_num == UNNUMBERED].tolist()
        if times:
            text = f"{len(times)} events have a seq_num that is missing or no whole number; the stream is not read."
            yield self._finding("no-seq-num", text, stream, n_events=len(times), times=times[:10])
        seq_nums = index.seq_num[~(np.abs(index.time) < _LAST_MOMENT)].tolist()
        if seq_nums:
            text = (
                f"{len(seq_nums)} events have a time that is missing or not valid; one that is not a number is read "
                "as NaN."
            )
            facts = {"n_events": len(seq_nums), "seq_nums": [each for each in seq_nums[:10] if each != UNNUMBERED]}
            yield self._finding("no-time", text, stream, **facts)

    def _numbers(self, stream: str) -> NDArray[np.int64]:
        """Return the ``seq_num`` of each event that has one."""
        seq_num = self._indexes[stream].seq_num
        numbered: NDArray[np.int64] = seq_num[seq_num != UNNUMBERED]
        return numbered

    def _rows_of(self, stream: str) -> NDArray[np.int64]:
        """Return the ``seq_num`` of each row: of the events, or of a fly scan, which has none, of the stored rows."""
        seq_num = self._numbers(stream)
        if len(self._indexes[stream].seq_num) or not self._is_all_in_files(stream):
            return seq_num
        spans = [self._spans(stream, key) for of_stream, key in self._stream_datums if of_stream == stream]
        return rows_without_events([each for each in spans if isinstance(each, list)])

    def _counts(self) -> Iterator[Finding]:
        """Compare what the stop document tells with the events; of a fly scan, which has none, with rows of files.

        It counts each ``seq_num`` once, whether or not a plan was rewound.
        """
        for stream, expected in self._said.items():
            counts: list[tuple[str | None, int]] = [(None, 0)]
            if stream in self._streams:
                counts = [(None, len(np.unique(self._numbers(stream))))]
            if counts[0][1] == 0 and stream in self._streams and self._is_all_in_files(stream):
                counts = [*self._counts_in_files(stream)]
            for data_key, n in counts:
                if n != expected and not self._is_misnumbered(stream):
                    assert self._stop is not None
                    told = self._stop["num_events"][stream]  # which may be no number
                    text = f"The stop document counts {told} events, {n} are there."
                    yield self._finding("num-events", text, stream, data_key=data_key, told=told, found=n)

    @property
    def _said(self) -> dict[str, int | None]:
        """How many events each stream has, as far as the stop document says."""
        return n_events_said(self._stop) or {}

    def _is_misnumbered(self, stream: str) -> bool:
        """Tell whether all events are there, while some have the numbers of others, or none that was expected."""
        seq_num = self._numbers(stream).tolist() if stream in self._indexes else []
        return bool(seq_num) and self._said.get(stream) == len(seq_num) <= seq_num[-1]

    def _counts_in_files(self, stream: str) -> Iterator[tuple[str, int]]:
        for of_stream, key in self._stream_datums:
            spans = self._spans(stream, key) if of_stream == stream else None
            if isinstance(spans, list):
                yield key, len(np.unique(rows_without_events([spans])))

    def _spans(self, stream: str, key: str) -> list[Span] | CatalogError:
        try:
            return spans_of(self._stream_datums.get((stream, key), ()))
        except CatalogError as error:
            return error

    def _types(self, stream: str, key: str) -> set[str]:
        """Return the types of the values that events of a stream hold."""
        of_stream = [kind for kind in self._kinds if self._stream_of[kind.descriptor_uid] == stream]
        return {kind.types[key] for kind in of_stream if key in kind.types} - {"null"}

    def _keys_of(self, stream: str) -> list[str]:
        """Return the names of the data keys of a stream, each once."""
        return list(dict.fromkeys(key for each in self._streams[stream] for key in each["data_keys"]))

    def _can_be_in_files(self, stream: str, key: str) -> bool:
        """Tell whether stream resources may serve a data key: it is declared so, or external and in no event."""
        declared = [each["data_keys"].get(key, {}) for each in self._streams[stream]]
        if any(map(is_streamed, declared)):
            return True
        return any("external" in each for each in declared) and not self._types(stream, key)

    def _is_in_files(self, stream: str, key: str) -> bool:
        """Tell whether the values of a data key are in stream resources, or are declared to be and nowhere else."""
        if self._stream_datums.get((stream, key)):
            return True
        declared = any(is_streamed(each["data_keys"].get(key, {})) for each in self._streams[stream])
        return declared and not self._types(stream, key)

    def _is_all_in_files(self, stream: str) -> bool:
        keys = self._keys_of(stream)
        return bool(keys) and all(self._is_in_files(stream, key) for key in keys)

    def _external(self, stream: str) -> Iterator[Finding]:
        descriptors = self._streams[stream]
        for key in self._keys_of(stream):
            if self._is_in_files(stream, key):
                yield from self._stored_rows(stream, key)
            else:
                for descriptor in descriptors:
                    if "external" in descriptor["data_keys"].get(key, {}):
                        yield from self._datums(descriptor, key)

    def _stored_rows(self, stream: str, key: str) -> Iterator[Finding]:
        """Compare the events of a stream with the rows that its stream datums tell of."""
        if (stream, key) not in self._stream_datums:
            is_none_due = self._stop is None or self._said.get(stream) == 0
            if is_none_due and not len(self._indexes[stream].seq_num):
                return
            text = f"{key!r} is in a file, but the stream resource that names the file is missing."
            yield self._finding("lost-stream-documents", text, stream, data_key=key)
            return
        spans = self._spans(stream, key)
        if isinstance(spans, CatalogError):
            yield self._finding("lost-stream-documents", f"{key!r}: {spans.message}", stream, data_key=key)
        elif self._stop is not None:
            yield from self._left_over(stream, key, spans)
        if self._types(stream, key):
            text = f"Events hold values of {key!r} beside those in files; the files are read."
            yield self._finding("second-value", text, stream, data_key=key)

    def _left_over(self, stream: str, key: str, spans: list[Span]) -> Iterator[Finding]:
        index = self._indexes[stream]
        has_key = np.array([key in each["data_keys"] for each in self._streams[stream]])
        rows = has_key[index.descriptor] & (index.seq_num != UNNUMBERED)
        n_lost, n_without, n_in_gaps = left_over(index.seq_num[rows], index.time[rows], spans)
        n_stored = sum(span.n_rows for span in spans)
        if self._is_misnumbered(stream):
            n_lost, n_without = n_lost - min(n_lost, n_in_gaps), n_without - min(n_lost, n_in_gaps)
        if n_lost:
            n_events = n_lost + n_stored - n_without
            text = f"The stream datums of {key!r} locate {n_events - n_lost} rows are, of {n_events}."
            facts = {"told": n_events - n_lost, "found": n_events}
            yield self._finding("lost-stream-documents", text, stream, data_key=key, **facts)
        if n_without and (len(index.seq_num) or not self._is_all_in_files(stream)):
            text = f"{n_without} rows of {key!r} are in files, but their events are missing."
            yield self._finding("missing-events", text, stream, data_key=key, n_rows=n_without)
        elif n_without > 1 and n_without == len(self._stream_datums[stream, key]):
            text = (
                f"No event is stored, but {n_without} stream datums of {key!r} describe one row each: a step scan has "
                "lost its events; a fly scan has none."
            )
            yield self._finding("no-events", text, stream, data_key=key, n_rows=n_without)

    def _datums(self, descriptor: Document, key: str) -> Iterator[Finding]:
        index = self._store.examination.rows([descriptor["uid"]], [key])
        named = {value for value in index.data[key] if isinstance(value, str)}
        datums = self._store.datums(named)
        missing = sorted(named - datums.keys())
        if missing:
            text = f"{len(missing)} of {len(named)} datums of {key!r} are missing."
            yield self._finding("missing-datum", text, descriptor, data_key=key, datum_ids=missing[:10])
        owners = {each["resource"] for each in datums.values() if "resource" in each}
        for uid in sorted(owners - self._store.resources(sorted(owners)).keys()):
            text = f"A resource of {key!r} is missing, so its file is unknown."
            yield self._finding("missing-resource", text, descriptor, data_key=key, resource_uid=uid)
