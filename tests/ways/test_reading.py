"""What is left out or guessed while a stream is read is told."""

import copy
import warnings

import numpy as np
import pytest

from databroker_mongo import Catalog, Writer
from databroker_mongo.errors import ColumnNotFound, DocumentWarning, StoreError, UnreadableColumns
from databroker_mongo.testing import StreamAsset, build_run

pytestmark = pytest.mark.filterwarnings("ignore:no allowed_roots")


def stored(uri, documents):
    catalog = Catalog.from_uri(uri)
    with Writer(catalog, durable="batch") as writer:
        for name, document in documents:
            writer(name, document)
    return catalog[documents[0][1]["uid"]]


def with_second_descriptor(documents, **changes):
    """The second half of the events belongs to a descriptor that declares ``x`` in another way."""
    start, (_, first), *events, stop = documents
    second = copy.deepcopy(first)
    second.update(uid="second", time=first["time"] + 1.5)
    second["data_keys"]["x"].update(changes)
    half = len(events) // 2
    for _, event in events[half:]:
        event["descriptor"] = "second"
    return [start, ("descriptor", first), *events[:half], ("descriptor", second), *events[half:], stop]


@pytest.mark.parametrize(
    "changes", [{"units": "µm"}, {"units": None}, {"dims": ["energy"]}, {"external": "FILESTORE:"}], ids=str
)
@pytest.mark.parametrize("method", ["read", "to_dask"])
def test_what_the_descriptors_of_a_stream_do_not_agree_about_is_told(store_uri, changes, method):
    rows = [{"x": [1.0, 2.0]}, {"x": [3.0, 4.0]}]
    documents = build_run({"primary": rows}, data_keys={"x": {"units": "mm", "dims": ["place"]}})
    run = stored(store_uri, with_second_descriptor(documents, **changes))
    with pytest.warns(DocumentWarning, match=f"'x': the descriptors .* disagree; .* {next(iter(changes))}"):
        column = getattr(run.primary, method)()["x"]
    np.testing.assert_array_equal(column, [[1.0, 2.0], [3.0, 4.0]])
    assert column.attrs["units"] == "mm"
    assert "disagree" in run.health().set_index("data_key").loc["x", "reason"]


def test_descriptors_that_agree_about_a_column_are_nothing_to_tell(store_uri):
    documents = build_run({"primary": [{"x": "ab"}, {"x": "abc"}]}, data_keys={"x": {"dtype_numpy": "<U2"}})
    run = stored(store_uri, with_second_descriptor(documents, dtype_numpy="<U3", precision=3))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert run.primary.read()["x"].values.tolist() == ["ab", "abc"]


@pytest.mark.parametrize("keys", ["typo", ["x", "typo"], "image", ["image"]])
def test_timestamps_that_no_event_holds_are_an_error(store_uri, keys):
    asset = StreamAsset("application/x-hdf5", "file://localhost/x.h5", [(0, 2)], {"dataset": "d"}, (1, 2, 2))
    run = stored(store_uri, build_run({"primary": [{"x": 1}, {"x": 2}]}, assets={"primary": {"image": asset}}))
    for method in ("read", "to_dask"):
        with pytest.raises(ColumnNotFound, match=r"no timestamps of .*, but of x"):
            getattr(run.primary.timestamps, method)(keys)
    assert list(run.primary.timestamps.read("x")) == list(run.primary.timestamps.read()) == ["x"]


def test_the_configuration_of_a_stream_without_events_is_told_to_be_elsewhere(store_uri):
    asset = StreamAsset("application/x-hdf5", "file://localhost/x.h5", [(0, 2)], {"dataset": "d"}, (1, 2, 2))
    configuration = {"det": {"data": {"gain": 3}, "timestamps": {"gain": 1.0}, "data_keys": {}}}
    run = stored(store_uri, build_run({"fly": []}, assets={"fly": {"image": asset}}, configuration=configuration))
    with pytest.warns(DocumentWarning, match=r"stream.descriptors\[0\]\['configuration'\]\['det'\]"):
        assert run.fly.config["det"].read()["gain"].size == 0
    assert run.fly.descriptors[0]["configuration"]["det"]["data"] == {"gain": 3}


def remove_one(collections):
    collections.event.delete_one({"seq_num": 3})


def add_one(collections):
    event = collections.event.find_one({"seq_num": 3}, {"_id": 0})
    collections.event.insert_one({**event, "uid": "late", "time": event["time"] - 0.5})


@pytest.mark.parametrize("change", [remove_one, add_one])
def test_events_that_are_removed_or_come_late_after_the_rows_were_fixed_are_told(store_uri, change):
    run = stored(store_uri, build_run({"primary": [{"x": float(number), "y": "a"} for number in range(5)]}))
    primary = run.primary
    assert primary.timestamps.read()["x"].size == 5
    change(Catalog.from_uri(store_uri).store.collections)
    with pytest.raises(StoreError, match=r"have changed since it was first read.*run.refresh\(\)"):
        primary.read()
    assert run.refresh().primary.read()["x"].size == (4 if change is remove_one else 6)


def test_a_key_that_no_descriptor_declares_is_no_column_and_is_found(store_uri):
    documents = build_run({"primary": [{"x": 1, "more": 2}]})
    del documents[1][1]["data_keys"]["more"]
    run = stored(store_uri, documents)
    assert list(run.primary.read()) == ["x"]
    assert [(each.kind, each.data_key) for each in run.findings()] == [("undeclared-key", "more")]
    assert next(page for name, page in run.documents() if name == "event_page")["data"]["more"] == [2]


def test_that_a_column_is_renamed_hides_nothing_else_about_it(store_uri, tmp_path, installed_handlers):
    np.save(tmp_path / "a.npy", np.arange(12).reshape(2, 2, 3))
    asset = StreamAsset("application/x-npy", f"file://localhost{tmp_path}/a.npy", [(0, 2)], {}, (1, 2, 3))
    rows = [{"x": number} for number in range(5)]
    run = stored(store_uri, build_run({"primary": rows}, assets={"primary": {"time": asset}}))
    with pytest.warns(DocumentWarning, match=r"only 2 of 5 rows are there.*called 'time_' here"):
        assert run.primary.read().sizes["time"] == 2


@pytest.mark.parametrize("told", [{"fly": 0, "primary": 1}, {"fly": 2, "primary": 1}, None, "nothing yet"])
def test_a_stream_in_files_of_which_nothing_came_is_empty_only_if_nothing_was_due(store_uri, told):
    asset = StreamAsset("application/x-hdf5", "file://localhost/x.h5", [], {"dataset": "d"}, (1, 2, 3))
    documents = build_run({"primary": [{"x": 1}], "fly": []}, assets={"fly": {"img": asset}})
    documents[-1][1]["num_events"] = told or {}
    documents = documents[:-1] if told == "nothing yet" else documents
    run = stored(store_uri, [named for named in documents if named[0] != "stream_resource"])
    kinds = {finding.kind for finding in run.findings()} - {"no-stop"}
    if told in ({"fly": 0, "primary": 1}, "nothing yet"):
        assert run.fly.read()["img"].shape == (0, 1, 2, 3)
        assert not kinds
    else:
        with pytest.raises(UnreadableColumns, match="no stream resource or stream datum is stored"):
            run.fly.read()
        assert "lost-stream-documents" in kinds
