"""The broker of a catalog: one object as long as that lives, opened by name, writing."""

import copy
import gc
import pickle
import subprocess
import sys
import threading
import weakref

import numpy as np
import pytest

import databroker_mongo
from databroker_mongo import Broker, Catalog
from databroker_mongo.errors import (
    CatalogNotFound,
    ConfigurationError,
    ConfigurationWarning,
    DuplicateDocument,
    InvalidDocument,
    OldNameWarning,
)
from databroker_mongo.testing import build_run

from .conftest import FRAMES, TIME, Frames, images, open_catalog, scan


def insert(db, documents):
    for name, document in documents:
        db.insert(name, document)


def test_a_catalog_has_one_broker_and_each_knows_the_other():
    catalog = Catalog.in_memory()
    assert catalog.v1 is catalog.v1
    assert isinstance(catalog.v1, Broker)
    assert catalog.v1.v2 is catalog
    assert catalog.v2 is catalog
    assert catalog.v1.v1 is catalog.v1


def test_all_threads_get_the_same_broker():
    catalog = Catalog.in_memory()
    found = []
    threads = [threading.Thread(target=lambda: found.append(catalog.v1)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {id(broker) for broker in found} == {id(catalog.v1)}


def test_a_callback_that_is_held_weakly_lives_as_long_as_the_catalog():
    """The RunEngine holds bound methods weakly: ``RE.subscribe(catalog.v1.insert)`` must not fall silent."""
    catalog = Catalog.in_memory()
    subscribed = weakref.WeakMethod(catalog.v1.insert)
    gc.collect()
    for name, document in scan():
        subscribed()(name, document)
    assert len(catalog) == 1
    del catalog
    gc.collect()
    assert subscribed() is None


def test_a_catalog_travels_without_its_broker():
    catalog = Catalog.from_uri("memory://travels")
    catalog.v1.add_filter(user="ann")
    arrived = pickle.loads(pickle.dumps(catalog))
    assert arrived == catalog
    assert arrived.v1.filters == {}


@pytest.mark.parametrize("travel", [copy.deepcopy, lambda each: pickle.loads(pickle.dumps(each))])
def test_a_broker_and_its_headers_travel_without_what_they_store_with(store_uri, travel):
    db = Catalog.from_uri(store_uri).v1
    insert(db, scan())
    assert travel(db[-1]).table()["I0"].tolist() == [0.0, 0.5, 1.0, 1.5, 2.0]
    arrived = travel(db)
    arrived.insert("start", {"uid": "another", "time": 1.0})
    assert len(list(db())) == 2


def test_a_narrowed_catalog_has_a_broker_of_its_own(catalog):
    narrowed = catalog.search({"user": "ann"})
    assert [header.start["scan_id"] for header in narrowed.v1()] == [4, 1]
    assert narrowed.v1 is not catalog.v1


def test_what_is_inserted_is_found(store_uri):
    db = Catalog.from_uri(store_uri).v1
    insert(db, scan())
    assert db[-1].table()["I0"].tolist() == [0.0, 0.5, 1.0, 1.5, 2.0]
    insert(db, scan())
    assert len(list(db())) == 1


def test_what_cannot_be_stored_is_refused(store_uri):
    db = Catalog.from_uri(store_uri).v1
    with pytest.raises(InvalidDocument):
        db.insert("start", {"time": 1.0})
    db.insert("start", {"uid": "a", "time": 1.0})
    with pytest.raises(DuplicateDocument):
        db.insert("start", {"uid": "a", "time": 2.0})


def test_documents_go_to_the_serializer_that_was_given():
    given = []
    Broker(Catalog.in_memory(), serializer=lambda *pair: given.append(pair)).insert("start", {"uid": "a"})
    assert given == [("start", {"uid": "a"})]


def test_handlers_are_registered_and_taken_back(db):
    class Zeros(Frames):
        def __call__(self, index):
            return np.zeros((1, 3, 5), np.uint16)

    with pytest.raises(RuntimeError, match="overwrite=True"):
        db.reg.register_handler("NPY_FRAMES", Zeros)
    db.reg.register_handler("NPY_FRAMES", Zeros, overwrite=True)
    assert db.reg.handler_reg["NPY_FRAMES"] is Zeros
    assert not np.any(list(db[2].data("img")))
    db.reg.deregister_handler("NPY_FRAMES")
    db.reg.deregister_handler("NPY_FRAMES")
    assert "NPY_FRAMES" not in db.reg.handler_reg


def test_the_registry_shows_its_catalog_and_root_map(db):
    assert repr(db.reg) == f"<Registry of {db.reg._catalog!r}, root_map={db.reg.root_map!r}>"


def test_fs_is_an_old_name_of_reg(db):
    with pytest.warns(OldNameWarning, match=r"db\.reg") as caught:
        assert db.fs is db.reg
    assert caught[0].filename == __file__


def test_statistics_tell_what_is_stored(db):
    assert db.stats()["objects"] >= 4
    assert db.stats()["collections"] >= 4


def test_runs_are_exported_with_their_files(db, tmp_path, frames_directory):
    there = open_catalog("memory://", tmp_path).v1
    seen = []
    hook = {"file_rename_hook": lambda number, total, old, new: seen.append((number, total))}
    pairs = db.export([db[1], db[2]], there, new_root=str(tmp_path / "copies"), copy_kwargs=hook)
    expected = [frames_directory / f"img_{number}.npy" for number in range(4)]
    assert [old for old, _ in pairs] == list(map(str, expected))
    assert [new for _, new in pairs] == [str(tmp_path / "copies" / "frames" / path.name) for path in expected]
    assert seen == [(number, 4) for number in range(4)]
    for path in expected:
        path.unlink()
    np.testing.assert_array_equal(list(there[2].data("img")), FRAMES)
    assert there[1].table().equals(db[1].table())


def test_the_size_of_an_export_is_that_of_its_files(db, frames_directory):
    n_bytes = sum(path.stat().st_size for path in frames_directory.iterdir())
    assert db.export_size(db[2]) == pytest.approx(n_bytes * 1e-9)
    assert db.export_size([db[1], db[3]]) == 0
    next(frames_directory.iterdir()).unlink()
    with pytest.raises(OSError, match="missing"):
        db.export_size(db[2])


def test_files_are_copied_from_where_the_root_map_says(tmp_path, frames_directory):
    documents = images(frames_directory)
    for name, document in documents:
        if name == "resource":
            document["root"] = "/elsewhere"
    there = open_catalog("memory://", tmp_path, root_map={"/elsewhere": str(tmp_path)})
    insert(there.v1, documents)
    assert there.v1.reg.root_map == {"/elsewhere": str(tmp_path)}
    resource = next(document for name, document in documents if name == "resource")
    pairs = there.v1.reg.copy_files(resource, tmp_path / "copies")
    assert pairs[0][1] == str(tmp_path / "copies" / "frames" / "img_0.npy")
    with pytest.raises(ValueError, match="run_start_uid"):
        there.v1.reg.copy_files({**resource, "run_start": None}, tmp_path / "copies")


V0 = """
    metadatastore:
      module: databroker.headersource.mongo
      class: MDS
      config: {uri: "mongodb://user:secret@127.0.0.1:1/", database: runs}
    assets:
      module: databroker.assets.mongo
      class: Registry
      config: {uri: "mongodb://user:secret@127.0.0.1:1/", database: runs}
    handlers:
      FRAMES: {module: json, class: JSONDecoder}
"""


def test_a_name_opens_a_broker_of_its_own(machine):
    machine.write(machine.user, "a.yml", "catalogs: {beamline: {uri: 'memory://named'}}")
    db = Broker.named("beamline")
    assert (db.name, db.v2.v1 is db, db.get_config()) == ("beamline", True, None)
    db.add_filter(user="ann")
    assert Broker.named("beamline").filters == {}
    insert(db, scan())
    assert Broker.named("beamline")[-1] == db[1]
    with pytest.raises(CatalogNotFound):
        Broker.named("nothing")


def test_a_file_of_databroker_opens_a_broker(machine):
    machine.write(machine.v0, "old.yml", V0)
    db = Broker.named("old")
    assert db.get_config()["metadatastore"]["config"]["database"] == "runs"
    assert "secret" not in repr(db)
    assert "FRAMES" in db.reg.handler_reg
    assert list(Broker.named("old", auto_register=False).reg.handler_reg) == ["FRAMES"]


def test_a_file_of_intake_opens_a_broker(machine):
    source = """
        sources:
          csx:
            driver: bluesky-mongo-normalized-catalog
            args: {metadatastore_db: "mongodb://127.0.0.1:1/runs", asset_registry_db: "mongodb://127.0.0.1:1/runs"}
    """
    machine.write(machine.intake, "csx.yml", source)
    db = Broker.named("csx")
    assert (db.name, db.get_config()) == ("csx", None)


@pytest.mark.parametrize(("version", "kind"), [("1", "Broker"), ("2", "Catalog")])
def test_a_configuration_may_ask_for_either_interface(machine, version, kind):
    machine.write(machine.v0, "old.yml", f"{V0}\n    api_version: {version}\n")
    assert type(Broker.named("old")).__name__ == kind


def test_version_0_is_replaced_by_version_1_with_a_warning(machine):
    machine.write(machine.v0, "old.yml", f"{V0}\n    api_version: 0\n")
    with pytest.warns(ConfigurationWarning, match="version 1"):
        assert isinstance(Broker.named("old"), Broker)


def of_v0(config=None, **more):
    config = config or {"host": "127.0.0.1", "port": 1, "database": "runs"}
    return {
        "metadatastore": {"module": "databroker.headersource.mongo", "class": "MDS", "config": config},
        "assets": {"module": "databroker.assets.mongo", "class": "Registry", "config": config},
        **more,
    }


def test_a_configuration_in_code_opens_a_broker(machine):
    config = of_v0(root_map={"/a": "/b"}, handlers={"FRAMES": {"module": "json", "class": "JSONDecoder"}})
    db = Broker.from_config(config, name="in_code")
    assert (db.name, db.get_config(), db.reg.root_map) == ("in_code", config, {"/a": "/b"})
    assert db.reg.handler_reg["FRAMES"].__name__ == "JSONDecoder"
    assert list(Broker.from_config(config, auto_register=False).reg.handler_reg) == ["FRAMES"]


def test_a_configuration_in_code_may_hold_functions(machine, mongod_uri, mongod_database_uri, database_name):
    def mark(start):
        return {**start, "marked": True}

    config = {"uri": mongod_uri, "database": database_name}
    transforms = {"start": mark, "descriptor": "copy:copy"}
    db = Broker.from_config(of_v0(config, transforms=transforms))
    insert(db, scan())
    assert db[1].start["marked"]
    assert db[1].table().shape == (5, 6)


def test_a_wrong_configuration_in_code_says_so(machine):
    with pytest.raises(ConfigurationError, match="metadatastore"):
        Broker.from_config({"assets": {}})
    with pytest.raises(ConfigurationError, match="api_version"):
        Broker.from_config(of_v0(api_version=7))


def test_temp_is_a_new_empty_broker_each_time():
    db = Broker.named("temp")
    insert(db, build_run({"primary": [{"x": 1}]}, time=TIME))
    assert len(list(db())) == 1
    assert list(Broker.named("temp")()) == []


def test_the_name_costs_nothing_until_it_is_used():
    program = (
        "import sys, databroker_mongo; databroker_mongo.Broker; print({'pandas', 'xarray', 'pymongo'} & {*sys.modules})"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert shown.strip() == "set()"
    assert "Broker" in databroker_mongo.__all__
