"""The commands ``databroker-mongo admin ...``, which change a database: its indexes, summaries of runs, and views.

Each shows what it would do, and does it with ``--apply``.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence

from .. import display
from ..errors import QueryError
from .databases import indexed_fields, open_database


def create_indexes(chosen: argparse.Namespace) -> None:
    """Make the indexes that a catalog lacks.

    It needs the role readWrite on the database. While an index of a large collection is made, reading and writing go
    on, but more slowly. Indexes that another program made differently are shown and left as they are.
    """
    from ..store import writable

    store, configured = open_database(chosen.catalog), indexed_fields(chosen.catalog)
    metadata = list(dict.fromkeys([*configured, *chosen.metadata]))
    if chosen.apply:
        reports = writable(store).create_indexes(metadata=metadata, text=chosen.text)
    else:
        reports = store.indexes(metadata=metadata, text=chosen.text)
    for line in display.index_lines(reports):
        print(line)
    n_missing = sum(each.state == "missing" for each in reports)
    if n_missing and not chosen.apply:
        print(f"{n_missing} would be made with --apply.")
        _print_lacking(writable(store).rights_lacking_for_indexes(reports))


def build_summaries(chosen: argparse.Namespace) -> None:
    """Bring the summaries of a catalog's runs up to date.

    With summaries, queries are answered at once that otherwise join documents of all runs: durations, runs in progress,
    and queries of several documents that are combined by | or ~. The Writer of this package keeps the summaries of the
    runs that it writes; run this command now and then for the runs of other programs. It needs the role readWrite on
    the database, and about as much additional space as the start and stop documents take.
    """
    from ..store import writable

    store = open_database(chosen.catalog)
    report = writable(store).build_summaries(apply=chosen.apply)
    done = "were" if chosen.apply else "are to be"
    print(f"{report.n_runs} runs: {report.n_written} summaries {done} written, {report.n_removed} {done} removed.")
    if not chosen.apply and report.n_written + report.n_removed:
        print("Nothing was changed; add --apply to make these changes.")
        _print_lacking(writable(store).rights_lacking_for_summaries())


def create_views(chosen: argparse.Namespace) -> None:
    """Make the views and the role of one proposal.

    The views show the runs whose start document has one of the values in the field, or holds one in a list, and all
    that belongs to them. The role, named like the prefix without its dot, may read the views and nothing else. Give it
    to the accounts of the proposal, and set collection_prefix in their catalogs. It needs the roles dbAdmin and
    userAdmin on the database.
    """
    from ..store import view_pipeline, writable

    field, values = _condition(chosen.conditions)
    store = open_database(chosen.catalog)
    print(json.dumps(view_pipeline("run_start", field, values)))
    opened = writable(store)
    do = opened.create_views if chosen.apply else opened.plan_views
    plan = do(prefix=chosen.prefix, field=field, values=values)
    for line in display.views_lines(vars(plan), is_done=chosen.apply):
        print(line)


def _print_lacking(rights: Sequence[str]) -> None:
    if rights:
        print(f"This account may not do that: it lacks {', '.join(rights)}. Use an account with the role readWrite.")


def _condition(words: Sequence[str]) -> tuple[str, list[str | int]]:
    pairs = [word.partition("=") for word in words]
    if len({field for field, _, _ in pairs}) != 1 or not all(value for _, _, value in pairs):
        raise QueryError("write FIELD=VALUE, or several values of one field")
    values: list[str | int] = []
    for _, _, value in pairs:
        # The number of a proposal may be stored as a number.
        values += [value, int(value)] if value.isdecimal() else [value]
    return pairs[0][0], values
