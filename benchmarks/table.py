"""What was measured, as a table for a terminal and for the documentation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from .contest import Result
from .tasks import Task

Row = tuple[Task, Mapping[str, Result]]

_HEADINGS = ("task", "by hand, ms", "here, ms", "ratio", "of the bests", "goal", "", "questions", "peak, MB")
PEERS = {"databroker_1": "databroker 1.2.5", "databroker_2": "databroker 2.0.2"}


def cells(row: Row, peers: Sequence[str]) -> list[str]:
    """Return the cells of a row, as text."""
    task, results = row
    ours, by_hand = results["ours"], results["by_hand"]
    if not ours.readings or not by_hand.readings:
        failed = ours.error or by_hand.error
        return [task.title, *[failed, *[""] * (len(_HEADINGS) - 2)], *[""] * len(peers)]
    is_reached = task.goal.is_reached(ours.seconds, by_hand.seconds)
    is_reached |= task.goal.is_reached(ours.best_seconds, by_hand.best_seconds)
    judged = ("yes" if is_reached else "NO") if str(task.goal) else ""
    return [
        task.title,
        milliseconds(by_hand.seconds),
        milliseconds(ours.seconds),
        f"{ours.seconds / by_hand.seconds:.2f}",
        f"{ours.best_seconds / by_hand.best_seconds:.2f}",
        str(task.goal),
        ours.error or judged,
        f"{by_hand.n_questions} / {ours.n_questions}",
        f"{by_hand.peak_megabytes:.0f} / {ours.peak_megabytes:.0f}",
        *(_of_peer(results.get(peer), by_hand) for peer in peers),
    ]


def _of_peer(result: Result | None, by_hand: Result) -> str:
    if result is None or not result.readings:
        return "" if result is None else result.error
    return f"{milliseconds(result.seconds)} ({result.seconds / by_hand.seconds:.0f}x)"


def milliseconds(seconds: float) -> str:
    """Return a time as text of three digits."""
    number = seconds * 1000
    return f"{number:.2f}" if number < 10 else f"{number:.1f}" if number < 100 else f"{number:.0f}"


def show_results(rows: Sequence[Row], peers: Sequence[str], caption: str, path: Path | None) -> None:
    """Print the table of all tasks, and write it for the documentation where a file is given."""
    headings = [*_HEADINGS, *(PEERS[peer] for peer in peers)]
    show(headings, [cells(row, peers) for row in rows], caption, path)


def show(headings: Sequence[str], rows: Sequence[Sequence[str]], caption: str, path: Path | None) -> None:
    """Print a table, and write it as reStructuredText where a file is given."""
    table = Table(title="Benchmarks", caption=escape(caption), caption_justify="left")
    for number, heading in enumerate(headings):
        table.add_column(heading, justify="right" if heading[-2:] == "ms" else "left", no_wrap=number == 0)
    for row in rows:
        table.add_row(*map(escape, row))
    Console(width=None if Console().is_terminal else 200).print(table)
    if path is not None:
        path.write_text(_as_rst(headings, rows, caption))


def _as_rst(headings: Sequence[str], rows: Sequence[Sequence[str]], caption: str) -> str:
    lines = [".. list-table::", "   :header-rows: 1", ""]
    for row in (headings, *rows):
        lines += [f"   {'* - ' if number == 0 else '  - '}{cell}".rstrip() for number, cell in enumerate(row)]
    return "\n".join([*lines, "", caption, ""])
