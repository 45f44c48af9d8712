"""A catalog that reads from secondaries, of which one no longer follows: who writes finds what was written."""

from __future__ import annotations

import subprocess
import sys

import pymongo

from databroker_mongo import Catalog, Writer
from databroker_mongo.testing import build_run

COUNT = """
import sys
from databroker_mongo.runs.catalog import Catalog
print(len(Catalog.from_uri(sys.argv[1] + "&readPreference=secondary")))
"""


def test_who_writes_is_never_answered_by_a_secondary_that_is_behind(lagging):
    reader = Catalog.from_uri(f"{lagging.uri}&readPreference=secondaryPreferred")
    assert len(reader) == 0
    # The same set, as somebody else writes it down.
    written_to = f"mongodb://{lagging.primary().address}/test?replicaSet=rs"
    with Writer(written_to, on_failure="raise") as writer:
        for scan_id in (1, 2, 3):
            documents = list(build_run({"primary": [{"x": scan_id}]}, scan_id=scan_id, time=1e9 + scan_id))
            for name, doc in documents:
                writer(name, doc)
            writer.flush()
            assert reader[-1].start["uid"] == documents[0][1]["uid"]
            assert reader[-1].stop is not None
            assert reader[-1].primary.read()["x"].values.tolist() == [scan_id]
    assert len(reader.search({"scan_id": {"$gt": 1}})) == 2

    with pymongo.MongoClient(lagging.uri, readPreference="secondary") as client:
        assert client.get_default_database()["run_start"].count_documents({}) == 0, "the secondary is not behind"
    other = subprocess.run([sys.executable, "-c", COUNT, lagging.uri], capture_output=True, text=True, timeout=60)
    assert other.stdout == "0\n", "who writes nothing is answered by the secondary"
