"""What writers did not deliver, listed and sent at a shell's prompt."""

from __future__ import annotations

import json
import math
import platform
import re
from datetime import datetime
from pathlib import Path

import pymongo
import pytest

from databroker_mongo import Catalog, Writer
from databroker_mongo.cli.main import FAILURE, main
from databroker_mongo.errors import DurabilityWarning, InvalidDocument, NotAuthorized, StoreUnavailable
from databroker_mongo.store import open_store, writable
from databroker_mongo.store.writable_normalized import WritableNormalizedStore
from databroker_mongo.writing import spool_folders
from databroker_mongo.writing.spool import Spool, encode_rows

START = {"uid": "run", "time": 1.0}


@pytest.fixture
def uri(mongod_database_uri, machine):
    """A database that is configured as `mine`."""
    machine.write(machine.user, "a.yml", f"catalogs: {{mine: {{uri: '{mongod_database_uri}'}}}}")
    return mongod_database_uri


@pytest.fixture
def spool(tmp_path):
    return tmp_path / "spool"


def fail(*_, **__):
    raise StoreUnavailable("nobody answers")


def leave(uri, spool, documents, monkeypatch):
    """Leave documents in the spool, as a writer does whose server is away."""
    writer = Writer(uri, spool=spool, retry_seconds=0.0)
    with monkeypatch.context() as patch:
        patch.setattr(WritableNormalizedStore, "insert", fail)
        with pytest.warns(DurabilityWarning, match="not stored but kept"):
            writer(*documents[0])
        for document in documents[1:]:
            writer(*document)
        with pytest.warns(DurabilityWarning, match="Not stored yet"):
            writer.close()


def reports(uri):
    with pymongo.MongoClient(uri) as client:
        return list(client.get_default_database().spool_reports.find({}, {"_id": 0}))


def test_what_waits_is_listed_and_sent(uri, spool, capsys, monkeypatch):
    assert main(["spool", "list", "--spool", str(spool)]) == 0
    assert capsys.readouterr().out == "No documents are pending on this machine.\n"
    leave(uri, spool, [("start", START), ("start", {"uid": "other", "time": 2.0})], monkeypatch)
    for arguments in ([], ["mine"], [uri]):
        assert main(["spool", "list", *arguments, "--spool", str(spool)]) == 0
        head, line = capsys.readouterr().out.splitlines()
        assert head.split() == ["WAITING", "OLDEST", "STATE", "DATABASE", "FILE"]
        assert re.match(r"2 +\d{4}-\d\d-\d\d .* left +mongodb://\S+/test_\S+ +/\S+\.bson$", line)
    assert main(["spool", "list", "memory://other", "--spool", str(spool)]) == 0
    assert "No documents are pending" in capsys.readouterr().out
    assert main(["spool", "send", "mine", "--spool", str(spool)]) == 0
    assert capsys.readouterr().out == "Stored: 2 documents.\n"
    assert len(Catalog.from_uri(uri)) == 2
    assert main(["spool", "list", "mine", "--spool", str(spool)]) == 0
    shown = capsys.readouterr().out
    assert "No documents are pending on this machine." in shown
    assert f"{platform.node()} delivered 2 documents, kept there since" in shown
    assert "no documents are left there" in shown


def test_documents_of_a_writer_at_work_are_listed_and_left_to_it(uri, spool, capsys):
    file = Spool(spool, str(uri), open_store(uri).places).new_file()
    file.append(encode_rows([("start", START)]), is_synced=True)
    assert main(["spool", "list", "mine", "--spool", str(spool)]) == 0
    assert "of a writer at work" in capsys.readouterr().out
    assert main(["spool", "send", "mine", "--spool", str(spool)]) == 0
    assert capsys.readouterr().out == "Stored: 0 documents.\n"
    assert len(Catalog.from_uri(uri)) == 0
    file.close()


def test_folders_of_an_earlier_version_are_listed_and_sent_when_they_are_named(uri, spool, capsys):
    folder = spool / "mongodb_reader_somewhere_runs-0123456789ab"
    folder.mkdir(parents=True)
    path = folder / f"{1_700_000_000_000_000_000:020}-1-0.bson"
    path.write_bytes(b"".join(encode_rows([("start", START)])))
    assert main(["spool", "list", "--spool", str(spool)]) == 0
    assert f"not known (see the name of the folder)  {path}" in capsys.readouterr().out
    assert main(["spool", "send", "mine", "--spool", str(spool)]) == 0
    assert len(Catalog.from_uri(uri)) == 0
    assert main(["spool", "send", "mine", str(folder), "--spool", str(spool)]) == 0
    assert len(Catalog.from_uri(uri)) == 1
    assert not path.exists()


