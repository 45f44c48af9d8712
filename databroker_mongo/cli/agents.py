"""The command ``mcp``: a catalog for agents."""

from __future__ import annotations

import argparse
from types import ModuleType

from ..errors import ConfigurationError
from .databases import open_catalog, values_by_field


def answer(chosen: argparse.Namespace) -> None:
    """Answer agents by the Model Context Protocol over stdin and stdout; they read and change nothing."""
    mcp = _import_mcp()
    catalog = open_catalog(chosen.catalog)
    mcp.run(mcp.make_server(catalog.scoped(values_by_field(chosen.scope)) if chosen.scope else catalog))


def _import_mcp() -> ModuleType:
    try:
        from .. import mcp
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"`mcp` needs the Model Context Protocol, and {error.name!r} is not installed: "
            "pip install 'databroker-mongo[mcp]'"
        ) from error
    return mcp
