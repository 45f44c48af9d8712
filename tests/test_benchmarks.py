"""The benchmarks run, and what is compared is the same; how long it takes is for people to read."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

# One after the other: they use the same names of databases.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.xdist_group("benchmarks")]

ROOT = Path(__file__).parents[1]
FEW = {"runs": 60, "events": 400, "arrays": 40, "frames": 3, "small-frames": 5, "inserted": 300}


def test_the_command_makes_data_and_measures_every_task_on_it(mongod_uri, tmp_path):
    sizes = [f"--{name}={number}" for name, number in FEW.items()]
    table = tmp_path / "table.rst"
    options = ["--server", mongod_uri, "--work", tmp_path, "--seconds", "0", "--cold-starts", "1", "--rst", table]

    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", *sizes, *options], cwd=ROOT, capture_output=True, text=True, timeout=280
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
        [sys.executable, "-m", "benchmarks", *sizes, *options], cwd=ROOT, capture_output=True, text=True, timeout=280
    )

    assert done.returncode == 0, done.stderr
    lines = table.read_text().split("\n\n")[1]
    headings, *rows = ([cell.strip() for cell in row.split("\n     -")] for row in lines.split("   * - ")[1:])
    assert headings[1] == "40 runs: by hand, ms"
    assert len(rows) > 10
    for row in rows:
        assert len(row) == len(headings)
        assert float(row[-2]) > 0
