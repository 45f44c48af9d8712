"""The settings of a catalog and of a site: the one table of keys, how each is read, and what the manual says of it.

What does not belong here: where they come from (``scan``, ``own_form``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final, NamedTuple

from .readers import (
    read_asset_uri,
    read_columnar,
    read_decoder,
    read_imports,
    read_main_uri,
    read_moment,
    read_offline,
    read_others,
    read_root_map,
    read_roots,
    read_scope,
    read_threads,
    read_transforms,
)
from .uris import Uri
from .yaml_files import Section

URI_OPTIONS: Final = {
    "app_name": "appName",
    "max_staleness_seconds": "maxStalenessSeconds",
    "pool_size": "maxPoolSize",
    "read_preference": "readPreference",
}
"""What might be taken for a setting, and is an option of MongoDB's URI."""


class Setting(NamedTuple):
    """A key that a file may have.

    Attributes
    ----------
    read : callable
        Reads the value out of a section, by its key; None stands for the default.
    text : str
        What the manual says of it, in reStructuredText.
    is_for_code : bool
        Whether it can be given for a catalog that has no name as well.
    """

    read: Callable[[Section, str], Any]
    text: str
    is_for_code: bool = True


def _setting(read: Callable[[Section, str], Any], text: str, *, is_for_code: bool = True) -> dict[str, Setting]:
    return {"setting": Setting(read, text, is_for_code)}


def _settings_of(kind: type) -> dict[str, Setting]:
    return {each.name: each.metadata["setting"] for each in fields(kind) if "setting" in each.metadata}


@dataclass(frozen=True, kw_only=True)
class CatalogSettings:
    """How a catalog of runs is opened.

    Two are equal when they open the same catalog in the same way, wherever they are written. What is None is left to
    the default of the part that it is for.

    Attributes
    ----------
    name : str
        The name it is configured under.
    file : pathlib.Path, optional
        The file in which it is configured.
    line : int, optional
        The line there, counted from 1.
    form : str
        How the file is written: ``"own"``, ``"intake"`` or ``"v0"``.
    left_out : tuple of str
        The keys of a file in an older form that have no meaning here, and so are lost when it is moved over.
    is_inline : bool
        Whether it has no name of its own, since it is written where another catalog names those it is joined to.
    is_trusted : bool
        Whether the file is one of the environment or of the site. Who may write there may install packages as well, so
        what such a file names may be imported.
    """

    name: str
    uri: Uri = field(
        metadata=_setting(
            read_main_uri,
            "Where the runs are: ``mongodb://``, ``mongodb+srv://``, ``local:///path?database=name`` or "
            "``memory://name``.",
        )
    )
    asset_uri: Uri | None = field(
        default=None,
        metadata=_setting(read_asset_uri, "The database of resources and datums, if it is a different one."),
    )
    description: str | None = field(
        default=None, compare=False, metadata=_setting(Section.text, "A line for people.", is_for_code=False)
    )
    handlers: Mapping[str, str] = field(
        default_factory=dict,
        metadata=_setting(
            Section.text_map,
            "Pins: maps a spec or MIME type to the distribution that serves it, or to ``module:Class``.",
        ),
    )
    handler_registry: Mapping[str, str] | None = field(
        default=None,
        metadata=_setting(read_imports, "Maps a spec to ``module:Class``; it *replaces* the discovery of handlers."),
    )
    root_map: Mapping[str, str] = field(
        default_factory=dict,
        metadata=_setting(
            read_root_map,
            "Maps the root of a resource to the directory of its files on this machine. A relative directory is "
            "relative to the YAML file.",
        ),
    )
    allowed_roots: tuple[str, ...] | None = field(
        default=None,
        metadata=_setting(
            read_roots,
            "The directories that files of this catalog may be under. ``{data_session}`` in one stands for a field of "
            "the start document (:doc:`../explanation/paths`). If the site sets some, those of an environment's or a "
            "site's file are added to them, and those of your own file are ignored.",
        ),
    )
    offline: str | None = field(
        default=None,
        metadata=_setting(
            read_offline,
            "The rule that decides which of its files are offline, instead of the site's: ``no-blocks`` or "
            "``module:function`` (:doc:`keep-files-on-tape`).",
        ),
    )
    recall: bool = field(
        default=False,
        metadata=_setting(
            Section.truth,
            "``true``: offline files are fetched when they are read. By default, reading them is an error.",
        ),
    )
    transforms: Mapping[str, str] = field(
        default_factory=dict,
        metadata=_setting(
            read_transforms,
            "Maps ``start``, ``stop``, ``descriptor``, ``resource``, ``datum`` or ``stream_resource`` to the "
            "``module:function`` that corrects such a document when it is read.",
        ),
    )
    scope: Mapping[str, tuple[str | int, ...]] = field(
        default_factory=dict,
        metadata=_setting(
            read_scope,
            "Maps a field of the start document to the value, or the list of values, that a run must have to be in the "
            "catalog.",
        ),
    )
    since: str | None = field(
        default=None,
        metadata=_setting(
            read_moment,
            "A date, with or without a time: only runs from then on are in the catalog. Without an offset it is in the "
            "local time zone.",
            is_for_code=False,
        ),
    )
    also: tuple[str, ...] = field(
        default=(),
        metadata=_setting(
            read_others,
            "The catalogs whose runs are in this one as well: a list of names, or of the keys and values of catalogs "
            "that have no name of their own (:doc:`join-databases`).",
            is_for_code=False,
        ),
    )
    partial: bool = field(
        default=False,
        metadata=_setting(
            Section.truth,
            "``true``: of the databases joined by ``also``, one that does not answer is left out, with a warning at "
            "each question. By default that is an error.",
            is_for_code=False,
        ),
    )
    collection_prefix: str | None = field(
        default=None,
        metadata=_setting(
            Section.text,
            "The prefix of the names of the collections, if they are views of one proposal (:doc:`restrict-access`).",
        ),
    )
    use_columnar: bool | None = field(
        default=None,
        metadata=_setting(
            Section.truth,
            "``false``: events are read as they are stored, whatever columnar copies of them there are.",
        ),
    )
    columnar: Mapping[str, str] | None = field(
        default=None,
        metadata=_setting(
            read_columnar,
            "When columnar copies of events are believed. By default the events are counted at each read; "
            "``{trust: settled}`` spares that for databases that only this package's ``Writer`` writes "
            "(:doc:`speed-up-with-columnar-copies`).",
        ),
    )
    timeout_seconds: float | None = field(
        default=None,
        metadata=_setting(
            Section.number,
            "The time limit of each query, 10 by default, including the search for a server that answers. "
            "``timeoutMS`` in the URI takes precedence; ``serverSelectionTimeoutMS`` has no effect beside either.",
        ),
    )
    metadata_indexes: tuple[str, ...] = field(
        default=(),
        metadata=_setting(Section.texts, "Fields of the start document that should have an index.", is_for_code=False),
    )
    file: Path | None = field(default=None, compare=False)
    line: int | None = field(default=None, compare=False)
    form: str = field(default="own", compare=False)
    left_out: tuple[str, ...] = field(default=(), compare=False)
    is_trusted: bool = field(default=False, compare=False)
    is_inline: bool = field(default=False, compare=False)


