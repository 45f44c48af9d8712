"""The how-to page and the code say the same."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest

from databroker_mongo.config import own_form
from databroker_mongo.config.yaml_files import parse_yaml

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "configure-catalogs.rst").read_text()
EXAMPLES = [textwrap.dedent(block) for block in re.findall(r"code-block:: yaml\n\n((?:   .*\n|\n)+)", PAGE)]


def test_the_page_lists_each_key_of_a_catalog_and_no_other():
    assert sorted(re.findall(r"^   \* - ``(\w+)``$", PAGE, re.MULTILINE)) == sorted(own_form.CATALOG_KEYS)


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
