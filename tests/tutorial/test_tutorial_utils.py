"""The tutorial's data are fetched or simulated once, stored once, and found under their names."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import entry_points
from pathlib import Path

import numpy as np
import pytest

import databroker_mongo
from databroker_mongo import local_server, tutorial_utils
from databroker_mongo.documents import pages_of
from databroker_mongo.errors import ConfigurationError, SampleDataUnavailable
from databroker_mongo.server import stop_server
from databroker_mongo.tutorial import bmm_documents, rsoxs_documents

# One process has the server and the archives that the tests share.
pytestmark = pytest.mark.xdist_group("tutorial_utils")

# That the descriptors of detectors declare other shapes than their files have is part of the example.

BMM = "bluesky-tutorial-BMM"
RSOXS = "bluesky-tutorial-RSOXS"
PYTHON = sys.executable
ROOT_IN_DOCUMENTS = "e053ef98da11ce5424b99c551e4c7d6b"


@pytest.fixture(scope="module")
def user_data(tmp_path_factory, mongod_uri):
    """The user's data directory, with the embedded MongoDB in it; all tests here share the server."""
    directory = tmp_path_factory.mktemp("user_data")
    yield directory
    stop_server(directory / "databroker_mongo" / "mongodb")


@pytest.fixture
def tutorial(machine, user_data, monkeypatch, tmp_path):
    """A user who has nothing yet; the directory of the tutorial's data."""
    import pymongo

    monkeypatch.setattr(sys, "executable", PYTHON)
    monkeypatch.setenv("XDG_DATA_HOME", str(user_data))
    monkeypatch.setenv("BLUESKY_TUTORIAL_DATA", str(tmp_path / "tutorial"))
    yield tmp_path / "tutorial"
    with local_server() as server, pymongo.MongoClient(server.uri) as client:
        for name in client.list_database_names():
            if name.startswith("bluesky-tutorial"):
                client.drop_database(name)


@pytest.fixture
def tiff_handler():
    """The handler of the images; without it they are stored and not read."""
    if not any(entry.name == "AD_TIFF" for entry in entry_points(group="databroker_mongo.handlers")):
        pytest.skip("the images need the handlers: pip install ./handlers")


def n_stored() -> dict[str, int]:
    """Count the documents of each collection of the tutorial's databases."""
    import pymongo

    with local_server() as server, pymongo.MongoClient(server.uri) as client:
        names = [name for name in client.list_database_names() if name.startswith("bluesky-tutorial")]
        return {
            f"{name}.{collection}": client[name][collection].count_documents({})
            for name in names
            for collection in client[name].list_collection_names()
        }


