"""What no single module can see of itself. Who may import whom is in ``setup.cfg``; ``lint-imports`` checks it."""

from __future__ import annotations

import ast
import importlib.metadata
import pkgutil
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import databroker_mongo

PACKAGE = Path(databroker_mongo.__file__).parent
HANDLERS = Path(__file__).parents[1] / "handlers" / "databroker_mongo_handlers"
OF_EXTRAS = ("mcp", "tiled")
"""Rooms that need an extra, each of the name of what it needs."""

HEAVY = {"dask", "event_model", "h5py", "mongomock", "numpy", "pandas", "pymongo", "tifffile", "xarray", "yaml"}


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def sources(package: Path) -> list[Path]:
    found = sorted(package.rglob("*.py"))
    assert found
    return found


def test_importing_the_package_and_its_command_loads_nothing_heavy():
    loaded = run("import sys, databroker_mongo, databroker_mongo.cli.main; print(*sys.modules)")

    assert HEAVY.isdisjoint(loaded.split())


def test_listing_the_public_names_loads_nothing_heavy():
    loaded = run("import sys, databroker_mongo; dir(databroker_mongo); print(*sys.modules)")

    assert HEAVY.isdisjoint(loaded.split())


@pytest.mark.parametrize("name", databroker_mongo.__all__)
def test_each_public_name_is_there(name):
    assert getattr(databroker_mongo, name) is not None
    assert name in dir(databroker_mongo)


@pytest.mark.parametrize("room", sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py")))
def test_what_a_door_names_is_behind_it_and_nothing_else(room):
    if room in OF_EXTRAS and find_spec(room) is None:
        pytest.skip(f"{room} is not installed here")
    door = importlib.import_module(f"databroker_mongo.{room}")
    for name in getattr(door, "__all__", ()):
        assert getattr(door, name) is not None
    with pytest.raises(AttributeError, match="no_such_name"):
        door.no_such_name  # noqa: B018


def test_only_public_names_are_listed():
    listed = {name for name in dir(databroker_mongo) if not name.startswith("__")}

    assert listed == set(databroker_mongo.__all__)


def test_the_version_is_that_of_the_installed_distribution(monkeypatch):
    monkeypatch.setattr(importlib.metadata, "version", lambda name: f"1.2.3 of {name}")
    assert databroker_mongo.__version__ == "1.2.3 of databroker-mongo"

    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", missing)
    assert not hasattr(databroker_mongo, "__version__")


def test_a_name_that_is_not_public_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no_such_name"):
        databroker_mongo.no_such_name  # noqa: B018


def test_catalog_is_the_mapping_of_names_whatever_is_imported_before():
    """A module of that name would take its place in the package as soon as it is imported."""
    found = list(pkgutil.walk_packages([str(PACKAGE)], "databroker_mongo."))
    assert "databroker_mongo.catalog" not in [module.name for module in found]
    modules = [module.name for module in found if module.ispkg or module.name.count(".") == 1]
    for room in OF_EXTRAS:
        if find_spec(room) is None:
            modules.remove(f"databroker_mongo.{room}")
    code = f"""
import importlib, sys, warnings
for module in {modules!r}:
    for name in [name for name in sys.modules if name.startswith("databroker_mongo")]:
        del sys.modules[name]
    importlib.import_module(module)
    from databroker_mongo import catalog
    assert type(catalog).__name__ == "ConfiguredCatalogs", (module, catalog)
    import databroker_mongo
    assert databroker_mongo.catalog is catalog, module
"""
    run(code)


def test_the_environment_is_read_by_the_configuration_alone():
    asking = {"environ", "getenv", "environb"}
    allowed = PACKAGE / "config"
    readers = {
        str(path.relative_to(PACKAGE))
        for path in sources(PACKAGE)
        if not path.is_relative_to(allowed)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in asking
    }

    assert readers == set()


def test_what_is_logged_goes_under_the_name_of_the_package():
    """Names of modules are not public, and a filter by one would be lost when it moves."""
    names = {
        ast.unparse(node.args[0])
        for path in sources(PACKAGE)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "logging.getLogger"
    }

    assert names == {"'databroker_mongo'"}


def test_the_handlers_know_nothing_of_the_package():
    imported = {
        name.split(".")[0]
        for path in sources(HANDLERS)
        for node in ast.walk(ast.parse(path.read_text()))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom) and not node.level
            else []
        )
    }

    assert "databroker_mongo" not in imported


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("NAMELESS_STREAM", "documents/names.py"),
        ("NEWEST_FIRST", "queries/sorting.py"),
        ("stream_of", "documents/names.py"),
        ("is_streamed", "documents/names.py"),
        ("integers_of_slice", "runs/keys.py"),
    ],
)
def test_a_rule_is_told_in_one_place(name, place):
    places = {
        str(path.relative_to(PACKAGE)) for path in sources(PACKAGE) if name in definitions(ast.parse(path.read_text()))
    }

    assert places == {place}


