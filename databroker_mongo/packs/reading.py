"""Packs: directories that ``databroker-pack`` wrote, read back without databroker.

A pack is ``catalog.yml``, the documents of each run in a file of its own (``documents/UID.msgpack`` or
``documents/UID.jsonl``) and, if they were copied, the external files, which ``root_map`` points to. Beside them
``documents_manifest.txt`` lists the files of documents, by which it is seen whether some are missing; lists of external
files are not needed, because whoever reads images learns of a file that is not there.

A pack may come from anywhere, so nothing in it is trusted to be code: YAML is read by the safe loader, and NumPy arrays
in MessagePack are read from their bytes, never unpickled.

What does not belong here: storing what was read (``tutorial_utils``), and where archives come from.
"""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import yaml

from ..errors import CatalogWarning, ConfigurationError, InvalidDocument, stacklevel_of_caller

_CATALOG_FILE = "catalog.yml"
_MANIFEST_FILE = "documents_manifest.txt"
_USUAL_SOURCE = "packed_catalog"


@dataclass(frozen=True)
class Pack:
    """A pack whose ``catalog.yml`` was read.

    Attributes
    ----------
    directory : Path
        The pack itself, absolute.
    files : tuple of Path
        The files of documents, sorted; each holds one run.
    root_map : mapping of str to str
        The root that resource documents name, and the absolute directory that takes its place.
    """

    directory: Path
    files: tuple[Path, ...]
    root_map: Mapping[str, str]


def read_pack(directory: Path) -> Pack:
    """Read the catalog file of a pack and find its files of documents; warn of those that are listed and not there.

    Parameters
    ----------
    directory : Path
        A directory that holds ``catalog.yml``.

    Returns
    -------
    Pack
        Where its documents and external files are; no documents are read yet.

    Raises
    ------
    ConfigurationError
        When there is no ``catalog.yml``, when it is not that of a pack, or when it names no file that is there.
    """
    directory = directory.absolute()
    catalog_file = directory / _CATALOG_FILE
    source = _only_source(_load_yaml(catalog_file), catalog_file)
    arguments, metadata = source.get("args") or {}, source.get("metadata") or {}
    # Absolute paths are those of the machine where the pack was made; the relative ones travelled with it.
    patterns = metadata.get("relative_paths") or arguments.get("paths") or []
    patterns = [patterns] if isinstance(patterns, str) else patterns
    by_pattern = {pattern: set(_glob(directory, pattern)) for pattern in patterns}
    files = sorted(set().union(*by_pattern.values()))
    if not files:
        raise ConfigurationError(
            f"The pack names {patterns!r} as its documents, but no such file exists. Copy the pack again, with its "
            "documents.",
            path=catalog_file,
        )
    _warn_of_missing(
        directory, {file.name for file in files}, [each for each, found in by_pattern.items() if not found]
    )
    roots = {str(root): str(directory / place) for root, place in (arguments.get("root_map") or {}).items()}
    return Pack(directory, tuple(files), roots)


