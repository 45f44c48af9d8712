"""Our own YAML form, read and written.

::

    catalogs:
      beamline:
        uri: mongodb://reader:${BEAMLINE_PASSWORD}@mongo.example.org/beamline?authSource=admin
        root_map: {/nsls2/data: /mnt/data}
    site:
      allowed_roots: [/mnt/data]

The forms of databroker and intake are read in ``older_forms.py``.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from .settings import NO_BLOCKS, READ_PREFERENCES, TRANSFORMED, CatalogSettings, SiteSettings
from .uris import VARIABLE, Uri
from .whole_paths import is_whole
from .yaml_files import Section, YamlFile

TOP_KEYS: Final = ("catalogs", "site")
CATALOG_KEYS: Final = (
    "uri",
    "asset_uri",
    "description",
    "handlers",
    "handler_registry",
    "root_map",
    "allowed_roots",
    "offline",
    "recall",
    "transforms",
    "scope",
    "read_preference",
    "max_staleness_seconds",
    "pool_size",
    "collection_prefix",
    "app_name",
    "timeout_seconds",
    "metadata_indexes",
)
_MEANT_EVEN_IF_EMPTY: Final = ("handler_registry", "allowed_roots")
SITE_KEYS: Final = ("allowed_roots", "allowed_modules", "handlers", "root_map", "offline")


def read_catalog(file: YamlFile, name: str, *, is_trusted: bool = False) -> CatalogSettings:
    """Read the settings of one catalog of a file in our form.

    Raises
    ------
    ConfigurationError
        A key is unknown or missing, or a value of another type; with file and line.
    """
    section = Section(file, ("catalogs", name), f"catalog {name!r}")
    section.allow(CATALOG_KEYS)
    uri = read_uri(section, "uri", catalog=name)
    if uri is None:
        raise section.error("there is no 'uri' to say where its runs are")
    return CatalogSettings(
        name=name,
        uri=uri,
        asset_uri=read_uri(section, "asset_uri", catalog=name, is_assets=True),
        description=section.text("description"),
        handlers=section.text_map("handlers") or {},
        handler_registry=read_imports(section, "handler_registry"),
        root_map=read_root_map(section, "root_map"),
        allowed_roots=read_roots(section, "allowed_roots"),
        offline=_offline(section),
        recall=section.truth("recall") or False,
        transforms=read_transforms(section),
        scope=_scope(section),
        read_preference=_read_preference(section),
        max_staleness_seconds=section.whole_number("max_staleness_seconds"),
        pool_size=section.whole_number("pool_size"),
        collection_prefix=section.text("collection_prefix"),
        app_name=section.text("app_name"),
        timeout_seconds=section.number("timeout_seconds"),
        metadata_indexes=section.texts("metadata_indexes") or (),
        file=file.path,
        line=section.line(),
        is_trusted=is_trusted,
    )


def read_site(file: YamlFile) -> SiteSettings:
    """Read the ``site`` section of a file in our form.

    Raises
    ------
    ConfigurationError
        A key is unknown, or a value of another type; with file and line.
    """
    section = Section(file, ("site",), "site")
    section.allow(SITE_KEYS)
    return SiteSettings(
        allowed_roots=read_roots(section, "allowed_roots"),
        allowed_modules=section.texts("allowed_modules") or (),
        handlers=section.text_map("handlers") or {},
        root_map=read_root_map(section, "root_map"),
        offline=_offline(section),
        files=(file.path,),
    )


def to_yaml(catalogs: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the text of a file in our form.

    Parameters
    ----------
    catalogs : mapping
        From names to the keys and plain values of each, as `plain` gives them.
    """
    return yaml.safe_dump(
        {"catalogs": {name: dict(keys) for name, keys in catalogs.items()}}, sort_keys=False, width=10**6
    )


def plain(settings: CatalogSettings) -> dict[str, Any]:
    """Return the keys and values of a catalog as they are written, URIs in the clear; what is not set is left out."""
    values = {key: getattr(settings, key) for key in CATALOG_KEYS}
    return plain_values({key: value for key, value in values.items() if value or key in _MEANT_EVEN_IF_EMPTY})


