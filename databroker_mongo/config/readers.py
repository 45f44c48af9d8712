"""How each kind of setting is read out of a section, and what is refused there, with file and line."""

from __future__ import annotations

import datetime
import os
from pathlib import Path
from typing import Final

from .root_fields import literal_root, split_root
from .uris import VARIABLE, Uri
from .whole_paths import is_whole
from .yaml_files import Section

NO_BLOCKS: Final = "no-blocks"
"""The setting ``offline``: a file that has a size, and nothing on the disk, is offline."""

COUNTED: Final = "counted"
SETTLED: Final = "settled"
"""The setting ``trust`` of ``columnar``: a copy is believed when its events are counted, or when they settled."""

_INLINE: Final = "/also/"

TRANSFORMED: Final = ("start", "stop", "descriptor", "resource", "datum", "stream_resource")


def read_main_uri(section: Section, key: str) -> Uri:
    """Read the URI that every catalog has."""
    uri = read_uri(section, key, catalog=str(section.keys[-1]))
    if uri is None:
        raise section.error(f"there is no {key!r} to say where its runs are")
    return uri


def read_asset_uri(section: Section, key: str) -> Uri | None:
    """Read the URI of another database for the assets."""
    return read_uri(section, key, catalog=str(section.keys[-1]), is_assets=True)


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
    """Read a list of directories, in which fields may be; relative ones are relative to the directory of the file."""
    _refuse_empty(section, key)
    found = section.texts(key)
    return None if found is None else tuple(_root(section, place, key) for place in found)


def _root(section: Section, root: str, key: str) -> str:
    try:
        split_root(root)
    except ValueError as error:
        raise section.error(str(error), key) from None
    return _place(section, root, key, directory=literal_root(str(section.file.path.parent)))


def _refuse_empty(section: Section, key: str) -> None:
    """Refuse a guard that is named but left empty: it would silently guard nothing."""
    if key in tuple(section) and section.value(key) in (None, {}):
        raise section.error(f"{key!r} has no value: fill it in, or remove it", key)


def _place(section: Section, place: str, *keys: str, directory: str | None = None) -> str:
    if VARIABLE.search(place):
        raise section.error("environment variables are replaced in URIs only: write the path itself", *keys)
    if is_whole(place):
        return place
    at_home = os.path.expanduser(place)  # noqa: PTH111 Path.expanduser raises what is no error of ours
    if at_home.startswith("~"):
        raise section.error(f"there is no home directory for {place!r}: write the path itself", *keys)
    return str(Path(directory or section.file.path.parent, at_home))


def read_imports(section: Section, key: str) -> dict[str, str] | None:
    """Read a mapping to things that are imported, ``module:name`` or ``module.name``, as ``module:name``."""
    found = section.text_map(key)
    return None if found is None else {name: _import(section, text, key, name) for name, text in found.items()}


def _import(section: Section, text: str, *keys: str) -> str:
    module, _, name = text.partition(":") if ":" in text else text.rpartition(".")
    if not all(part.isidentifier() for part in (*module.split("."), name)):
        raise section.error(f"{text!r} cannot be imported: write module:name", *keys)
    return f"{module}:{name}"


def read_offline(section: Section, key: str) -> str | None:
    """Read what tells which files are offline: a word, or something that is imported."""
    said = section.text(key)
    if said is None or said == NO_BLOCKS:
        return said
    if not set(said) & set(":."):
        raise section.error(f"{key!r} is {said!r}: write {NO_BLOCKS}, or module:function", key)
    return _import(section, said, key)


def read_decoder(section: Section, key: str) -> str | None:
    """Read who decodes compressed chunks."""
    said = section.text(key)
    if said not in (None, "own", "hdf5"):
        raise section.error(f"{key!r} is {said!r}: write own or hdf5", key)
    return said


def read_threads(section: Section, key: str) -> int | None:
    """Read a number of threads."""
    said = section.number(key)
    if said is None:
        return None
    if not said.is_integer():
        raise section.error(f"{key!r} is {said}: write a whole number from 1 on", key)
    return int(said)


def read_transforms(section: Section, key: str) -> dict[str, str] | None:
    """Read the transforms, whose keys are names of documents."""
    inner = section.section(key)
    if inner is not None:
        inner.allow(TRANSFORMED)
    return read_imports(section, key)


def read_columnar(section: Section, key: str) -> dict[str, str] | None:
    """Read when columnar copies of events are believed."""
    inner = section.section(key)
    if inner is None:
        return None
    inner.allow(("trust",))
    trust = inner.text("trust")
    if trust not in (None, COUNTED, SETTLED):
        raise inner.error(f"'trust' is {trust!r}: write {COUNTED} or {SETTLED}", "trust")
    return {} if trust is None else {"trust": trust}


def read_moment(section: Section, key: str) -> str | None:
    """Read a date, or a date with a time, which YAML may have made one of already; it is not looked into."""
    said = section.value(key)
    if isinstance(said, datetime.date):
        return said.isoformat()
    return section.text(key)


def read_others(section: Section, key: str) -> tuple[str, ...] | None:
    """Read the names of other catalogs; one that is written there instead of a name gets the name of its place."""
    said = section.value(key)
    if said is None or isinstance(said, str):
        return section.texts(key)
    if not isinstance(said, list) or not all(isinstance(one, str | dict) for one in said):
        raise section.error(f"{key!r} must be a list of the names of catalogs, or of their keys and values", key)
    catalog = str(section.keys[-1])
    return tuple(one if isinstance(one, str) else inline_name(catalog, place) for place, one in enumerate(said))


def inline_name(catalog: str, number: int) -> str:
    """Return the name of what is written at a place, from 0, under the key ``also`` of a catalog."""
    return f"{catalog}{_INLINE}{number + 1}"


def place_of_inline(name: str) -> tuple[str, int]:
    """Return the catalog, and the place there, that such a name says."""
    catalog, _, number = name.rpartition(_INLINE)
    return catalog, int(number) - 1


def read_scope(section: Section, key: str) -> dict[str, tuple[str | int, ...]]:
    """Read a mapping from fields to the values that they may have."""
    _refuse_empty(section, key)
    inner = section.section(key)
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
