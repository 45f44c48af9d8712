"""What people type on a run because databroker 1 has it, or because they take it for one table.

What a run does is in ``run``.
"""

from __future__ import annotations

import warnings
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NoReturn, Self

from ..errors import OldNameWarning

if TYPE_CHECKING:
    from ..store import Document
    from .stream import Stream


_REMEDIES = {
    "reload": "run.refresh() returns it as it is now",
    "get_file_list": "run.files() lists the files of all resources",
    "data": "the columns of a stream are run[NAME].data",
}
"""What to type for what other libraries have on a run."""


class RunHints(Mapping[str, "Stream"]):
    """Names of databroker 1, and the errors that say what to type here."""

    @staticmethod
    def _remedy(name: str) -> str:
        """Return a sentence that says what to type for a name of another library; nothing where there is none."""
        return f" Here {_REMEDIES[name]}." if name in _REMEDIES else ""

    @abstractmethod
    def documents(self, *, fill: str | bool = "no") -> Iterator[tuple[str, Document]]:
        """Yield the documents of the run."""

    def __call__(self) -> Self:
        """Return the run itself, as databroker 1 did."""
        return self

    def configure_new(self) -> Self:
        """Return the run itself, as databroker 1 did."""
        return self

    def get(self, key: str | None = None, default: Any = None) -> Any:
        """Return a stream, or the default if there is none; without a name the run itself, as in databroker 1."""
        return self if key is None else super().get(key, default)

    def read(self) -> NoReturn:
        """Say which streams can be read.

        Raises
        ------
        NotImplementedError
            Always, as in databroker 1: each stream of a run has its own rows.
        """
        self._tell_of_streams("read")

    def to_dask(self) -> NoReturn:
        """Say which streams can be read; raises `NotImplementedError` as `read` does."""
        self._tell_of_streams("to_dask")

    def _tell_of_streams(self, method: str) -> NoReturn:
        calls = ", ".join(f"run[{name!r}].{method}()" for name in self) or "it has no stream yet"
        raise NotImplementedError(f"a run is read stream by stream: {calls}")

    def canonical(self, *, fill: str | bool) -> Iterator[tuple[str, Document]]:
        """Yield the documents of the run; an old name of :meth:`documents`."""
        warnings.warn("Run.canonical is an old name of Run.documents", OldNameWarning, stacklevel=2)
        return self.documents(fill=fill)

    def read_canonical(self) -> Iterator[tuple[str, Document]]:
        """Yield the documents of the run, filled; an old name of ``documents(fill="yes")``."""
        warnings.warn('Run.read_canonical is an old name of Run.documents(fill="yes")', OldNameWarning, stacklevel=2)
        return self.documents(fill="yes")
