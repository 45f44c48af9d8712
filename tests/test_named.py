from __future__ import annotations

import pickle
import subprocess
import sys

import pytest

from databroker_mongo.config import CatalogSettings
from databroker_mongo.errors import CatalogNotFound, ConfigurationError, ConfigurationWarning
from databroker_mongo.named import ConfiguredCatalogs, catalog

PYTHON = sys.executable


class Opened:
    """Stands in the place of a catalog of runs and keeps what it was opened with."""

    def __init__(self, settings: CatalogSettings):
        self.settings = settings

    from_settings = classmethod(lambda cls, settings: cls(settings))


@pytest.fixture
def catalogs(machine, monkeypatch) -> ConfiguredCatalogs:
    monkeypatch.setattr("databroker_mongo.runs.Catalog", Opened)
    return ConfiguredCatalogs()


def test_a_configured_name_opens_its_catalog_as_an_item_and_as_an_attribute(machine, catalogs):
    machine.write(machine.user, "a.yml", "catalogs: {beamline: {uri: memory://, timeout_seconds: 3}}")
    assert catalogs["beamline"].settings.timeout_seconds == 3
    assert catalogs.beamline is catalogs["beamline"]
    assert catalogs.get("beamline") is catalogs["beamline"]


def test_a_catalog_is_opened_again_only_when_its_settings_change(machine, catalogs):
    machine.write(machine.user, "a.yml", "catalogs: {x: {uri: memory://}}")
    first = catalogs["x"]
    machine.write(machine.user, "a.yml", "# moved\ncatalogs: {x: {uri: memory://}}")
    assert catalogs["x"] is first
    machine.write(machine.user, "a.yml", "catalogs: {x: {uri: memory://other}}")
    second = catalogs["x"]
    assert second is not first
    assert catalogs["x"] is second


def test_names_are_listed_without_opening_any_catalog(machine, catalogs, monkeypatch):
    monkeypatch.delattr("databroker_mongo.runs.Catalog")
    machine.write(machine.user, "a.yml", "catalogs: {b: {uri: memory://}, a b: {uri: memory://}}")
    assert list(catalogs) == catalogs._ipython_key_completions_() == ["a b", "b"]
    assert len(catalogs) == 2
    assert "b" in catalogs
    assert "c" not in catalogs
    assert 5 not in catalogs
    assert "b" in dir(catalogs)
    assert "a b" not in dir(catalogs)
    assert "add" in dir(catalogs)
    assert catalogs == catalogs
    assert catalogs != ConfiguredCatalogs()


def test_an_unknown_name_is_a_key_error_or_an_attribute_error_with_advice(machine, catalogs):
    machine.write(machine.user, "a.yml", "catalogs: {beamline: {uri: memory://}}")
    with pytest.raises(CatalogNotFound, match="Did you mean 'beamline'") as caught:
        catalogs["beamlime"]
    assert str(machine.user) not in str(caught.value)
    with pytest.raises(AttributeError, match="Did you mean 'beamline'"):
        _ = catalogs.beamlime
    assert catalogs.get("beamlime") is None
    assert not hasattr(catalogs, "_repr_png_")


def test_where_nothing_is_configured_the_error_says_where_it_was_looked_for(machine, catalogs):
    with pytest.raises(CatalogNotFound, match="none") as caught:
        catalogs["beamline"]
    assert str(machine.user) in str(caught.value)


def test_what_cannot_be_used_is_warned_of_when_listed_and_raised_when_asked_for(machine, catalogs):
    machine.write(machine.user, "a.yml", "catalogs: {good: {uri: memory://}, bad: {url: memory://}}")
    with pytest.warns(ConfigurationWarning, match="did you mean 'uri'"):
        assert list(catalogs) == ["good"]
    for ask in (lambda: catalogs["bad"], lambda: catalogs.bad, lambda: catalogs.get("bad")):
        with pytest.raises(ConfigurationError, match="did you mean 'uri'"):
            ask()
    assert catalogs["good"].settings.name == "good"


def test_an_added_catalog_is_there_at_once_and_a_removed_one_is_gone(machine, catalogs):
    path = catalogs.add("x", "memory://runs", root_map={"/a": "/b"})
    assert path.parent == machine.user
    assert catalogs["x"].settings.root_map == {"/a": "/b"}
    with pytest.raises(ConfigurationError, match="configured already"):
        catalogs.add("x", "memory://other")
    catalogs.add("x", "memory://other", replace=True)
    assert str(catalogs["x"].settings.uri) == "memory://other"
    catalogs.remove("x")
    assert "x" not in catalogs


def test_the_warning_about_a_password_points_to_the_line_that_adds_it(machine, catalogs):
    with pytest.warns(ConfigurationWarning, match="password") as caught:
        catalogs.add("x", "mongodb://me:hush@h/d")
    assert caught[0].filename == __file__


