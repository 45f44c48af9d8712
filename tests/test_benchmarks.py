"""The benchmarks run, and what is compared is the same; how long it takes is for people to read."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

# One after the other: they use the same names of databases.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600), pytest.mark.xdist_group("benchmarks")]

ROOT = Path(__file__).parents[1]
FEW = {
    "runs": 60,
    "events": 400,
    "arrays": 40,
    "frames": 3,
    "small-frames": 5,
    "many": 7,
    "image-runs": 3,
    "inserted": 100,
}


@pytest.fixture(scope="module")
def benchmarks():
    """The modules that are not installed."""
    sys.path.append(str(ROOT))  # behind what is installed, for that is what is tested
    try:
        yield importlib.import_module("benchmarks.document"), importlib.import_module("benchmarks.tasks")
    finally:
        sys.path.remove(str(ROOT))


def test_the_command_makes_data_and_measures_every_task_on_it(mongod_uri, tmp_path):
    sizes = [f"--{name}={number}" for name, number in FEW.items()]
    table = tmp_path / "table.rst"
    options = ["--server", mongod_uri, "--work", tmp_path, "--seconds", "0", "--cold-starts", "1", "--rst", table]

    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", *sizes, *options], cwd=ROOT, capture_output=True, text=True, timeout=580
    )

    assert done.returncode == 0, done.stderr
    assert "another result" not in done.stdout
    rows = table.read_text().split("   * - ")[2:]
    assert len(rows) > 40
    for row in rows:
        assert "Error" not in row, row
        by_hand, ours = (float(line.removeprefix("     - ")) for line in row.splitlines()[1:3])
        assert by_hand > 0
        assert ours > 0


def test_catalogs_of_several_sizes_are_measured_side_by_side(mongod_uri, tmp_path):
    sizes = [f"--{name}={number}" for name, number in FEW.items()]
    table = tmp_path / "table.rst"
    options = ["--server", mongod_uri, "--work", tmp_path, "--seconds", "0", "--catalogs", "40", "60", "--rst", table]

    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", *sizes, *options], cwd=ROOT, capture_output=True, text=True, timeout=580
    )

    assert done.returncode == 0, done.stderr
    lines = table.read_text().split("\n\n")[1]
    headings, *rows = ([cell.strip() for cell in row.split("\n     -")] for row in lines.split("   * - ")[1:])
    assert headings[1] == "40 runs: by hand, ms"
    assert len(rows) > 10
    for row in rows:
        assert len(row) == len(headings)
        assert float(row[-2]) > 0


PROGRAMS = {
    "clients": ["--clients", "2", "--seconds", "0.2"],
    "day_loop": ["--opened", "120"],
    "live": ["--written", "5", "--stopped", "2"],
    "writing_beside": ["--seconds", "0.5"],
}


@pytest.mark.parametrize("program", PROGRAMS)
def test_programs_measure_what_takes_longer(benchmarks, mongod_uri, tmp_path, program):
    document, _ = benchmarks
    sizes = [f"--{name}={number}" for name, number in FEW.items()]
    table = tmp_path / "table.rst"
    options = ["--server", mongod_uri, "--work", tmp_path, "--rst", table, *PROGRAMS[program]]

    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{program}", *sizes, *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=580,
    )

    assert done.returncode == 0, done.stderr
    head, *rows = document.rows_of(table.read_text())
    assert len(rows) >= 4
    for row in rows:
        assert len(row) == len(head)
        assert any(float(cell.replace(",", "")) > 0 for cell in row[1:] if cell[:1].isdigit() and " " not in cell)


def test_cold_figures_need_a_server_that_may_be_ended(mongod_uri, tmp_path):
    command = [sys.executable, "-m", "benchmarks.cold_caches", "--server", mongod_uri, "--work", tmp_path]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "It needs a private server" in done.stderr


TASKS = """.. list-table::
   :header-rows: 1

   * - task
     - by hand, ms
     - here, ms
     - ratio
     - databroker 1.2.5
     - databroker 2.0.2
   * - catalog[scan_id]
     - 1.00
     - 1.50
     - 1.50
     - 8.10 (8x)
     -
   * - no headline
     - 1.00
     - 2.00
     - 2.00
     -
     -

It was measured.
"""


def test_the_headline_of_the_readme_is_of_the_tasks(benchmarks):
    document, _ = benchmarks
    readme = (ROOT / "README.rst").read_text()
    changed = document.with_headline(readme, TASKS)
    head, row = document.rows_of(changed)
    assert head == ["task", "by hand", "here", "databroker 1.2.5", "databroker 2.0.2"]
    assert row == ["catalog[scan_id] among 100,000 runs", "1.00", "1.50", "8.10", ""]
    before, after = (text.partition(".. list-table::")[0] for text in (readme, changed))
    assert before == after
    assert changed.endswith(readme.partition("Learn more")[2])


def test_the_headline_names_tasks_that_there_are(benchmarks):
    document, tasks = benchmarks
    titles = {task.title for task in tasks.TASKS} | {"import, open, first run"}
    assert document._HEADLINE.keys() <= titles
