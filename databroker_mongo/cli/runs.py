"""The commands that ask a catalog of runs: ``ls``, ``show``, ``check``, ``distinct``, ``explain`` and ``indexes``."""

from __future__ import annotations

import argparse
import csv
import shutil
import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import tzinfo
from itertools import chain
from typing import TYPE_CHECKING, Any

from .. import display
from ..errors import ConfigurationError
from ..printable import as_json, in_words
from .databases import indexed_fields, open_catalog

if TYPE_CHECKING:
    from ..health import Finding
    from ..queries import Query
    from ..runs import Catalog, Run

FOUND = 3
COLUMNS = ("time", "scan_id", "uid", "plan_name", "sample.name", "stop.exit_status", "duration")
_SAMPLE_FIELDS = ("sample", "sample.name", "sample_name")


def list_runs(chosen: argparse.Namespace) -> None:
    """List runs, the newest first."""
    from ..queries import zone_of

    columns = [name.strip() for name in chosen.columns.split(",")] if chosen.columns else list(COLUMNS)
    catalog = open_catalog(chosen.catalog)
    found = _search(catalog, chosen, sort=chosen.sort, limit=chosen.limit)
    rows = (cells for _, cells in found.rows(columns))
    with _warning_in_words():
        if chosen.format != "table":
            _WRITERS[chosen.format](columns, rows)
        elif table := list(rows):
            _write_table(columns, table, zone=zone_of(chosen.timezone))
        else:
            _say_that_none_answers(_search(catalog, chosen), catalog)


def show_run(chosen: argparse.Namespace) -> None:
    """Show one run: its documents and streams."""
    run = open_catalog(chosen.catalog)[_key(chosen.key)]
    if chosen.format == "json":
        print(as_json({**run.metadata, "streams": list(run)}, indent=2))
        return
    print(run)
    for line in display.metadata_lines(run.metadata, width=_width()):
        print(line)


def check(chosen: argparse.Namespace) -> int:
    """List what is wrong with runs and their files; with --all, with all runs and the database as a whole.

    A catalog with a scope lists nothing that belongs to no run, because that may be anybody's. The exit status is 3 if
    there is a fault; a run in progress is not a fault.
    """
    if bool(chosen.runs) == chosen.all:
        raise ConfigurationError("name the runs to check by their keys, or give --all, but not both")
    if chosen.tag_field and not chosen.all:
        raise ConfigurationError("--tag-field counts the runs of a whole catalog: give --all")
    seen: set[bool] = set()
    catalog = open_catalog(chosen.catalog)
    found = chain(_findings(catalog, chosen.runs, files=not chosen.no_files), _untagged(catalog, chosen.tag_field))
    findings = _note(seen, found)
    if chosen.format == "json":
        columns = ("run_uid", "stream", "data_key", "kind", "message", "facts")
        _write_json(columns, ([getattr(finding, name) for name in columns] for finding in findings))
    else:
        for finding in findings:
            place = (finding.run_uid or "database", finding.stream or "-", finding.data_key or "-")
            print(*display.align([(*place, finding.kind, finding.message)]))
        if not seen:
            print("nothing is wrong")
    return FOUND if True in seen and not chosen.exit_zero else 0


def _note(seen: set[bool], findings: Iterable[Finding]) -> Iterator[Finding]:
    """Yield findings, and keep in mind whether there were any, and whether any is a fault."""
    for finding in findings:
        seen.add(finding.is_fault)
        yield finding


def _findings(catalog: Catalog, keys: Sequence[str], *, files: bool) -> Iterator[Finding]:
    from ..health import check_database
    from ..queries import All

    runs: Iterable[Run] = (catalog[_key(key)] for key in keys) if keys else catalog.values()
    for run in runs:
        yield from run.findings(files=files)
    if not keys and catalog.query == All():
        yield from check_database(catalog.store, metadata=indexed_fields(catalog.name))


