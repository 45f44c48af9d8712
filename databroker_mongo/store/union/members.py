"""The databases of a union: what counts of each, and what is asked of all of them at the same time.

What does not belong here: what their answers make together (``union``).
"""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from ...documents import Document
from ...queries import All, In, Query, Sort, TimeRange, conjunction, conjuncts
from ..lists import PAGES, in_pages
from ..protocol import Store

Known = Callable[[list[str]], set[str]]

_Answer = TypeVar("_Answer")


@dataclass(frozen=True)
class Member:
    """One database of several.

    Attributes
    ----------
    store : Store
        Where its runs are.
    scope : Query
        Which of them count.
    """

    store: Store
    scope: Query = field(default_factory=All)

    @property
    def since(self) -> float | None:
        """The time, seconds since 1970, before which none of its runs counts, if its scope says any."""
        said = [part.since for part in conjuncts(self.scope) if isinstance(part, TimeRange) and part.since is not None]
        return max(said, default=None)

    def asked(self, query: Query) -> Query:
        """Return a question as it is asked of this database."""
        return conjunction([self.scope, query])

    def starts(self, query: Query, *, sort: Sort, limit: int = 0, fields: Sequence[str] = ()) -> Iterator[Document]:
        """Yield those of its start documents that count and answer."""
        return self.store.find_starts(self.asked(query), sort=sort, limit=limit, fields=fields)

    def known(self, uids: Sequence[str]) -> set[str]:
        """Return which of these uids it has runs of."""
        return {start["uid"] for start in self.starts(In("uid", uids), sort=(), fields=("uid",))} if uids else set()


def starts_beyond(
    member: Member, known: Known, query: Query, *, sort: Sort, limit: int, fields: Sequence[str]
) -> Iterator[Document]:
    """Yield the start documents of a database that no earlier one has; ``limit=0`` means all.

    Parameters
    ----------
    member : Member
        The database.
    known : callable
        Returns which uids earlier databases have, whose copy of a run counts before its own.
    query, sort, limit, fields
        As for :meth:`~databroker_mongo.store.RunSource.find_starts`.
    """
    find = partial(member.store.find_starts, member.asked(query), sort=sort, fields=fields)
    if not limit:
        for page in in_pages(find(), PAGES):
            yield from _without(known, page)
        return
    skip, n_left = 0, limit
    while n_left:
        page = list(find(skip=skip, limit=n_left))
        own = _without(known, page)
        yield from own
        if len(page) < n_left:
            return
        skip, n_left = skip + len(page), n_left - len(own)


def _without(known: Known, starts: Sequence[Document]) -> list[Document]:
    uids = known([start["uid"] for start in starts])
    return [start for start in starts if start["uid"] not in uids]


def ask_together(questions: Sequence[Callable[[], _Answer]]) -> list[Future[_Answer]]:
    """Ask all at once, and return their answers, or errors, in order; all but the first by threads.

    Nobody who presses Ctrl-C waits for these.
    """
    answers: list[Future[_Answer]] = [Future() for _ in questions]
    threads = [
        threading.Thread(target=contextvars.copy_context().run, args=(_answer, question, answer), daemon=True)
        for question, answer in zip(questions[1:], answers[1:], strict=True)
    ]
    for thread in threads:
        thread.start()
    if questions:
        _answer(questions[0], answers[0])
    for thread in threads:
        thread.join()
    return answers


def _answer(question: Callable[[], _Answer], answer: Future[_Answer]) -> None:
    try:
        answer.set_result(question())
    except Exception as error:
        answer.set_exception(error)
