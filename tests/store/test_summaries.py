"""Summaries of runs: who makes them, when they answer, and that they never do when they are out of date."""

from __future__ import annotations

import subprocess
import sys
import warnings
from pathlib import Path

import pymongo
import pytest

from databroker_mongo import Catalog, FullText, Writer
from databroker_mongo.errors import CatalogWarning
from databroker_mongo.queries import Duration, InProgress, Key, Raw
from databroker_mongo.store import open_store, writable
from databroker_mongo.store.search import start_pages as pages
from databroker_mongo.store.upkeep import summaries
from databroker_mongo.testing import build_run

SCRIPT = Path(__file__).parents[2] / "scripts" / "build_summaries"
LONG_AGO = 1_500_000_000.0


@pytest.fixture
def uri(mongod_database_uri, monkeypatch):
    """A database of four old runs without summaries, so large that no side of a question is selective."""
    monkeypatch.setattr(pages, "VERY_FEW", -1)
    monkeypatch.setattr(pages, "FEW", -1)
    write(mongod_database_uri, range(1, 5))
    return mongod_database_uri


@pytest.fixture
def database(uri):
    with pymongo.MongoClient(uri) as client:
        yield client.get_default_database()


def write(uri, scan_ids, *, time=LONG_AGO, exit_status="success"):
    writer = Writer(Catalog.from_uri(uri))
    for scan_id in scan_ids:
        for name, doc in build_run(
            {"primary": [{"x": 1}]}, scan_id=scan_id, time=time + scan_id, exit_status=exit_status
        ):
            writer(name, doc)


def build(uri):
    return writable(open_store(uri)).build_summaries(apply=True)


def found(uri, *questions, **keywords):
    runs = Catalog.from_uri(uri).search(*questions, **keywords)
    assert len(runs) == len(list(runs))
    return [run.start["scan_id"] for run in runs.values()]


def answers_from_summaries(database, uri, *questions, **keywords):
    """Tell whether it is the summaries that answer, by taking one of them away behind their back."""
    collection = database["run_summary"]
    stored = collection.find_one_and_update({"start.scan_id": 2}, {"$set": {"duration": -1.0, "start.scan_id": 99}})
    try:
        return 99 in found(uri, *questions, **keywords)
    finally:
        collection.replace_one({"_id": stored["_id"]}, stored)


def test_nothing_is_written_unless_it_is_asked_for(uri, database):
    report = writable(open_store(uri)).build_summaries(apply=False)
    assert (report.n_runs, report.n_written) == (4, 4)
    assert "run_summary" not in database.list_collection_names()
    assert build(uri) == report
    assert build(uri).n_written == 0


def test_they_answer_what_would_bring_all_documents_together(uri, database):
    build(uri)
    assert answers_from_summaries(database, uri, duration_lt=0)
    assert answers_from_summaries(database, uri, Duration("lt", 0) | (Key("scan_id") == 77))
    assert answers_from_summaries(database, uri, ~(Key("stop.exit_status") == "fail") & Duration("lt", 5000))
    assert found(uri, ~InProgress() & Duration("gt", 10)) == [4, 3, 2, 1]


def test_what_they_do_not_hold_is_asked_of_the_documents(uri, database):
    build(uri)
    assert not answers_from_summaries(database, uri, ~Raw({"data_keys.x.dtype": "string"}, "descriptor"))
    assert found(uri, ~Raw({"data_keys.x.dtype": "string"}, "descriptor")) == [4, 3, 2, 1]
    database["run_start"].create_index([("$**", "text")])
    assert found(uri, FullText("nothing") & Duration("gt", 1)) == []


def test_runs_that_others_write_later_are_asked_of_their_documents(uri, database):
    build(uri)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for number, time in ((5, 3e9), (6, float("nan"))):
            start = {"uid": f"other-{number}", "time": time, "scan_id": number}
            database["run_start"].insert_one(start)
            database["run_stop"].insert_one({"uid": f"stop-{number}", "run_start": start["uid"], "time": time + 60})
        assert found(uri, duration_ge=60) == [5, 4, 3, 2, 1]
        assert answers_from_summaries(database, uri, duration_lt=0)


