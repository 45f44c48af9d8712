from __future__ import annotations

from pathlib import Path

import pytest

from databroker_mongo.config.own_form import plain, read_catalog, read_site, to_yaml
from databroker_mongo.config.parsing import parse_yaml
from databroker_mongo.errors import ConfigurationError

PATH = Path("/etc/site/catalogs.yml")

FULL = """
catalogs:
  beamline:
    uri: mongodb://reader:${PW}@mongo.example.org/beamline
    asset_uri: mongodb://reader:${PW}@mongo.example.org/assets
    description: Runs since 2015
    handlers: {AD_HDF5: databroker-mongo-handlers, XSP3: my_package.handlers:Xspress}
    handler_registry: {NPY_SEQ: my_package.Npy}
    root_map: {/nsls2/data: /mnt/data, /old: here, 'C:\\data': 'D:\\data', /web: 'file://server/share'}
    allowed_roots: [/mnt, here]
    transforms: {start: my_package:fix}
    scope: {data_session: [pass-1, 2], proposal: p7}
    collection_prefix: pass-1.
    timeout_seconds: 30
    metadata_indexes: [sample.name]
"""


def catalog_of(text: str, name: str = "beamline"):
    return read_catalog(parse_yaml(text, PATH), name)


def test_every_key_of_a_catalog_is_read():
    settings = catalog_of(FULL)
    assert settings.name == "beamline"
    assert settings.uri.written() == "mongodb://reader:${PW}@mongo.example.org/beamline"
    assert (settings.uri.file, settings.uri.line) == (PATH, 4)
    assert settings.asset_uri is not None
    assert settings.asset_uri.is_assets
    assert settings.handlers == {"AD_HDF5": "databroker-mongo-handlers", "XSP3": "my_package.handlers:Xspress"}
    assert settings.handler_registry == {"NPY_SEQ": "my_package:Npy"}
    assert settings.transforms == {"start": "my_package:fix"}
    assert settings.scope == {"data_session": ("pass-1", 2), "proposal": ("p7",)}
    assert settings.collection_prefix == "pass-1."
    assert settings.timeout_seconds == 30.0
    assert settings.metadata_indexes == ("sample.name",)
    assert (settings.file, settings.line) == (PATH, 3)


def test_relative_places_are_relative_to_the_file_and_others_are_kept():
    settings = catalog_of(FULL)
    assert settings.root_map == {
        "/nsls2/data": "/mnt/data",
        "/old": "/etc/site/here",
        "C:\\data": "D:\\data",
        "/web": "file://server/share",
    }
    assert settings.allowed_roots == ("/mnt", "/etc/site/here")


def test_settings_that_are_written_again_are_read_the_same():
    settings = catalog_of(FULL)
    assert catalog_of(to_yaml({"beamline": plain(settings)})) == settings


def test_a_catalog_with_a_uri_alone_leaves_the_rest_to_the_defaults():
    settings = catalog_of("catalogs: {beamline: {uri: 'memory://'}}")
    assert settings.handler_registry is settings.allowed_roots is settings.asset_uri is None
    assert settings.root_map == settings.scope == settings.handlers == {}
    assert plain(settings) == {"uri": "memory://"}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("root_maps: {}", "did you mean 'root_map'"),
        ("transforms: {events: a:b}", "the key 'events' is not known"),
        ("transforms: {start: not importable}", "cannot be imported: write module:name"),
        ("handler_registry: {X: Handler}", "cannot be imported: write module:name"),
        ("scope:", "'scope' has no value"),
        ("scope: {}", "'scope' has no value"),
        ("scope: {data_session: }", "must have a string"),
        ("scope: {data_session: []}", "must have a string"),
        ("scope: {data_session: {$ne: x}}", "must have a string"),
        ("allowed_roots:", "'allowed_roots' has no value"),
        ("root_map: {/a: ~nobody-of-this-name/a}", "no home directory for '~nobody-of-this-name/a'"),
        ("root_map: {/a: '${HOME}/a'}", "environment variables are replaced in URIs only"),
    ],
)
def test_a_wrong_key_or_value_names_the_catalog_file_and_line(line, message):
    with pytest.raises(ConfigurationError, match=message) as caught:
        catalog_of(f"catalogs:\n  beamline:\n    uri: memory://\n    {line}\n")
    assert "catalog 'beamline'" in str(caught.value)
    assert (caught.value.file, caught.value.line) == (PATH, 4)


def test_a_catalog_without_a_uri_is_refused():
    with pytest.raises(ConfigurationError, match="there is no 'uri'"):
        catalog_of("catalogs: {beamline: {description: x}}")
    with pytest.raises(ConfigurationError, match="must be a mapping of keys to values, not a string") as caught:
        catalog_of("catalogs: {beamline: 'mongodb://me:hush@host/db'}")
    assert "hush" not in str(caught.value)


def test_the_settings_show_no_password():
    settings = catalog_of("catalogs: {beamline: {uri: 'mongodb://me:hush@host/db'}}")
    assert "hush" not in repr(settings) + str(vars(settings))
    assert "mongodb://me:***@host/db" in repr(settings)


def test_the_section_of_a_site_is_read():
    text = "site: {allowed_roots: [/data, here], allowed_modules: lab, handlers: {A: b}, root_map: {/a: there}}"
    site = read_site(parse_yaml(text, PATH))
    assert site.allowed_roots == ("/data", "/etc/site/here")
    assert site.root_map == {"/a": "/etc/site/there"}
    assert site.handlers == {"A": "b"}
    assert site.files == (PATH,)


def test_an_allowed_module_allows_what_is_in_it_and_nothing_that_only_begins_alike():
    site = read_site(parse_yaml("site: {allowed_modules: [lab.handlers]}", PATH))
    assert site.allows_import("lab.handlers:A")
    assert site.allows_import("lab.handlers.more:A")
    assert not site.allows_import("lab:A")
    assert not site.allows_import("lab.handlers_2:A")
    assert not site.allows_import("os:system")
