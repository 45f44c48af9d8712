"""What the datums of a column of identifiers say, copied beside its rows: made, read, and asked whether they still are.

A column is copied whose datums are all there, each once. Nothing of a resource enters, so that corrections of resources
do not matter. It is kept whole, in pieces of about 1 MB.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import bson
import bson.errors
from bson import ObjectId

from ...documents import DatumColumns, DatumRun, Document, number_ids
from ..connection.collections import Collections
from ..connection.decoding import BARE, PLAIN
from ..connection.retries import find_all, retry_once, run_read_command
from ..connection.splitting import split_by_size
from ..protocol import MISSING, Values
from .copies import CopiedDatums, Copy, datums_of
from .presence import COLLECTION

_BATCH = 10_000
_FEW = 4
"""So many resources are counted one by one, which takes two thirds of the time a datum."""
_MOST_BYTES = 32_000_000
"""Of a column: what is larger is as quickly read from the datums."""


class UncopiableDatumsError(Exception):
    """The datums of a column are not copied; the text says why."""


@dataclass(frozen=True)
class _Datums:
    """What is copied of the datums of a column.

    Attributes
    ----------
    runs : tuple of DatumRun
        Of all rows.
    resources : tuple
        What the datums call their resources, as it is stored: texts, or ObjectIds before 2016.
    n_stored : int
        How many datums of these resources are stored.
    """

    runs: tuple[DatumRun, ...]
    resources: tuple[str | ObjectId, ...]
    n_stored: int


def copy_datums(collections: Collections, values: Values) -> CopiedDatums | None:
    """Return what the datums of a column say, as it is copied; None if it is no column of identifiers.

    Raises
    ------
    UncopiableDatumsError
        They are not all there, each once, or were changing.
    """
    if not isinstance(values, list) or not all(each is MISSING or each is None or type(each) is str for each in values):
        return None
    ids = {each for each in values if isinstance(each, str)}
    if not ids:
        return None
    stored = _find_datums(collections, ids)
    resources = tuple(dict.fromkeys(datum["resource"] for datum in stored.values()))
    n_stored = count_datums(collections, resources)
    # Counted after the resources: whichever datum came or went before they were, is seen here; since then, by readers.
    if _count_ids(collections, ids) != len(ids):
        raise UncopiableDatumsError("their datums were changing")
    runs = _runs_of(values, stored)
    data = bson.encode(_document_of(_Datums(runs, resources, n_stored)))
    if len(data) > _MOST_BYTES:
        return None
    return CopiedDatums(data, runs)


def read_datums(
    collections: Collections, copy: Copy, keys: Sequence[str], *, is_counted: bool = True
) -> dict[str, tuple[DatumRun, ...]]:
    """Return what the datums of some columns of a copy say, of those of which it is copied and believed.

    Parameters
    ----------
    collections : Collections
        Where.
    copy : Copy
        The copy.
    keys : sequence of str
        The columns.
    is_counted : bool
        Whether they are believed only if the datums of their resources are as many as they were.

    Raises
    ------
    DoubtfulCopyError
        A piece is missing or damaged.
    """
    wanted = [key for key in keys if key in copy.datums]
    if not wanted:
        return {}
    found = {key: _decoded(data, copy) for key, data in _read_pieces(collections, copy, wanted).items()}
    is_believed: dict[frozenset[Any], bool] = {}
    for datums in found.values() if is_counted else ():
        resources = frozenset(datums.resources)
        if resources not in is_believed:
            is_believed[resources] = count_datums(collections, datums.resources) == datums.n_stored
    return {key: each.runs for key, each in found.items() if is_believed.get(frozenset(each.resources), True)}


def encode_runs(runs: Sequence[DatumRun]) -> bytes:
    """Return runs as bytes, by which all their values and types can be compared."""
    return bson.encode({"runs": list(map(_run_document, runs))})


def count_datums(collections: Collections, resources: Sequence[str | ObjectId]) -> int:
    """Count the datums of resources, by an index alone."""
    if len(resources) <= _FEW:
        return sum(_count(collections, {"resource": each}) for each in resources)
    parts = [list(resources[first : first + _BATCH]) for first in range(0, len(resources), _BATCH)]
    return sum(_count(collections, {"resource": {"$in": part}}) for part in parts)


def _count(collections: Collections, query: Mapping[str, Any]) -> int:
    datums = collections.datum
    asked = {"count": datums.name, "query": dict(query)}
    found: int = retry_once(lambda: run_read_command(datums.database, asked))["n"]
    return found


def _count_ids(collections: Collections, ids: set[str]) -> int:
    return sum(_count(collections, {"datum_id": {"$in": part}}) for part in split_by_size(sorted(ids)))


def _find_datums(collections: Collections, ids: set[str]) -> dict[str, Document]:
    found: dict[str, Document] = {}
    fields = {"_id": 0, "datum_id": 1, "resource": 1, "datum_kwargs": 1}
    for part in split_by_size(sorted(ids)):
        for datum in find_all(collections.datum, {"datum_id": {"$in": part}}, fields, batch_size=_BATCH):
            is_whole = isinstance(datum.get("datum_kwargs"), dict) and datum.get("resource")
            if not is_whole or not isinstance(datum["resource"], str | ObjectId) or datum["datum_id"] in found:
                raise UncopiableDatumsError("a datum is damaged or stored twice")
            found[datum["datum_id"]] = datum
    if len(found) < len(ids):
        raise UncopiableDatumsError("their datums are not all stored")
    return found


def _runs_of(values: Sequence[Any], datums: Mapping[str, Document]) -> tuple[DatumRun, ...]:
    of_rows = [datums[each] if isinstance(each, str) else None for each in values]
    names = [None if datum is None else str(datum["resource"]) for datum in of_rows]
    runs = []
    start = 0
    for name, group in itertools.groupby(names):
        stop = start + sum(1 for _ in group)
        kwargs = DatumColumns.of([datum["datum_kwargs"] for datum in of_rows[start:stop] if datum is not None])
        runs.append(DatumRun(start, stop, name, kwargs, None if name is None else number_ids(values[start:stop])))
        start = stop
    return tuple(runs)


def _document_of(datums: _Datums) -> Document:
    runs = list(map(_run_document, datums.runs))
    return {"runs": runs, "resources": list(datums.resources), "n": datums.n_stored}


def _run_document(run: DatumRun) -> Document:
    varying = [
        [name, {"range": [values.start, values.step]} if isinstance(values, range) else {"values": list(values)}]
        for name, values in run.kwargs.varying.items()
    ]
    numbering = None if run.numbering is None else [run.numbering[0], run.numbering[1].start, run.numbering[1].step]
    return {
        "rows": [run.start, run.stop],
        "resource": run.resource_uid,
        "n": run.kwargs.n,
        "constant": dict(run.kwargs.constant),
        "varying": varying,
        "irregular": None if run.kwargs.irregular is None else [dict(each) for each in run.kwargs.irregular],
        "numbering": numbering,
    }


def _decoded(data: bytes, copy: Copy) -> _Datums:
    try:
        document = bson.decode(data, PLAIN)
        runs = tuple(_run_of(each) for each in document["runs"])
        return _Datums(runs, tuple(document["resources"]), document["n"])
    except (KeyError, TypeError, ValueError, bson.errors.InvalidBSON) as error:
        raise copy.doubt("its datums are damaged") from error


def _run_of(document: Document) -> DatumRun:
    n, numbering = document["n"], document["numbering"]
    varying = {
        name: _range(values["range"], n) if "range" in values else values["values"]
        for name, values in document["varying"]
    }
    kwargs = DatumColumns(n, document["constant"], varying, document["irregular"])
    numbers = None if numbering is None else (numbering[0], _range(numbering[1:], n))
    start, stop = document["rows"]
    return DatumRun(start, stop, document["resource"], kwargs, numbers)


def _range(said: Sequence[int], n: int) -> range:
    first, step = said
    return range(first, first + step * n, step)


def _read_pieces(collections: Collections, copy: Copy, keys: Sequence[str]) -> dict[str, bytes]:
    return retry_once(lambda: datums_of(_find_pieces(collections, copy, keys), copy, keys))


def _find_pieces(collections: Collections, copy: Copy, keys: Sequence[str]) -> list[Document]:
    query = {"d": copy.descriptor_uid, "g": {"$in": [copy.datums[key].group for key in keys]}, "b": {"$gte": 0}}
    pieces = collections.named(COLLECTION).with_options(codec_options=BARE)
    return list(pieces.find(query, {"_id": 0}))