def test_the_name_of_nameless_streams_is_written_once():
    """Who needs it asks ``documents``; databroker 1 has it as the default of its calls, MongoDB for its own servers."""
    writers = {
        str(path.relative_to(PACKAGE))
        for path in sources(PACKAGE)
        if path.relative_to(PACKAGE).parts[0] not in ("config", "testing", "tutorial", "v1")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and node.value == "primary"
    }

    assert writers == {"documents/names.py"}


def definitions(module: ast.Module) -> set[str]:
    """The names that a module defines itself, however private."""
    found = set()
    for node in module.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name.lstrip("_"))
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found.update(target.id.lstrip("_") for target in targets if isinstance(target, ast.Name))
    return found


EMPTY = {"count", "defaultdict", "deque", "dict", "list", "OrderedDict", "set", "urandom"}
EMPTY |= {"Condition", "Event", "Lock", "RLock", "WeakKeyDictionary", "WeakSet", "WeakValueDictionary"}
CACHES = {"cache", "lru_cache"}
STATELESS = {"named"}
"""What is there is an object because it is a mapping; it reads its files whenever it is asked."""


def name_of(called: ast.expr) -> str:
    return called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")


def is_filled_later(value: ast.expr | None) -> bool:
    """Tell whether a value at the top of a module begins empty: what is written there in full is a constant."""
    if isinstance(value, ast.Dict):
        return not value.keys
    if isinstance(value, ast.List | ast.Set):
        return not value.elts
    if not isinstance(value, ast.Call):
        return False
    is_class = isinstance(value.func, ast.Name) and value.func.id.lstrip("_")[0].isupper()
    is_object = is_class and not (value.args or value.keywords)
    return is_object or name_of(value.func) in EMPTY | CACHES


def is_final(node: ast.Assign | ast.AnnAssign) -> bool:
    return isinstance(node, ast.AnnAssign) and (
        "Final" in ast.unparse(node.annotation) or name_of(node.target) == "__all__"
    )


def has_state(module: ast.Module) -> bool:
    tops = [node for node in module.body if isinstance(node, ast.Assign | ast.AnnAssign)]
    return (
        any(is_filled_later(node.value) for node in tops if not is_final(node))
        or any(isinstance(node, ast.Global) for node in ast.walk(module))
        or any(
            name_of(each.func if isinstance(each, ast.Call) else each) in CACHES
            for node in ast.walk(module)
            if isinstance(node, ast.FunctionDef)
            for each in node.decorator_list
        )
    )


@pytest.mark.parametrize(
    "code",
    [
        "_seen = {}",
        "_seen: dict[str, int] = {}",
        "_numbers = itertools.count()",
        "_lock = threading.Lock()",
        "_pool = HandlerPool()",
        "_of_thread = _OfThread()",
        "_find = lru_cache(found)",
        "@functools.cache\ndef find(): ...",
        "class A:\n    @cache\n    def find(self): ...",
        "def find():\n    global found",
    ],
)
def test_what_a_process_keeps_is_noticed(code):
    assert has_state(ast.parse(code))


@pytest.mark.parametrize(
    "code",
    ["_NAMES = {1: 2}", "_NONE: Final[dict] = {}", "_WORDS = set('ab')[0]", "def f():\n    a = {}", "A = Some(1)"],
)
def test_a_constant_is_no_state(code):
    assert not has_state(ast.parse(code))


def test_the_map_names_every_module_in_which_a_process_keeps_something():
    text = PACKAGE.joinpath("README.rst").read_text().partition("What is global\n")[2]
    block = text.split("code-block:: text\n\n", 1)[1].split("\n\n", 1)[0]
    told = {line.split()[0] for line in block.splitlines() if line[3] != " "}
    found = set()
    for package, prefix in ((PACKAGE, ""), (HANDLERS, "handlers/")):
        for path in sources(package):
            if has_state(ast.parse(path.read_text())):
                found.add(prefix + path.relative_to(package).with_suffix("").as_posix())
    assert found - STATELESS == told


def test_the_map_names_every_module():
    text = (PACKAGE / "README.rst").read_text()
    index = text.split("The modules\n", 1)[1].split("The walls\n", 1)[0]
    modules = [*PACKAGE.rglob("*.py"), *HANDLERS.rglob("*.py")]
    inner = {path.stem for path in modules if path.parent not in (PACKAGE, HANDLERS) and path.stem != "__init__"}

    assert len(inner) > 150
    assert not {name for name in inner if not re.search(rf"\b{name}\b", index)}


def test_the_map_says_of_each_long_file_why_it_is_one_thing():
    text = (PACKAGE / "README.rst").read_text()
    reasons = text.split("Files above 500 lines", 1)[1].split("What is global", 1)[0]
    long = [path for path in (*PACKAGE.rglob("*.py"), *HANDLERS.rglob("*.py")) if path.read_text().count("\n") > 500]

    assert [path for path in long if f"``{path.parent.name}/{path.stem}``" not in reasons] == []
