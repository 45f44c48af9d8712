"""Plain functions from documents to the text or HTML of a repr. Nothing is looked up here."""

from __future__ import annotations

import re
import textwrap
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, tzinfo
from html import escape
from typing import Any

from .printable import in_words, printable

_MOST_COLUMNS = 12
_NARROWEST = 8
_INDEX_STATES = ("missing", "differs", "extra", "present")
_TIMES = ("time", "stop.time")
_NEVER_CUT = (*_TIMES, "scan_id", "uid", "duration")
_NARROWEST_VALUE = 20
_OFFSET = re.compile(r"(?<=\d\d:\d\d)[+-]\d\d:\d\d(:\d\d)?$")
_TITLES = {"plan_name": "plan", "sample.name": "sample", "stop.exit_status": "status"}


def catalog_text(name: str | None, address: str, query: str) -> str:
    """Return the summary of a catalog; counting its runs would cost a query."""
    asked = "" if query == "All()" else f", runs that match {query}"
    return f"<Catalog {repr(name) + ' ' if name else ''}at {address}{asked}>"


def catalog_html(
    name: str | None,
    address: str,
    query: str,
    runs: Iterable[tuple[Mapping[str, Any], Mapping[str, Any] | None]],
    *,
    has_more: bool,
) -> str:
    """Return the table of the first runs of a catalog, which says when there are more."""
    rows = [
        (
            start.get("scan_id"),
            str(start["uid"])[:8],
            start.get("plan_name"),
            local_time(start.get("time")),
            _status(stop),
        )
        for start, stop in runs
    ]
    head = "".join(f"<th>{title}</th>" for title in ("scan_id", "uid", "plan_name", "time", "exit_status"))
    body = "".join(f"<tr>{''.join(f'<td>{escape(printable(str(cell)))}</td>' for cell in row)}</tr>" for row in rows)
    caption = escape(catalog_text(name, address, query))
    more = "<p>There are more runs.</p>" if has_more else ""
    return f"<table><caption>{caption}</caption><tr>{head}</tr>{body}</table>{more}"


def run_text(start: Mapping[str, Any], stop: Mapping[str, Any] | None, streams: Sequence[str]) -> str:
    """Return the summary of a run."""
    lines = [f"  {name}={value}" for name, value in _run_facts(start, stop).items()]
    lines += ["  Streams:", *(f"    * {name}" for name in streams)]
    return "\n".join(["Run", *map(printable, lines)])


