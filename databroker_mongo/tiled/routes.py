"""Routes beside those of Tiled: documents of a run, which databroker 2 has too; its health; the script of the page."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from fastapi import APIRouter, Depends, HTTPException, Request, Security
from starlette.responses import FileResponse, StreamingResponse
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

SCRIPT_PATH: Final = "/databroker-mongo/views.js"

_SCRIPT: Final = Path(__file__).with_name("views.js")
_SCOPES = ["read:data", "read:metadata"]


def make_router() -> APIRouter:
    """Return the routes."""
    router = APIRouter(lifespan=listen_for_shapes)
    router.add_api_route("/documents/{path:path}", get_documents, methods=["GET"], name="documents of a run")
    router.add_api_route("/health/{path:path}", get_health, methods=["GET"], name="what is wrong with a run")
    router.add_api_route(SCRIPT_PATH, get_script, methods=["GET"], name="script of the page")
    return router


async def find_run(
    request: Request,
    path: str,
    principal: Any = Depends(get_current_principal),  # noqa: B008 (so are dependencies told)
    root_tree: Any = Depends(get_root_tree),  # noqa: B008
    session_state: Any = Depends(get_session_state),  # noqa: B008
    access_tags: Any = Depends(get_current_access_tags),  # noqa: B008
    scopes: Any = Depends(get_current_scopes),  # noqa: B008
    _: Any = Security(check_scopes, scopes=_SCOPES),  # noqa: B008
) -> RunAdapter:
    """Return the run at a path, to whom may see it.

    Raises
    ------
    HTTPException
        There is none for whoever asks.
    """
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
    return run


async def get_documents(fill: bool = False, run: Any = Depends(find_run)) -> StreamingResponse:  # noqa: B008
    """Stream the documents of a run."""
    return StreamingResponse(await run.answers.ask(iterate_documents, run.run, fill), media_type=JSON_SEQUENCE)


async def get_health(run: Any = Depends(find_run)) -> dict[str, Any]:  # noqa: B008
    """Tell what is wrong with the documents and files of a run, in words."""
    told = ("kind", "stream", "data_key", "is_fault")
    findings = await run.answers.ask(run.run.findings)
    return {
        "findings": [
            {**{name: getattr(each, name) for name in told}, "message": run.answers.told_of(each)} for each in findings
        ]
    }


async def get_script() -> FileResponse:
    """Send the script, which has nothing of a run in it."""
    return FileResponse(_SCRIPT, media_type="text/javascript", headers={"Cache-Control": "no-cache"})
