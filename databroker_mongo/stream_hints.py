"""What people type on a stream because other libraries have it, and the errors that say what to type here.

What a stream does is in ``stream``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from .arrays.opening import StreamSource


class StreamHints:
    """A stream is no mapping of columns: reading is a question to a database and to files, and is asked for by name."""

    name: str
    source: StreamSource

    def __contains__(self, key: object) -> bool:
        """Tell whether the stream has a data key."""
        return key in self.source.data_keys

    def __getitem__(self, key: object) -> NoReturn:
        raise TypeError(f"a stream has no items; {self._hint(key)}")

    def __getattr__(self, name: str) -> NoReturn:
        # A copy that is being made has no attributes yet.
        if name in ("name", "source") or name.startswith("_"):
            raise AttributeError(f"{type(self).__name__} has no {name!r}")
        raise AttributeError(f"the stream {self.name!r} has no attribute {name!r}; {self._hint(name)}")

    def __len__(self) -> int:
        raise TypeError(
            "a stream has no length: len(stream.data_keys) counts its data keys, stream.read([]).sizes['time'] its rows"
        )

    def __bool__(self) -> bool:
        return True

    def _hint(self, key: object) -> str:
        if key in self:
            return f"stream.read([{key!r}])[{key!r}] reads this column, stream.to_dask()[{key!r}] describes it"
        columns = ", ".join(map(repr, self.source.data_keys))
        return f"stream.read() reads its columns, which are {columns or 'none'}"