def pack(directory: Path, documents, *, root_map: dict[str, str] | None = None) -> bytes:
    """Make the ZIP archive of a pack: a file of pages for each run, and all that is in the directory."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        catalog_file = {
            "sources": {
                "packed_catalog": {
                    "driver": "bluesky-jsonl-catalog",
                    "args": {"paths": ["/home/elsewhere/documents/*.jsonl"], "root_map": root_map or {}},
                    "metadata": {"relative_paths": ["./documents/*.jsonl"]},
                }
            }
        }
        file.writestr("catalog.yml", json.dumps(catalog_file))
        for run in runs(documents):
            lines = "".join(json.dumps(pair) + "\n" for pair in in_pages(run))
            file.writestr(f"documents/{run[0][1]['uid']}.jsonl", lines)
        for path in directory.rglob("*"):
            if path.is_file():
                file.write(path, f"external_files/{ROOT_IN_DOCUMENTS}/{path.relative_to(directory)}")
    return archive.getvalue()


def runs(documents):
    collected: list[list] = []
    for name, document in documents:
        if name == "start":
            collected.append([])
        collected[-1].append((name, document))
    return collected


def in_pages(run):
    for kind in ("start", "descriptor", "resource", "datum", "event", "stop"):
        of_kind = [document for name, document in run if name == kind]
        if kind in ("datum", "event"):
            yield from ((f"{kind}_page", page) for page in pages_of(f"{kind}_page", of_kind, size=25))
        else:
            yield from ((kind, document) for document in of_kind)


@pytest.fixture(scope="module")
def bmm_content(tmp_path_factory):
    documents = [document for run in runs(bmm_documents())[-4:] for document in run]
    return pack(tmp_path_factory.mktemp("none"), documents)


@pytest.fixture(scope="module")
def rsoxs_content(tmp_path_factory):
    images = tmp_path_factory.mktemp("images")
    documents = [
        (name, {**document, "root": ROOT_IN_DOCUMENTS} if name == "resource" else document)
        for name, document in rsoxs_documents(images)
    ]
    place = f"external_files/{ROOT_IN_DOCUMENTS}"
    return pack(images, documents, root_map={ROOT_IN_DOCUMENTS: place})


@pytest.fixture
def bmm_archive(web_server, bmm_content):
    return web_server.serve("BMM-example-v1.zip", bmm_content)


@pytest.fixture
def rsoxs_archive(web_server, rsoxs_content):
    return web_server.serve("RSOXS.zip", rsoxs_content)


def test_the_simulated_absorption_runs_are_found_under_their_name(tutorial):
    made = tutorial_utils.make_BMM_example()
    assert len(made) == 24
    ds = databroker_mongo.catalog[BMM][23463].primary.read()
    assert ds.sizes == {"time": 411}
    assert float(ds["I0"][0]) == pytest.approx(135.1, abs=0.5)
    assert {"I0", "It", "Ir", "dwti_dwell_time", "dcm_energy_setpoint"} < set(ds)


def test_the_simulated_runs_have_all_indexes_and_are_found_by_words(tutorial):
    runs = tutorial_utils.make_BMM_example()

    assert {report.state for report in runs.store.indexes(text=True)} == {"present"}
    assert runs.find("Ni foil in ref") == [runs[23463]]
    assert runs.find("nickel") == []


def test_the_simulated_images_are_read_from_their_files(tutorial, tiff_handler):
    run = tutorial_utils.make_RSOXS_example()["777b44a"]
    light = run.primary.to_dask()["Synced_saxs_image"]
    dark = run.dark.to_dask()["Synced_saxs_image"]
    assert light.shape == (128, 1, 256, 256)
    assert dark.dims == light.dims
    corrected = (light - dark.mean("time"))[100, 0, :, :].compute()
    assert 0 < float(corrected.mean()) < 5000
    assert len(list((tutorial / f"{RSOXS}-simulated").rglob("*.tiff"))) == 262


@pytest.mark.parametrize("make", [tutorial_utils.make_BMM_example, tutorial_utils.make_RSOXS_example])
def test_making_twice_stores_nothing_twice(tutorial, make):
    first = list(make())
    stored = n_stored()
    assert list(make()) == first
    assert n_stored() == stored


def test_images_are_found_after_the_directory_of_the_tutorial_has_changed(
    tutorial, tiff_handler, monkeypatch, tmp_path
):
    tutorial_utils.make_RSOXS_example()
    monkeypatch.setenv("BLUESKY_TUTORIAL_DATA", str(tmp_path / "elsewhere"))
    shutil.rmtree(tutorial)
    run = tutorial_utils.make_RSOXS_example()[6959]
    assert run.dark.read()["Synced_saxs_image"].shape == (3, 1, 256, 256)


def test_a_run_that_was_stored_in_part_is_completed(tutorial):
    import pymongo

    tutorial_utils.make_BMM_example()
    stored = n_stored()
    with local_server() as server, pymongo.MongoClient(server.uri) as client:
        database = client[f"{BMM}-simulated"]
        uid = database["run_start"].find_one({"scan_id": 23463})["uid"]
        database["run_stop"].delete_one({"run_start": uid})
        descriptor = database["event_descriptor"].find_one({"run_start": uid, "name": "primary"})["uid"]
        database["event"].delete_many({"descriptor": descriptor, "seq_num": {"$gt": 100}})
    tutorial_utils.make_BMM_example()
    assert n_stored() == stored


def test_a_published_archive_is_fetched_stored_and_named(tutorial, bmm_archive, web_server):
    fetched = tutorial_utils.fetch_BMM_example(url=web_server.url_of("BMM-example-v1.zip"))
    assert len(fetched) == 4
    run = databroker_mongo.catalog[BMM][23463]
    assert run.primary.read()["It"].shape == (411,)
    assert (tutorial / f"{BMM}.zip.sha256").read_text().strip() == hashlib.sha256(bmm_archive.content).hexdigest()


def test_the_files_of_an_archive_are_found_where_it_was_unpacked(tutorial, tiff_handler, rsoxs_archive, web_server):
    fetched = tutorial_utils.fetch_RSOXS_example(url=web_server.url_of("RSOXS.zip"))
    image = fetched[6959].dark.read()["Synced_waxs_image"]
    assert (image.shape, image.dtype) == ((3, 1, 256, 256), np.uint32)
    assert image.mean() == pytest.approx(5000, abs=50)


def test_fetching_twice_downloads_and_stores_nothing_twice(tutorial, bmm_archive, web_server):
    url = web_server.url_of("BMM-example-v1.zip")
    tutorial_utils.fetch_BMM_example(url=url)
    stored = n_stored()
    tutorial_utils.fetch_BMM_example(url=url)
    assert n_stored() == stored
    assert len(bmm_archive.ranges) == 1


def test_an_interrupted_download_goes_on_when_called_again(tutorial, bmm_archive, web_server):
    url = web_server.url_of("BMM-example-v1.zip")
    bmm_archive.breaks_after = [1 << 14, 0]
    with pytest.raises(SampleDataUnavailable, match="Call again"):
        tutorial_utils.fetch_BMM_example(url=url)
    assert len(tutorial_utils.fetch_BMM_example(url=url)) == 4
    assert bmm_archive.ranges[-1] == f"bytes={1 << 14}-"


def test_an_archive_that_is_not_that_of_the_first_time_is_refused(tutorial, bmm_archive, web_server):
    url = web_server.url_of("BMM-example-v1.zip")
    tutorial_utils.fetch_BMM_example(url=url)
    (tutorial / BMM / "catalog.yml").unlink()
    (tutorial / BMM / ".unpacked-from").unlink()
    bmm_archive.content = bmm_archive.content[:-1] + b"!"
    with pytest.raises(SampleDataUnavailable, match="checksum"):
        tutorial_utils.fetch_BMM_example(url=url)


@pytest.mark.parametrize(
    ("fetch", "twin"),
    [(tutorial_utils.fetch_BMM_example, "make_BMM"), (tutorial_utils.fetch_RSOXS_example, "make_RSOXS")],
)
def test_without_a_network_the_error_names_the_offline_twin(tutorial, fetch, twin):
    with pytest.raises(SampleDataUnavailable, match=twin) as caught:
        fetch(url="http://127.0.0.1:9/example.zip")
    assert f"{twin}_example()" in str(caught.value)


def test_a_damaged_archive_is_downloaded_anew_the_next_time(tutorial, bmm_archive, web_server):
    url = web_server.url_of("BMM-example-v1.zip")
    whole = bmm_archive.content
    bmm_archive.content = whole[:2000]
    with pytest.raises(SampleDataUnavailable, match="damaged"):
        tutorial_utils.fetch_BMM_example(url=url)
    bmm_archive.content = whole
    assert len(tutorial_utils.fetch_BMM_example(url=url)) == 4


def test_a_pack_that_points_outside_its_directory_is_refused(tutorial, web_server, tmp_path):
    content = pack(tmp_path / "none", runs(bmm_documents())[0], root_map={"a": "../../.."})
    web_server.serve("bad.zip", content)
    with pytest.raises(SampleDataUnavailable, match="outside"):
        tutorial_utils.fetch_BMM_example(url=web_server.url_of("bad.zip"))
    assert n_stored() == {}


def test_real_and_simulated_runs_take_turns_under_one_name(tutorial, rsoxs_archive, web_server):
    url = web_server.url_of("RSOXS.zip")
    tutorial_utils.make_RSOXS_example()
    fetched = tutorial_utils.fetch_RSOXS_example(url=url)
    made = tutorial_utils.make_RSOXS_example()
    assert databroker_mongo.catalog[RSOXS] == made != fetched


def test_only_the_first_version_is_known(tutorial):
    with pytest.raises(ValueError, match="version 1"):
        tutorial_utils.fetch_BMM_example(version=2)


def test_a_directory_that_cannot_be_written_is_named(tutorial):
    tutorial.write_text("a file is in the way")
    with pytest.raises(SampleDataUnavailable, match="BLUESKY_TUTORIAL_DATA") as caught:
        tutorial_utils.make_RSOXS_example()
    assert caught.value.path == tutorial


def test_another_catalog_of_that_name_is_left_as_it_is(tutorial, machine):
    file = machine.write(machine.user, "mine.yml", f"catalogs:\n  {BMM}:\n    uri: memory://mine\n")
    before = file.read_text()
    with pytest.raises(ConfigurationError, match=BMM):
        tutorial_utils.make_BMM_example()
    assert file.read_text() == before


def test_importing_the_module_loads_nothing_heavy():
    code = (
        "import sys, databroker_mongo.tutorial_utils\n"
        "sys.exit(any(name in sys.modules for name in "
        "['numpy', 'yaml', 'pooch', 'requests', 'pymongo', 'xarray', 'dask', 'tifffile', 'h5py', 'msgpack']))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
