"""What users of ``tiled.client`` and ``bluesky_tiled_plugins`` type, in both layouts: as the library itself answers."""

from __future__ import annotations

import json

import numpy as np
import pytest
import xarray
from bluesky_tiled_plugins.queries import PartialUID, ScanID, ScanIDRange, TimeRange
from tiled.queries import Comparison, Contains, Eq, FullText, In, Key, KeyPresent, Like, NotEq, NotIn, Regex

from databroker_mongo.queries import query_of

from .conftest import CONFIGURATION, FRAMES, TIME, uid_of

N_RUNS = 30


def as_stored(documents):
    return [(name, json.loads(json.dumps(document))) for name, document in documents]


def same(found, expected):
    """In layout 2 the client itself makes objects of texts."""
    assert set(found.data_vars) == set(expected.data_vars)
    for name in expected.data_vars:
        one, other = found[name], expected[name]
        assert one.dims[0] == other.dims[0] == "time"
        if other.dtype.kind == "U":
            one = one.astype(other.dtype)
        assert one.values.dtype == other.values.dtype, name
        assert one.values.tobytes() == other.values.tobytes(), name
    assert found["time"].values.tobytes() == expected["time"].values.tobytes()


def test_a_catalog_is_counted_and_walked_through_the_oldest_first(client):
    assert type(client).__name__ == "CatalogOfBlueskyRuns"
    assert len(client) == N_RUNS
    assert list(client) == [uid_of(number) for number in range(1, N_RUNS + 1)]
    assert [run.start["scan_id"] for run in client.values()] == list(range(1, N_RUNS + 1))
    assert list(client.keys()[3:5]) == [uid_of(4), uid_of(5)]
    assert "30" in repr(client)


def test_pages_are_complete_whatever_is_counted(client, monkeypatch):
    from databroker_mongo import Catalog

    monkeypatch.setattr(Catalog, "estimate_len", lambda self: 3)
    uids = [uid_of(number) for number in range(1, N_RUNS + 1)]
    assert list(client.keys().page_size(7)) == uids
    assert [run.start["uid"] for run in client.values().page_size(7)] == uids
    assert [run.start["uid"] for run in client.values().page_size(10)] == uids


@pytest.mark.parametrize(
    ("key", "number"),
    [(-1, 30), (-30, 1), (7, 7), (uid_of(12), 12), (uid_of(12)[:8], 12), (uid_of(12)[:8].upper(), 12)],
)
def test_a_run_is_found_by_its_place_its_scan_id_and_its_uid(client, catalog, key, number):
    run = client[key]
    assert run.start["uid"] == uid_of(number)
    assert run.metadata["start"] == catalog[uid_of(number)].start
    assert run.metadata["stop"] == catalog[uid_of(number)].stop


@pytest.mark.parametrize("key", [99, "ffffffff", "no such run", uid_of(99)])
def test_a_run_that_is_not_there_is_a_key_error(client, key):
    with pytest.raises(KeyError):
        client[key]


QUERIES = {
    "Eq": Eq("start.plan_name", "scan"),
    "Eq of stop": Eq("stop.exit_status", "fail"),
    "Key": Key("scan_id") > 25,
    "Key of stop": Key("stop.exit_status") == "success",
    "nested": Key("start.sample.name") == "Ni",
    "NotEq": NotEq("start.plan_name", "scan"),
    "In": In("scan_id", [3, 5, 99]),
    "NotIn": NotIn("start.plan_name", ["scan"]),
    "Comparison": Comparison("le", "start.time", TIME + 60 * 3),
    "Contains": Contains("start.plan_name", "ou"),
    "Regex": Regex("start.plan_name", "^sc"),
    "KeyPresent": KeyPresent("stop.reason"),
    "no KeyPresent": KeyPresent("stop.reason", exists=False),
    "nothing": Eq("start.plan_name", "no such plan"),
}


