"""kill -9 of the writing process: what it was told is stored is stored; the rest is sent again or lies in the spool."""

import random
import signal
import subprocess
import sys
import time

import pytest

from databroker_mongo import Writer

WRITE = """
import os, signal, sys
from databroker_mongo.writing import Writer

uri, durable, spool, n_calls = *sys.argv[1:4], int(sys.argv[4])
writer = Writer(uri, durable=durable, spool=spool, spool_anywhere=True, batch_seconds=60)
for number, (name, doc) in enumerate(eval(sys.stdin.read()), 1):
    writer(name, doc)
    print(number, writer.acknowledged, flush=True)
    if number == n_calls:
        os.kill(os.getpid(), signal.SIGKILL)
"""


def event(number):
    place = {"uid": f"e{number}", "descriptor": "desc", "seq_num": number, "time": float(number)}
    return {**place, "data": {"x": float(number)}, "timestamps": {"x": 1.0}}


RUN = [
    ("start", {"uid": "run", "time": 1.0}),
    ("descriptor", {"uid": "desc", "run_start": "run", "time": 1.0, "data_keys": {}}),
    (
        "resource",
        {"uid": "r", "run_start": "run", "spec": "S", "root": "/", "resource_path": "f", "resource_kwargs": {}},
    ),
    ("datum", {"datum_id": "r/0", "resource": "r", "datum_kwargs": {}}),
    ("event", event(1)),
    ("event", event(2)),
    ("stop", {"uid": "stop", "run_start": "run", "time": 9.0, "exit_status": "success"}),
]


def write(uri, durable, spool, n_calls, documents):
    """Start a process that sends documents and kills itself after ``n_calls`` of them."""
    command = [sys.executable, "-c", WRITE, uri, durable, str(spool), str(n_calls)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    process.stdin.write(repr(documents))
    process.stdin.close()
    return process


def stored(mongod):
    with mongod.client() as client:
        names = ["run_start", "event_descriptor", "resource", "datum", "event", "run_stop"]
        found = [doc for name in names for doc in client.test[name].find({}, {"_id": 0})]
    return found


@pytest.mark.parametrize("durable", ["each", "batch"])
def test_a_writer_killed_at_every_document_boundary_leaves_what_it_was_given(mongod, tmp_path, durable):
    uri = f"mongodb://{mongod.address}/test"
    for n_calls in range(1, len(RUN) + 1):
        with mongod.client() as client:
            client.drop_database("test")
        process = write(uri, durable, tmp_path / "spool", n_calls, RUN)
        assert process.wait(timeout=30) == -signal.SIGKILL
        with process.stdout:
            assert process.stdout.read().split()[-2:-1] == [str(n_calls)]
        with Writer(uri, spool=tmp_path / "spool") as writer:
            writer.flush()
            assert stored(mongod) == [doc for _, doc in RUN[:n_calls]]
            for name, doc in RUN:
                writer(name, doc)
        assert stored(mongod) == [doc for _, doc in RUN]
        assert list((tmp_path / "spool").rglob("*.bson")) == []


@pytest.mark.parametrize("durable", ["each", "batch"])
def test_a_writer_killed_at_any_moment_leaves_what_it_was_told_is_stored(mongod, tmp_path, durable):
    uri = f"mongodb://{mongod.address}/test"
    events = [("event", event(number)) for number in range(1, 20_000)]
    chance = random.Random(f"any moment {durable}")
    process = write(uri, durable, tmp_path / "spool", 0, events)
    lines = [process.stdout.readline()]
    while int(lines[-1].split()[0]) < 2:
        lines.append(process.stdout.readline())
    time.sleep(chance.uniform(0.1, 0.4))
    process.kill()
    process.wait()
    lines += process.stdout.readlines()
    process.stdout.close()
    n_given, n_acknowledged = map(int, next(line for line in reversed(lines) if line.endswith("\n")).split())
    assert n_given > 1
    found = {doc["seq_num"] for doc in stored(mongod)}
    assert found >= set(range(1, n_acknowledged + 1))
    with Writer(uri, spool=tmp_path / "spool") as writer:
        writer.flush()
    found = [doc["seq_num"] for doc in stored(mongod)]
    assert set(found) >= set(range(1, n_given + 1))
    assert len(found) == len(set(found))


WRITE_AND_LEAVE = """
import sys
from databroker_mongo.writing import Writer

writer = Writer(sys.argv[1], durable="batch", on_failure="raise", batch_seconds=60)
for name, doc in eval(sys.stdin.read()):
    writer(name, doc)
"""


def test_a_program_that_ends_without_closing_its_writer_has_sent_all(mongod):
    documents = repr([("event", event(number)) for number in range(1, 251)])
    command = [sys.executable, "-c", WRITE_AND_LEAVE, f"mongodb://{mongod.address}/test"]
    subprocess.run(command, input=documents, text=True, check=True, timeout=30)
    assert len(stored(mongod)) == 250


def time_to_end(command, documents):
    """Return how many seconds a program goes on after it has said that its server is gone, so long as it ends well."""
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        process.stdin.write(documents)
        process.stdin.close()
        assert process.stdout.readline() == "gone\n"
        begin = time.monotonic()
        assert process.wait(timeout=60) == 0
        return time.monotonic() - begin


def test_a_program_whose_server_is_gone_ends_soon(mongod):
    end = "writer.close()\nos.kill(int(sys.argv[2]), signal.SIGKILL)\nprint('gone', flush=True)"
    program = "import os, signal, sys\n" + WRITE_AND_LEAVE + end
    command = [sys.executable, "-c", program, f"mongodb://{mongod.address}/test", str(mongod.process.pid)]
    seconds = time_to_end(command, repr([("event", event(1))]))
    assert seconds < 8


WRITE_WITHOUT_SERVER = """
import os, signal, sys
from databroker_mongo.writing import Writer

writer = Writer(sys.argv[1], durable="batch", spool=sys.argv[3], spool_anywhere=True, batch_seconds=60)
writer("start", {"uid": "run", "time": 1.0})
writer.flush()
os.kill(int(sys.argv[2]), signal.SIGKILL)
print("gone", flush=True)
for name, doc in eval(sys.stdin.read()):
    writer(name, doc)
"""


@pytest.mark.parametrize("n_events", [5, 150])
def test_a_program_that_ends_without_its_server_leaves_all_in_the_spool_and_ends_soon(mongod, tmp_path, n_events):
    uri = f"mongodb://{mongod.address}/test"
    documents = repr([("event", event(number)) for number in range(1, n_events + 1)])
    command = [sys.executable, "-c", WRITE_WITHOUT_SERVER, uri, str(mongod.process.pid), str(tmp_path)]
    assert time_to_end(command, documents) < 10
    mongod.process.wait()
    mongod.start()
    mongod.wait()
    Writer(uri, spool=tmp_path).flush()
    assert len(stored(mongod)) == n_events + 1


def test_eight_writing_processes_mix_nothing(mongod, tmp_path):
    uri = f"mongodb://{mongod.address}/test"
    n_events = 50
    processes = []
    for number in range(8):
        events = [("event", {**event(100 * number + k), "descriptor": f"d{number}"}) for k in range(1, n_events + 1)]
        processes.append(write(uri, "each" if number % 2 else "batch", tmp_path, 0, [*events, *events, RUN[-1]]))
    for process in processes:
        with process.stdout:
            process.stdout.read()
        assert process.wait(timeout=60) == 0
    with mongod.client() as client:
        counts = {each["_id"]: each["count"] for each in client.test.event.aggregate([{"$sortByCount": "$descriptor"}])}
    assert counts == {f"d{number}": n_events for number in range(8)}
