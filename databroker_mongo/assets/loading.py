"""From the place of a handler class to the class, and what it can do. Who serves which spec belongs to ``registry``."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from ..errors import HandlerUnavailable
from .discovery import Offer

HandlerClass = Callable[..., Any]


def load(offer: Offer) -> HandlerClass:
    """Import a handler class.

    Raises
    ------
    HandlerUnavailable
        It cannot be imported, for whatever reason, which is the cause.
    """
    import entrypoints  # late, as in ``discovery``

    module, _, name = offer.target.rpartition(".")
    target = offer.target if ":" in offer.target else f"{module}:{name}"
    try:
        handler: object = entrypoints.EntryPoint.from_string(target, offer.name).load()
        if not callable(handler):
            raise TypeError(f"{target} is not a class but {handler!r}")
    except Exception as error:
        raise HandlerUnavailable(
            f"the handler of {offer.name}, {offer}, cannot be loaded ({type(error).__name__}: {error}); repair or "
            "update the package that provides it, or register another class",
            spec=offer.name,
            distribution=offer.distribution,
        ) from error
    return handler


def class_path(handler: HandlerClass | str) -> str:
    """Return where a handler class is, as ``"module:Class"``."""
    if isinstance(handler, str):
        return handler
    return f"{handler.__module__}:{getattr(handler, '__qualname__', type(handler).__qualname__)}"


def keywords_of(handler: HandlerClass) -> frozenset[str]:
    """Return the names of the arguments of a handler class; none where it does not tell."""
    try:
        return frozenset(inspect.signature(handler).parameters)
    except (TypeError, ValueError):
        return frozenset()


def level(handler: HandlerClass) -> int:
    """Return the level of a handler class, as in ``handler``, found by the names of its methods."""
    if not callable(getattr(handler, "structure", None)):
        return 0
    return 2 if callable(getattr(handler, "read_into", None)) else 1


def tells_links(handler: HandlerClass) -> bool:
    """Return whether a handler class tells to which other files its files refer."""
    return callable(getattr(handler, "linked_files", None))
