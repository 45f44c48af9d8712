"""``serve`` where Tiled is not installed."""

from __future__ import annotations

import sys

import pytest

from databroker_mongo.cli.main import main


@pytest.mark.parametrize("missing", ["tiled", "fastapi"])
def test_without_tiled_it_says_what_to_install(missing, monkeypatch, capsys):
    for name in [name for name in sys.modules if name.startswith("databroker_mongo.tiled")]:
        monkeypatch.delitem(sys.modules, name)
    for name in ("anyio", "fastapi", "starlette", "tiled"):
        monkeypatch.setitem(sys.modules, name, None)

    assert main(["serve", "anything", "--check"]) == 1
    assert "pip install 'databroker-mongo[tiled]'" in capsys.readouterr().err
