"""The settings of one catalog and of a site, as values; where they come from is not known here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from .uris import Uri

READ_PREFERENCES: Final = ("primary", "primaryPreferred", "secondary", "secondaryPreferred", "nearest")
NO_BLOCKS: Final = "no-blocks"
"""The setting ``offline``: a file that has a size, and nothing on the disk, is offline."""

TRANSFORMED: Final = ("start", "stop", "descriptor", "resource", "datum", "stream_resource")


@dataclass(frozen=True, kw_only=True)
class CatalogSettings:
    """How a catalog of runs is opened.

    Two are equal when they open the same catalog in the same way, wherever they are written. What is None is left to
    the default of the part that it is for.

    Attributes
    ----------
    name : str
        The name it is configured under.
    uri : Uri
        Its database.
    asset_uri : Uri, optional
        The database of its resources and datums, where that is another one.
    description : str, optional
        A line for people.
    handlers : mapping of str to str
        Pins: from a spec or MIME type to ``"module:Class"``, or to the name of the distribution that serves it.
    handler_registry : mapping of str to str, optional
        From a spec to ``"module:Class"``. It replaces the discovery of handlers, as it did in databroker 1.
    root_map : mapping of str to str
        From the root of a resource to where its files are on this machine.
    allowed_roots : tuple of str, optional
        The directories that files of this catalog may be under, beside those of the site.
    offline : str, optional
        What tells which of its files are offline, as in `SiteSettings`, whose word it takes the place of.
    recall : bool
        Whether its offline files are read all the same.
    transforms : mapping of str to str
        From a document's name to the ``"module:function"`` that corrects it when it is read.
    scope : mapping of str to tuple
        Only runs whose start document has one of these values in the field are in the catalog.
    read_preference : str, optional
        One of `READ_PREFERENCES`.
    max_staleness_seconds : int, optional
        How far behind a secondary may be to be asked.
    pool_size : int, optional
        The most connections of a process.
    collection_prefix : str, optional
        What the names of its collections begin with, where they are views of one proposal.
    app_name : str, optional
        The name by which the server's administrator sees the connections.
    timeout_seconds : float, optional
        The time limit of a question.
    metadata_indexes : tuple of str
        Fields of the start document that deserve an index.
    file : pathlib.Path, optional
        The file in which it is configured.
    line : int, optional
        The line there, counted from 1.
    form : str
        How the file is written: ``"own"``, ``"intake"`` or ``"v0"``.
    left_out : tuple of str
        The keys of a file in an older form that have no meaning here, and so are lost when it is moved over.
    is_trusted : bool
        Whether the file is one of the environment or of the site. Who may write there may install packages as well, so
        what such a file names may be imported.
    """

    name: str
    uri: Uri
    asset_uri: Uri | None = None
    description: str | None = field(default=None, compare=False)
    handlers: Mapping[str, str] = field(default_factory=dict)
    handler_registry: Mapping[str, str] | None = None
    root_map: Mapping[str, str] = field(default_factory=dict)
    allowed_roots: tuple[str, ...] | None = None
    offline: str | None = None
    recall: bool = False
    transforms: Mapping[str, str] = field(default_factory=dict)
    scope: Mapping[str, tuple[str | int, ...]] = field(default_factory=dict)
    read_preference: str | None = None
    max_staleness_seconds: int | None = None
    pool_size: int | None = None
    collection_prefix: str | None = None
    app_name: str | None = None
    timeout_seconds: float | None = None
    metadata_indexes: tuple[str, ...] = ()
    file: Path | None = field(default=None, compare=False)
    line: int | None = field(default=None, compare=False)
    form: str = field(default="own", compare=False)
    left_out: tuple[str, ...] = field(default=(), compare=False)
    is_trusted: bool = field(default=False, compare=False)


@dataclass(frozen=True, kw_only=True)
class SiteSettings:
    """What holds for all catalogs on the machine that opens the files.

    Attributes
    ----------
    allowed_roots : tuple of str, optional
        The directories that any file must be under. None where the site has not said.
    allowed_modules : tuple of str
        Modules, with all in them, from which handlers and transforms may be imported that a user's settings name and
        no installed package registers.
    handlers : mapping of str to str
        Pins, as in `CatalogSettings`; those of a catalog come first.
    root_map : mapping of str to str
        As in `CatalogSettings`; that of a catalog comes first.
    offline : str, optional
        What tells which files are offline, on tape for example: ``"no-blocks"`` or a ``"module:function"``.
    files : tuple of pathlib.Path
        The files that have a ``site`` section.
    """

    allowed_roots: tuple[str, ...] | None = None
    allowed_modules: tuple[str, ...] = ()
    handlers: Mapping[str, str] = field(default_factory=dict)
    root_map: Mapping[str, str] = field(default_factory=dict)
    offline: str | None = None
    files: tuple[Path, ...] = ()

    def allows_import(self, target: str) -> bool:
        """Return whether a ``"module:name"`` lies in one of the allowed modules."""
        module = target.partition(":")[0]
        return any(module == allowed or module.startswith(f"{allowed}.") for allowed in self.allowed_modules)
