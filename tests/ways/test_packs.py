"""What a pack holds of a run is what is stored of it, and what it lacks is told."""

import json

import numpy as np
import pytest

from databroker_mongo import Catalog, Writer
from databroker_mongo.errors import InvalidDocument
from databroker_mongo.packs import read_documents
from databroker_mongo.testing import build_run

msgpack = pytest.importorskip("msgpack")
VALUES = {
    "integer": 2**63 - 1,
    "number": 1.0,
    "no number": float("nan"),
    "infinite": float("-inf"),
    "text": "\u00e9\0\U0001f600",
    "list": [1, 2.0, None],
    "mapping": {"$ref": "a", "$id": {}},
}


def write(path, documents):
    if path.suffix == ".jsonl":
        path.write_text("".join(f"{json.dumps(named)}\n" for named in documents))
    else:
        path.write_bytes(b"".join(msgpack.packb(named, use_bin_type=True) for named in documents))
    return path


def stored(path):
    catalog = Catalog.in_memory()
    with Writer(catalog) as writer:
        for name, document in read_documents(path):
            writer(name, document)
    return catalog[-1]


@pytest.mark.parametrize("suffix", ["jsonl", "msgpack"])
@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_a_value_is_the_same_in_a_pack_and_out_of_it(tmp_path, suffix, value):
    documents = build_run({"primary": [{"x": value}]}, note=value)
    run = stored(write(tmp_path / f"a.{suffix}", documents))
    values = [run.start["note"], next(iter(run.primary.follow())).data["x"]]
    for found in values:
        np.testing.assert_equal(found, value)
        assert type(found) is type(value)


@pytest.mark.parametrize("suffix", ["jsonl", "msgpack"])
def test_a_run_whose_file_ends_early_is_told_to_have_no_end(tmp_path, suffix):
    documents = build_run({"primary": [{"x": number} for number in range(5)]})
    run = stored(write(tmp_path / f"a.{suffix}", documents[:4]))
    assert run.stop is None
    assert [(each.kind, each.facts["state"]) for each in run.findings()] == [("no-stop", "crashed")]


def test_what_a_pack_holds_and_no_database_keeps_is_refused(tmp_path):
    path = write(tmp_path / "a.jsonl", build_run({"primary": [{"x": 2**63}]}))
    with pytest.raises(InvalidDocument, match="does not fit into 64 bits"):
        stored(path)