def run_html(start: Mapping[str, Any], stop: Mapping[str, Any] | None, streams: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the table of a run."""
    rows = list(_run_facts(start, stop).items())
    rows += [(f"stream {name}", _listed(data_keys)) for name, data_keys in streams.items()]
    return _table(rows)


def stream_text(name: str, start: Mapping[str, Any], data_keys: Mapping[str, Any]) -> str:
    """Return the summary of a stream."""
    return printable(f"<Stream {name!r} of run {_short(start)}: {_listed(data_keys)}>")


def stream_html(name: str, start: Mapping[str, Any], data_keys: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the table of a stream: a row for each data key."""
    rows = [
        (key, f"{each.get('dtype')} {each.get('shape')} {each.get('units') or ''} {each.get('external') or ''}".strip())
        for key, each in data_keys.items()
    ]
    return _table([("stream", f"{name} of run {_short(start)}"), *rows])


def column_text(name: str, facts: Mapping[str, Any], data_key: Mapping[str, Any], found: str | None) -> str:
    """Return the summary of a column: its dtype and shape as they were found, else as they are declared."""
    declared = f"{data_key.get('dtype')} {data_key.get('shape')} as declared" if data_key else "not looked at"
    units = f", {data_key['units']}" if data_key.get("units") else ""
    return printable(f"<Column {name!r} of {_place(facts)}: {found or declared}{units}>")


def data_text(facts: Mapping[str, Any], names: Iterable[str]) -> str:
    """Return the summary of the columns of a stream."""
    return printable(f"<Columns of {_place(facts)}: {_listed(names)}>")


def _place(facts: Mapping[str, Any]) -> str:
    return f"stream {facts['stream']!r} of run {str(facts['run_uid'])[:8]}"


def catalogs_text(catalogs: Sequence[tuple[str, str]], *, n_unusable: int = 0) -> str:
    """Return the list of configured catalogs: a line for each name and address."""
    lines = [f"  {line}" for line in align(catalogs)] or ["  none is configured"]
    return "\n".join(["Catalogs", *lines, *_unusable(n_unusable)])


def catalogs_html(catalogs: Sequence[tuple[str, str]], *, n_unusable: int = 0) -> str:
    """Return the table of configured catalogs."""
    notes = "".join(f"<p>{escape(note)}</p>" for note in _unusable(n_unusable))
    return (_table(catalogs) if catalogs else "<p>No catalog is configured.</p>") + notes


def handlers_text(provenances: Sequence[Any]) -> list[str]:
    """Return the table of handlers: a line for each provenance, and below it what is wrong and who is hidden."""
    header, *rows = align(
        [("SPEC", "LEVEL", "CLASS", "FROM")]
        + [(each.spec, _level(each), each.class_path, _origin(each)) for each in provenances]
    )
    lines = [header]
    for row, each in zip(rows, provenances, strict=True):
        lines += [row, *(f"    {note}" for note in _handler_notes(each))]
    return lines


def run_rows(
    columns: Sequence[str], rows: Sequence[Sequence[Any]], *, width: int, zone: tzinfo | None = None
) -> list[str]:
    """Return the lines of a list of runs, with a head.

    Parameters
    ----------
    columns : sequence of str
        The fields.
    rows : sequence of sequence
        Their values, run by run.
    width : int
        Where a line should end; columns of texts are cut for that, down to `_NARROWEST` characters.
    zone : tzinfo, optional
        The time zone of times; the local one by default.
    """
    by_column = [_column(name, [row[place] for row in rows], zone) for place, name in enumerate(columns)]
    table = list(zip(*by_column, strict=True))
    widths = [max(map(_width, cells)) for cells in by_column]
    flexible = [place for place, name in enumerate(columns) if name not in _NEVER_CUT]
    while flexible and sum(widths) + 2 * (len(widths) - 1) > width:
        widest = max(flexible, key=widths.__getitem__)
        if widths[widest] <= _NARROWEST:
            break
        widths[widest] -= 1
    return align([[_cut(cell, room) for cell, room in zip(row, widths, strict=True)] for row in table])


def metadata_lines(metadata: Mapping[str, Any], *, width: int) -> list[str]:
    """Return the fields of a run's documents; a value that is longer than a line goes on below itself."""
    fields = [
        (printable(name), printable(value))
        for kind, document in metadata.items()
        if document
        for name, value in _fields(kind, document)
    ]
    room = width - max((len(name) for name, _ in fields), default=0) - 4
    rows: list[tuple[str, str]] = []
    for name, value in fields:
        parts = textwrap.wrap(value, max(room, _NARROWEST_VALUE)) or [""]
        rows += zip([name, *[""] * (len(parts) - 1)], parts, strict=True)
    return [f"  {line}" for line in align(rows)]


def _fields(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """Yield the dotted names of fields, which are those that are searched for, and their values in words."""
    if isinstance(value, Mapping) and value:
        for inner, each in value.items():
            yield from _fields(f"{name}.{inner}", each)
    else:
        yield name, "(empty)" if value in ({}, []) else in_words(value)


def explanation_text(steps: Sequence[Mapping[str, Any]], *, joins: bool) -> str:
    """Return how runs are found: a line for each collection, and what would help."""
    heads = ("collection", "access", "examined", "found", "ms")
    rows = [
        (each["collection"], each["access"], each["n_examined"], each["n_found"], each["milliseconds"])
        for each in steps
    ]
    notes = ["Documents of several kinds are joined, run by run."] if joins else []
    for each in steps:
        notes += [f"An index on {field!r} of {each['collection']!r} would help." for field in each["helpful"][:3]]
    return "\n".join([*align([heads, *(tuple(f"{cell}" for cell in row) for row in rows)]), *notes])


def index_lines(reports: Sequence[Any]) -> list[str]:
    """Return a line for each index, those that something is wrong with first, and one for all that are not known."""
    if not reports:
        return ["A database in memory has no indexes and needs none."]
    unknown: dict[str, list[str]] = {}
    for each in reports:
        if each.state == "unknown":
            unknown.setdefault(each.detail, []).append(each.collection)
    known = sorted(
        (each for each in reports if each.state != "unknown"), key=lambda each: _INDEX_STATES.index(each.state)
    )
    lines = align([(each.state, each.collection, each.name, each.detail) for each in known])
    for why, collections in unknown.items():
        lines += textwrap.wrap(f"Not known of {', '.join(dict.fromkeys(collections))}: {why}.", 80)
    return lines


def views_lines(plan: Mapping[str, Any], *, is_done: bool) -> list[str]:
    """Return what is, or would be, done for the views of a proposal: counts, and the names of what is done."""
    done, n_runs = ("", plan["n_runs"]) if is_done else ("would be ", plan["n_runs"])
    lines = (
        [] if n_runs is None else [f"{n_runs} runs are in the views now." if n_runs else "No run is in the views now."]
    )
    rows = [(f"{done}made", plan["new"]), (f"{done}changed", plan["changed"]), ("as it should be", plan["unchanged"])]
    lines += align([(state, name) for state, names in rows for name in names])
    if plan["lacks"]:
        lines.append(f"The role {plan['role']} {done}made or extended: it reads {len(plan['lacks'])} more views.")
    else:
        lines.append(f"The role {plan['role']} is as it should be.")
    is_changed = plan["new"] or plan["changed"] or plan["lacks"]
    return lines if is_done or not is_changed else [*lines, "Nothing was changed; add --apply to make these changes."]


def columnar_lines(report: Mapping[str, Any], *, is_done: bool, is_checked: bool) -> list[str]:
    """Return what was done, or is to be, for the columnar copies of events: how many are in them, and why not the rest.

    Parameters
    ----------
    report : mapping
        The attributes of a ``ColumnarReport``.
    is_done : bool
        Whether it was done.
    is_checked : bool
        Whether the copies were compared with the events.
    """
    n_events, n_copied = report["n_events"], report["n_copied_events"]
    share = f" ({100 * n_copied / n_events:.1f} %)" if n_events else ""
    are, were = ("are", "were") if is_done else ("would be", "would be")
    n_bytes = f" ({_megabytes(report['n_bytes'])} before they are compressed)" if is_done and report["n_made"] else ""
    lines = [
        f"{n_copied} of {n_events} events{share} {are} in columnar copies.",
        f"Copies: {report['n_made']} {were} made{n_bytes}, {report['n_kept']} kept, "
        f"{report['n_dropped']} {were} dropped.",
    ]
    rest = sorted(report["reasons"].items(), key=lambda each: (-each[1], each[0]))
    lines += [f"Not copied: {n} events, since {printable(reason)}." for reason, n in rest]
    if report["n_columns_left_out"]:
        lines.append(f"Columns left out, since one of their rows is larger than 1 MB: {report['n_columns_left_out']}.")
    without = sorted(report["without_datums"].items(), key=lambda each: (-each[1], each[0]))
    lines += [f"Datums not copied beside {n} events, since {printable(reason)}." for reason, n in without]
    if is_checked and not report["differing"]:
        lines.append("No copy differs from its events.")
    return lines + [f"Differs: {printable(each)}" for each in report["differing"]]


def _megabytes(n_bytes: int) -> str:
    return f"{n_bytes / 1e6:.1f} MB" if n_bytes >= 1e5 else f"{n_bytes} bytes"


def align(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return a line for each row, its cells under one another and two spaces apart."""
    shown = [tuple(map(printable, row)) for row in rows]
    widths = [max(map(_width, column)) for column in zip(*shown, strict=True)]
    return ["  ".join(map(_padded, row, widths)).rstrip() for row in shown]


def local_time(seconds: Any) -> str:
    """Return seconds since 1970 as local time to the millisecond; what is no time is returned as text."""
    return _time_in(None, seconds, "milliseconds")


def _time_in(zone: tzinfo | None, seconds: Any, precision: str) -> str:
    try:
        return datetime.fromtimestamp(seconds).astimezone(zone).isoformat(" ", precision)
    except (TypeError, ValueError, OverflowError, OSError):
        return str(seconds)


def _run_facts(start: Mapping[str, Any], stop: Mapping[str, Any] | None) -> dict[str, str]:
    facts = {"uid": repr(start["uid"])}
    facts |= {name: repr(start[name]) for name in ("scan_id", "plan_name") if name in start}
    facts["exit_status"] = _status(stop)
    facts["start"] = local_time(start.get("time"))
    if stop is not None:
        facts["stop"] = local_time(stop.get("time"))
    return facts


def _level(provenance: Any) -> str:
    return "-" if provenance.level is None else str(provenance.level)


def _origin(provenance: Any) -> str:
    named = " ".join(filter(None, (provenance.distribution, provenance.version)))
    return f"{named}, pinned" if named and provenance.source == "pinned" else named or provenance.source


def _handler_notes(provenance: Any) -> list[str]:
    notes = [] if provenance.error is None else [f"unusable: {provenance.error}"]
    if provenance.clashes:
        notes.append(f"clash: choose one in the settings, handlers: {{{provenance.spec}: {provenance.distribution}}}")
    hidden = [f"{other}, {other.superseded}" if other.superseded else str(other) for other in provenance.shadowed]
    return [*notes, *(f"hides {other}" for other in hidden)]


def _column(name: str, cells: Sequence[Any], zone: tzinfo | None) -> list[str]:
    """Return a title and the texts of cells; the offset that all times have from UTC is said in the title."""
    title, shown = _TITLES.get(name, name), [printable(_cell_text(name, cell, zone)) for cell in cells]
    found = [_OFFSET.search(text) for text in shown] if name in _TIMES else []
    offsets = {match[0] for match in found if match}
    if len(offsets) == 1:
        title, shown = title + offsets.pop(), [_OFFSET.sub("", text) for text in shown]
    return [printable(title), *shown]


def _width(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    return sum(_letter_width(letter) for letter in text)


def _letter_width(letter: str) -> int:
    return 0 if unicodedata.combining(letter) else 1 + (unicodedata.east_asian_width(letter) in "WF")


def _padded(text: str, width: int) -> str:
    return text + " " * (width - _width(text))


def _cut(text: str, room: int) -> str:
    if _width(text) <= room:
        return text
    while _width(text) > room - 1:
        text = text[:-1]
    return text + "\N{HORIZONTAL ELLIPSIS}"


def _cell_text(name: str, cell: Any, zone: tzinfo | None) -> str:
    if cell is None:
        return ""
    if name in _TIMES:
        return _time_in(zone, cell, "minutes")
    if name == "uid":
        return str(cell)[:8]
    if name == "duration":
        return f"{cell:.1f}"
    if isinstance(cell, float):
        return f"{cell:.6g}"
    return in_words(cell)


def _status(stop: Mapping[str, Any] | None) -> str:
    return "no stop document yet" if stop is None else repr(stop.get("exit_status"))


def _short(start: Mapping[str, Any]) -> str:
    return f"{str(start['uid'])[:8]} (scan id {start.get('scan_id')})"


def _listed(names: Iterable[str]) -> str:
    known = list(names)
    shown = ", ".join(known[:_MOST_COLUMNS])
    return shown if len(known) <= _MOST_COLUMNS else f"{shown}, and {len(known) - _MOST_COLUMNS} more"


def _unusable(n_unusable: int) -> list[str]:
    return [f"  {n_unusable} more cannot be used: list(catalog) gives the reasons"] if n_unusable else []


def _table(rows: Iterable[tuple[str, str]]) -> str:
    shown = [(escape(printable(str(name))), escape(printable(str(value)))) for name, value in rows]
    cells = "".join(f"<tr><th>{name}</th><td>{value}</td></tr>" for name, value in shown)
    return f"<table>{cells}</table>"
