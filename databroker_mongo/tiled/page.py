"""Tiled's page, mended for runs by the script ``views.js``: its settings name a script for each spec.

What the page does not do by itself, and the script for it, is in ``docs/reference/tileds-page.rst``.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from tiled.adapters.mapping import MapAdapter
from tiled.structures.core import Spec

from .catalog_adapter import CATALOG_SPEC
from .routes import SCRIPT_PATH
from .run_adapter import RUN_SPEC

FOLDER_SPEC: Final = Spec("DatabrokerMongoFolder", version="1")
"""That several catalogs are served, each at a path."""

_SETTINGS_PATH: Final = "/tiled-ui-settings"
_SPECS: Final = (FOLDER_SPEC, CATALOG_SPEC, RUN_SPEC)


def mend_page(app: Any) -> None:
    """Have the page of an application show catalogs and runs by the script."""
    if isinstance(app.state.root_tree, MapAdapter):
        app.state.root_tree.specs.append(FOLDER_SPEC)
    for told in [route for route in app.router.routes if getattr(route, "path", None) == _SETTINGS_PATH]:
        app.router.routes.insert(0, Route(_SETTINGS_PATH, partial(_tell_settings, told.endpoint)))


async def _tell_settings(tileds: Any, request: Request) -> JSONResponse:
    settings = await tileds()
    views = [{"spec": spec.name, "url": f"{settings['api_url']}{SCRIPT_PATH}"} for spec in _SPECS]
    return JSONResponse({**settings, "spec_views": views})
