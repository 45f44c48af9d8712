"""Everything that is wrong with the documents of a run is found, and nothing else."""

import copy
import re

import pytest

from databroker_mongo import Catalog, Writer
from databroker_mongo.errors import RunNotFound
from databroker_mongo.health import Finding, check_database, check_run
from databroker_mongo.store import open_store, writable
from databroker_mongo.testing.runs import Asset, StreamAsset, build_run


@pytest.fixture
def documents():
    """A flawless run with an image in files, one in a stream of files, and plain columns."""
    image = Asset("NPY_SEQ", "/data", "a", [{"index": number} for number in range(5)], shape=(2, 2))
    fly = StreamAsset("application/x-hdf5", "file://localhost/a.h5", [(0, 5)], shape=(2, 2))
    rows = [{"det": 0.5 * number, "count": number, "label": "x", "mca": [1, 2]} for number in range(5)]
    return build_run({"primary": rows}, assets={"primary": {"image": image, "fly": fly}}, uid="run")


@pytest.fixture
def checked(store_uri):
    """Store documents and return what is found to be wrong with the run, by kind."""

    def checked(documents, **options):
        with Writer(store_uri) as writer:
            for name, doc in documents:
                writer(name, doc)
        return {finding.kind: finding for finding in check_run(open_store(store_uri), "run", **options)}

    return checked


def of_kind(documents, kind):
    return [doc for name, doc in documents if name == kind]


def test_a_flawless_run_has_no_findings(checked, documents):
    assert checked(documents) == {}


def change_event(**changes):
    def change(documents):
        event = of_kind(documents, "event")[2]
        for section, values in changes.items():
            event[section].update(values)

    return change


def forget(section, key):
    return lambda documents: of_kind(documents, "event")[2][section].pop(key)


def leave_out(kind):
    def change(documents):
        documents[:] = [pair for pair in documents if pair[0] != kind]

    return change


def repeat_seq_num(documents):
    of_kind(documents, "event")[3]["seq_num"] = 3


def leave_a_gap(documents):
    of_kind(documents, "event")[4]["seq_num"] = 8


def unname(documents):
    del of_kind(documents, "descriptor")[0]["name"]


def stop_twice(documents):
    documents.append(("stop", {**documents[-1][1], "uid": "second", "exit_status": "fail"}))


def tell_of_more(documents):
    documents[-1][1]["num_events"] = {"primary": 7}


