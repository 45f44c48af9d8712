"""Completion in IPython: what it may look into when somebody types ``run.primary["`` and asks what may follow.

What follows is told by each class, in ``_ipython_key_completions_``. What does not belong here: display.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any, TypeVar

_Class = TypeVar("_Class", bound=type[Any])


def completable(cls: _Class) -> _Class:
    """Let IPython evaluate attributes and brackets of the objects of a class while it completes what stands after them.

    By itself it does so for a few classes that it knows, since those of others may do anything; it has no other way to
    be told of more than the user's configuration. To look up a catalog, a run or a stream asks for documents at most.
    """
    for known in _known_to_ipython():
        known.add(cls)
    return cls


def _known_to_ipython() -> list[set[type[Any]]]:
    """Return the classes that IPython takes for harmless; nothing outside of IPython."""
    if "IPython.core.interactiveshell" not in sys.modules:
        return []
    try:
        policy = importlib.import_module("IPython.core.guarded_eval").EVALUATION_POLICIES["limited"]
        return [policy.allowed_getitem, policy.allowed_getattr]
    except (ImportError, AttributeError, LookupError):  # another version of IPython, which completes less
        return []
