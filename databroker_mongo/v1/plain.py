"""The dictionary that documents come in: read-only, its values also as attributes, which is deprecated.

What does not belong here: what the documents say.
"""

from __future__ import annotations

import warnings
from typing import Any, NoReturn

from ..errors import OldNameWarning


class PlainDocument(dict[str, Any]):
    """A document that cannot be changed by accident; ``dict(document)`` can be.

    ``document.uid`` is ``document["uid"]``, with a warning.
    """

    def __getattr__(self, name: str) -> Any:
        try:
            value = self[name]
        except KeyError:
            raise AttributeError(f"the document has no {name!r}; it has {', '.join(map(str, self))}") from None
        warnings.warn(
            f"Values of documents as attributes may go away: write ['{name}'] instead of .{name}",
            OldNameWarning,
            stacklevel=2,
        )
        return value

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (dict(self),)

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError("a document cannot be changed: change a copy, dict(document)")

    __setattr__ = __delattr__ = __setitem__ = __delitem__ = _refuse
    update = setdefault = pop = popitem = clear = __ior__ = _refuse


def plain_document(name: str, document: dict[str, Any]) -> PlainDocument:
    """Return a document of any kind as scripts receive it; the default of ``Broker.prepare_hook``."""
    return PlainDocument(document)
