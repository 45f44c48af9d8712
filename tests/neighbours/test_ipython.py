"""IPython completes what stands between the brackets of catalogs, runs and streams, as it does by default."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from databroker_mongo import Writer
from databroker_mongo.testing import build_run

PYTHON = sys.executable
"""As it is where the settings of the machine are replaced, too."""

UID = "c07e765d-0000-4000-8000-000000000000"
KEY = {"dtype": "integer", "shape": [], "source": "sim"}
GAIN = {"det": {"data": {"gain": 3}, "timestamps": {"gain": 1.0}, "data_keys": {"gain": KEY}}}
SESSION = """
import json, sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.run_cell("from databroker_mongo import catalog; runs = catalog['flies']")
shell.run_cell("run = runs[-1]; config = run.primary.config")
print(json.dumps({typed: shell.complete(typed)[1] for typed in json.loads(sys.argv[1])}))
"""
COMPLETED = {
    'catalog["': ['catalog["flies'],
    'catalog["flies"]["': [f'catalog["flies"]["{UID}'],
    'runs["': [f'runs["{UID}'],
    'run["': ['run["base line', 'run["primary'],
    'run["base line"]["': ['run["base line"]["T'],
    'run.primary["': ['run.primary["I0', 'run.primary["It'],
    'run.primary.data["': ['run.primary.data["I0', 'run.primary.data["It', 'run.primary.data["time'],
    'config["': ['config["det'],
    'run.primary.config["det"]["': ['run.primary.config["det"]["gain'],
    'run.primary.timestamps["': ['run.primary.timestamps["I0', 'run.primary.timestamps["It'],
}


def test_names_are_completed_between_brackets(mongod_database_uri, machine):
    pytest.importorskip("IPython", reason="IPython is not installed")
    machine.write(machine.user, "flies.yml", f"catalogs: {{flies: {{uri: {json.dumps(mongod_database_uri)}}}}}")
    rows = {"primary": [{"I0": 1.0, "It": 0.5}], "base line": [{"T": 4.2}]}
    with Writer(mongod_database_uri) as writer:
        for name, document in build_run(rows, uid=UID, configuration=GAIN):
            writer(name, document)

    command = [PYTHON, "-c", SESSION, json.dumps([*COMPLETED])]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == COMPLETED
