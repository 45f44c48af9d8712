"""The README, followed to the letter: in an empty folder, with an environment and a distribution of its own."""

import os
import re
import shlex
import subprocess
import sys
import textwrap
from configparser import ConfigParser
from pathlib import Path

import pytest

HANDLERS = Path(__file__).parents[1]
README = (HANDLERS / "README.rst").read_text()
STEP = re.compile(
    r"^\.\. (?P<what>file|add to the class in|command)(?:: (?P<name>\S+))?\n\n"
    r"(?:::|\.\. code-block:: \w+)\n\n"
    r"(?P<text>(?:(?: {4}.*)?\n)+)",
    re.MULTILINE,
)


def test_the_table_names_all_specs_and_mime_types_and_no_others():
    setup = ConfigParser(delimiters=("=",))
    setup.optionxform = str
    setup.read(HANDLERS / "setup.cfg")
    groups = setup["options.entry_points"].values()
    registered = {line.partition("=")[0].strip() for group in groups for line in group.splitlines() if line}
    _, *first_column = re.findall(r"^   \* - (.*)$", README, re.MULTILINE)
    listed = {name for cell in first_column for name in cell.removesuffix(" (0)").split(", ")}

    assert listed == registered


@pytest.fixture
def run(tmp_path):
    """Run a command of the README, in a shell whose packages are also those of this environment."""
    places = os.pathsep.join(filter(None, sys.path))
    environment = {**os.environ, "PYTHONPATH": places, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}

    def run_one(line):
        words = shlex.split(line)
        if words[0] == "python":
            words[0] = sys.executable
        if words[0] == ".venv/bin/databroker-mongo":
            words[:1] = [".venv/bin/python", "-P", "-c", "from databroker_mongo.cli.main import main; main()"]
        if words[-2:] == ["install", "."]:
            words[-1:] = ["--no-deps", "--no-build-isolation", "."]
        done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=100)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run_one


def test_a_plugin_author_gets_from_an_empty_folder_to_a_tested_registered_handler(tmp_path, run):
    shown = []
    for step in STEP.finditer(README):
        text = textwrap.dedent(step["text"]).strip("\n") + "\n"
        if step["what"] == "file":
            (tmp_path / step["name"]).write_text(text)
        elif step["what"] == "add to the class in":
            with (tmp_path / step["name"]).open("a") as file:
                file.write("\n" + textwrap.indent(text, "    "))
        else:
            shown += [run(line) for line in text.splitlines() if "[test]" not in line]

    _, _, first_tests, first_list, _, second_tests, second_list = shown
    assert re.search(r"skipped", first_tests)
    assert re.search(r"^FRINGE +0 +fringe:FringeHandler +fringe-handler 1\.0$", first_list, re.MULTILINE)
    assert "level" not in second_tests
    assert re.search(r"^FRINGE +2 +fringe:FringeHandler +fringe-handler 1\.0$", second_list, re.MULTILINE)
