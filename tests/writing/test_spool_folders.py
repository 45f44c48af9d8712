"""The folder of a spool is that of a database, whoever writes to it."""

import hashlib
import json
import os
import re

import pytest

from databroker_mongo.store import Place, is_same_database, locate, place_of
from databroker_mongo.writing import find_spooled_files, spool_folders
from databroker_mongo.writing.spool import Spool, SpoolFile, encode_rows


@pytest.mark.parametrize(
    "uri",
    [
        "mongodb://b.example.org,a.example.org/runs",
        "mongodb://a.example.org:27017,B.example.org:27017/runs",
        "mongodb://reader:secret@b.example.org,a.example.org/runs?authSource=admin",
        "mongodb://reader:***@a.example.org,b.example.org/runs",
        "mongodb://reader@a.example.org,b.example.org/runs?replicaSet=rs&w=1",
        "mongodb://${ACCOUNT}@a.example.org,b.example.org/runs",
    ],
)
def test_the_place_of_a_uri_is_its_hosts_and_its_database(uri):
    assert str(place_of(uri)) == "mongodb://a.example.org:27017,b.example.org:27017/runs"


@pytest.mark.parametrize(
    ("uri", "place"),
    [
        ("mongodb://h:27018/a%20b", Place("mongodb", frozenset({"h:27018"}), "a b")),
        ("mongodb://[::1]/runs", Place("mongodb", frozenset({"[::1]:27017"}), "runs")),
        ("mongodb://[::1]:27018/runs", Place("mongodb", frozenset({"[::1]:27018"}), "runs")),
        ("mongodb://%2Ftmp%2FA.sock/runs", Place("mongodb", frozenset({"/tmp/A.sock"}), "runs")),
        ("mongodb+srv://u:p@Set.example.org/runs?x=y", Place("mongodb+srv", frozenset({"set.example.org"}), "runs")),
        ("local:///nowhere/../my%20data?database=runs", Place("local", frozenset({"/my data"}), "runs")),
        ("memory://mine", Place("memory", frozenset({"this process"}), "mine")),
    ],
)
def test_hosts_and_ports_are_told_apart_in_every_kind_of_uri(uri, place):
    assert place_of(uri) == place


def test_two_places_are_one_if_they_share_a_server_and_the_database():
    whole, one = place_of("mongodb://a,b,c/runs"), place_of("mongodb://c:27017/runs")
    assert is_same_database([whole], [one])
    assert not is_same_database([whole], [place_of("mongodb://c:27017/others")])
    assert not is_same_database([whole], [place_of("mongodb://d/runs")])
    assert not is_same_database([whole], [one, place_of("mongodb://assets/runs")])
    assert not is_same_database([], [])


def test_assets_in_another_database_are_part_of_the_place():
    both = locate("mongodb://u:p@a/runs", asset_uri="mongodb://v@a/assets").places
    assert list(map(str, both)) == ["mongodb://a:27017/runs", "mongodb://a:27017/assets"]
    assert len(locate("mongodb://u:p@a/runs", asset_uri="mongodb://v@a/runs?w=1").places) == 1


def spool_of(directory, uri):
    location = locate(uri)
    return Spool(directory, location.address, location.places)


def fill(folder, number=0):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{1_700_000_000_000_000_000 + number:020}-1-0.bson"
    path.write_bytes(b"".join(encode_rows([("start", {"uid": str(number)})])))
    return path


def found(spool):
    files = list(spool.orphans())
    for file in files:
        file.close()
    return [file.path for file in files]


def test_one_account_finds_what_another_has_left(tmp_path):
    file = spool_of(tmp_path, "mongodb://reader:old@a.example.org,b.example.org/runs?authSource=admin").new_file()
    file.append(encode_rows([("start", {"uid": "run"})]), is_synced=True)
    file.close()
    for uri in (
        "mongodb://writer:new@b.example.org,a.example.org/runs",
        "mongodb://a.example.org:27017/runs?directConnection=true",
    ):
        assert found(spool_of(tmp_path, uri)) == [file.path]
        assert spool_of(tmp_path, uri).has_documents()
    assert found(spool_of(tmp_path, "mongodb://a.example.org/others")) == []
    record = json.loads((file.path.parent / spool_folders.RECORD).read_text())
    assert record["databases"][0]["database"] == "runs"
    assert "old" not in str(record)


def old_name(address):
    """The name that an earlier version gave to the folder for a URI without its password."""
    readable = re.sub(r"[^A-Za-z0-9.-]+", "_", address.partition("?")[0])[-60:]
    return f"{readable}-{hashlib.blake2b(address.encode(), digest_size=6).hexdigest()}"