def test_when_older_runs_are_lacking_they_are_not_used_and_a_warning_says_so(uri, database):
    build(uri)
    database["run_start"].insert_one({"uid": "late", "time": LONG_AGO, "scan_id": 7})
    with pytest.warns(CatalogWarning, match="build-summaries"):
        assert found(uri, InProgress() | Duration("gt", 1)) == [4, 3, 2, 1, 7]
    assert build(uri).n_written == 1
    assert found(uri, InProgress() | Duration("gt", 1)) == [4, 3, 2, 1, 7]
    database["run_start"].delete_one({"uid": "late"})
    with pytest.warns(CatalogWarning, match="out of date"):
        assert found(uri, InProgress() | Duration("gt", 1)) == [4, 3, 2, 1]
    assert build(uri).n_removed == 1
    assert found(uri, InProgress() | Duration("gt", 1)) == [4, 3, 2, 1]


def test_a_run_that_goes_on_is_asked_of_its_documents_until_it_is_summarised_again(uri, database):
    write(uri, [8], exit_status=None)
    build(uri)
    assert found(uri, in_progress=True) == [8]
    uid = database["run_start"].find_one({"scan_id": 8})["uid"]
    database["run_stop"].insert_one({"uid": "s", "run_start": uid, "time": LONG_AGO + 9, "exit_status": "abort"})
    assert found(uri, in_progress=True) == []
    assert found(uri, duration_lt=5) == [8]
    assert build(uri).n_written == 1
    assert database["run_summary"].find_one({"uid": uid})["stop"]["exit_status"] == "abort"


def test_a_run_is_found_by_its_identifier_in_the_database_too(uri, database):
    build(uri)
    identifier = database["run_start"].find_one({"scan_id": 3})["_id"]
    assert found(uri, {"_id": identifier}, Duration("gt", 1) | InProgress()) == [3]


def test_a_correction_is_seen_whoever_made_it(uri, database):
    build(uri)
    store = writable(open_store(uri))
    uid = database["run_start"].find_one({"scan_id": 3})["uid"]
    store.correct("start", uid, lambda stored: {**stored, "scan_id": 33})
    assert found(uri, duration_gt=1) == [4, 33, 2, 1]
    assert found(uri, duration_gt=1, start={"scan_id": 3}) == []


def test_our_writer_keeps_them_as_runs_begin_and_end(uri, database):
    build(uri)
    write(uri, [10, 11], time=3e9)
    write(uri, [12], time=3e9, exit_status=None)
    assert database["run_summary"].count_documents({}) == 7
    assert database["run_summary"].count_documents({"is_open": True}) == 1
    assert found(uri, in_progress=True) == [12]
    assert found(uri, ~InProgress() & Duration("gt", 1)) == [11, 10, 4, 3, 2, 1]


def test_a_writer_is_not_disturbed_when_they_cannot_be_kept(uri, database, monkeypatch, caplog):
    build(uri)

    def fail(*_):
        raise pymongo.errors.AutoReconnect("gone")

    monkeypatch.setattr(summaries, "_write", fail)
    write(uri, [13], time=LONG_AGO - 1)
    assert "could not be updated" in caplog.text
    monkeypatch.undo()
    monkeypatch.setattr(pages, "VERY_FEW", -1)
    monkeypatch.setattr(pages, "FEW", -1)
    with pytest.warns(CatalogWarning, match="out of date"):
        assert 13 in found(uri, duration_gt=1)


def test_the_script_tells_what_there_is_to_do_and_does_it_when_told_to(uri, database):
    def script(*arguments):
        return subprocess.run([sys.executable, SCRIPT, *arguments], capture_output=True, text=True, timeout=60)

    assert "4 summaries are to be written" in script(uri).stdout
    assert "run_summary" not in database.list_collection_names()
    assert "4 summaries were written, 0 were removed" in script(uri, "--apply").stdout
    assert database["run_summary"].count_documents({}) == 4
    failed = script("no-such-catalog")
    assert (failed.returncode, failed.stdout) == (1, "")


def test_a_database_in_memory_needs_none():
    assert writable(open_store("memory://")).build_summaries(apply=True).n_written == 0