def plain_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values as YAML can write them, without those that are None."""
    return {key: _plain(value) for key, value in values.items() if value is not None}


def _plain(value: Any) -> Any:
    if isinstance(value, Uri):
        return value.written()
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [_plain(inner) for inner in value]
    return str(value) if isinstance(value, Path) else value


def read_uri(section: Section, key: str, *, catalog: str, is_assets: bool = False) -> Uri | None:
    """Read a URI; it is not looked into."""
    written = section.text(key)
    if written is None:
        return None
    return Uri(written, catalog=catalog, is_assets=is_assets, file=section.file.path, line=section.line(key))


def read_root_map(section: Section, key: str) -> dict[str, str]:
    """Read a root map; relative places are relative to the directory of the file."""
    found = section.text_map(key) or {}
    return {root: _place(section, place, key, root) for root, place in found.items()}


def read_roots(section: Section, key: str) -> tuple[str, ...] | None:
    """Read a list of directories; relative ones are relative to the directory of the file."""
    _refuse_empty(section, key)
    found = section.texts(key)
    return None if found is None else tuple(_place(section, place, key) for place in found)


def _refuse_empty(section: Section, key: str) -> None:
    """Refuse a guard that is named but left empty: it would silently guard nothing."""
    if key in tuple(section) and section.value(key) in (None, {}):
        raise section.error(f"{key!r} has no value: fill it in, or remove it", key)


def _place(section: Section, place: str, *keys: str) -> str:
    if VARIABLE.search(place):
        raise section.error("environment variables are replaced in URIs only: write the path itself", *keys)
    if is_whole(place):
        return place
    at_home = os.path.expanduser(place)  # noqa: PTH111 Path.expanduser raises what is no error of ours
    if at_home.startswith("~"):
        raise section.error(f"there is no home directory for {place!r}: write the path itself", *keys)
    return str(section.file.path.parent / at_home)


def read_imports(section: Section, key: str) -> dict[str, str] | None:
    """Read a mapping to things that are imported, ``module:name`` or ``module.name``, as ``module:name``."""
    found = section.text_map(key)
    return None if found is None else {name: _import(section, text, key, name) for name, text in found.items()}


def _import(section: Section, text: str, *keys: str) -> str:
    module, _, name = text.partition(":") if ":" in text else text.rpartition(".")
    if not all(part.isidentifier() for part in (*module.split("."), name)):
        raise section.error(f"{text!r} cannot be imported: write module:name", *keys)
    return f"{module}:{name}"


def _offline(section: Section) -> str | None:
    """Read what tells which files are offline: a word, or something that is imported."""
    said = section.text("offline")
    if said is None or said == NO_BLOCKS:
        return said
    if not set(said) & set(":."):
        raise section.error(f"'offline' is {said!r}: write {NO_BLOCKS}, or module:function", "offline")
    return _import(section, said, "offline")


def read_transforms(section: Section) -> dict[str, str]:
    """Read the transforms, whose keys are names of documents."""
    inner = section.section("transforms")
    if inner is None:
        return {}
    inner.allow(TRANSFORMED)
    return read_imports(section, "transforms") or {}


def _scope(section: Section) -> dict[str, tuple[str | int, ...]]:
    _refuse_empty(section, "scope")
    inner = section.section("scope")
    scope: dict[str, tuple[str | int, ...]] = {}
    if inner is None:
        return scope
    for name in inner:
        value = inner.value(name)
        values = value if isinstance(value, list) else [value]
        if not values or not all(isinstance(one, str | int) and not isinstance(one, bool) for one in values):
            raise inner.error(f"{name!r} must have a string, a whole number or a list of these", name)
        scope[name] = tuple(values)
    return scope


def _read_preference(section: Section) -> str | None:
    preference = section.text("read_preference")
    if preference is not None and preference not in READ_PREFERENCES:
        raise section.error(
            f"'read_preference' must be one of {', '.join(READ_PREFERENCES)}, not {preference!r}", "read_preference"
        )
    return preference
