"""What people type on a stream because other libraries have it, and the errors that say what to type here.

What a stream does is in ``stream``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn, Self

if TYPE_CHECKING:
    from ..arrays import StreamSource


class StreamHints:
    """A stream is not a table in memory: what is to be read is asked for by name."""

    name: str
    source: StreamSource

    def __contains__(self, key: object) -> bool:
        """Tell whether the stream has a data key."""
        return key in self.source.data_keys

    def __call__(self, **selection: Any) -> Self:
        """Return the stream itself, as in databroker 1; choose columns with the arguments of ``read``.

        Raises
        ------
        TypeError
            With ``include=`` or ``exclude=``, as in databroker 1; the error says what to type instead.
        """
        if not selection:
            return self
        wanted = [repr(list(selection["include"]))] if "include" in selection else []
        wanted += [f"{name}={value!r}" for name, value in selection.items() if name != "include"]
        raise TypeError(f"columns are chosen where they are read: run[{self.name!r}].read({', '.join(wanted)})")

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
            return f"stream[{key!r}] is this column, stream.read([{key!r}])[{key!r}] reads it with its times"
        columns = ", ".join(map(repr, self.source.data_keys))
        return f"stream.read() reads its columns, which are {columns or 'none'}"

    def _hint_of_key(self, key: object) -> str:
        columns = ", ".join(map(repr, self.source.data_keys)) or "none"
        several = f"stream.read({key!r}) reads several" if isinstance(key, list) else "stream[NAME][rows] reads rows"
        return f"the brackets of a stream take the name of a column, not {key!r}; {several}. It has: {columns}"