def test_text_and_html_list_names_and_addresses_without_passwords(machine, catalogs):
    assert repr(catalogs) == "Catalogs\n  none is configured"
    assert "No catalog" in catalogs._repr_html_()
    machine.write(
        machine.user, "a.yml", "catalogs: {long name: {uri: 'mongodb://me:hush@h/d'}, <b>: {uri: memory://}, c: }"
    )
    assert repr(catalogs).splitlines() == [
        "Catalogs",
        "  <b>        memory://",
        "  long name  mongodb://me:***@h/d",
        "  1 more cannot be used: list(catalog) gives the reasons",
    ]
    html = catalogs._repr_html_()
    assert "&lt;b&gt;" in html
    assert "mongodb://me:***@h/d" in html
    assert "1 more cannot be used" in html
    assert "hush" not in html


def test_the_mapping_is_pickled_as_itself():
    assert pickle.loads(pickle.dumps(catalog)) is catalog


def test_it_is_imported_without_reading_a_file_and_without_the_heavy_packages(machine):
    machine.write(machine.user, "a.yml", "catalogs: [")
    program = (
        "import pathlib, sys\n"
        "import yaml, platformdirs\n"
        "pathlib.Path.read_text = pathlib.Path.iterdir = None\n"
        "from databroker_mongo.named import catalog\n"
        "print(sorted({'dask', 'xarray', 'pymongo', 'mongomock', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([PYTHON, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("uri", ["mongodb://reader:S3cretPw%21xyz@h/runs", "mongodb:/reader:S3cretPw%21xyz@h/runs"])
def test_a_uri_in_the_place_of_a_name_is_told_so_without_its_password(machine, catalogs, uri):
    with pytest.raises(CatalogNotFound, match=r"Catalog\.from_uri") as caught:
        catalogs[uri]
    assert "S3cret" not in str(caught.value) + repr(caught.value)


def test_a_name_and_a_uri_that_changed_places_are_refused_and_nothing_is_stored(machine, catalogs):
    with pytest.raises(ConfigurationError, match="give a name first") as caught:
        catalogs.add("mongodb://reader:S3cret@h/runs", "x")
    assert "S3cret" not in str(caught.value)
    assert not machine.user.exists()


@pytest.mark.parametrize(
    "uri", ["mongodb://reader:S3cret@h:abc/runs", "mongodb://reader:S3cret@h", "x:S3cret@h", "memory://", None]
)
def test_a_uri_that_can_never_be_opened_is_not_configured(machine, catalogs, uri):
    with pytest.raises(ConfigurationError) as caught:
        catalogs.add("x", uri)
    with pytest.raises(ConfigurationError):
        catalogs.add("x", "memory://runs", asset_uri=uri or "memory:")
    assert "S3cret" not in str(caught.value)
    assert not machine.user.exists()


def test_a_uri_whose_variables_are_not_set_here_may_be_configured(machine, catalogs):
    catalogs.add("x", "mongodb://reader:${X_PASSWORD}@${X_HOST}/runs")
    assert "x" in catalogs


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("search", "search"),
        ("v1", "v1"),
        ("table", "table"),
        ("metadata", "metadata"),
    ],
)
def test_a_method_of_one_catalog_is_told_from_an_unknown_name(machine, name, typed):
    machine.write(machine.user, "a.yml", "catalogs: {csx: {uri: memory://}, bmm: {uri: memory://}}")
    with pytest.raises(AttributeError, match=rf"method of one catalog: catalog\['NAME'\]\.{typed}.*'bmm', 'csx'"):
        getattr(ConfiguredCatalogs(), name)


def test_the_only_catalog_there_is_stands_in_the_advice(machine):
    machine.write(machine.user, "a.yml", "catalogs: {csx: {uri: memory://}}")
    with pytest.raises(AttributeError, match=r"catalog\['csx'\]\.search"):
        ConfiguredCatalogs().search  # noqa: B018
    with pytest.raises(KeyError, match=r"catalog\['csx'\]\[-1\]"):
        ConfiguredCatalogs()[-1]


def test_a_catalog_may_be_called_like_a_method(machine):
    machine.write(machine.user, "a.yml", "catalogs: {search: {uri: 'memory://runs'}}")
    assert ConfiguredCatalogs().search.name == "search"


@pytest.mark.parametrize(
    ("key", "typed"),
    [
        (-1, "[-1]"),
        (23463, "[23463]"),
        (slice(-5, None), "[-5:]"),
        (slice(-5, -2, 2), "[-5:-2:2]"),
        ([1, "7a"], "[[1, '7a']]"),
        ("777b44a", "['777b44a']"),
        (None, "[None]"),
    ],
)
def test_the_key_of_a_run_is_told_from_an_unknown_name(machine, key, typed):
    machine.write(machine.user, "a.yml", "catalogs: {'23463': {uri: memory://}}")
    with pytest.raises(CatalogNotFound) as caught:
        ConfiguredCatalogs()[key]
    assert f"catalog['23463']{typed}" in str(caught.value)
    assert "The configured catalogs are: '23463'" in str(caught.value)
