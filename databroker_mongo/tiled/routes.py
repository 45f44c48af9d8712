"""The route of databroker 2 beside those of Tiled: the documents of a run, as they were stored or with their data."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, HTTPException, Request, Security
from starlette.responses import Response, StreamingResponse
from tiled.server.authentication import (
    check_scopes,
    get_current_access_tags,
    get_current_principal,
    get_current_scopes,
    get_session_state,
)
from tiled.server.dependencies import get_entry, get_root_tree

from .expected_shapes import listen_for_shapes
from .formats import JSON_SEQUENCE, iterate_documents
from .run_adapter import RunAdapter

_SCOPES = ["read:data", "read:metadata"]


def make_router() -> APIRouter:
    """Return the routes."""
    router = APIRouter(lifespan=listen_for_shapes)
    router.add_api_route("/documents/{path:path}", get_documents, methods=["GET"], name="documents of a run")
    return router


async def get_documents(
    request: Request,
    path: str,
    fill: bool = False,
    principal: Any = Depends(get_current_principal),  # noqa: B008 (so are dependencies told)
    root_tree: Any = Depends(get_root_tree),  # noqa: B008
    session_state: Any = Depends(get_session_state),  # noqa: B008
    access_tags: Any = Depends(get_current_access_tags),  # noqa: B008
    scopes: Any = Depends(get_current_scopes),  # noqa: B008
    _: Any = Security(check_scopes, scopes=_SCOPES),  # noqa: B008
) -> Response:
    """Stream the documents of a run."""
    run = await get_entry(
        path,
        _SCOPES,
        principal,
        access_tags,
        scopes,
        root_tree,
        session_state,
        request.state.metrics,
        access_policy=getattr(request.app.state, "access_policy", None),
    )
    request.state.endpoint = "data"
    if not isinstance(run, RunAdapter):
        raise HTTPException(404, f"{path} is not a run in MongoDB.")
    return StreamingResponse(await run.answers.ask(iterate_documents, run.run, fill), media_type=JSON_SEQUENCE)
