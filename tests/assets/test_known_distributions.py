"""The table of who provides what tells the truth about our own distribution."""

from __future__ import annotations

from configparser import ConfigParser
from pathlib import Path

from databroker_mongo.assets.known_distributions import OWN_DISTRIBUTION, PROVIDERS

HANDLERS = Path(__file__).parents[2] / "handlers" / "setup.cfg"


def test_the_table_names_what_our_own_distribution_registers_and_nothing_else():
    setup = ConfigParser(delimiters=("=",))
    setup.optionxform = str
    setup.read(HANDLERS)
    registered = {
        line.partition("=")[0].strip()
        for group in setup["options.entry_points"].values()
        for line in group.splitlines()
        if line
    }

    assert {spec for spec, provider in PROVIDERS.items() if provider == OWN_DISTRIBUTION} == registered
