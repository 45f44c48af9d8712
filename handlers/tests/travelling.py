"""Errors that go from a worker to whoever asked it."""

from __future__ import annotations

import pickle


def send(error: BaseException) -> BaseException:
    """Return a copy of an error, and insist that all it came from can be copied too, as dask's workers do."""
    came_from = error.__cause__ or error.__context__
    if came_from is not None:
        send(came_from)
    copy = pickle.loads(pickle.dumps(error))
    assert isinstance(copy, type(error))
    return copy