def test_a_refused_document_of_a_spool_is_told_listed_put_right_and_sent(uri, spool, capsys, monkeypatch):
    Writer(uri, on_failure="raise")("start", START)
    leave(uri, spool, [("start", {**START, "sample": "B"}), ("start", {"uid": "other", "time": 2.0})], monkeypatch)
    assert main(["spool", "send", "mine", "--spool", str(spool)]) == FAILURE
    assert "Stored: 1 document.\nRefused: 1 document;" in capsys.readouterr().out
    for arguments in ([], ["mine"]):
        assert main(["quarantine", "list", *arguments, "--spool", str(spool)]) == 0
        path, line, reason = capsys.readouterr().out.splitlines()
        assert line.endswith(" start")
        assert "is stored already, with other contents" in reason
    assert main(["quarantine", "send", "mine", "--spool", str(spool)]) == FAILURE
    assert "Stored: 0 documents. Still refused: 1 document." in capsys.readouterr().out
    record = json.loads(Path(path).read_text())
    record["document"]["uid"] = "third"
    Path(path).write_text(json.dumps(record))
    assert main(["quarantine", "send", "mine", path, "--spool", str(spool)]) == 0
    assert capsys.readouterr().out == "Stored: 1 document. Still refused: 0 documents.\n"
    assert Catalog.from_uri(uri)["third"].start["sample"] == "B"
    assert main(["quarantine", "list", "--spool", str(spool)]) == 0
    assert "No document was refused" in capsys.readouterr().out


VALUES = {
    "bytes": b"\0\xff",
    "date": datetime(2020, 1, 2, 3, 4, 5, 678000),
    "nan": math.nan,
    "large": 2**63 - 1,
    "f": 0.1,
}


def test_a_refused_document_is_sent_exactly_as_it_was_or_not_at_all(uri, spool, capsys):
    with Writer(uri, spool=spool) as writer:
        for doc in (
            {"uid": "exact", **VALUES},
            {"uid": "not exact", "time": 1.0, "set": {1}},
            {"$date": 5, "uid": "x"},
        ):
            with pytest.raises(InvalidDocument):
                writer("start", doc)
    assert main(["quarantine", "list", "--spool", str(spool)]) == 0
    shown = capsys.readouterr().out
    assert shown.count("as text: it cannot be sent before it is corrected") == 2
    [exact] = [path for path in spool.rglob("*.json") if '"exact": true' in path.read_text()]
    record = json.loads(exact.read_text())
    record["document"]["time"] = 1.0
    exact.write_text(json.dumps(record))
    assert main(["quarantine", "send", "mine", "--spool", str(spool)]) == FAILURE
    shown = capsys.readouterr().out
    assert "Stored: 1 document. Still refused: 2 documents." in shown
    assert 'write "exact": true' in shown
    [run] = Catalog.from_uri(uri).values()
    assert repr({name: run.start[name] for name in VALUES}) == repr(VALUES)


@pytest.mark.parametrize("content", [None, "[]", "no json", '{"name": "start"}'])
def test_a_file_that_is_no_refused_document_is_told(uri, tmp_path, capsys, content):
    path = tmp_path / "x.json"
    if content is not None:
        path.write_text(content)
    assert main(["quarantine", "send", "mine", str(path)]) == FAILURE
    assert "this is not a refused document" in capsys.readouterr().err


def test_a_writer_that_spooled_leaves_one_row_when_the_database_is_back(uri, spool, monkeypatch):
    for number in range(2):
        writer = Writer(uri, spool=spool, retry_seconds=0.0)
        with monkeypatch.context() as patch:
            patch.setattr(WritableNormalizedStore, "insert", fail)
            with pytest.warns(DurabilityWarning, match="not stored but kept"):
                writer("start", {"uid": f"run-{number}", "time": 1.0})
            writer("start", {"uid": f"other-{number}", "time": 1.0})
        writer.close()
    [row] = reports(uri)
    assert row["host"] == platform.node()
    [folder] = spool_folders.list_folders(spool)
    assert row["path"] == str(folder.path)
    assert (row["n_documents"], row["is_drained"]) == (2, True)
    assert abs(row["reported"].timestamp() - datetime.now().timestamp()) < 86400 * 2
    assert row["oldest"] > 1e9
    Writer(uri, spool=spool)("start", {"uid": "last", "time": 1.0})
    assert reports(uri) == [row]


def test_a_folder_that_is_not_empty_is_said_not_to_be(uri, spool, monkeypatch):
    file = Spool(spool, str(uri), open_store(uri).places).new_file()
    file.append(encode_rows([("start", {"uid": "of another writer", "time": 1.0})]), is_synced=True)
    leave(uri, spool, [("start", START)], monkeypatch)
    Writer(uri, spool=spool).close()
    assert [row["is_drained"] for row in reports(uri)] == [False]
    file.close()


def test_an_account_that_may_not_leave_a_row_stores_its_documents_all_the_same(uri, spool, monkeypatch):
    leave(uri, spool, [("start", START)], monkeypatch)

    def refuse(*_):
        raise NotAuthorized("may not")

    monkeypatch.setattr(WritableNormalizedStore, "report_spool", refuse)
    Writer(writable(open_store(uri)), spool=spool).close()
    assert len(Catalog.from_uri(uri)) == 1
    assert reports(uri) == []
