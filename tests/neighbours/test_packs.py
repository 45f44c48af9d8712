"""Files that suitcase-msgpack and suitcase-jsonl really wrote, as databroker-pack has them written, are read back."""

from __future__ import annotations

import numpy as np
import pytest

from databroker_mongo.packs import read_documents
from databroker_mongo.tutorial import rsoxs_documents

RECORD = np.dtype([("x", "<f8"), ("y", "<i4", (2,))])
ARRAYS = {
    "image": np.arange(12, dtype=np.uint16).reshape(1, 3, 4),
    "turned": np.arange(12, dtype=np.float32).reshape(3, 4).T,
    "empty": np.zeros((0, 3)),
    "text": np.array(["shutter", "open"]),
    "records": np.zeros(3, dtype=RECORD),
    "big_endian": np.arange(3, dtype=">i8"),
}


@pytest.mark.parametrize("format", ["jsonl", "msgpack"])
def test_the_documents_of_a_run_are_read_as_they_were_written(tmp_path, format):
    suitcase = pytest.importorskip(f"suitcase.{format}", reason=f"suitcase-{format} is not installed")
    documents = list(rsoxs_documents(tmp_path / "images"))
    written = suitcase.export(documents, str(tmp_path))
    read = list(read_documents(written["all"][0]))
    singles = {"start", "descriptor", "resource", "stop"}
    assert [pair for pair in read if pair[0] in singles] == [pair for pair in documents if pair[0] in singles]
    events = [event["uid"] for name, event in documents if name == "event"]
    kept = [uid for name, page in read if name == "event_page" for uid in page["uid"]]
    kept += [event["uid"] for name, event in read if name == "event"]
    assert kept == events


@pytest.mark.parametrize("key", ARRAYS)
def test_arrays_in_messagepack_come_back_equal(tmp_path, key):
    suitcase = pytest.importorskip("suitcase.msgpack", reason="suitcase-msgpack is not installed")
    serializer = suitcase.Serializer(str(tmp_path))
    serializer("start", {"uid": "f00", "time": 0.0, "array": ARRAYS[key], "one": np.float32(0.5), "z": 1 + 2j})
    serializer.close()
    ((_, start),) = read_documents(tmp_path / "f00.msgpack")
    np.testing.assert_array_equal(start["array"], ARRAYS[key])
    assert start["array"].dtype == ARRAYS[key].dtype
    assert (start["one"], start["z"]) == (0.5, 1 + 2j)