def _untagged(catalog: Catalog, tag_fields: Sequence[str]) -> Iterator[Finding]:
    from ..health import check_tags
    from ..queries import TagFields

    if tag_fields:
        yield from check_tags(catalog.store, catalog.query, TagFields.of_options(list(tag_fields)))


def list_distinct(chosen: argparse.Namespace) -> None:
    """List the values of a field, and how many runs have each, the most frequent first."""
    catalog = open_catalog(chosen.catalog)
    found = _search(catalog, chosen)
    with _warning_in_words():
        counts = found.distinct(chosen.field, counts=True)
    if chosen.format == "table":
        if not counts and not len(found):
            _say_that_none_answers(found, catalog)
        for line in display.align([(str(n_runs), in_words(value)) for value, n_runs in counts.items()]):
            print(line)
    else:
        _WRITERS[chosen.format]([chosen.field, "runs"], ([value, n_runs] for value, n_runs in counts.items()))


def explain(chosen: argparse.Namespace) -> None:
    """Show how runs are found: by which index, how many documents are examined, and what would help."""
    with _warning_in_words():
        print(_search(open_catalog(chosen.catalog), chosen).explain())


@contextmanager
def _warning_in_words() -> Iterator[None]:
    """Print warnings as a command says what is wrong, and not with the place in its source."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    for text in dict.fromkeys(str(each.message) for each in caught):
        print(f"databroker-mongo: {text}", file=sys.stderr)


def list_indexes(chosen: argparse.Namespace) -> None:
    """List the indexes of a catalog: those that are missing, that differ, that are as they should be, and others."""
    catalog = open_catalog(chosen.catalog)
    reports = catalog.store.indexes(metadata=indexed_fields(catalog.name))
    for line in display.index_lines(reports):
        print(line)


def _say_that_none_answers(found: Catalog, catalog: Catalog) -> None:
    n_runs = len(catalog)
    text = f"none of the {n_runs} runs in the catalog matches {found.query}" if n_runs else "the catalog has no runs"
    print(f"databroker-mongo: {text}", file=sys.stderr)


def _search(catalog: Catalog, chosen: argparse.Namespace, **options: Any) -> Catalog:
    from ..queries import Eq, Or, TimeRange, from_json, from_words

    queries: list[Query] = [from_words(chosen.query)]
    if chosen.since or chosen.until:
        queries.append(TimeRange(_moment(chosen.since), _moment(chosen.until), timezone=chosen.timezone))
    if chosen.plan:
        queries.append(Eq("plan_name", chosen.plan))
    if chosen.sample:
        queries.append(Or(tuple(Eq(field, chosen.sample) for field in _SAMPLE_FIELDS)))
    filters = [from_json(text) for text in chosen.where or ()]
    return catalog.search(*queries, *filters, **options)


def _moment(text: str | None) -> str | float | None:
    """Return what was typed for a time; a number of more than four digits counts seconds."""
    try:
        return float(text) if text and len(text.partition(".")[0]) > 8 else text
    except ValueError:
        return text


def _key(text: str) -> str | int:
    """Return what was typed for a run: a negative number is a position, all else is a text."""
    return int(text) if text.startswith("-") and text[1:].isdecimal() else text


def _write_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, zone: tzinfo) -> None:
    for line in display.run_rows(columns, list(rows), width=_width(), zone=zone):
        print(line)


def _width() -> int:
    return shutil.get_terminal_size().columns  # 80 where there is no terminal


def _write_json(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write a list of objects, each on a line as soon as it is known."""
    before = "["
    for row in rows:
        print(before + "\n " + as_json(dict(zip(columns, row, strict=True))), end="")
        before = ","
    print("\n]" if before == "," else "[]")


def _write_csv(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_csv_cell(cell) for cell in row] for row in rows)


def _csv_cell(cell: Any) -> Any:
    return as_json(cell) if isinstance(cell, dict | list) else cell


_WRITERS = {"json": _write_json, "csv": _write_csv}
