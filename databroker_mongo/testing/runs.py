"""Documents of a run of a given shape, for the tests of this package and of plugins."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from databroker_mongo.documents import Named

_KINDS = {"b": "boolean", "i": "integer", "u": "integer", "f": "number", "U": "string"}


@dataclass(frozen=True)
class Asset:
    """The resource that serves a data key, and the datum of each row.

    Attributes
    ----------
    spec, root, resource_path, resource_kwargs
        As in a resource document.
    datums : sequence of dict
        The ``datum_kwargs`` of each row.
    shape : sequence of int
        The shape that the descriptor declares.
    """

    spec: str
    root: str
    resource_path: str
    datums: Sequence[Mapping[str, Any]]
    resource_kwargs: Mapping[str, Any] = field(default_factory=dict)
    shape: Sequence[int] = ()


@dataclass(frozen=True)
class StreamAsset:
    """The stream resource that serves a data key, and the stream datums of its rows.

    Attributes
    ----------
    mimetype, uri, parameters
        As in a stream resource document.
    spans : sequence of tuple of int
        Half-open ranges of rows, each a stream datum.
    shape : sequence of int
        The shape that the descriptor declares.
    """

    mimetype: str
    uri: str
    spans: Sequence[tuple[int, int]]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    shape: Sequence[int] = ()


def build_run(
    streams: Mapping[str, Sequence[Mapping[str, Any]]],
    *,
    scan_id: int = 1,
    time: float = 1_700_000_000.0,
    data_keys: Mapping[str, Mapping[str, Any]] | None = None,
    assets: Mapping[str, Mapping[str, Asset | StreamAsset]] | None = None,
    configuration: Mapping[str, Any] | None = None,
    exit_status: str | None = "success",
    **start: Any,
) -> list[Named]:
    """Return the documents of a run, in the order of emission. The same arguments give the same documents.

    Parameters
    ----------
    streams : mapping of str to sequence of mapping
        For each stream the data of its events, one a second.
    scan_id : int
        The scan id.
    time : float
        When the run starts, seconds since 1970.
    data_keys : mapping, optional
        Fields of data keys, instead of those derived from the first value.
    assets : mapping, optional
        For each stream, the assets of the data keys whose values are in files.
    configuration : mapping, optional
        The ``configuration`` of each descriptor.
    exit_status : str or None
        None for a run without stop document.
    **start : object
        More fields of the start document; ``uid`` among them, if it matters.
    """
    return list(
        _Builder(scan_id, time, data_keys or {}, assets or {}).documents(streams, start, configuration, exit_status)
    )


class _Builder:
    def __init__(
        self,
        scan_id: int,
        time: float,
        data_keys: Mapping[str, Mapping[str, Any]],
        assets: Mapping[str, Mapping[str, Asset | StreamAsset]],
    ):
        self._scan_id = scan_id
        self._time = time
        self._data_keys = data_keys
        self._assets = assets
        self._namespace = uuid.uuid5(uuid.NAMESPACE_OID, f"{scan_id} {time}")
        self._run_uid = ""

    def _uid(self, *parts: Any) -> str:
        return str(uuid.uuid5(self._namespace, " ".join(map(str, parts))))

    def documents(
        self,
        streams: Mapping[str, Sequence[Mapping[str, Any]]],
        start: Mapping[str, Any],
        configuration: Mapping[str, Any] | None,
        exit_status: str | None,
    ) -> list[Named]:
        documents: list[Named] = []
        opening = {"uid": self._uid("start"), "time": self._time, "scan_id": self._scan_id, **start}
        self._run_uid = opening["uid"]
        documents.append(("start", opening))
        for name, rows in streams.items():
            documents += self._stream(name, rows, configuration or {})
        if exit_status is not None:
            closing = {"uid": self._uid("stop"), "run_start": self._run_uid, "time": self._time + 1000.0}
            counts = {name: len(rows) for name, rows in streams.items()}
            documents.append(("stop", {**closing, "exit_status": exit_status, "reason": "", "num_events": counts}))
        return documents

    def _stream(self, name: str, rows: Sequence[Mapping[str, Any]], configuration: Mapping[str, Any]) -> list[Named]:
        assets = self._assets.get(name, {})
        keys = dict.fromkeys([key for row in rows for key in row] + list(assets))
        described = {key: self._describe(key, rows, assets.get(key)) for key in keys}
        descriptor_uid = self._uid("descriptor", name)
        descriptor = {
            "uid": descriptor_uid,
            "run_start": self._run_uid,
            "time": self._time + 1.0,
            "name": name,
            "data_keys": described,
            "object_keys": {"det": list(described)},
            "configuration": dict(configuration),
            "hints": {},
        }
        documents: list[Named] = [("descriptor", descriptor)]
        datum_ids = {}
        for key, asset in assets.items():
            if isinstance(asset, Asset):
                datum_ids[key] = [f"{self._uid('resource', name, key)}/{row}" for row in range(len(asset.datums))]
                documents += self._resource(name, key, asset, datum_ids[key])
            else:
                documents += self._stream_resource(name, key, asset, descriptor_uid)
        n_rows = max([len(rows), *map(len, datum_ids.values())])
        for row in range(n_rows):
            data = {**(rows[row] if row < len(rows) else {}), **{key: ids[row] for key, ids in datum_ids.items()}}
            documents.append(("event", self._event(name, descriptor_uid, row, data, datum_ids)))
        return documents

    def _event(self, name: str, descriptor: str, row: int, data: Mapping[str, Any], external: Any) -> dict[str, Any]:
        time = self._time + 2.0 + row
        return {
            "uid": self._uid("event", name, row),
            "descriptor": descriptor,
            "seq_num": row + 1,
            "time": time,
            "data": dict(data),
            "timestamps": dict.fromkeys(data, time),
            "filled": dict.fromkeys(external, False),
        }

    def _describe(
        self, key: str, rows: Sequence[Mapping[str, Any]], asset: Asset | StreamAsset | None
    ) -> dict[str, Any]:
        if asset is not None:
            external = "FILESTORE:" if isinstance(asset, Asset) else "STREAM:"
            described = {"source": "file", "dtype": "array", "shape": list(asset.shape), "external": external}
            return {**described, **self._data_keys.get(key, {})}
        first = np.asarray(next(row[key] for row in rows if key in row))
        dtype = "array" if first.ndim else _KINDS.get(first.dtype.kind, "string")
        return {"source": "test", "dtype": dtype, "shape": list(first.shape), **self._data_keys.get(key, {})}

    def _resource(self, name: str, key: str, asset: Asset, datum_ids: Sequence[str]) -> list[Named]:
        resource = {
            "uid": self._uid("resource", name, key),
            "run_start": self._run_uid,
            "spec": asset.spec,
            "root": asset.root,
            "resource_path": asset.resource_path,
            "resource_kwargs": dict(asset.resource_kwargs),
            "path_semantics": "posix",
        }
        datums = [
            ("datum", {"resource": resource["uid"], "datum_id": datum_id, "datum_kwargs": dict(kwargs)})
            for datum_id, kwargs in zip(datum_ids, asset.datums, strict=True)
        ]
        return [("resource", resource), *datums]

    def _stream_resource(self, name: str, key: str, asset: StreamAsset, descriptor: str) -> list[Named]:
        resource = {
            "uid": self._uid("stream_resource", name, key),
            "run_start": self._run_uid,
            "data_key": key,
            "mimetype": asset.mimetype,
            "uri": asset.uri,
            "parameters": dict(asset.parameters),
        }
        datums = [
            (
                "stream_datum",
                {
                    "uid": f"{resource['uid']}/{number}",
                    "stream_resource": resource["uid"],
                    "descriptor": descriptor,
                    "seq_nums": {"start": start + 1, "stop": stop + 1},
                    "indices": {"start": start, "stop": stop},
                },
            )
            for number, (start, stop) in enumerate(asset.spans)
        ]
        return [("stream_resource", resource), *datums]
