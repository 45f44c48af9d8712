"""Which shape a client expects of an array that it asks for whole: of a run in progress it may have grown meanwhile.

Tiled 0.2.20 compares the two after the array was read, and answers 500. It answers 422 where the adapter says that they
differ, but does not tell the adapter what is expected; that is overheard here, from a dependency of Tiled's routes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any, Final

import numpy as np
from fastapi import FastAPI, Query
from numpy.typing import NDArray
from tiled.adapters.utils import ShapeMismatchError
from tiled.server import dependencies

_PATTERN: Final = "^[0-9]+(,[0-9]+)*$|^scalar$"
_expected: ContextVar[tuple[int, ...] | None] = ContextVar("expected_shape", default=None)


@asynccontextmanager
async def listen_for_shapes(app: FastAPI) -> AsyncIterator[None]:
    """Overhear what is expected, as long as an application runs."""
    app.dependency_overrides[dependencies.expected_shape] = _hear
    yield


def require_expected(values: NDArray[Any]) -> None:
    """Refuse an array of another shape than the client that asked for it expects.

    Raises
    ------
    ShapeMismatchError
        The shapes differ; Tiled answers 422.
    """
    expected = _expected.get()
    if expected is not None and np.shape(values) != expected:
        raise ShapeMismatchError(
            f"This array has the shape {np.shape(values)} now, and not {expected}: it has grown. Ask for its metadata "
            "again."
        )


async def _hear(expected_shape: str | None = Query(None, min_length=1, pattern=_PATTERN)) -> tuple[int, ...] | None:
    found: tuple[int, ...] | None = dependencies.expected_shape(expected_shape)
    _expected.set(found)
    return found