@dataclass(frozen=True, kw_only=True)
class SiteSettings:
    """What holds for all catalogs on the machine that opens the files.

    Attributes
    ----------
    files : tuple of pathlib.Path
        The files that have a ``site`` section.
    """

    allowed_roots: tuple[str, ...] | None = field(
        default=None,
        metadata=_setting(
            read_roots,
            "The directories that every file must be under, whatever path its document has; with fields of the start "
            "document, as for a catalog.",
        ),
    )
    allowed_modules: tuple[str, ...] = field(
        default=(),
        metadata=_setting(
            Section.texts,
            "Modules, with all in them, from which the settings of a *user* may import handlers, transforms and the "
            "function for ``offline`` that no installed package registers. Files of the environment or of the site may "
            "import any module.",
        ),
    )
    handlers: Mapping[str, str] = field(
        default_factory=dict,
        metadata=_setting(Section.text_map, "As for a catalog; the catalog's own settings take precedence."),
    )
    root_map: Mapping[str, str] = field(
        default_factory=dict,
        metadata=_setting(read_root_map, "As for a catalog; the catalog's own settings take precedence."),
    )
    offline: str | None = field(
        default=None,
        metadata=_setting(
            read_offline,
            "The rule for files on tape, which are not opened unless you request it (:doc:`keep-files-on-tape`).",
        ),
    )
    decoder: str | None = field(
        default=None,
        metadata=_setting(
            read_decoder,
            "``hdf5``: HDF5 decodes all compressed chunks. By default (``own``), several threads decode the usual ones "
            "outside of its lock. The environment variable ``DATABROKER_MONGO_DECODER`` takes precedence.",
        ),
    )
    decoder_threads: int | None = field(
        default=None,
        metadata=_setting(
            read_threads,
            "How many threads decode at once; by default one a core, at most 8. The environment variable "
            "``DATABROKER_MONGO_DECODER_THREADS`` takes precedence.",
        ),
    )
    files: tuple[Path, ...] = ()

    def allows_import(self, target: str) -> bool:
        """Return whether a ``"module:name"`` lies in one of the allowed modules."""
        module = target.partition(":")[0]
        return any(module == allowed or module.startswith(f"{allowed}.") for allowed in self.allowed_modules)


CATALOG_KEYS: Final = _settings_of(CatalogSettings)
"""The keys of a catalog in a file, in the order in which they are read."""

SITE_KEYS: Final = _settings_of(SiteSettings)
"""The keys of a site."""
