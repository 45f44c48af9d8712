"""The commands ``databroker-mongo admin ...``, which change a database: its indexes, columnar copies, summaries, views.

Each shows what it would do, and does it with ``--apply``.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .. import display
from ..errors import BuildInProgress, CatalogError, ConfigurationError, QueryError
from .databases import databases_in, indexed_fields, open_database, values_by_field

if TYPE_CHECKING:
    from ..store import NormalizedStore

_FAILURE = 1
_IS_BUSY = 3


def build_columnar(chosen: argparse.Namespace) -> int:
    """Bring the columnar copies of a catalog's events up to date.

    From columnar copies, old runs are read several times as fast as from their events. Copied are the events of runs
    that have ended, or have had no new event for 30 days. Run this command every night; a night without it costs speed
    and nothing else. It needs the role readWrite on the database.

    It exits with 1 if a database fails, or a copy differs that --check compares; with 3 if somebody else is building
    the copies of a database, and nothing else fails. A build that is killed (kill -9) leaves its lock behind, which
    ends within an hour by itself.
    """
    _require_one_task(chosen)
    names = [*([] if chosen.catalog is None else [chosen.catalog]), *databases_in(chosen.file)]
    if not names:
        raise ConfigurationError(
            "no database is named: give NAME_OR_URI, before --rebuild, or a file of such lines with --file"
        )
    statuses: set[int] = set()
    met: set[str] = set()
    for name in names:
        if len(names) > 1:
            print(f"{_title(name)}:")
        try:
            statuses.add(_build_one(chosen, name, met))
        except CatalogError as error:
            sys.stdout.flush()
            print(f"databroker-mongo: {error}", file=sys.stderr)
            statuses.add(_IS_BUSY if isinstance(error, BuildInProgress) else _FAILURE)
    unmet = sorted(set(chosen.rebuild) - met)
    if unmet and statuses == {0}:
        raise QueryError(f"no run has the uid {', '.join(unmet)}; --rebuild takes whole uids")
    return _FAILURE if _FAILURE in statuses else max(statuses)


def _require_one_task(chosen: argparse.Namespace) -> None:
    tasks = [name for name in ("drop", "check", "rebuild") if getattr(chosen, name)]
    if len(tasks) > 1:
        raise ConfigurationError(f"choose one of {' and '.join(f'--{name}' for name in tasks)}")
    if chosen.check and chosen.apply:
        raise ConfigurationError("--check changes nothing, and --apply makes changes: choose one of them")


def _build_one(chosen: argparse.Namespace, name: str, met: set[str]) -> int:
    """Do what was chosen with one database, and return what the program exits with; ``met`` are runs found there."""
    from ..store import writable

    store = writable(open_database(name))
    met.update(_uids_of_runs(store, chosen.rebuild))
    if chosen.drop:
        if chosen.apply:
            store.drop_columnar()
            print("All columnar copies were removed.")
        else:
            print("All columnar copies would be removed; add --apply to remove them.")
        return 0
    with _show_progress() as advance:
        if chosen.check:
            report = store.check_columnar(advance=advance)
        else:
            report = store.build_columnar(apply=chosen.apply, rebuild=chosen.rebuild, advance=advance)
    for line in display.columnar_lines(vars(report), is_done=chosen.apply, is_checked=chosen.check):
        print(line)
    if not (chosen.apply or chosen.check) and report.n_made + report.n_dropped:
        print("Nothing was changed; add --apply to make these changes.")
        _print_lacking(store.rights_lacking_for_columnar())
    return _FAILURE if report.differing else 0


def _uids_of_runs(store: NormalizedStore, uids: Sequence[str]) -> set[str]:
    """Return those that are uids of runs.

    Asked even if there are none: a server that is away is given up after the seconds that a reader waits for it, and
    not after the day that a build may take.
    """
    from ..queries import NEWEST_FIRST, In

    return {start["uid"] for start in store.find_starts(In("uid", list(uids)), sort=NEWEST_FIRST, limit=len(uids) or 1)}


def _title(name: str) -> str:
    """Return a name, or a URI without its password."""
    from ..config import Uri, is_uri

    return str(Uri(name)) if is_uri(name) else name


@contextmanager
def _show_progress() -> Iterator[Callable[[int], object]]:
    """Show on a terminal how many descriptors were looked at; nothing is said elsewhere."""
    if not sys.stderr.isatty():
        yield lambda n: None
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.completed:.0f} descriptors"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("descriptors", total=None)
        yield lambda n: progress.advance(task, n)


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
    found = values_by_field(words)
    if len(found) != 1:
        raise QueryError("write FIELD=VALUE, or several values of one field")
    return next(iter(found.items()))
