"""Values and keys that are known to break catalogs: what is stored is read back equal, all else is refused by name."""

import decimal
import math
from datetime import UTC, datetime

import numpy as np
import pytest

from databroker_mongo import Catalog, Writer
from databroker_mongo.errors import InvalidDocument

VALUES = {
    "NaN": math.nan,
    "inf": math.inf,
    "-inf": -math.inf,
    "float64": np.float64(0.1),
    "float32": np.float32(0.1),
    "float16": np.float16(0.1),
    "int64": np.int64(7),
    "bool_": np.bool_(True),
    "bytes_": np.bytes_(b"ab"),
    "complex128": np.complex128(1j),
    "datetime64": np.datetime64("2026-01-01T00:00:00.000001"),
    "uint64 2^64-1": np.uint64(2**64 - 1),
    "2^63-1": 2**63 - 1,
    "2^63": 2**63,
    "2^70": 2**70,
    "bool": True,
    "None": None,
    "bytes": b"\x00\xff",
    "NUL": "a\0b",
    "lone surrogate": "a\ud800b",
    "emoji": "\N{GRINNING FACE}",
    "complex": 1 + 2j,
    "microseconds": datetime(2026, 1, 2, 3, 4, 5, 678901),
    "milliseconds": datetime(2026, 1, 2, 3, 4, 5, 678000),
    "zone": datetime(2026, 1, 2, tzinfo=UTC),
    "Decimal": decimal.Decimal("0.1"),
    "set": {1, 2},
    "tuple": (1, 2),
    "float array": np.array([0.1, 0.2]),
    "2-d uint16 array": np.arange(6, dtype="u2").reshape(2, 3),
    "array with NaN": np.array([0.1, np.nan]),
    "object array": np.array([1, "a", None], dtype=object),
    "datetime64 array": np.array(["2026-01-01"], dtype="M8[ns]"),
    "structured array": np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
    "bytes array": np.array([b"ab", b"c"]),
    "0-d array": np.array(5.0),
    "empty array": np.array([]),
    "range": range(3),
    "generator": (each for each in (1, 2)),
    "nested": {"a": [np.float32(0.5), {"b": np.int8(3)}], "c": [np.bool_(False)]},
}
REFUSED = {
    *("complex128", "datetime64", "uint64 2^64-1", "2^63", "2^70", "lone surrogate", "complex", "microseconds", "zone"),
    *("Decimal", "set", "datetime64 array", "structured array", "range", "generator"),
}
KEYS = ["$x", "a$b", "__class__", "_id", "time", "k" * 1000, "\xe1", "$where", "uid", "a b"]
REFUSED_KEYS = ["a.b", "", "a\0b", "data.x", "a/b"]


def write(writer, key, value):
    """A run of two events that hold the value under the key, and a plain column beside."""
    described = {"source": "sim", "dtype": "number", "shape": []}
    keys = {"plain": described, key: described}
    writer("start", {"uid": "run", "time": 1.0, "scan_id": 1})
    writer("descriptor", {"uid": "d", "run_start": "run", "time": 1.0, "name": "primary", "data_keys": keys})
    for number in (1, 2):
        data = {"plain": float(number), key: value}
        place = {"uid": f"e{number}", "descriptor": "d", "seq_num": number, "time": 1.0 + number}
        writer("event", {**place, "data": data, "timestamps": dict.fromkeys(data, 1.0)})
    writer("stop", {"uid": "s", "run_start": "run", "time": 9.0, "exit_status": "success"})


def same(got, sent):
    if isinstance(sent, dict):
        return isinstance(got, dict) and got.keys() == sent.keys() and all(same(got[key], sent[key]) for key in sent)
    if isinstance(sent, np.ndarray | list | tuple) and np.ndim(sent):
        return isinstance(got, list) and len(got) == len(sent) and all(map(same, got, sent))
    if isinstance(sent, float | np.floating) and math.isnan(sent):
        return isinstance(got, float) and math.isnan(got)
    return bool(got == sent)


def events(catalog):
    return [page for name, page in catalog["run"].documents() if name == "event_page"]


@pytest.mark.parametrize("case", VALUES)
def test_an_odd_value_is_read_back_equal_or_refused_by_name(store_uri, case):
    writer = Writer(store_uri)
    if case in REFUSED:
        with pytest.raises(InvalidDocument) as caught:
            write(writer, "odd", VALUES[case])
        facts = caught.value.facts
        assert (facts["run_uid"], facts["uid"], facts["data_key"]) == ("run", "e1", "odd")
        assert facts["value_type"].rpartition(".")[2] == type(VALUES[case]).__name__
        assert events(Catalog.from_uri(store_uri)) == []
        return
    write(writer, "odd", VALUES[case])
    catalog = Catalog.from_uri(store_uri)
    [page] = events(catalog)
    assert all(same(value, VALUES[case]) for value in page["data"]["odd"])
    dataset = catalog["run"].primary.read(exclude=["odd"])
    assert dataset["plain"].values.tolist() == [1.0, 2.0]


@pytest.mark.filterwarnings("ignore::databroker_mongo.errors.DocumentWarning")
@pytest.mark.parametrize("key", KEYS, ids=lambda key: key[:10])
def test_an_odd_key_is_read_back_right(store_uri, key):
    write(Writer(store_uri), key, 0.5)
    catalog = Catalog.from_uri(store_uri)
    [page] = events(catalog)
    assert page["data"] == {"plain": [1.0, 2.0], key: [0.5, 0.5]}
    dataset = catalog["run"].primary.read()
    assert {tuple(dataset[name].values.tolist()) for name in dataset.data_vars} == {(1.0, 2.0), (0.5, 0.5)}
    assert key in dataset.data_vars or key == "time"


@pytest.mark.parametrize("key", REFUSED_KEYS, ids=repr)
def test_a_key_that_event_model_or_mongodb_rules_out_is_refused_by_name(store_uri, key):
    with pytest.raises(InvalidDocument) as caught:
        write(Writer(store_uri), key, 0.5)
    assert (caught.value.document, caught.value.uid, caught.value.run_uid) == ("descriptor", "d", "run")
    assert caught.value.data_key == key


@pytest.mark.parametrize("key", [*KEYS, *REFUSED_KEYS[:2], *REFUSED_KEYS[3:]], ids=lambda key: key[:10])
def test_an_odd_key_that_no_descriptor_declares_is_kept(store_uri, key):
    writer = Writer(store_uri)
    write(writer, "odd", 0.5)
    place = {"uid": "e3", "descriptor": "d", "seq_num": 3, "time": 5.0}
    writer("event", {**place, "data": {"plain": 3.0, "odd": 0.5, key: 0.25}, "timestamps": {}})
    catalog = Catalog.from_uri(store_uri)
    assert events(catalog)[-1]["data"][key] == [0.25]
    assert catalog["run"].primary.read()["plain"].values.tolist() == [1.0, 2.0, 3.0]
