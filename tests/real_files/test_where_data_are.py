"""Descriptors that say something else of where data are than events, datums and stream datums; and no data at all."""

import numpy as np
import pytest

from databroker_mongo import Catalog, Writer
from databroker_mongo.errors import UnreadableColumns
from databroker_mongo.store import open_store, writable
from databroker_mongo.testing import Asset, StreamAsset, build_run

from .conftest import FRAMES, Bench

pytestmark = pytest.mark.filterwarnings("ignore:no allowed_roots")
FILE = "application/x-hdf5"


@pytest.fixture
def folder(store_uri, installed_handlers, tmp_path):
    """A folder with the frames of five rows in ``a.h5``."""
    Bench(store_uri, tmp_path).write_hdf5()
    return tmp_path


@pytest.fixture
def stored(store_uri):
    """Store documents and return their run."""

    def stored(documents):
        store = writable(open_store(store_uri))
        for name, doc in documents:
            store.insert(name, [doc])
        return Catalog.from_uri(store_uri)[documents[0][1]["uid"]]

    return stored


def datums(folder, n=5):
    points = [{"point_number": number} for number in range(n)]
    return Asset("AD_HDF5", str(folder), "a.h5", points, shape=(1, 4, 6))


def stream(folder, *spans, shape=(1, 4, 6)):
    parameters = {"dataset": "/entry/data/data", "chunk_shape": [1, 4, 6]}
    return StreamAsset(FILE, f"file://localhost{folder}/a.h5", list(spans), parameters, shape)


def run_of(asset, *, external=None, rows=5, **options):
    said = {"image": {"dtype_numpy": "<u2"} | ({"external": external} if external else {})}
    data = {"primary": [{"x": number} for number in range(rows)]}
    return build_run(data, assets={"primary": {"image": asset}}, data_keys=said, **options)


def require_frames(run, store_uri):
    primary = run.primary
    np.testing.assert_array_equal(primary.read()["image"][:, 0], FRAMES)
    np.testing.assert_array_equal(primary.read(["image"])["image"][:, 0], FRAMES)
    np.testing.assert_array_equal(primary.to_dask()["image"][1:3, 0].compute(), FRAMES[1:3])
    assert run.findings() == []
    assert (run.health()["status"] == "ok").all()
    header = Catalog.from_uri(store_uri).v1[run.start["uid"]]
    np.testing.assert_array_equal(np.stack(header.table(fill=True)["image"])[:, 0], FRAMES)
    np.testing.assert_array_equal(np.stack(list(header.data("image")))[:, 0], FRAMES)
    filled = [event["data"]["image"] for event in header.events(fill=True)]
    np.testing.assert_array_equal(np.stack(filled)[:, 0], FRAMES)


@pytest.mark.parametrize("external", ["STREAM:", "STREAM"])
def test_datums_that_events_name_are_read_where_a_stream_is_declared(stored, store_uri, folder, external):
    run = stored(run_of(datums(folder), external=external))
    require_frames(run, store_uri)
    names = [name for name, _ in run.documents()]
    assert (names.count("resource"), names.count("datum_page")) == (1, 1)
    header = Catalog.from_uri(store_uri).v1[run.start["uid"]]
    ids = [event["data"]["image"] for event in header.events()]
    assert header.table()["image"].tolist() == list(header.data("image", fill=False)) == ids
    assert "image" in run.primary.timestamps.read()


def test_a_datum_that_is_lost_is_told_where_a_stream_is_declared(stored, folder):
    documents = run_of(datums(folder), external="STREAM:")
    kept = [pair for pair in documents if pair[0] != "datum" or not pair[1]["datum_id"].endswith("/3")]
    run = stored(kept)
    with pytest.raises(UnreadableColumns, match="which is not stored"):
        run.primary.read()
    assert [finding.kind for finding in run.findings()] == ["missing-datum"]


def test_values_in_events_are_read_where_a_stream_is_declared(stored, folder):
    documents = run_of(stream(folder, (0, 5)), external="STREAM:")
    kept = [pair for pair in documents if not pair[0].startswith("stream")]
    for number, event in enumerate(doc for name, doc in kept if name == "event"):
        event["data"]["image"] = FRAMES[number : number + 1].tolist()
        event["timestamps"]["image"] = event["time"]
    run = stored(kept)
    np.testing.assert_array_equal(run.primary.read()["image"][:, 0], FRAMES)
    assert run.findings() == []


@pytest.mark.parametrize("has_scalar", [True, False])
def test_stream_resources_are_read_where_datums_are_declared(stored, store_uri, folder, has_scalar):
    documents = run_of(stream(folder, (0, 2), (2, 5)), external="FILESTORE:")
    if not has_scalar:
        for name, doc in documents:
            if name == "descriptor":
                del doc["data_keys"]["x"]
            elif name == "event":
                doc.update(data={}, timestamps={})
    run = stored(documents)
    require_frames(run, store_uri)
    names = [name for name, _ in run.documents()]
    assert (names.count("stream_resource"), names.count("stream_datum")) == (1, 2)


def test_values_in_events_beside_those_in_stream_resources_are_found(stored, folder):
    documents = run_of(stream(folder, (0, 5)))
    for name, doc in documents:
        if name == "event":
            doc["data"]["image"], doc["timestamps"]["image"] = "text", doc["time"]
    run = stored(documents)
    np.testing.assert_array_equal(run.primary.read()["image"][:, 0], FRAMES)
    [finding] = run.findings()
    assert (finding.kind, finding.data_key) == ("second-value", "image")


