"""Documents as a store gives them, wherever they are kept: in pages, stream datums in order, resources each once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice, repeat
from typing import TypeVar

from ..documents import Document

_Item = TypeVar("_Item")

PAGES = (100, 1000, 2000)
"""How many whole start documents are handed on at once, page after page; the last number repeats."""


def in_pages(items: Iterable[_Item], sizes: Sequence[int]) -> Iterator[list[_Item]]:
    """Yield lists of so many items, one size after the other; the last one repeats."""
    remaining = iter(items)
    for size in chain(sizes, repeat(sizes[-1])):
        page = list(islice(remaining, size))
        if not page:
            return
        yield page


def drop_repeats(documents: Iterable[Document]) -> list[Document]:
    """Return each document once, where equal ones are stored several times; the first stays in its place."""
    found: list[Document] = []
    # A run may have a resource for each of 100,000 events: only those of one uid can be equal.
    alike: dict[str, list[Document]] = {}
    for document in documents:
        others = alike.setdefault(str(document.get("uid")), [])
        if document not in others:
            others.append(document)
            found.append(document)
    return found


def sort_stream_datums(stream_datums: Iterable[Document], descriptor_uids: Sequence[str]) -> list[Document]:
    """Put stream datums of these descriptors in the order in which their rows were written.

    Of a resource, the first that is stored is taken to tell when it came. A damaged one comes before the others of its
    resource; one that names no descriptor is left out.
    """
    position = {uid: number for number, uid in enumerate(descriptor_uids)}
    stream_datums = [datum for datum in stream_datums if isinstance(datum["descriptor"], str)]
    ranks: dict[str, int] = {}
    for datum in sorted(stream_datums, key=lambda each: position[each["descriptor"]]):
        ranks.setdefault(str(datum.get("stream_resource")), len(ranks))

    def place(datum: Document) -> tuple[int, int, int, int]:
        return position[datum["descriptor"]], ranks[str(datum.get("stream_resource"))], *_first_index(datum)

    return sorted(stream_datums, key=place)


def _first_index(stream_datum: Document) -> tuple[int, int]:
    try:
        return int(stream_datum["indices"]["start"]), int(stream_datum["seq_nums"]["start"])
    except (KeyError, TypeError, ValueError, OverflowError):
        return -1, -1  # it is broken, which is for its reader to tell
