"""Invented distributions with real metadata, put on ``sys.path`` as an installation would."""

from __future__ import annotations

from pathlib import Path

import pytest

from databroker_mongo.assets import discovery

HERE = Path(__file__).parent


@pytest.fixture
def install(monkeypatch):
    """Return a function that installs some of the distributions beside this file, the last one first on the path."""
    discovery.refresh()

    def install(*names: str) -> None:
        for name in names:
            monkeypatch.syspath_prepend(HERE / name)

    yield install
    discovery.refresh()