def read_documents(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Read the documents of one file, in the order in which they were written.

    Parameters
    ----------
    path : Path
        A file with the suffix ``.msgpack`` or ``.jsonl``.

    Returns
    -------
    iterator of tuple
        ``(name, document)``. Events and datums may be in pages (``event_page``, ``datum_page``, ``bulk_events``), as
        they were written. Arrays are NumPy arrays, read-only.

    Raises
    ------
    ConfigurationError
        When the file is of another kind, or is MessagePack and the package ``msgpack`` is not installed.
    InvalidDocument
        When the file is damaged, ends within a document, or holds something else than documents.
    """
    readers = {".jsonl": _read_jsonl, ".msgpack": _read_msgpack}
    try:
        read = readers[path.suffix]
    except KeyError:
        raise ConfigurationError("A file of documents ends in .msgpack or .jsonl.", path=path) from None
    return read(path)


def _load_yaml(catalog_file: Path) -> Any:
    try:
        return yaml.safe_load(catalog_file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigurationError(
            f"There is no {_CATALOG_FILE}, so this directory is not a pack. Name the directory that holds it.",
            path=catalog_file.parent,
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"This is not YAML: {error}", path=catalog_file) from error


def _only_source(content: Any, catalog_file: Path) -> dict[str, Any]:
    sources = content.get("sources") if isinstance(content, dict) else None
    if isinstance(sources, dict) and sources:
        names = [_USUAL_SOURCE] if _USUAL_SOURCE in sources else list(sources)
        if len(names) == 1 and isinstance(sources[names[0]], dict):
            source: dict[str, Any] = sources[names[0]]
            return source
    raise ConfigurationError(
        f"A pack has one source, which is called {_USUAL_SOURCE!r}, under the key 'sources'.", path=catalog_file
    )


def _glob(directory: Path, pattern: str) -> Iterator[Path]:
    path = directory / pattern
    anchor = Path(path.anchor) if Path(pattern).is_absolute() else directory
    return anchor.glob(str(path.relative_to(anchor)))


def _warn_of_missing(directory: Path, found: set[str], unmatched: Sequence[str]) -> None:
    """Tell which files of documents are not there though the pack names them, for then their runs are missing."""
    manifest = directory / _MANIFEST_FILE
    listed = manifest.read_text(encoding="utf-8", errors="replace").splitlines() if manifest.is_file() else []
    names = [PurePosixPath(line.strip().replace("\\", "/")).name for line in listed if line.strip()]
    missing = [*unmatched, *(name for name in names if name not in found)]
    if missing:
        warnings.warn(
            f"The pack {directory} lacks {len(missing)} files of documents that it lists, such as {missing[0]}: their "
            "runs are missing. Copy the pack again, with all its documents.",
            CatalogWarning,
            stacklevel=stacklevel_of_caller(),
        )


def _read_jsonl(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            try:
                entry = json.loads(line)
            except ValueError as error:
                raise InvalidDocument(f"This line is not JSON: {error}", path=path, line=number) from error
            yield _checked(entry, path=path, line=number)


def _read_msgpack(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for byte, entry in _msgpack_entries(path):
        yield _checked(entry, path=path, byte=byte)


def _msgpack_entries(path: Path) -> Iterator[tuple[int, Any]]:
    """Give each entry of the file with the byte where it begins."""
    try:
        import msgpack
    except ImportError as error:
        raise ConfigurationError(
            "To read MessagePack, the package msgpack is needed: pip install msgpack", path=path
        ) from error
    # msgpack_numpy.patch(), which bluesky-kafka calls, puts in its place a class derived from it that runs pickles.
    unpacker = msgpack.Unpacker.__mro__[-2]
    size = path.stat().st_size
    begin = 0
    with path.open("rb") as file:
        # No part of a file is longer than the file, however long it says it is.
        entries = unpacker(file, object_hook=_decode_numpy, strict_map_key=False, max_buffer_size=max(size, 1))
        try:
            for entry in entries:
                yield begin, entry
                begin = entries.tell()
        except (ValueError, TypeError, LookupError, msgpack.UnpackException) as error:
            raise InvalidDocument(f"This is not a file of documents: {error}", path=path, byte=begin) from error
    # The unpacker takes a file that ends within an entry for one that ends before it.
    if begin != size:
        raise InvalidDocument("The file ends within a document. Copy or download it again.", path=path, byte=begin)


def _checked(entry: Any, **where: Any) -> tuple[str, dict[str, Any]]:
    if isinstance(entry, Sequence) and len(entry) == 2 and isinstance(entry[0], str) and isinstance(entry[1], dict):
        return entry[0], entry[1]
    raise InvalidDocument("Each entry of the file should be the name of a document and the document.", **where)


def _decode_numpy(value: dict[Any, Any]) -> Any:
    """Return the array or number that the package msgpack-numpy encoded as a dictionary, or the dictionary."""
    if b"complex" in value:
        return complex(value[b"data"])
    if b"nd" not in value:
        return value
    if value.get(b"kind") == b"O":
        raise ValueError("it holds a pickled array, which is not read because it could run any code")
    dtype = _dtype(value[b"type"])
    shape = tuple(value[b"shape"]) if value[b"nd"] else ()
    if dtype.hasobject or len(value[b"data"]) != dtype.itemsize * math.prod(shape):
        raise ValueError(f"an array of {dtype} and shape {shape} does not have {len(value[b'data'])} bytes")
    array = np.frombuffer(value[b"data"], dtype=dtype).reshape(shape)
    return array if value[b"nd"] else array[()]


def _dtype(description: Any) -> np.dtype[Any]:
    if isinstance(description, str | bytes):
        return np.dtype(_text(description))
    fields = [(_text(name), _dtype(kind), *(tuple(part) for part in shape)) for name, kind, *shape in description]
    return np.dtype(fields)


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
