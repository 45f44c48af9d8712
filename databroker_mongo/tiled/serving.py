"""A server of one's own: Tiled's configuration for some catalogs, and the process that answers until it is ended."""

from __future__ import annotations

import posixpath
import socket
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send
from tiled.config import Config
from tiled.server.app import build_app_from_config

from ..config import is_uri
from ..errors import ConfigurationError
from .nodes import name_segments
from .page import mend_page

_SECONDS_TO_FINISH = 5
"""How long requests may go on when the server is ended."""


def configure(
    catalogs: Sequence[str], *, layout: int, key: str, is_public: bool, trust_documents: bool = False
) -> dict[str, Any]:
    """Return the configuration of a Tiled server, as it would stand in a file.

    Parameters
    ----------
    catalogs : sequence of str
        Configured names or URIs. One catalog is the whole tree, several have a path each.
    layout : {3, 2}
        How clients see a run.
    key : str
        The API key of the only user.
    is_public : bool
        Whether everybody may read without it.
    trust_documents : bool
        Whether catalogs without ``allowed_roots`` are served to everybody. Who is alone reads what this account may.
    """
    who = {"trust_documents": trust_documents or not is_public, "tells_places": not is_public}
    paths = name_segments(catalogs) if len(catalogs) > 1 else dict.fromkeys(catalogs, "")
    return {
        "authentication": {"single_user_api_key": key, "allow_anonymous_access": is_public},
        "trees": [{"path": f"/{path}", **_tree_of(catalog, layout=layout, **who)} for catalog, path in paths.items()],
    }


def make_app(configuration: dict[str, Any], *, is_mended: bool = True) -> Any:
    """Return the application of a configuration; its first page is Tiled's page of the tree.

    Tiled's own first page loads a style sheet from another host.

    Parameters
    ----------
    configuration : dict
        As :func:`configure` returns it.
    is_mended : bool, optional
        Whether the page shows runs by our script, and not as Tiled shows any node.
    """
    app = build_app_from_config(Config.model_validate(configuration))
    if is_mended:
        mend_page(app)
    app.router.routes.insert(0, Route("/", _lead_to_page))
    app.add_middleware(refuse_other_files)
    return app


def refuse_other_files(app: ASGIApp) -> ASGIApp:
    """Return an application that answers 404 where Tiled would hand out files that are not of its page.

    Tiled 0.2.20 opens whatever ``/ui/`` is followed by, ``//etc/passwd`` or ``../`` as well, and asks for no key.
    """

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"].removesuffix("/") if scope["type"] == "http" else ""
        if path.startswith("/ui/") and ("\0" in path or posixpath.normpath(path) != path):
            await PlainTextResponse("This is not of the page.", 404)(scope, receive, send)
        else:
            await app(scope, receive, send)

    return guarded


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens; port 0 is any that is free.

    Raises
    ------
    ConfigurationError
        The port is taken, or the host is none of this machine's.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address, family=family)
    except (OSError, OverflowError) as error:
        raise ConfigurationError(
            f"the server cannot listen on port {port} of {host}: {error}. --port and --host choose others.",
            host=host,
            port=port,
        ) from error


def run(app: Any, listening: socket.socket) -> None:
    """Answer until the process is interrupted or terminated, and let what was asked be finished."""
    import uvicorn

    settings = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=_SECONDS_TO_FINISH)
    with suppress(KeyboardInterrupt), listening:  # which is how a person ends it
        uvicorn.Server(settings).run(sockets=[listening])


def _tree_of(catalog: str, **options: Any) -> dict[str, Any]:
    name = "uri" if is_uri(catalog) else "name"
    return {"tree": f"databroker_mongo.tiled:from_{name}", "args": {name: catalog, **options}}


def _lead_to_page(request: Request) -> RedirectResponse:
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"ui/{query}")
