"""Doors that open late: a name of a room is loaded when somebody asks for it, and with it what it needs.

A new process that looks up a run would else load all that any run may ever need. What does not belong here: which names
a room has.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Collection, Mapping
from typing import Any


def open_late(room: str, modules: Mapping[str, Collection[str]]) -> Callable[[str], Any]:
    """Return the ``__getattr__`` of a room.

    Parameters
    ----------
    room : str
        The name of its package.
    modules : mapping of str to collection of str
        Which names of the room each of its modules has.
    """
    homes = {name: module for module, names in modules.items() for name in names}

    def load(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {room!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(f"{room}.{homes[name]}"), name)
        setattr(sys.modules[room], name, value)
        return value

    return load
