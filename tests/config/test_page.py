"""The how-to page and the code say the same."""

from __future__ import annotations

import re
import textwrap
from dataclasses import fields
from pathlib import Path

import pytest

from databroker_mongo import Catalog
from databroker_mongo.config import own_form, settings
from databroker_mongo.config.parsing import parse_yaml
from databroker_mongo.errors import ConfigurationError
from databroker_mongo.store import ConnectionOptions

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "configure-catalogs.rst").read_text()
EXAMPLES = [textwrap.dedent(block) for block in re.findall(r"code-block:: yaml\n\n((?:   .*\n|\n)+)", PAGE)]


def test_the_page_shows_the_table_of_the_keys_of_a_catalog_and_of_a_site():
    assert re.findall(r"^\.\. settings:: (\w+)$", PAGE, re.MULTILINE) == ["CATALOG_KEYS", "SITE_KEYS"]


@pytest.mark.parametrize("setting", [*settings.CATALOG_KEYS.values(), *settings.SITE_KEYS.values()])
def test_the_manual_says_of_each_key_what_it_means(setting):
    assert setting.text.endswith(".")


def test_each_field_of_the_settings_is_a_key_or_says_where_they_come_from():
    others = {each.name for each in fields(settings.CatalogSettings)} - settings.CATALOG_KEYS.keys()
    assert others == {"name", "file", "line", "form", "left_out", "is_trusted", "is_inline"}


def test_each_option_of_a_connection_that_can_be_configured_is_a_key():
    assert {each.name for each in fields(ConnectionOptions)} < settings.CATALOG_KEYS.keys()


@pytest.mark.parametrize(("key", "option"), settings.URI_OPTIONS.items())
def test_what_the_uri_says_is_no_key_and_the_error_names_the_option(key, option):
    file = parse_yaml(f"catalogs:\n  a:\n    uri: mongodb://h/d\n    {key}: 5\n", Path("/example.yml"))
    with pytest.raises(ConfigurationError, match=f"'{key}' is written into 'uri': {option}=") as raised:
        own_form.read_catalog(file, "a")
    assert raised.value.line == 4
    with pytest.raises(TypeError, match=f"no argument '{key}': write {option}="):
        Catalog.from_uri("mongodb://h/d", **{key: 5})
    assert option in PAGE


@pytest.mark.parametrize("text", EXAMPLES)
def test_each_example_can_be_read(text):
    file = parse_yaml(text, Path("/example.yml"))
    assert set(file.data) <= set(own_form.TOP_KEYS)
    for name in file.data.get("catalogs", {}):
        assert own_form.read_catalog(file, name).name == name
    if "site" in file.data:
        assert own_form.read_site(file).allowed_roots


def test_the_page_has_an_example_of_a_catalog_and_of_a_site():
    assert len(EXAMPLES) == 2
