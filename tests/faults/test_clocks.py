"""A client whose clock is ten minutes off: what it spools is stored, once, whatever the order of the times."""

import subprocess
import sys

import pytest

from databroker_mongo import Writer

SPOOL = """
import os, signal, sys, time, warnings

shift, uri, spool, durable, mongod = float(sys.argv[1]), *sys.argv[2:5], int(sys.argv[5])
seconds, nanoseconds = time.time, time.time_ns
time.time = lambda: seconds() + shift
time.time_ns = lambda: nanoseconds() + int(shift * 1e9)

from databroker_mongo.writing import Writer

warnings.simplefilter("ignore")
writer = Writer(uri, spool=spool, spool_anywhere=True, durable=durable, retry_seconds=0.3)
writer("start", {"uid": f"run {shift}", "time": time.time()})
if mongod:
    os.kill(mongod, signal.SIGKILL)
for number in range(1, 6):
    event = {"uid": f"{shift} {number}", "descriptor": f"d {shift}", "seq_num": number, "time": time.time()}
    writer("event", {**event, "data": {}, "timestamps": {}})
writer.close()
print(writer.pending)
"""


@pytest.mark.parametrize("durable", ["each", "batch"])
@pytest.mark.parametrize("shifts", [(600, -600), (-600, 600)])
def test_a_clock_that_is_ten_minutes_off_loses_nothing(mongod, tmp_path, durable, shifts):
    uri = f"mongodb://{mongod.address}/test"
    spool = str(tmp_path / "spool")
    for shift in shifts:
        command = [sys.executable, "-c", SPOOL, str(shift), uri, spool, durable, str(mongod.process.pid)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
        assert done.stdout == "5\n", done.stderr
        mongod.process.wait()
        mongod.start()
        mongod.wait()
        # The next one sends what the one before it has left, be it newer by the clock.
    Writer(uri, spool=spool).close()
    with mongod.client() as client:
        assert client.test.run_start.count_documents({}) == 2
        found = [doc["uid"] for doc in client.test.event.find().sort([("descriptor", 1), ("seq_num", 1)])]
        [row] = client.test.spool_reports.find()
    assert found == [f"{float(shift)} {number}" for shift in sorted(shifts) for number in range(1, 6)]
    assert row["is_drained"]
    # The age of documents is by the clock of the client, the time of the report by that of the server.
    assert abs(row["reported"].timestamp() - row["oldest"]) > 300
    assert list((tmp_path / "spool").rglob("*.bson")) == []


@pytest.mark.parametrize("shift", [600, -600])
def test_a_wrong_clock_does_not_disturb_what_is_stored_at_once(mongod, tmp_path, shift):
    uri = f"mongodb://{mongod.address}/test"
    command = [sys.executable, "-c", SPOOL, str(shift), uri, str(tmp_path / "spool"), "each", "0"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "0\n", done.stderr
    with mongod.client() as client:
        assert client.test.event.count_documents({}) == 5