FAULTS = {
    "missing-value": (forget("data", "det"), {"data_key": "det", "n_events": 1, "first_seq_num": 3}),
    "missing-timestamp": (forget("timestamps", "det"), {"data_key": "det", "n_events": 1}),
    "undeclared-key": (change_event(data={"new": 1.0}, timestamps={"new": 1.0}), {"data_key": "new"}),
    "wrong-type": (change_event(data={"det": "text"}), {"data_key": "det", "first_seq_num": 3}),
    "gap": (leave_a_gap, {"first": 5, "last": 7}),
    "unnamed-stream": (unname, {"stream": "primary"}),
    "second-stop": (stop_twice, {"uid": "second"}),
    "num-events": (tell_of_more, {"told": 7, "found": 5, "stream": "primary"}),
    "lost-stream-documents": (leave_out("stream_resource"), {"data_key": "fly"}),
    "missing-datum": (leave_out("datum"), {"data_key": "image", "stream": "primary"}),
    "missing-resource": (leave_out("resource"), {"data_key": "image"}),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_is_found_with_what_it_concerns_and_no_other(checked, documents, kind):
    documents = copy.deepcopy(documents)
    change, facts = FAULTS[kind]
    change(documents)
    found = checked(documents)
    assert list(found) == [kind]
    finding = found[kind]
    known = {**finding.facts, "stream": finding.stream, "data_key": finding.data_key}
    assert facts.items() <= known.items()
    assert finding.run_uid == "run"


def test_stream_datums_that_tell_of_fewer_rows_than_there_are_events_are_found(checked, documents):
    [datum] = of_kind(documents, "stream_datum")
    datum["seq_nums"] = datum["indices"] = {"start": 1, "stop": 4}
    [finding] = checked(documents).values()
    assert (finding.kind, finding.data_key) == ("lost-stream-documents", "fly")
    assert (finding.facts["told"], finding.facts["found"]) == (3, 5)


def rewound(seq_nums, told):
    documents = build_run({"primary": [{"x": number} for number, _ in enumerate(seq_nums)]}, uid="run")
    for event, seq_num in zip(of_kind(documents, "event"), seq_nums, strict=True):
        event["seq_num"] = seq_num
    documents[-1][1]["num_events"] = {"primary": told}
    return documents


def test_a_rewound_run_is_a_correct_run(checked):
    [finding] = checked(rewound([1, 2, 1, 2, 3], told=3)).values()
    assert (finding.kind, finding.facts["seq_nums"], finding.is_fault) == ("repeated-seq-num", [1, 2], False)


def test_events_that_a_rewound_run_lost_are_found_though_there_are_as_many_as_told(checked):
    found = checked(rewound([1, 2, 1, 2, 3], told=5))
    assert found.keys() == {"repeated-seq-num", "num-events"}
    assert found["num-events"].facts == {"told": 5, "found": 3}


@pytest.mark.parametrize("told", [None, {}, {"other": 0}])
def test_a_stop_that_does_not_tell_how_many_events_there_are_is_no_fault(checked, documents, told):
    documents[-1][1]["num_events"] = told
    if told is None:
        del documents[-1][1]["num_events"]
    assert checked(documents) == {}


@pytest.mark.parametrize("told", ["five", -5, 2.5])
def test_what_a_stop_of_another_program_says_that_is_no_number_of_events_is_found(store_uri, documents, told):
    documents[-1][1]["num_events"] = {"primary": told}
    store = writable(open_store(store_uri))
    for name, document in documents:
        store.insert(name, [document])
    [finding] = check_run(store, "run")
    assert (finding.kind, finding.facts) == ("num-events", {"told": told, "found": 5})
    assert f"counts {told} events" in finding.message


def detector_alone(n, *spans):
    """A scan that reads nothing but a detector, so that its events are empty."""
    fly = StreamAsset("application/x-hdf5", "file://localhost/a.h5", list(spans), shape=(2, 2))
    return build_run({"primary": [{}] * n}, assets={"primary": {"fly": fly}}, uid="run")


@pytest.mark.parametrize("spans", [[(0, 5)], [(number, number + 1) for number in range(5)]])
@pytest.mark.parametrize("says", [True, False])
def test_rows_in_files_whose_events_are_lost_are_found(checked, spans, says):
    documents = detector_alone(5, *spans)
    documents = [pair for pair in documents if pair[0] != "event" or pair[1]["seq_num"] < 4]
    if not says:
        del documents[-1][1]["num_events"]
    found = checked(documents)
    assert found.keys() == {"missing-events", *(["num-events"] if says else [])}
    assert (found["missing-events"].data_key, found["missing-events"].facts) == ("fly", {"n_rows": 2})


def test_events_that_are_all_lost_are_found_where_the_documents_tell_of_a_scan_point_by_point(checked):
    documents = detector_alone(5, *[(number, number + 1) for number in range(5)])
    [finding] = checked([pair for pair in documents if pair[0] != "event"]).values()
    assert (finding.kind, finding.data_key, finding.is_fault) == ("no-events", "fly", False)


def test_events_that_are_all_lost_are_found_where_values_would_be_in_them(checked, documents):
    found = checked([pair for pair in documents if pair[0] != "event"])
    assert found["missing-events"].facts == {"n_rows": 5}
    assert found["num-events"].facts == {"told": 5, "found": 0}


def fly_scan(*spans, told):
    fly = StreamAsset("application/x-hdf5", "file://localhost/a.h5", list(spans), shape=(2, 2))
    documents = build_run({"primary": []}, assets={"primary": {"fly": fly}}, uid="run")
    documents[-1][1]["num_events"] = {"primary": told}
    return documents


def test_a_fly_scan_of_as_many_rows_as_its_stop_tells_of_has_no_findings(checked):
    assert checked(fly_scan((0, 3), (3, 7), (5, 8), told=8)) == {}


@pytest.mark.parametrize("told", [5, 9])
def test_a_fly_scan_of_other_than_the_rows_that_its_stop_tells_of_is_found(checked, told):
    [finding] = checked(fly_scan((0, 3), (4, 8), told=told)).values()
    assert (finding.kind, finding.stream, finding.data_key) == ("num-events", "primary", "fly")
    assert finding.facts == {"told": told, "found": 7}


@pytest.mark.parametrize(("key", "value"), [("count", [1]), ("label", 5), ("mca", 1.0), ("det", {"a": 1})])
def test_a_value_of_a_type_that_was_not_declared_is_found(checked, documents, key, value):
    change_event(data={key: value})(documents)
    found = checked(documents)
    assert list(found) == ["wrong-type"]
    assert found["wrong-type"].data_key == key


def test_a_number_where_an_integer_was_declared_and_a_missing_value_are_no_fault(checked, documents):
    change_event(data={"count": 1.5, "label": None})(documents)
    assert checked(documents) == {}


def test_a_repeated_seq_num_is_found_and_so_is_the_one_it_replaces(checked, documents):
    repeat_seq_num(documents)
    found = checked(documents)
    assert set(found) == {"repeated-seq-num", "gap"}
    assert found["repeated-seq-num"].facts["seq_nums"] == [3]


@pytest.mark.parametrize(("age", "state"), [(10, "in progress"), (3600, "stalled"), (100_000, "crashed")])
def test_a_run_without_stop_is_told_apart_by_the_age_of_its_last_event(checked, documents, age, state):
    last = max(event["time"] for event in of_kind(documents, "event"))
    found = checked(documents[:-1], now=last + age)
    assert list(found) == ["no-stop"]
    assert found["no-stop"].facts == {"state": state, "last_time": last}


def test_events_that_another_program_stored_twice_are_found(store_uri, checked, documents):
    assert checked(documents) == {}
    event = of_kind(documents, "event")[0]
    open_store(store_uri).collections.event.insert_one(dict(event))
    repeated = [finding for finding in check_run(open_store(store_uri), "run") if finding.kind == "repeated-event"]
    assert [finding.facts["uids"] for finding in repeated] == [[event["uid"]]]


def test_several_stops_that_another_program_stored_are_found(store_uri, checked, documents):
    assert checked(documents) == {}
    open_store(store_uri).collections.run_stop.insert_one({**documents[-1][1], "uid": "another"})
    assert [finding.facts["uid"] for finding in check_run(open_store(store_uri), "run")] == ["another"]


def test_a_run_that_is_not_there_is_an_error(store_uri):
    with pytest.raises(RunNotFound):
        check_run(open_store(store_uri), "run")


@pytest.mark.parametrize(
    ("left_out", "parent", "n"),
    [
        ("descriptor", "descriptor", 5),
        ("start", "run", 1),
        ("resource", "resource", 5),
        ("stream_resource", "stream_resource", 1),
    ],
)
def test_documents_whose_parent_never_came_are_orphans(store_uri, documents, left_out, parent, n):
    store = open_store(store_uri)
    with Writer(store_uri) as writer:
        for name, doc in documents:
            if name != left_out:
                writer(name, doc)
    findings = [finding for finding in check_database(store) if "index" not in finding.kind]
    assert findings
    assert all(finding.kind == "orphans" for finding in findings)
    assert any(parent in finding.facts and finding.facts["n"] == n for finding in findings)
    with Writer(store_uri) as writer:
        for name, doc in documents:
            if name == left_out:
                writer(name, doc)
    assert [finding for finding in check_database(store) if "index" not in finding.kind] == []


@pytest.mark.parametrize("name_of", [str, lambda identifier: identifier], ids=["text", "ObjectId"])
def test_a_resource_of_before_2016_that_its_datums_name_by_its_id_leaves_no_orphans(store_uri, name_of):
    """Rule 1 of the layout; the image is read, so nothing is wrong."""
    frames = [{"index": number} for number in range(2)]
    image = Asset("OLD", "/data", "a", frames, shape=(2, 2))
    store = writable(open_store(store_uri))
    for kind, doc in build_run({"primary": [{"x": 1}] * 2}, assets={"primary": {"image": image}}, uid="run"):
        store.insert(kind, [doc])
    resources, datums = store.collections.resource, store.collections.datum
    old = resources.find_one_and_delete({})
    del old["uid"], old["run_start"]
    resources.insert_one(old)
    datums.update_many({}, {"$set": {"resource": name_of(old["_id"])}})
    assert [finding for finding in check_database(store) if "index" not in finding.kind] == []
    resources.delete_many({})
    [finding] = [finding for finding in check_database(store) if "index" not in finding.kind]
    assert (finding.kind, finding.facts) == ("orphans", {"resource": str(old["_id"]), "n": 2})


def test_a_name_that_can_be_nobodys_is_an_orphan_and_ends_no_check(store_uri):
    store = writable(open_store(store_uri))
    store.collections.datum.insert_many(
        [{"datum_id": str(n), "resource": name} for n, name in enumerate(({"a": 1}, [5], 7))]
    )
    findings = [finding for finding in check_database(store) if "index" not in finding.kind]
    assert {finding.facts["resource"] for finding in findings} == {"{'a': 1}", "[5]", "7"}


def without(*fields):
    def change(documents):
        for doc in of_kind(documents, "stream_resource"):
            for field in fields:
                del doc[field]

    return change


@pytest.mark.parametrize("fields", [("run_start",), ("data_key",), ("run_start", "data_key")])
def test_a_stream_resource_that_names_no_run_or_data_key_is_no_fault(checked, documents, store_uri, fields):
    without(*fields)(documents)
    # The schema before 2024, in which a stream resource named no data key.
    if "data_key" in fields:
        place = {"root": "/", "resource_path": "a.h5", "resource_kwargs": {}, "spec": "AD_HDF5_SWMR_STREAM"}
        doc = of_kind(documents, "stream_resource")[0]
        for field in ("uri", "mimetype", "parameters"):
            del doc[field]
        doc.update(place)
    assert checked(documents) == {}
    assert [finding for finding in check_database(open_store(store_uri)) if "index" not in finding.kind] == []


def test_a_stream_resource_that_nothing_ties_to_a_run_is_an_orphan(store_uri, documents):
    without("run_start")(documents)
    leave_out("stream_datum")(documents)
    with Writer(store_uri) as writer:
        for name, doc in documents:
            writer(name, doc)
    uid = of_kind(documents, "stream_resource")[0]["uid"]
    findings = [finding for finding in check_database(open_store(store_uri)) if "index" not in finding.kind]
    assert [finding.facts for finding in findings] == [{"stream_resource": uid}]


def test_documents_that_another_program_stored_twice_are_found(store_uri, checked, documents):
    assert checked(documents) == {}
    resource, start = of_kind(documents, "resource")[0], documents[0][1]
    collections = open_store(store_uri).collections
    collections.resource.insert_one(dict(resource))
    collections.run_start.insert_one(dict(start))
    findings = [finding.facts for finding in check_database(open_store(store_uri)) if finding.kind == "duplicates"]
    assert findings == [
        {"document": "start", "uids": ["run"]},
        {"document": "resource", "uids": [resource["uid"]]},
    ]


def test_indexes_that_are_missing_other_or_more_than_needed_are_found(mongod_database_uri):
    store = writable(open_store(mongod_database_uri))
    assert {finding.kind for finding in check_database(store)} == {"missing-index"}
    store.create_indexes(metadata=["proposal"])
    assert check_database(store, metadata=["proposal"]) == []
    store.collections.run_stop.drop_index([("uid", 1)])
    store.collections.run_stop.create_index([("uid", 1)])
    store.collections.run_start.create_index([("proposal", 1)])
    found = {finding.kind: finding for finding in check_database(store)}
    assert found.keys() == {"other-index", "extra-index"}
    assert found["other-index"].facts == {"collection": "run_stop", "index": "(uid 1)"}
    assert found["extra-index"].facts == {"collection": "run_start", "index": "(proposal 1)"}
    assert [finding.is_fault for finding in found.values()] == [False, True]


def test_a_finding_is_printed_without_its_lists():
    finding = Finding("missing-files", "2 files are missing.", "run", facts={"paths": ["/a"] * 10})
    assert "2 files are missing." in repr(finding)
    assert "/a" not in repr(finding)
    assert finding != Finding("missing-files", "2 files are missing.", "run")


@pytest.mark.parametrize(
    ("declared", "rows", "held"),
    [
        ([3], [[1, 2, 3, 4], [5, 6, 7, 8]], r"rows of shape \[4\]"),
        ([3], [[1, 2, 3], [1, 2]], "rows of different shapes"),
        ([], [[1, 2], [3, 4]], r"rows of shape \[2\]"),
        ([2, 3], [[1, 2, 3], [4, 5, 6]], r"rows of shape \[3\]"),
    ],
)
def test_rows_in_events_of_another_shape_than_declared_are_noted(store_uri, declared, rows, held):
    data_keys = {"a": {"source": "test", "dtype": "array", "shape": declared}}
    run = run_of(store_uri, [{"a": row} for row in rows], data_keys)

    table = run.health()

    assert table.loc[table.data_key == "a", "status"].item() == "note"
    told = re.escape(f"shape {declared} is declared, and the events hold ") + held
    assert re.search(told, table.loc[table.data_key == "a", "reason"].item())
    assert [list(row) for row in run.primary.read()["a"].values] == rows


@pytest.mark.parametrize(
    ("declared", "rows"),
    [
        ([3], [[1, 2, 3]]),
        ([1], [[5]]),
        ([1, 3], [[1, 2, 3]]),
        ([None], [[1, 2]]),
        ([5, 4, 0], [[1, 2]]),
    ],
)
def test_a_shape_that_is_declared_right_or_not_at_all_is_not_noted(store_uri, declared, rows):
    data_keys = {"a": {"source": "test", "dtype": "array", "shape": declared}}
    table = run_of(store_uri, [{"a": row} for row in rows], data_keys).health()

    assert table.loc[table.data_key == "a", "status"].item() == "ok"


def run_of(store_uri, rows, data_keys):
    catalog = Catalog.from_uri(store_uri)
    with Writer(catalog) as writer:
        for name, document in build_run({"primary": rows}, data_keys=data_keys):
            writer(name, document)
    return catalog[-1]