@pytest.mark.parametrize("shape", [[25, 27, 0], [-1, 4, 6], None])
@pytest.mark.parametrize("external", ["FILESTORE:", "STREAM:"])
@pytest.mark.parametrize("has_stop", [True, False])
def test_a_column_without_rows_is_there_and_it_is_told_that_its_shape_is_not_known(
    stored, store_uri, folder, shape, external, has_stop
):
    documents = run_of(datums(folder, 0), external=external, rows=0, exit_status="success" if has_stop else None)
    documents[1][1]["data_keys"]["image"]["shape"] = shape
    del documents[1][1]["data_keys"]["image"]["dtype_numpy"]
    run = stored(documents)
    loaded = run.primary.read()
    assert loaded["image"].shape[0] == 0
    assert loaded.sizes["time"] == 0
    told = run.health().set_index("data_key").loc["image"]
    assert (told["status"], "no row of it is stored" in told["reason"]) == ("note", True)
    header = Catalog.from_uri(store_uri).v1[run.start["uid"]]
    table = header.table(fill=True)
    assert (len(table), "image" in table) == (0, True)
    assert list(header.data("image")) == []
    assert "image" in run.primary.to_dask()


def test_a_column_without_rows_or_stream_documents_is_unreadable_where_nobody_says_that_it_has_no_rows(stored, folder):
    documents = run_of(datums(folder, 0), external="STREAM:", rows=0)
    del documents[-1][1]["num_events"]
    run = stored(documents)
    assert "image" in run.primary.read(on_error="skip").attrs["unreadable"]
    assert [finding.kind for finding in run.findings()] == ["lost-stream-documents"]


def test_a_stream_resource_of_a_scan_that_was_aborted_before_its_first_row_is_a_column_without_rows(stored, folder):
    run = stored(run_of(stream(folder), rows=0))
    assert run.primary.read()["image"].shape == (0, 1, 4, 6)
    assert run.findings() == []


def two_resources(folder, **options):
    """The documents of a run without events: two stream resources of one data key that both begin at 1."""
    documents = run_of(stream(folder, (0, 3)), rows=0, **options)
    del documents[1][1]["data_keys"]["image"]["dtype_numpy"]
    documents[-1][1]["num_events"] = {"primary": 5}
    first, datum = documents[2][1], documents[3][1]
    second = {**first, "uid": "second", "uri": f"file://localhost{folder}/b.h5"}
    ranges = {"seq_nums": {"start": 1, "stop": 6}, "indices": {"start": 0, "stop": 5}}
    more = {**datum, "uid": "second/0", "stream_resource": "second", **ranges}
    return [*documents[:-1], ("stream_resource", second), ("stream_datum", more), documents[-1]]


def test_two_stream_resources_that_begin_alike_are_all_read_in_the_order_of_their_numbers(stored, store_uri, folder):
    Bench(store_uri, folder).write_hdf5("b.h5", frames=FRAMES + 1000)
    run = stored(two_resources(folder))
    image = run.primary.read()["image"]
    first, second = FRAMES, FRAMES + 1000
    expected = [first[0], second[0], first[1], second[1], first[2], second[2], second[3], second[4]]
    np.testing.assert_array_equal(image[:, 0], expected)
    np.testing.assert_array_equal(run.primary.to_dask()["image"][3, 0].compute(), second[1])
    np.testing.assert_array_equal(run.primary.read(dedupe="last")["image"][:, 0], second)
    [finding] = run.findings()
    assert (finding.kind, finding.facts) == ("repeated-seq-num", {"seq_nums": [1, 2, 3]})
    table = Catalog.from_uri(store_uri).v1[run.start["uid"]].table(fill=True)
    assert table.index.tolist() == [1, 1, 2, 2, 3, 3, 4, 5]
    np.testing.assert_array_equal(np.stack(table["image"])[:, 0], expected)
    assert table["time"].isna().all()
    np.testing.assert_array_equal(np.stack(list(Catalog.from_uri(store_uri).v1[-1].data("image")))[:, 0], expected)


def test_a_copy_of_a_run_of_two_stream_resources_reads_the_same(stored, store_uri, folder, database_name):
    Bench(store_uri, folder).write_hdf5("b.h5", frames=FRAMES + 1000)
    run = stored(two_resources(folder))
    copied = Catalog.from_uri(f"memory://{database_name}_copy")
    with Writer(copied) as writer:
        for name, doc in run.documents():
            writer(name, doc)
    assert copied[-1].primary.read().equals(run.primary.read())
    assert list(copied[-1].documents()) == list(run.documents())


def test_values_that_would_be_in_lost_events_are_told_to_be_missing_in_a_table(stored, store_uri, folder):
    documents = [pair for pair in run_of(stream(folder, (0, 5))) if pair[0] != "event"]
    run = stored(documents)
    assert {finding.kind for finding in run.findings()} == {"num-events", "missing-events"}
    with pytest.warns(UserWarning, match="no values of 'x'"):
        table = Catalog.from_uri(store_uri).v1[run.start["uid"]].table(fill=True)
    assert table["x"].isna().all()
    np.testing.assert_array_equal(np.stack(table["image"])[:, 0], FRAMES)