@pytest.mark.parametrize(
    "address",
    [
        "mongodb://a.example.org,b.example.org/runs",
        "mongodb://reader:***@a.example.org,b.example.org/runs",
        "mongodb://reader@a.example.org,b.example.org/runs",
        "mongodb://first.last:***@a.example.org,b.example.org/runs?authSource=admin",
        "mongodb://a.example.org,b.example.org/runs?authSource=admin",
    ],
)
def test_folders_that_an_earlier_version_named_are_found_whose_ever_account_it_was(tmp_path, address):
    path = fill(tmp_path / old_name(address))
    spool = spool_of(tmp_path, "mongodb://writer:new@a.example.org,b.example.org/runs?authSource=admin")
    assert found(spool) == [path]
    assert spool.similar_folders() == []


@pytest.mark.parametrize(
    ("address", "is_similar"),
    [
        ("mongodb://reader:***@a.example.org,b.example.org/runs?authSource=other", True),
        ("mongodb://a_b:***@a.example.org,b.example.org/runs", False),
        ("mongodb://a+b:***@a.example.org,b.example.org/runs", True),
        ("mongodb://reader:***@a.example.org,b.example.org/others", False),
        ("mongodb://***", False),
    ],
)
def test_folders_whose_names_do_not_tell_all_are_named_and_not_taken(tmp_path, address, is_similar):
    path = fill(tmp_path / old_name(address))
    spool = spool_of(tmp_path, "mongodb://writer:new@a.example.org,b.example.org/runs?authSource=admin")
    is_certain = "a_b" in address
    assert found(spool) == ([path] if is_certain else [])
    assert spool.similar_folders() == ([path.parent] if is_similar else [])
    assert [file.path for file in list(spool.orphans([path.parent]))] == [path]


def test_the_folder_of_another_user_is_left_to_that_one(tmp_path, monkeypatch):
    mine = spool_of(tmp_path, "mongodb://a/runs")
    fill(mine.directory)
    monkeypatch.setattr(spool_folders, "can_write", lambda path: path != mine.directory)
    other = spool_of(tmp_path, "mongodb://a/runs")
    assert other.directory.parent == tmp_path
    assert other.directory != mine.directory
    monkeypatch.setattr(SpoolFile, "adopt", lambda file: os.open("/nonexistent/file", os.O_RDONLY))
    assert list(other.orphans()) == []


def test_what_waits_is_counted_with_its_age_while_its_writer_is_at_work(tmp_path):
    spool = spool_of(tmp_path, "mongodb://a/runs")
    assert list(find_spooled_files(spool.directory)) == []
    file = spool.new_file()
    file.append(encode_rows([("start", {"uid": "1"}), ("start", {"uid": "2"})]), is_synced=True)
    oldest = file.oldest
    [found] = find_spooled_files(spool.directory)
    assert (found.path, found.n_documents, found.is_held) == (file.path, 2, True)
    assert abs(found.oldest - oldest) < 60
    file.close()
    assert [each.is_held for each in find_spooled_files(spool.directory)] == [False]


def test_documents_of_an_earlier_version_are_as_old_as_their_file(tmp_path):
    import bson

    path = fill(tmp_path)
    path.write_bytes(bson.encode({"name": "start", "document": {"uid": "run"}}))
    assert [each.oldest for each in find_spooled_files(tmp_path)] == [1_700_000_000.0]


@pytest.mark.parametrize("damage", [b"\0\0\0\0", b"\xff\xff\0\0", b"\xff\xff\xff\x7f", b"\xff\xff\xff\xff"])
@pytest.mark.parametrize("place", [0, 4])
def test_what_follows_a_damaged_record_is_kept(tmp_path, place, damage):
    path = fill(tmp_path)
    [first, second] = encode_rows([("start", {"uid": "1"}), ("start", {"uid": "2"})])
    broken = bytearray(second)
    broken[place : place + 4] = damage
    path.write_bytes(first + bytes(broken) + first)
    file = SpoolFile(path)
    assert file.adopt()
    assert list(file.rows()) == [("start", {"uid": "1"})]
    assert file.keep_damaged_rest().read_bytes() == bytes(broken) + first
    file.clear()
    file.close()


@pytest.mark.parametrize("document", [{"uid": "1"}, {"uid": "1", "name": "a", "data_keys": {"name": {"name": "b"}}}])
def test_a_record_that_was_cut_short_is_no_damage(tmp_path, document):
    path = fill(tmp_path)
    [whole] = encode_rows([("descriptor", document)])
    for cut in (1, 20, len(whole) - 4, len(whole) - 2):
        path.write_bytes(whole + whole[:-cut])
        file = SpoolFile(path)
        assert file.adopt()
        assert len(list(file.rows())) == 1
        assert file.keep_damaged_rest() is None
        file.close()
