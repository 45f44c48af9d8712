"""The reader of a catalog by the settings of this machine, and by what is given in code."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest

from databroker_mongo import Broker, Catalog
from databroker_mongo.assets import Resource, Roots, open_reader
from databroker_mongo.errors import ConfigurationError, HandlerUnavailable, PathNotAllowed
from databroker_mongo.named import ConfiguredCatalogs

RELATIVE = ["data", "./data", "../data", ".", "", "C:data", "\\data", "~nobody-of-this-name/data", b"/data", None, 5]


def from_v0(root_map):
    config = {"host": "127.0.0.1", "port": 1, "database": "runs"}
    half = {"module": "databroker.headersource.mongo", "config": config}
    return Broker.from_config({"metadatastore": half, "assets": half, "root_map": root_map})


DOORS = {
    "from_uri": lambda root_map: Catalog.from_uri("memory://", root_map=root_map),
    "in_memory": lambda root_map: Catalog.in_memory(root_map=root_map),
    "open_reader": lambda root_map: open_reader(root_map=root_map),
    "Roots": Roots,
    "add": lambda root_map: ConfiguredCatalogs().add("x", "memory://x", root_map=root_map),
    "from_config": from_v0,
}


@pytest.mark.parametrize("place", RELATIVE)
@pytest.mark.parametrize("door", DOORS)
def test_a_relative_place_given_in_code_is_refused_wherever_it_is_given(machine, door, place):
    with pytest.raises(ValueError, match="root_map") as caught:
        DOORS[door]({"/whole": "/data", "/nsls2": place})
    assert isinstance(caught.value, ConfigurationError)
    assert not machine.user.exists()


def test_the_error_says_which_entry_is_relative_and_what_to_type(machine):
    with pytest.raises(ConfigurationError, match=r"root_map\['/nsls2'\] is 'data', .* os\.path\.abspath\('data'\)"):
        open_reader(root_map={"/nsls2": "data"})


@pytest.mark.parametrize(
    "place", ["/data", Path("/data"), "file:///data", "file:/data", "s3://b/data", "Z:\\d", "\\\\h\\s"]
)
@pytest.mark.parametrize("door", [name for name in DOORS if name != "from_config"])
def test_a_whole_place_is_taken_as_it_is(machine, door, place):
    DOORS[door]({"/nsls2": place})
    assert open_reader(root_map={"/nsls2": place}).roots.root_map == {"/nsls2": str(place)}


def test_the_home_directory_is_that_of_the_machine_where_it_was_given(machine, monkeypatch):
    home = os.environ["HOME"]
    reader = open_reader(root_map={"/nsls2": "~/data"})
    sent = pickle.dumps(reader)
    monkeypatch.setenv("HOME", "/of/a/worker")
    assert pickle.loads(sent).roots.root_map == reader.roots.root_map == {"/nsls2": f"{home}/data"}


def test_a_relative_place_in_a_file_stays_relative_to_the_file(machine):
    machine.write(machine.user, "a.yml", "catalogs: {x: {uri: memory://x, root_map: {/a: here, /b: 'file:/there'}}}")
    root_map = ConfiguredCatalogs()["x"].assets.roots.root_map
    assert root_map == {"/a": str(machine.user / "here"), "/b": "file:/there"}


@pytest.mark.parametrize("places", [["/data", "data"], "data", [None], ["~nobody-of-this-name"]])
@pytest.mark.parametrize("door", ["from_uri", "Roots", "add"])
def test_allowed_roots_given_in_code_are_whole_too(machine, door, places):
    doors = {
        "from_uri": lambda: Catalog.from_uri("memory://", allowed_roots=places),
        "Roots": lambda: Roots(allowed_roots=places),
        "add": lambda: ConfiguredCatalogs().add("x", "memory://x", allowed_roots=places),
    }
    with pytest.raises(ValueError, match="allowed_roots"):
        doors[door]()


def test_one_allowed_root_is_a_directory_and_not_its_letters():
    assert Roots(allowed_roots="/data").allowed_roots == Roots(allowed_roots=Path("/data")).allowed_roots == ("/data",)


class Mine:
    """A handler that somebody wrote in a notebook."""


@pytest.fixture
def directories(tmp_path):
    """Directories ``both``, ``site`` and ``code`` below ``site`` and ``code``, with a file in each."""
    for name in ("site/both", "site/site", "code/code"):
        directory = tmp_path / name
        directory.mkdir(parents=True)
        (directory / "a.h5").touch()
    return tmp_path


def resource(directory):
    return Resource(uid="uid", spec="SPEC", root=str(directory), path="a.h5", kwargs={})


def read_in(reader, directory):
    reader.roots.locate(resource(directory))


@pytest.mark.parametrize("travels", [False, True])
def test_where_the_site_allows_some_directories_code_can_only_narrow_them(machine, directories, travels):
    machine.write(machine.site, "a.yml", f"site: {{allowed_roots: [{directories / 'site'}]}}")
    reader = open_reader(allowed_roots=[directories / "site/both", directories / "code"])
    reader = pickle.loads(pickle.dumps(reader)) if travels else reader
    read_in(reader, directories / "site/both")
    for directory in ("site/site", "code/code"):
        with pytest.raises(PathNotAllowed, match=r"site/both\."):
            read_in(reader, directories / directory)
    assert f"under those of the settings: {directories / 'site'}" in reader.roots.explain(resource("/"))


def test_an_allowed_root_around_that_of_the_site_narrows_nothing(machine, directories):
    machine.write(machine.site, "a.yml", f"site: {{allowed_roots: [{directories / 'site'}]}}")
    read_in(open_reader(allowed_roots=directories), directories / "site/site")
    with pytest.raises(PathNotAllowed):
        read_in(open_reader(allowed_roots=directories), directories / "code/code")


def test_directories_with_nothing_in_common_allow_nothing_and_the_error_says_why(machine, directories):
    machine.write(machine.site, "a.yml", f"site: {{allowed_roots: [{directories / 'site'}]}}")
    with pytest.raises(PathNotAllowed, match="nothing is both under"):
        read_in(open_reader(allowed_roots=[directories / "code"]), directories / "code/code")


def test_handlers_given_in_code_can_replace_installed_ones_and_travel_so(machine, installed_handlers):
    reader = open_reader(handler_registry={"MINE": Mine}, handlers={"TEXT": "json:JSONDecoder"})
    for there in (reader, pickle.loads(pickle.dumps(reader))):
        assert list(there.registry) == ["MINE", "TEXT"]
    reader.registry.deregister("MINE")
    assert list(pickle.loads(pickle.dumps(reader)).registry) == ["TEXT"]
    assert "AD_HDF5" in open_reader(handlers={"MINE": Mine}).registry


def test_a_handler_given_in_code_can_be_the_name_of_a_distribution(machine, installed_handlers):
    reader = open_reader(handlers={"AD_HDF5": "databroker_mongo_handlers"})
    for there in (reader, pickle.loads(pickle.dumps(reader))):
        assert there.registry.provenance("AD_HDF5").source == "pinned"
    with pytest.raises(HandlerUnavailable, match="that distribution is not installed"):
        open_reader(handlers={"AD_HDF5": "nobody"}).registry["AD_HDF5"]
