"""UnionStore: several databases of runs as one. All its questions are here; what is in a run is asked of its own.

What does not belong here: anything that knows what kind of database a member is.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain, islice
from typing import Any, TypeVar

from ...documents import Document
from ...errors import CatalogWarning, RunNotFound, StoreError, StoreUnavailable, stacklevel_of_caller
from ...queries import NEWEST_FIRST, All, In, NotIn, Query, Sort, TimeRange, conjunction
from ..connection.place import Place
from ..events.changes import Changes
from ..lists import PAGES, in_pages, sort_stream_datums
from ..order import order_key
from ..protocol import CopiedRuns, EventIndex, Section, Snapshot, Store, Values
from ..search.resolution import resolve
from ..search.start_order import merge_starts
from .members import Member, ask_together, starts_beyond
from .owners import Owners

_Answer = TypeVar("_Answer")
_Item = TypeVar("_Item")

_FEW = 20
"""So many runs are fetched whole, though they are skipped, rather than to ask again for those that are not."""

_FAR = 1000
"""From so many runs on, those to be skipped are counted, not looked at, where databases are of times apart."""


class UnionStore(Store):
    """Several databases of runs as one, read-only. A run that several have counts once: as the first has it.

    Parameters
    ----------
    members : sequence of Member
        The databases, in the order in which their copies of a run count.
    is_partial : bool
        Whether one that does not answer is left out, with a warning at each question.
    """

    def __init__(self, members: Sequence[Member], *, is_partial: bool = False):
        self.members = tuple(members)
        self.is_partial = is_partial
        self._runs = Owners()
        self._descriptors = Owners()
        self._absent: frozenset[int] = frozenset()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_runs": Owners(), "_descriptors": Owners(), "_absent": frozenset()}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.address!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UnionStore) and self.members == other.members

    def __hash__(self) -> int:
        return hash(self.members)

    @property
    def address(self) -> str:
        """Where the runs are: the URIs of all databases, without any password."""
        return " and ".join(member.store.address for member in self.members)

    @property
    def places(self) -> tuple[Place, ...]:
        """Which databases these are."""
        return tuple(place for member in self.members for place in member.store.places)

    @property
    def absent(self) -> tuple[str, ...]:
        """The addresses of those that did not answer when they were asked last, and were left out."""
        return tuple(self.members[number].store.address for number in sorted(self._absent))

    def number_of_run(self, uid: str) -> int:
        """Return the number of the database that a run is in, counted from 0.

        Raises
        ------
        RunNotFound
            It is in none.
        """
        [number, *_] = self._runs_by_number([uid]) or [None]
        if number is None:
            raise RunNotFound(f"There is no run {uid!r} at {self.address}.", run_uid=uid)
        return number

    # Which runs there are.

    def find_starts(
        self, query: Query, *, sort: Sort, skip: int = 0, limit: int = 0, fields: Sequence[str] = ()
    ) -> Iterator[Document]:
        """Yield the start documents that answer to ``query``, in order."""
        resolved = resolve(query, self._find_identified)
        numbers, skip = self._nearest(resolved, sort, skip)
        is_narrow = not fields and skip > _FEW
        found = self._in_order(resolved, sort, limit and skip + limit, ("uid",) if is_narrow else fields, numbers)
        skipped = islice(found, skip, None)
        yield from self._whole(skipped) if is_narrow else skipped

    def count_starts(self, query: Query, *, skip: int = 0, limit: int = 0) -> int:
        """Count what :meth:`find_starts` would yield."""
        resolved = resolve(query, self._find_identified)
        n_runs = sum(self._ask({n: partial(self._count_own, resolved, n) for n in range(len(self.members))}).values())
        return min(max(n_runs - skip, 0), limit or n_runs)

    def estimate_starts(self) -> int:
        """Return about how many runs there are in all; they are counted if some may be in several databases."""
        numbers = range(len(self.members))
        if not all(self._is_apart(number) for number in numbers[1:]):
            return self.count_starts(All())
        return sum(self._ask({n: partial(self._estimate_own, n) for n in numbers}).values())

    def distinct(self, query: Query, key: str, *, counts: bool = False) -> list[tuple[Any, int]]:
        """Return the values of a field in the runs that answer to ``query``, and how many runs have each."""
        resolved = resolve(query, self._find_identified)
        n_runs: dict[Any, int] = {}
        values: dict[Any, Any] = {}
        questions = {n: partial(self._distinct_own, resolved, key, counts, n) for n in range(len(self.members))}
        for found in self._ask(questions).values():
            for value, n_own in found:
                known = order_key(value)
                values.setdefault(known, value)
                n_runs[known] = n_runs.get(known, 0) + n_own if counts else 1
        return [(values[known], n_runs[known]) for known in sorted(values, key=lambda each: (-n_runs[each], each))]

    def stops(self, run_uids: Sequence[str]) -> dict[str, Document]:
        """Return the stop document of each run that has one."""
        found: dict[str, Document] = {}
        for answer in self._ask_owners(self._runs_by_number(run_uids), lambda store, uids: store.stops(uids)).values():
            found |= answer
        return found

    def streams(self, run_uids: Sequence[str]) -> dict[str, dict[str, list[str]]]:
        """Return, for each run, the uids of the descriptors of each of its streams, in the order of their time."""
        found: dict[str, dict[str, list[str]]] = {uid: {} for uid in run_uids}
        answers = self._ask_owners(self._runs_by_number(run_uids), lambda store, uids: store.streams(uids))
        for number, answer in answers.items():
            self._descriptors.note(
                (uid for of_run in answer.values() for uids in of_run.values() for uid in uids), number
            )
            found |= answer
        return found

    def count_events(self, descriptor_uids: Sequence[str]) -> dict[str, int]:
        """Count the events of each descriptor."""
        found = dict.fromkeys(descriptor_uids, 0)
        by_number = self._descriptors_by_number(descriptor_uids)
        for answer in self._ask_owners(by_number, lambda store, uids: store.count_events(uids)).values():
            found |= answer
        return found

    # What is in a run.

    def descriptors(self, run_uids: Sequence[str]) -> dict[str, list[Document]]:
        """Return the descriptors of each run, in the order of their time."""
        found: dict[str, list[Document]] = {uid: [] for uid in run_uids}
        answers = self._ask_owners(self._runs_by_number(run_uids), lambda store, uids: store.descriptors(uids))
        for number, answer in answers.items():
            self._descriptors.note((each["uid"] for of_run in answer.values() for each in of_run), number)
            found |= answer
        return found

    def event_index(
        self, descriptor_uids: Sequence[str], *, keys: Sequence[str] = (), n_expected: int | None = None
    ) -> EventIndex:
        """Take a snapshot of the rows of a stream, with some columns of its data."""
        return self._owner(descriptor_uids).event_index(descriptor_uids, keys=keys, n_expected=n_expected)

    def event_index_with_datums(
        self,
        descriptor_uids: Sequence[str],
        *,
        keys: Sequence[str],
        datum_keys: Sequence[str],
        n_expected: int | None = None,
    ) -> tuple[EventIndex, CopiedRuns]:
        """Take a snapshot of the rows of a stream, and of some of its columns what their datums say, if copied."""
        return self._owner(descriptor_uids).event_index_with_datums(
            descriptor_uids, keys=keys, datum_keys=datum_keys, n_expected=n_expected
        )

    def copied_datums(self, snapshot: Snapshot, keys: Sequence[str]) -> CopiedRuns:
        """Return what the datums of columns of a snapshot say, of those of which it is copied."""
        return self._owner(snapshot.descriptor_uids).copied_datums(snapshot, keys)

    def event_indexes(
        self, streams: Sequence[Sequence[str]], *, keys: Sequence[str] = ()
    ) -> list[EventIndex | StoreError]:
        """Take a snapshot of the rows of several streams at once."""
        first_uids = [uid for stream in streams for uid in stream[:1]]
        numbers = {uid: number for number, uids in self._descriptors_by_number(first_uids).items() for uid in uids}
        places: dict[int, list[int]] = {}
        for place, stream in enumerate(streams):
            places.setdefault(numbers[stream[0]] if stream else 0, []).append(place)
        found: dict[int, EventIndex | StoreError] = {}
        asked = {number: [streams[place] for place in own] for number, own in places.items()}
        for number, answer in self._ask_owners(asked, lambda store, own: store.event_indexes(own, keys=keys)).items():
            found |= zip(places[number], answer, strict=True)
        return [found[place] for place in range(len(streams))]

    def event_columns(
        self, snapshot: Snapshot, keys: Sequence[str], *, section: Section = "data", rows: slice | None = None
    ) -> dict[str, Values]:
        """Return columns of a snapshot, in row order: those of ``rows`` or all."""
        return self._owner(snapshot.descriptor_uids).event_columns(snapshot, keys, section=section, rows=rows)

    def can_find_rows(self, snapshot: Snapshot) -> bool:
        """Tell whether some rows of a snapshot are found without looking at all of them."""
        return self._owner(snapshot.descriptor_uids).can_find_rows(snapshot)

    def first_events(self, index: EventIndex) -> dict[str, Document]:
        """Return the first event of each descriptor that has any, by descriptor uid."""
        return self._owner(index.snapshot.descriptor_uids).first_events(index)

    def is_uniform(self, snapshot: Snapshot, sample: Mapping[str, Any]) -> bool:
        """Tell whether each of these keys holds the type and length of its sample value in every event."""
        return self._owner(snapshot.descriptor_uids).is_uniform(snapshot, sample)

    def events(self, descriptor_uids: Sequence[str]) -> Iterator[Document]:
        """Yield the events of these descriptors in the order of their time, holding few at once."""
        yield from self._owner(descriptor_uids).events(descriptor_uids)

    def datums(self, datum_ids: Iterable[str]) -> dict[str, Document]:
        """Return the datum documents of these identifiers; an unknown one is left out."""
        wanted = list(datum_ids)
        return self._first_of_each(lambda store: store.datums(wanted))

    def resources(self, uids: Sequence[str]) -> dict[str, list[Document]]:
        """Return the resources that datums name as theirs, by that name; an unknown one is left out."""
        return self._first_of_each(lambda store: store.resources(uids))

    def run_resources(self, run_uid: str, *, name: str = "resource") -> list[Document]:
        """Return the documents of this kind, ``resource`` or ``stream_resource``, that say they belong to the run."""
        return self.members[self.number_of_run(run_uid)].store.run_resources(run_uid, name=name)

    def resource_datums(self, resource_uids: Sequence[str]) -> Iterator[Document]:
        """Yield all datums of these resources."""
        found: dict[str, list[Document]] = {}
        for uid in resource_uids:
            found |= self._first_of_each(partial(_datums_of, uid))
        yield from (datum for datums in found.values() for datum in datums)

    def stream_resources(self, uids: Sequence[str]) -> list[Document]:
        """Return the stream resources of these uids; they need not say which run they belong to."""
        found = self._first_of_each(lambda store: {each["uid"]: each for each in store.stream_resources(uids)})
        return list(found.values())

    def stream_datums(self, descriptor_uids: Sequence[str]) -> list[Document]:
        """Return the stream datums of these descriptors, in the order in which their rows were written."""
        by_number = self._descriptors_by_number(descriptor_uids)
        answers = self._ask_owners(by_number, lambda store, uids: store.stream_datums(uids))
        return sort_stream_datums((each for answer in answers.values() for each in answer), descriptor_uids)

    def reading_events(self) -> Store:
        """Return the same databases, of which events are read even where there are columnar copies of them."""
        members = [replace(member, store=member.store.reading_events()) for member in self.members]
        return UnionStore(members, is_partial=self.is_partial)

    def changes(self, names: Sequence[str]) -> Changes:
        """Return what lets the time pass: whoever wants to know asks all databases again."""
        return Changes()

    def _find_identified(self, query: Query, sort: Sort, skip: int, limit: int) -> Iterator[Document]:
        return self.find_starts(query, sort=sort, skip=skip, limit=limit, fields=("scan_id",))

    def _in_order(
        self, query: Query, sort: Sort, limit: int, fields: Sequence[str], numbers: range
    ) -> Iterator[Document]:
        """Yield the first ``limit`` start documents of some of the databases; 0 means all."""
        wanted = (*fields, *(name for name, _ in sort)) if fields else ()
        own = {
            number: starts_beyond(
                self.members[number], partial(self._known_before, number), query, sort=sort, limit=limit, fields=wanted
            )
            for number in numbers
        }
        first = self._ask({number: partial(next, starts, None) for number, starts in own.items()})
        found = [
            self._noted(number, chain([start], own[number])) for number, start in first.items() if start is not None
        ]
        return islice(merge_starts(found, sort), limit or None)

    def _noted(self, number: int, starts: Iterable[Document]) -> Iterator[Document]:
        for start in starts:
            self._runs.note([start["uid"]], number)
            yield start

    def _whole(self, starts: Iterable[Document]) -> Iterator[Document]:
        """Yield the whole start documents in the place of these."""
        for page in in_pages((start["uid"] for start in starts), PAGES):
            asked = self._runs_by_number(page)
            answers = self._ask({n: partial(self._starts_of, n, uids) for n, uids in asked.items()})
            found = {start["uid"]: start for answer in answers.values() for start in answer}
            yield from (found[uid] for uid in page if uid in found)

    def _starts_of(self, number: int, uids: Sequence[str]) -> list[Document]:
        return list(self.members[number].starts(In("uid", uids), sort=()))

    def _nearest(self, query: Query, sort: Sort, skip: int) -> tuple[range, int]:
        """Leave out databases whose runs would all be skipped; return the others, and how many to skip there."""
        n_left = len(self.members)
        while skip >= _FAR and sort == NEWEST_FIRST and n_left > 1 and self._is_apart(n_left - 1):
            member = self.members[n_left - 1]
            n_runs = member.store.count_starts(member.asked(query), limit=skip + 1)
            if n_runs > skip:
                break
            n_left, skip = n_left - 1, skip - n_runs
        return range(n_left), skip

    def _is_apart(self, number: int) -> bool:
        """Tell whether no earlier database has a run of the times of this one."""
        since = self.members[number].since
        if since is None:
            return False
        asked = partial(Member.starts, query=TimeRange(since, timezone="UTC"), sort=(), limit=1, fields=("uid",))
        return not any(self._ask_before(number, lambda member: list(asked(member))))

    def _known_before(self, number: int, uids: list[str]) -> set[str]:
        """Return which of these runs earlier databases have."""
        return set[str]().union(*self._ask_before(number, lambda member: member.known(uids)))

    def _ask_before(self, number: int, question: Callable[[Member], _Answer]) -> Iterator[_Answer]:
        """Yield what earlier databases answer; one that may be left out, and has its own question, may be silent."""
        for member in self.members[:number]:
            try:
                yield question(member)
            except StoreUnavailable:
                if not self.is_partial:
                    raise

    def _repeated(self, query: Query, number: int) -> list[str]:
        """Return the uids of the runs of a database that answer, and that an earlier one has."""
        if not number or self._is_apart(number):
            return []
        uids = (start["uid"] for start in self.members[number].starts(query, sort=(), fields=("uid",)))
        return [uid for page in in_pages(uids, PAGES[-1:]) for uid in self._known_before(number, page)]

    def _count_own(self, query: Query, number: int) -> int:
        member = self.members[number]
        return member.store.count_starts(member.asked(query)) - len(self._repeated(query, number))

    def _estimate_own(self, number: int) -> int:
        member = self.members[number]
        return member.store.estimate_starts() if member.scope == All() else self._count_own(All(), number)

    def _distinct_own(self, query: Query, key: str, counts: bool, number: int) -> list[tuple[Any, int]]:
        member, repeated = self.members[number], self._repeated(query, number)
        asked = conjunction([member.asked(query), NotIn("uid", repeated)]) if repeated else member.asked(query)
        return member.store.distinct(asked, key, counts=counts)

    def _runs_by_number(self, uids: Sequence[str]) -> dict[int, list[str]]:
        """Return which of these runs each database has; of one that is in none nothing is said."""
        unknown = [uid for uid in uids if self._runs.get(uid) is None]
        if unknown:
            answers = self._ask({n: partial(each.known, unknown) for n, each in enumerate(self.members)})
            for number in reversed(answers):
                self._runs.note(answers[number], number)
        return _grouped(uids, self._runs)

    def _descriptors_by_number(self, uids: Sequence[str]) -> dict[int, list[str]]:
        """Return which of these descriptors each database has; one that has no events may be in any."""
        unknown = [uid for uid in uids if self._descriptors.get(uid) is None]
        if unknown:
            counts = self._ask({n: partial(each.store.count_events, unknown) for n, each in enumerate(self.members)})
            self._descriptors.note(unknown, 0)
            for number in reversed(counts):
                self._descriptors.note((uid for uid, n_events in counts[number].items() if n_events), number)
        return _grouped(uids, self._descriptors)

    def _owner(self, descriptor_uids: Sequence[str]) -> Store:
        """Return the database that a stream is in."""
        return self.members[next(iter(self._descriptors_by_number(descriptor_uids[:1])), 0)].store

    def _ask_owners(
        self, asked: Mapping[int, list[_Item]], question: Callable[[Store, list[_Item]], _Answer]
    ) -> dict[int, _Answer]:
        return self._ask({n: partial(question, self.members[n].store, own) for n, own in asked.items()})

    def _first_of_each(self, question: Callable[[Store], dict[str, _Answer]]) -> dict[str, _Answer]:
        """Ask all databases, and return what the first that knows says of each."""
        answers = self._ask({n: partial(question, member.store) for n, member in enumerate(self.members)})
        found: dict[str, _Answer] = {}
        for number in reversed(answers):
            found |= answers[number]
        return found

    def _ask(self, questions: Mapping[int, Callable[[], _Answer]]) -> dict[int, _Answer]:
        """Ask several databases at the same time, each by its number, and return their answers.

        Raises
        ------
        StoreUnavailable
            One does not answer, and may not be left out, or none does.
        """
        found: dict[int, _Answer] = {}
        absent: dict[int, StoreUnavailable] = {}
        for number, answer in zip(questions, ask_together(list(questions.values())), strict=True):
            try:
                found[number] = answer.result()
            except StoreUnavailable as error:
                absent[number] = error
        if absent and not (self.is_partial and found):
            raise next(iter(absent.values()))
        self._absent = self._absent - found.keys() | absent.keys()
        for reason in absent.values():
            text = f"the runs there are left out, since {reason.message}"
            warnings.warn(text, CatalogWarning, stacklevel=stacklevel_of_caller())
        return found


def _grouped(uids: Iterable[str], owners: Owners) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for uid in uids:
        number = owners.get(uid)
        if number is not None:
            found.setdefault(number, []).append(uid)
    return found


def _datums_of(resource_uid: str, store: Store) -> dict[str, list[Document]]:
    datums = list(store.resource_datums([resource_uid]))
    return {resource_uid: datums} if datums else {}
