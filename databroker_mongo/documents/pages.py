"""Pages, which carry many documents, and the single documents they stand for.

What does not belong here: whether the documents are valid (``checks``).
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from operator import itemgetter
from typing import Any

from ..errors import DocumentWarning, InvalidDocument, stacklevel_of_caller
from .names import SINGLES, Document, facts_of, place_of


@dataclass(frozen=True)
class _Layout:
    """How a page lays out its rows: one ``parent`` for all, ``fields`` as lists, ``sections`` as mappings of lists."""

    single: str
    parent: str
    fields: tuple[str, ...]
    sections: tuple[str, ...]


_LAYOUTS = {
    "event_page": _Layout("event", "descriptor", ("uid", "time", "seq_num"), ("data", "timestamps", "filled")),
    "datum_page": _Layout("datum", "resource", ("datum_id",), ("datum_kwargs",)),
}


_PACKED_AT_ONCE = 100
"""Rows that fit into the processor's cache; they are gone through once for each of their keys."""


def rows_of(name: str, doc: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the name and contents of each single document that ``doc`` stands for.

    Raises
    ------
    InvalidDocument
        When the name is unknown, or the columns of a page are missing or not of one length.
    """
    _require_mapping(name, doc, doc, ())
    if name in SINGLES:
        yield name, doc
    elif name in _LAYOUTS:
        yield from ((_LAYOUTS[name].single, row) for row in _page_rows(name, doc))
    elif name == "bulk_events":
        yield from (("event", row) for row in _bulk_events_rows(doc))
    elif name == "bulk_datum":
        yield from (("datum", row) for row in _bulk_datum_rows(doc))
    else:
        known = ", ".join((*SINGLES, *_LAYOUTS, "bulk_events", "bulk_datum"))
        raise InvalidDocument(f"There is no kind of document named {name!r}; the kinds are {known}.", document=name)


def _page_rows(name: str, page: Mapping[str, Any]) -> Iterator[Document]:
    layout = _LAYOUTS[name]
    _require(name, page, (layout.parent, *layout.fields, *(key for key in layout.sections if key != "filled")))
    for key in page.keys() - {layout.parent, *layout.fields, *layout.sections}:
        raise InvalidDocument(f"A document of kind {name} has no field {key!r}.", **facts_of(name, page), field=key)
    n_rows = len(_column(name, page, layout.fields[:1]))
    fields = [_column(name, page, (key,), n_rows) for key in layout.fields]
    sections = [_section_rows(name, page, key, n_rows) for key in layout.sections]
    for values in zip(*fields, *sections, strict=True):
        yield {layout.parent: page[layout.parent], **dict(zip(layout.fields + layout.sections, values, strict=True))}


def _section_rows(name: str, page: Mapping[str, Any], section: str, n_rows: int) -> Iterator[Document]:
    keys = list(_require_mapping(name, page, page.get(section, {}), (section,)))
    columns = [_column(name, page, (section, key), n_rows) for key in keys]
    if not columns:
        return iter([{} for _ in range(n_rows)])
    return (dict(zip(keys, row, strict=True)) for row in zip(*columns, strict=True))


def _column(name: str, page: Mapping[str, Any], path: tuple[str, ...], n_rows: int | None = None) -> Sequence[Any]:
    column: Any = page
    for key in path:
        column = column[key]
    try:
        length = None if isinstance(column, str | bytes | Mapping) else len(column)
    except TypeError:
        length = None
    if length is None or n_rows not in (None, length):
        found = f"a {type(column).__name__}" if length is None else f"{length} values"
        raise InvalidDocument(
            f"A column of the {name} holds {found} where a list is needed, with one value for each row.",
            **facts_of(name, page),
            **place_of(path),
            n_rows=n_rows,
        )
    return column  # type: ignore[no-any-return]  # any sequence or array of the checked length


def _bulk_events_rows(doc: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for key in doc:
        for position, event in enumerate(_column("bulk_events", doc, (key,))):
            yield _require_mapping("bulk_events", {}, event, (key, position))


def _bulk_datum_rows(doc: Mapping[str, Any]) -> Iterator[Document]:
    _require("bulk_datum", doc, ("resource", "datum_ids", "datum_kwarg_list"))
    ids = _column("bulk_datum", doc, ("datum_ids",))
    kwargs = _column("bulk_datum", doc, ("datum_kwarg_list",), len(ids))
    for datum_id, datum_kwargs in zip(ids, kwargs, strict=True):
        yield {"resource": doc["resource"], "datum_id": datum_id, "datum_kwargs": datum_kwargs}


def _require_mapping(name: str, doc: Mapping[str, Any], value: Any, path: tuple[Any, ...]) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        facts = facts_of(name, doc) if path else {"document": name}
        found = f"A {type(value).__name__} stands in the {name} where a mapping belongs."
        raise InvalidDocument(found, **facts, **place_of(path))
    return value


def _require(name: str, doc: Mapping[str, Any], fields: Iterable[str]) -> None:
    for field in fields:
        if field not in doc:
            raise InvalidDocument(f"The {name} document has no field {field!r}.", **facts_of(name, doc), field=field)


def pages_of(name: str, rows: Iterable[Document], *, size: int) -> Iterator[Document]:
    """Pack consecutive events (``event_page``) or datums (``datum_page``) into pages that unpack to the same rows.

    A page ends after ``size`` rows, and wherever the next row has another descriptor or resource, or other keys. A page
    has no place for fields of a row that its schema does not know; a warning names them.

    Parameters
    ----------
    name : {"event_page", "datum_page"}
        Kind of page.
    rows : iterable of dict
        Single documents; no more than one page of them is held at once.
    size : int
        The most rows of one page.

    Raises
    ------
    InvalidDocument
        A row lacks a field, or has something else where a mapping belongs.
    """
    layout = _LAYOUTS[name]
    known = {layout.parent, *layout.fields, *layout.sections}
    remaining = iter(rows)
    page: Document = {}
    n_rows = 0
    while portion := list(islice(remaining, min(_PACKED_AT_ONCE, size - n_rows))):
        for part in _packed_by_kind(layout, portion, known):
            if page and _can_go_on(layout, page, part):
                _add(layout, page, part)
                continue
            if page:
                yield page
            page = part
        n_rows = len(page[layout.fields[0]])
        if n_rows == size:
            yield page
            page, n_rows = {}, 0
    if page:
        yield page


def _packed_by_kind(layout: _Layout, rows: list[Document], known: set[str]) -> Iterator[Document]:
    """Yield rows as pages, one for all that follow each other and are alike."""
    # Mostly all are whole and alike; to look at them one by one first takes longer than to pack them.
    page = _packed(layout, rows)
    if page is None:
        rows = [_whole(layout, row, known) for row in rows]
        page = _packed(layout, rows)
    if page is not None:
        yield page
        return
    for _, group in groupby(rows, key=lambda row: _kind(layout, row)):
        alike = _packed(layout, list(group))
        assert alike is not None
        yield alike


def _can_go_on(layout: _Layout, page: Document, part: Document) -> bool:
    is_of_one = page[layout.parent] == part[layout.parent]
    return is_of_one and all(page[section].keys() == part[section].keys() for section in layout.sections)


def _add(layout: _Layout, page: Document, part: Document) -> None:
    for field in layout.fields:
        page[field] += part[field]
    for section in layout.sections:
        for key, values in page[section].items():
            values += part[section][key]


def part_of_page(name: str, page: Document, rows: slice) -> Document:
    """Return a page of some of the rows of a page."""
    layout = _LAYOUTS[name]
    part = {**page, **{field: page[field][rows] for field in layout.fields}}
    return part | {section: {key: values[rows] for key, values in page[section].items()} for section in layout.sections}


def _whole(layout: _Layout, row: Document, known: set[str]) -> Document:
    """Return a row as a page of rows is made of; warn, once for each, of the fields that a page leaves out."""
    if not row.keys() <= known:
        others = sorted(row.keys() - known)
        known |= row.keys()
        warnings.warn(
            f"{layout.single} documents hold the fields {', '.join(map(repr, others))}, which a page of them "
            "cannot hold; they are left out here",
            DocumentWarning,
            stacklevel=stacklevel_of_caller(),
        )
    _require(layout.single, row, (layout.parent, *layout.fields))
    sections = {
        section: dict(_require_mapping(layout.single, row, row.get(section, {}), (section,)))
        for section in layout.sections
    }
    return {layout.parent: row[layout.parent], **{field: row[field] for field in layout.fields}, **sections}


def _kind(layout: _Layout, row: Document) -> tuple[Any, ...]:
    return (row[layout.parent], *(frozenset(row[section]) for section in layout.sections))


def _packed(layout: _Layout, rows: list[Document]) -> Document | None:
    """Return rows as one page, or None where one is not whole, or they differ in what a page has once."""
    names = (layout.parent, *layout.fields, *layout.sections)
    try:
        columns = {name: list(map(itemgetter(name), rows)) for name in names}
    except KeyError:
        return None
    parents = columns[layout.parent]
    # Of as many fields, and none of these missing: no other fields.
    if sum(map(len, rows)) != len(names) * len(rows) or parents.count(parents[0]) < len(parents):
        return None
    sections = {section: _packed_section(columns[section]) for section in layout.sections}
    if None in sections.values():
        return None
    return {layout.parent: parents[0], **{field: columns[field] for field in layout.fields}, **sections}


def _packed_section(of_rows: list[Document]) -> dict[str, list[Any]] | None:
    """Return a section of a page, or None where those of rows have not the same keys."""
    if set(map(type, of_rows)) != {dict}:
        return None
    keys = list(of_rows[0])
    if sum(map(len, of_rows)) != len(keys) * len(of_rows):
        return None
    try:
        return {key: list(map(itemgetter(key), of_rows)) for key in keys}
    except KeyError:
        return None
