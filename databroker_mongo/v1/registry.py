"""``db.reg``: who reads external data, where its files are on this machine, and copies of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .copies import Copies, Hook
from .files import RunFiles

if TYPE_CHECKING:
    from ..assets import HandlerClass, HandlerRegistry
    from ..runs import Catalog


class Registry:
    """The handlers and roots of one catalog.

    Parameters
    ----------
    catalog : Catalog
        The catalog.
    """

    def __init__(self, catalog: Catalog):
        self._catalog = catalog

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._catalog!r}, root_map={self.root_map!r}>"

    @property
    def handler_reg(self) -> HandlerRegistry:
        """The handler classes by spec, each imported when it is asked for."""
        return self._catalog.assets.registry

    @property
    def root_map(self) -> dict[str, str]:
        """The directories on this machine that replace the roots of the documents."""
        return dict(self._catalog.assets.roots.root_map)

    def register_handler(self, spec: str, handler: HandlerClass | str, overwrite: bool = False) -> None:
        """Let a class read a spec, in preference to all installed handlers.

        Raises
        ------
        DuplicateHandler
            Another class is registered already, and ``overwrite`` is not set.
        """
        self._catalog.register_handler(spec, handler, overwrite=overwrite)

    def deregister_handler(self, spec: str) -> None:
        """Remove a registered handler, if there is one; the installed one reads the spec again."""
        if spec in self._catalog.assets.registry.registered:
            self._catalog.deregister_handler(spec)

    def copy_files(
        self,
        resource: Mapping[str, Any],
        new_root: str | Path,
        verify: bool = False,
        file_rename_hook: Hook | None = None,
        run_start_uid: str | None = None,
    ) -> list[tuple[str, str]]:
        """Copy the files of a resource, or stream resource, below another root; the documents stay as they are.

        Parameters
        ----------
        resource : mapping
            Its document.
        new_root : str or path
            The directory that replaces the root. A file without a root, such as that of a stream resource, keeps its
            absolute path below it.
        verify : bool
            Not available, as it was not in databroker 1.
        file_rename_hook : callable, optional
            Called with ``(number, total, old, new)`` before each file is copied; its exceptions are ignored.
        run_start_uid : str, optional
            The run, if the document does not name it.

        Returns
        -------
        list of tuple of str
            The old and the new path of each file.

        Raises
        ------
        AssetError
            A file is missing or outside of its root, the files of the resource are unknown, or another file has the
            path of a copy.
        ValueError
            The run is not known.
        """
        copies = self.copies(new_root, verify, file_rename_hook)
        run_uid = resource.get("run_start") or run_start_uid
        if run_uid is None:
            raise ValueError("the resource does not say which run it belongs to: give run_start_uid=")
        found = self._catalog[run_uid]
        run = RunFiles(found, self._catalog.context.of_run(found.start["uid"]))
        document = dict(resource)
        kind = run.kind_of(document)
        copies.copy(kind, document, run.family(kind, document))
        return copies.pairs

    def copies(
        self,
        new_root: str | Path,
        verify: bool = False,
        file_rename_hook: Hook | None = None,
        run_start_uid: str | None = None,
    ) -> Copies:
        """Return what copies files below a new root; the arguments are those of :meth:`copy_files`."""
        if verify:
            raise NotImplementedError("copies are not verified; compare the files yourself")
        return Copies(new_root, self._catalog.assets, hook=file_rename_hook)