@pytest.mark.parametrize("name", QUERIES)
def test_a_search_finds_what_the_library_finds(client, catalog, name):
    query = QUERIES[name]
    expected = {run.start["uid"] for run in catalog.search(query_of(query)).values()} if name != "nothing" else set()
    found = client.search(query)
    assert set(found) == expected
    assert len(found) == len(expected)
    assert [run.start["uid"] for run in found.values()] == sorted(expected)


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        (Like("start.uid", f"{uid_of(4)[:6]}%"), {4}),
        (Like("start.plan_name", "s_an"), set(range(2, 31, 2))),
        (Like("start.plan_name", "%can"), set(range(2, 31, 2))),
        (Like("start.plan_name", "sca"), set()),
        (TimeRange(since=TIME + 60 * 28, timezone="UTC"), {28, 29, 30}),
        (TimeRange(since=TIME + 60 * 2, until=TIME + 60 * 4, timezone="UTC"), {2, 3}),
        (ScanIDRange(3, 6), {3, 4, 5}),
        (ScanID(9), {9}),
        (PartialUID(uid_of(9)[:7]), {9}),
    ],
    ids=repr,
)
def test_queries_of_beamlines_find_their_runs(client, query, numbers):
    assert set(client.search(query)) == {uid_of(number) for number in numbers}


def test_searches_follow_each_other(client):
    found = client.search(Key("plan_name") == "scan").search(Key("scan_id") > 20)
    assert [run.start["scan_id"] for run in found.values()] == [22, 24, 26, 28, 30]
    assert found[-1].start["scan_id"] == 30
    assert found[uid_of(24)].start["scan_id"] == 24
    with pytest.raises(KeyError):
        found[uid_of(23)]


def test_a_search_for_words_says_that_there_is_no_text_index(client):
    from tiled.client.utils import ClientError

    with pytest.raises(ClientError, match="400: This database has no text index"):
        list(client.search(FullText("scan")))


def test_runs_are_sorted_by_any_field_of_the_start(client):
    by_plan = client.sort(("start.plan_name", 1), ("scan_id", -1))
    assert [run.start["scan_id"] for run in by_plan.values()] == [*range(29, 0, -2), *range(30, 0, -2)]
    assert [run.start["scan_id"] for run in client.sort(("time", -1)).values()[:3]] == [30, 29, 28]
    from tiled.client.utils import ClientError

    with pytest.raises(ClientError, match="400: Runs are sorted by fields of the start"):
        list(client.sort(("stop.time", 1)))


def test_values_of_fields_are_counted(client):
    found = client.distinct("start.plan_name", "stop.exit_status", counts=True, structure_families=True, specs=True)
    counted = {key: {each["value"]: each["count"] for each in found["metadata"][key]} for key in found["metadata"]}
    assert counted == {"start.plan_name": {"scan": 15, "count": 15}, "stop.exit_status": {"success": 6, "fail": 23}}
    assert found["structure_families"] == [{"value": "container", "count": N_RUNS}]
    assert [each["count"] for each in found["specs"]] == [N_RUNS]
    some = client.search(Key("scan_id") < 4).distinct("plan_name")
    assert [each["value"] for each in some["metadata"]["plan_name"]] == ["count", "scan"]


@pytest.mark.filterwarnings("ignore::databroker_mongo.errors.DocumentWarning")
@pytest.mark.parametrize("number", [1, 2, 7, 8])
def test_a_stream_is_read_bit_for_bit(client, catalog, number):
    same(client[number]["primary"].read(), catalog[number]["primary"].read())


def test_a_stream_without_events_is_read(client, catalog):
    found = client[3]["primary"].read()
    assert found["img"].values.tobytes() == catalog[3]["primary"].read()["img"].values.tobytes() == FRAMES.tobytes()


def test_a_run_has_the_streams_and_columns_that_it_has(client, catalog):
    assert set(client[1]) == {"primary", "baseline"}
    assert len(client[1]) == 2
    baseline = client[1]["baseline"].read()
    assert baseline["T"].values.tolist() == [4.2, 4.3]
    some = client[1]["primary"].read(["n", "I0"])
    assert {*some.data_vars} == {"n", "I0"}


