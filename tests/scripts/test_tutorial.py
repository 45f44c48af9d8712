"""The tutorial works word for word, twice, and leaves nothing running; the walk through it shows what it does."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from databroker_mongo.server import server_status

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
WALK = [sys.executable, str(SCRIPTS / "walk_through.py")]


def walk(script: Path, home: Path) -> subprocess.CompletedProcess[str]:
    """Walk through a script as a user whose home is this directory, in this directory."""
    ours = ("XDG_", "DATABROKER_MONGO", "BLUESKY")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    paths = [str(SCRIPTS.parent), environment.get("PYTHONPATH", "")]
    environment |= {"HOME": str(home), "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    return subprocess.run([*WALK, str(script)], env=environment, cwd=home, capture_output=True, text=True, check=False)


def is_running(home: Path) -> bool:
    return server_status(home / ".local" / "share" / "databroker_mongo" / "mongodb").is_running


def without_addresses(output: str) -> list[str]:
    return [line for line in output.splitlines() if " at 0x" not in line]


def test_the_tutorial_runs_twice_with_the_same_results_and_leaves_no_server(tmp_path, mongod_uri):
    if not any(entry.name == "AD_TIFF" for entry in entry_points(group="databroker_mongo.handlers")):
        pytest.skip("the images need the handlers: pip install ./handlers")
    first = walk(SCRIPTS / "tutorial.py", tmp_path)
    assert first.returncode == 0, first.stderr
    assert "Results: 10  Total: 24" in first.stdout
    assert "Narrowed Results: 6  Results: 10  Total: 24" in first.stdout
    assert "['baseline', 'primary']" in first.stdout
    assert "shape=(128, 1, 256, 256)" in first.stdout
    assert not is_running(tmp_path)
    picture = tmp_path / "databroker-mongo-tutorial.png"
    assert picture.read_bytes().startswith(b"\x89PNG")
    picture.unlink()
    second = walk(SCRIPTS / "tutorial.py", tmp_path)
    assert second.returncode == 0, second.stderr
    assert without_addresses(second.stdout) == without_addresses(first.stdout)
    assert picture.exists()
    assert not is_running(tmp_path)


def test_statements_are_shown_with_their_comments_and_results(tmp_path, mongod_uri):
    script = tmp_path / "script.py"
    script.write_text('"""Not shown."""\n\n# First\n# things.\nx = (\n    1 +\n    2\n)\nx\n\n# Last.\nprint("end")\n')
    walked = walk(script, tmp_path)
    assert walked.stderr == ""
    assert walked.stdout == (
        '\n# First\n# things.\n>>> x = (\n...     1 +\n...     2\n... )\n>>> x\n3\n\n# Last.\n>>> print("end")\nend\n'
    )


def test_a_statement_that_fails_ends_the_walk(tmp_path, mongod_uri):
    script = tmp_path / "script.py"
    script.write_text("1 / 0\nprint('not reached')\n")
    walked = walk(script, tmp_path)
    assert walked.returncode != 0
    assert "ZeroDivisionError" in walked.stderr
    assert "not reached" not in walked.stdout
    assert not is_running(tmp_path)


def test_an_error_of_the_catalog_is_told_without_a_traceback(tmp_path, mongod_uri):
    script = tmp_path / "script.py"
    script.write_text("import databroker_mongo\ndatabroker_mongo.catalog['nowhere']\n")
    walked = walk(script, tmp_path)
    assert walked.returncode == 1
    assert "nowhere" in walked.stderr
    assert "Traceback" not in walked.stderr


def test_the_quickstart_is_valid_bash():
    subprocess.run(["bash", "-n", str(SCRIPTS / "quickstart")], check=True)


def test_without_a_new_enough_python_the_quickstart_says_what_to_do(tmp_path):
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in ("bash", "dirname", "cat", "env"):
        found = next(path for path in (Path("/usr/bin", tool), Path("/bin", tool)) if path.exists())
        (tools / tool).symlink_to(found)
    clone = tmp_path / "clone" / "scripts"
    clone.mkdir(parents=True)
    (clone / "quickstart").write_bytes((SCRIPTS / "quickstart").read_bytes())
    started = subprocess.run(
        ["bash", str(clone / "quickstart")], env={"PATH": str(tools)}, capture_output=True, text=True, check=False
    )
    assert started.returncode == 1
    assert "No Python 3.11 or newer was found" in started.stderr
