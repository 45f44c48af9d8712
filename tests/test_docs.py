"""What the documentation shows is run, and what there is to know is in it."""

from __future__ import annotations

import doctest
import importlib
import os
import pkgutil
import re
import shlex
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sybil import Sybil
from sybil.parsers.rest import DocTestParser, PythonCodeBlockParser, SkipParser

import databroker_mongo
from databroker_mongo import Catalog, queries, tutorial_utils
from databroker_mongo.cli.main import COMMANDS, build_parser
from databroker_mongo.errors import ServerNotInstalled
from databroker_mongo.server import stop_server

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.rst", *sorted((ROOT / "docs").rglob("*.rst"))]
COMMAND = re.compile(r"^ +\$ (?P<line>databroker-mongo.*)$", re.MULTILINE)
SCRIPT = re.compile(r"\bscripts/[\w.-]+\w")
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
SYBIL = Sybil(parsers=[PythonCodeBlockParser(), DocTestParser(OPTIONS), SkipParser()], path=str(ROOT))
OF_THE_TESTER = (
    "BLUESKY_TUTORIAL_DATA",
    "CONDA_PREFIX",
    "DATABROKER_MONGO_PATH",
    "INTAKE_PATH",
    "VIRTUAL_ENV",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_STATE_HOME",
)

# One process makes the sample runs, for all pages.
pytestmark = pytest.mark.xdist_group("docs")


def page_id(path: Path) -> str:
    return str(path.relative_to(ROOT))


def pages_with_examples() -> list[Path]:
    return [page for page in PAGES if list(SYBIL.parse(page).examples())]


def modules_with_examples() -> list[str]:
    found = pkgutil.walk_packages(databroker_mongo.__path__, "databroker_mongo.")
    return [module.name for module in found if ">>>" in Path(importlib.util.find_spec(module.name).origin).read_text()]


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Iterator[Path]:
    """The home of a user who has made the tutorial's sample runs; the directories of others are empty."""
    directory = tmp_path_factory.mktemp("home")
    with tempfile.TemporaryDirectory(prefix="dbm-") as runtime, pytest.MonkeyPatch.context() as patch:
        for variable in OF_THE_TESTER:
            patch.delenv(variable, raising=False)
        for variable, place in {"HOME": ".", "XDG_CONFIG_DIRS": "etc", "XDG_DATA_DIRS": "share"}.items():
            patch.setenv(variable, str(directory / place))
        patch.setenv("XDG_RUNTIME_DIR", runtime)
        try:
            tutorial_utils.make_BMM_example()
        except ServerNotInstalled as error:
            (pytest.fail if os.environ.get("CI") else pytest.skip)(f"the examples need a MongoDB server: {error}")
        tutorial_utils.make_RSOXS_example()
        yield directory
        stop_server()


@pytest.mark.filterwarnings("ignore::databroker_mongo.errors.CatalogWarning")
@pytest.mark.parametrize("page", pages_with_examples(), ids=page_id)
def test_every_example_of_a_page_runs(page, home, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    for example in SYBIL.parse(page).examples():
        example.evaluate()


@pytest.mark.parametrize("module", modules_with_examples())
def test_every_example_of_a_docstring_runs(module, machine):
    failed, tried = doctest.testmod(importlib.import_module(module), optionflags=OPTIONS)

    assert tried
    assert not failed


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_every_command_of_a_page_can_be_typed(page):
    text = page.read_text()

    for command in COMMAND.finditer(text):
        build_parser().parse_args(shlex.split(command["line"])[1:])
    for script in SCRIPT.findall(text):
        assert os.access(ROOT / script, os.X_OK), script


def test_every_command_is_described():
    described = (ROOT / "docs/reference/command-line.rst").read_text()

    for command in COMMANDS:
        entry = re.search(rf"^``databroker-mongo {command.words}(?P<usage>[^`]*)``$", described, re.MULTILINE)
        assert entry, command.words
        for argument in command.arguments:
            name = argument.names[0]
            shown = name if name.startswith("-") else argument.options["metavar"]
            assert shown in entry["usage"], (command.words, name)


def test_every_page_is_reached_from_the_front_page():
    def reached(page: Path) -> set[Path]:
        toctrees = re.findall(r"^\.\. toctree::\n(?:   .*\n|\n)+", page.read_text(), re.MULTILINE)
        names = [line.strip() for tree in toctrees for line in tree.splitlines()[1:] if line.strip()]
        below = {file.resolve() for name in names if name[0] != ":" for file in page.parent.glob(f"{name}.rst")}
        return below.union(*map(reached, below))

    assert reached(ROOT / "docs/index.rst") == {page.resolve() for page in PAGES[1:]} - {ROOT / "docs/index.rst"}


@pytest.mark.parametrize("place", ["Catalog.search", "docs/how-to/find-your-runs.rst"])
def test_each_keyword_of_a_search_is_told_where_people_look(place):
    with pytest.raises(TypeError, match="its keywords are") as refused:
        queries.from_keywords(no_such_keyword=1)
    keywords = re.search(r"its keywords are ([\w, ]+)", str(refused.value))[1].split(", ")
    text = Catalog.search.__doc__ if place == "Catalog.search" else (ROOT / place).read_text()

    assert len(keywords) >= 11
    for keyword in keywords:
        start, _, end = keyword.rpartition("_")
        assert keyword in text or (f"{start}_gt" in text and f"_{end}" in text), keyword