@pytest.mark.parametrize(
    "part", [3, slice(1, 4), slice(None, None, -2), (2, slice(1, 3)), (slice(0, 2), 0, slice(None, None, 2))]
)
@pytest.mark.filterwarnings("ignore::databroker_mongo.errors.DocumentWarning")
def test_a_part_of_an_image_is_that_of_the_array(client, catalog, layout, part):
    node = client[2]["primary"]
    array = node["img"] if layout == 3 else node["data"]["img"]
    expected = catalog[2]["primary"]["img"].read()
    assert array.shape == expected.shape
    assert array.dtype == expected.dtype
    assert array.dims == catalog[2]["primary"].read().img.dims
    np.testing.assert_array_equal(array[part], expected[part])
    np.testing.assert_array_equal(array.read_block((0,) * expected.ndim, part), expected[part])


@pytest.mark.parametrize("number", [1, 2, 3, 4, 7])
def test_documents_are_those_of_the_library(client, catalog, number):
    assert [(name, dict(document)) for name, document in client[number].documents()] == as_stored(
        catalog[number].documents()
    )


def test_filled_documents_are_those_of_the_library(catalog):
    from tiled.client import from_context

    from .conftest import serving

    with serving(catalog, layout=2) as context:
        found = [dict(document) for _, document in from_context(context)[2].documents(fill=True)]
    pages = [document for document in found if "data" in document]
    np.testing.assert_array_equal(np.concatenate([page["data"]["img"] for page in pages]).squeeze(), FRAMES)


def test_configuration_and_times_are_there(client, catalog, layout):
    stream, times = client[1]["primary"], catalog[1]["primary"].timestamps["n"].read().tolist()
    if layout == 3:
        assert stream.metadata["configuration"] == CONFIGURATION
        assert stream.read(["ts_n"])["ts_n"].values.tolist() == times
        assert stream["seq_num"].read().tolist() == [1, 2, 3, 4, 5]
        return
    assert stream["config"]["det"].read()["gain"].values.tolist() == [3]
    assert stream["config"]["det"].read()["mode"].values.tolist() == ["fast"]
    assert stream["config_timestamps"]["det"].read()["gain"].values.tolist() == [TIME - 9.0]
    assert stream["timestamps"].read()["n"].values.tolist() == times


def test_descriptors_are_those_of_the_run(client, catalog, layout):
    found = client[1]["primary"].descriptors
    expected = catalog[1]["primary"].descriptors
    if layout == 2:
        assert found == expected
    else:
        left_out = {"object_keys", "hints"}
        assert [{k: v for k, v in each.items() if k not in left_out} for each in found] == [
            {k: v for k, v in each.items() if k not in left_out} for each in expected
        ]


@pytest.mark.filterwarnings("ignore::databroker_mongo.errors.DocumentWarning")
def test_odd_names_and_values_are_served(client, catalog, layout):
    node = client[4]["primary"]
    expected = catalog[4]["primary"].read()
    # In layout 3, clients take what begins with "ts_" for times, and leave it out unless it is named.
    found = node.read() if layout == 2 else xarray.merge([node.read(), node.read(["ts_x"])])
    names = {"time": "time_", "seq_num": "seq_num_", "a/b": "a_b", "internal": "internal_"}
    if layout == 2:
        names = {"time": "time_", "a/b": "a_b"}
    for key in catalog[4]["primary"]:
        values = expected["time_" if key == "time" else key].values
        served = found[names.get(key, key)].values
        if values.dtype != object:
            assert served.tobytes() == values.tobytes(), key
    assert set(found.data_vars) >= {names.get(key, key) for key in catalog[4]["primary"]}
    assert set(client[4]) == {"primary", "a_b"}
    assert client[4]["a_b"].read()["x"].values.tolist() == [1]
