"""Where a warning points: at the line that called this package, however deep in it the reason was found."""

from __future__ import annotations

import sys
from typing import Final

_PACKAGE: Final = f"{__name__.partition('.')[0]}."


def stacklevel_of_caller() -> int:
    """Return the ``stacklevel`` with which a warning that the asking function gives names the line outside."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and _is_between(str(frame.f_globals.get("__name__"))):
        level, frame = level + 1, frame.f_back
    return level


def _is_between(module: str) -> bool:
    """Tell whether a module is of this package, or what Python itself calls a cached property from."""
    return module.startswith(_PACKAGE) or module == "functools"
