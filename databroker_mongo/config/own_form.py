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

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from .readers import inline_name, place_of_inline
from .settings import CATALOG_KEYS, SITE_KEYS, URI_OPTIONS, CatalogSettings, Setting, SiteSettings
from .uris import Uri
from .yaml_files import Section, YamlFile

TOP_KEYS: Final = ("catalogs", "site")


def read_catalog(file: YamlFile, name: str, *, is_trusted: bool = False) -> CatalogSettings:
    """Read the settings of one catalog of a file in our form.

    Raises
    ------
    ConfigurationError
        A key is unknown or missing, or a value of another type; with file and line.
    """
    return _read_catalog(Section(file, ("catalogs", name), f"catalog {name!r}"), name, is_trusted=is_trusted)


def list_inline(file: YamlFile, name: str) -> list[str]:
    """Return the names of the catalogs that are written under the key ``also`` of one in our form."""
    keys = file.data["catalogs"][name]
    listed = keys.get("also") if isinstance(keys, dict) else None
    return [
        inline_name(name, number)
        for number, one in enumerate(listed if isinstance(listed, list) else ())
        if isinstance(one, dict)
    ]


def read_inline(file: YamlFile, name: str, *, is_trusted: bool = False) -> CatalogSettings:
    """Read the settings of one of these, as `read_catalog` does."""
    outer, number = place_of_inline(name)
    section = Section(file, ("catalogs", outer, "also", number), f"catalog {name!r}")
    return replace(_read_catalog(section, name, is_trusted=is_trusted), is_inline=True)


def _read_catalog(section: Section, name: str, *, is_trusted: bool) -> CatalogSettings:
    for key in URI_OPTIONS.keys() & set(section):
        raise section.error(f"{key!r} is written into 'uri': {URI_OPTIONS[key]}=...", key)
    section.allow(CATALOG_KEYS)
    values = _read(section, CATALOG_KEYS)
    return CatalogSettings(name=name, **values, file=section.file.path, line=section.line(), is_trusted=is_trusted)


def read_site(file: YamlFile) -> SiteSettings:
    """Read the ``site`` section of a file in our form.

    Raises
    ------
    ConfigurationError
        A key is unknown, or a value of another type; with file and line.
    """
    section = Section(file, ("site",), "site")
    section.allow(SITE_KEYS)
    return SiteSettings(**_read(section, SITE_KEYS), files=(file.path,))


def _read(section: Section, keys: Mapping[str, Setting]) -> dict[str, Any]:
    """Return what a section says; what it does not is left to the default."""
    values = {key: setting.read(section, key) for key, setting in keys.items()}
    return {key: value for key, value in values.items() if value is not None}


def to_yaml(catalogs: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the text of a file in our form.

    Parameters
    ----------
    catalogs : mapping
        From names to the keys and plain values of each, as `plain` gives them.
    """
    import yaml  # late: who only reads such files has them parsed elsewhere, if there are any

    return yaml.safe_dump(
        {"catalogs": {name: dict(keys) for name, keys in catalogs.items()}}, sort_keys=False, width=10**6
    )


def plain(settings: CatalogSettings) -> dict[str, Any]:
    """Return the keys and values of a catalog as they are written, URIs in the clear; what is not set is left out."""
    defaults = CatalogSettings(name=settings.name, uri=settings.uri)
    values = {key: getattr(settings, key) for key in CATALOG_KEYS}
    return plain_values(
        {key: value for key, value in values.items() if key == "uri" or value != getattr(defaults, key)}
    )


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
