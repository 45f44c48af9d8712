"""Stream documents of both schemas, on real files; and what a broken one costs."""

import numpy as np
import pytest

from databroker_mongo import Catalog, Writer
from databroker_mongo.arrays import RowsInFiles
from databroker_mongo.documents import rows_of
from databroker_mongo.errors import DatumNotFound, InvalidDocument
from databroker_mongo.testing import StreamAsset, build_run

from .conftest import FRAMES

pytestmark = pytest.mark.filterwarnings("ignore:no allowed_roots")

LOST = "no stream resource or stream datum"
PARAMETERS = {"dataset": "/entry/data/data", "chunk_shape": [1, 4, 6]}


def asset(bench, spans=((0, 2), (2, 5))):
    return StreamAsset("application/x-hdf5", f"file://localhost{bench.folder}/a.h5", spans, PARAMETERS, (1, 4, 6))


def edited(change, kind):
    """Return a function that changes the documents of one kind, and leaves out those that become None."""

    def edit(documents):
        changed = [(name, change(doc) if name == kind else doc) for name, doc in documents]
        return [(name, doc) for name, doc in changed if doc is not None]

    return edit


@pytest.mark.parametrize("has_data_key", [True, False])
def test_the_schema_before_2024_is_stored_and_read(bench, has_data_key):
    frames = np.arange(120, dtype="u2").reshape(5, 4, 6)
    bench.write_hdf5()

    def older(doc):
        keywords = {"path": "/entry/data/data", "multiplier": 1, "timestamps": "/entry/instrument/NDAttributes/Time"}
        place = {"root": str(bench.folder), "resource_path": "a.h5", "resource_kwargs": keywords}
        named = {"data_key": doc["data_key"]} if has_data_key else {}
        return {"uid": doc["uid"], "run_start": doc["run_start"], "spec": "AD_HDF5_SWMR_SLICE", **place, **named}

    documents = []
    bench.run(asset(bench), edit=lambda found: documents.extend(edited(older, "stream_resource")(found)) or found[:1])
    writer = Writer(bench.uri)
    for name, doc in documents:
        writer(name, doc)
    primary = Catalog.from_uri(bench.uri)[-1].primary
    np.testing.assert_array_equal(primary.read()["image"][:, 0], frames)
    np.testing.assert_array_equal(primary.to_dask()["image"][1:4, 0, 2].compute(), frames[1:4, 2])


def without(field):
    return lambda doc: {key: value for key, value in doc.items() if key != field}


def test_a_stream_resource_that_names_no_run_is_found_through_its_stream_datums(bench):
    bench.write_hdf5()
    run = bench.run(asset(bench), edit=edited(without("run_start"), "stream_resource"))
    frames = np.arange(120, dtype="u2").reshape(5, 4, 6)
    np.testing.assert_array_equal(run.primary.read()["image"][:, 0], frames)
    np.testing.assert_array_equal(run.primary.to_dask()["image"][3, 0].compute(), frames[3])
    assert run.health().set_index("data_key").loc["image", "status"] == "ok"
    assert run.files()["exists"].tolist() == [True]
    names = [name for name, _ in run.documents(fill="no")]
    assert names.count("stream_resource") == 1
    assert names.count("stream_datum") == 2


@pytest.mark.parametrize(
    ("kind", "change", "error", "words"),
    [
        ("stream_resource", without("uri"), InvalidDocument, "uri"),
        ("stream_datum", without("indices"), InvalidDocument, "indices"),
        ("stream_datum", lambda doc: {**doc, "seq_nums": 3}, InvalidDocument, "seq_nums"),
        ("stream_datum", lambda doc: None, DatumNotFound, LOST),
        ("stream_resource", lambda doc: None, DatumNotFound, LOST),
    ],
)
def test_a_broken_or_missing_stream_document_costs_its_own_column(bench, kind, change, error, words):
    bench.write_hdf5()
    fault = bench.fault_of(bench.run(asset(bench), edit=edited(change, kind)))
    assert type(fault) is error
    assert words in str(fault)


def test_a_missing_file_of_a_stream_resource_is_named(bench):
    run = bench.run(asset(bench))
    fault = bench.fault_of(run)
    assert fault.path == fault.document_path == f"{bench.folder}/a.h5"
    assert fault.spec == "application/x-hdf5"
    assert fault.datum == "{'index': 0}"
    assert run.health().set_index("data_key").loc["image", "status"] == "unreadable"
    assert run.files()["exists"].tolist() == [False]


def test_a_lazy_array_that_was_made_where_the_file_is_not_reads_it_where_it_is(bench):
    image = bench.run(asset(bench)).primary.to_dask()["image"]
    assert image.shape == (5, 1, 4, 6)
    bench.write_hdf5()
    np.testing.assert_array_equal(image.compute().values.ravel(), np.arange(120))


def test_stream_data_behind_the_events_of_a_finished_run_shortens_all_columns(bench):
    bench.write_hdf5()
    primary = bench.run(asset(bench, spans=[(0, 3)])).primary
    with pytest.warns(UserWarning, match="only 3 of 5 rows are there"):
        assert dict(primary.read().sizes) == {"time": 3, "dim_0": 1, "dim_1": 4, "dim_2": 6}


def rewound_at(seq_nums, spans):
    """Return an edit that numbers the events, and the stream datums: (first seq_num, first index, number of rows)."""

    def edit(documents):
        kept = [pair for pair in documents if pair[0] != "stream_datum"]
        events = [doc for name, doc in kept if name == "event"]
        for event, seq_num in zip(events, seq_nums, strict=True):
            event["seq_num"] = seq_num
        [model] = [doc for name, doc in documents if name == "stream_datum"]
        datums = []
        for number, (seq_num, index, n) in enumerate(spans):
            ranges = {
                "seq_nums": {"start": seq_num, "stop": seq_num + n},
                "indices": {"start": index, "stop": index + n},
            }
            datums.append(("stream_datum", {**model, "uid": str(number), **ranges}))
        return [*kept[:-1], *datums, ("stop", {**kept[-1][1], "num_events": {"primary": max(seq_nums)}})]

    return edit


POINT_BY_POINT = [(1, 0, 1), (2, 1, 1), (3, 2, 1), (3, 3, 1), (4, 4, 1)]


@pytest.mark.parametrize("spans", [POINT_BY_POINT, [(1, 0, 3), (3, 3, 2)]])
def test_a_row_that_was_taken_again_shows_what_was_taken_then(bench, spans):
    bench.write_hdf5()
    run = bench.run(asset(bench, spans=[(0, 5)]), edit=rewound_at([1, 2, 3, 3, 4], spans))
    loaded = run.primary.read()
    np.testing.assert_array_equal(loaded["image"][:, 0], FRAMES)
    np.testing.assert_array_equal(loaded["n"], np.arange(5))
    np.testing.assert_array_equal(run.primary.to_dask()["image"][2:4, 0].compute(), FRAMES[2:4])
    assert [finding.kind for finding in run.findings()] == ["repeated-seq-num"]


@pytest.mark.parametrize(("n_written", "taken"), [(2, [0]), (3, [0, 2, 1]), (4, [0, 2, 1, 3])])
def test_a_run_in_progress_that_was_rewound_has_the_rows_before_the_first_that_is_not_written(bench, n_written, taken):
    bench.write_hdf5(frames=FRAMES[:n_written])
    edit = rewound_at([1, 2, 1, 2, 3], [(1, 0, 2), (1, 2, 3)])
    primary = bench.run(asset(bench, spans=[(0, 5)]), edit=lambda documents: edit(documents)[:-1]).primary
    # In the order of their numbers: taken first, third, second, fourth, fifth.
    with pytest.warns(UserWarning, match=f"only {len(taken)} of 5 rows are there"):
        loaded = primary.read()
    np.testing.assert_array_equal(loaded["image"][:, 0], FRAMES[taken])
    np.testing.assert_array_equal(loaded["n"], taken)


def test_rows_of_a_descriptor_without_the_detector_take_none_of_its_rows(bench):
    bench.write_hdf5()
    renumber = rewound_at([1, 2, 2, 3, 4], [(2, 0, 3)])

    def edit(documents):
        documents = renumber(documents)
        [descriptor] = [doc for name, doc in documents if name == "descriptor"]
        data_keys = {key: each for key, each in descriptor["data_keys"].items() if key != "image"}
        without = {**descriptor, "uid": "without", "time": descriptor["time"] - 1, "data_keys": data_keys}
        events = [doc for name, doc in documents if name == "event"]
        for event in events[:2]:
            event["descriptor"] = "without"
        return [documents[0], ("descriptor", without), *documents[1:]]

    run = bench.run(asset(bench, spans=[(0, 5)]), edit=edit)
    with pytest.warns(UserWarning, match="2 of 5 rows have no datum"):
        image = run.primary.read()["image"]
    assert np.isnan(image[:2]).all()
    np.testing.assert_array_equal(image[2:, 0], FRAMES[:3])
    assert {finding.kind for finding in run.findings()} == {"repeated-seq-num"}


def filled(run, **options):
    """The event of each row, filled."""
    pages = [page for name, page in run.documents(fill="yes", **options) if name == "event_page"]
    return [row for page in pages for _, row in rows_of("event_page", page)]


@pytest.mark.parametrize("page_size", [1, 2, 1000])
def test_an_event_whose_stored_row_is_lost_is_given_without_it(bench, page_size):
    bench.write_hdf5()
    run = bench.run(asset(bench, spans=[(0, 5)]), edit=rewound_at([1, 2, 3, 4, 5], [(1, 0, 2), (4, 3, 1)]))
    with pytest.warns(UserWarning, match="'image': the data of some events is not stored") as caught:
        events = filled(run, page_size=page_size)
    [told] = [each for each in caught if "'image'" in str(each.message)]
    assert told.filename == __file__
    assert [event["data"]["n"] for event in events] == [0, 1, 2, 3, 4]
    assert ["image" in event["data"] for event in events] == [True, True, False, True, False]
    np.testing.assert_array_equal(events[3]["data"]["image"][0], FRAMES[3])
    assert events[3]["data"]["image"].dtype == FRAMES.dtype


def test_events_of_a_run_in_progress_are_filled_as_far_as_the_file_goes(bench):
    bench.write_hdf5(frames=FRAMES[:3])
    run = bench.run(asset(bench, spans=[(0, 5)]), edit=lambda documents: documents[:-1])
    with pytest.warns(UserWarning, match="or not yet"):
        events = filled(run)
    assert ["image" in event["data"] for event in events] == [True, True, True, False, False]
    np.testing.assert_array_equal(events[2]["data"]["image"][0], FRAMES[2])


def test_an_event_that_came_after_the_rows_were_counted_is_given_without_its_data(bench):
    bench.write_hdf5()
    run = bench.run(asset(bench, spans=[(0, 4)]), edit=lambda documents: documents[:-2])
    files = RowsInFiles(run.primary.source)
    assert len(files.columns["image"]) == 4
    [page] = [page for name, page in run.documents() if name == "event_page"]
    late = {**page, "seq_num": [2, 5], "time": [page["time"][1], page["time"][3] + 1]}
    with pytest.warns(UserWarning, match="or not yet"):
        (rows, columns), (others, none) = files.parts_of(late)
    assert (rows, others, list(none)) == (slice(0, 1), slice(1, 2), [])
    np.testing.assert_array_equal(columns["image"][0, 0], FRAMES[1])


@pytest.mark.parametrize("kind", ["stream_datum", "stream_resource"])
def test_events_whose_stream_documents_are_lost_are_not_filled_in_silence(bench, kind):
    bench.write_hdf5()
    run = bench.run(asset(bench), edit=edited(lambda doc: None, kind))
    with pytest.raises(DatumNotFound, match=LOST):
        filled(run)
    assert len([page for name, page in run.documents() if name == "event_page"]) == 1


def test_events_of_two_streams_that_alternate_are_filled_each_from_its_own(bench):
    bench.write_hdf5()
    bench.write_hdf5("b.h5", frames=FRAMES + 1000)
    second = StreamAsset("application/x-hdf5", f"file://localhost{bench.folder}/b.h5", [(0, 5)], PARAMETERS, (1, 4, 6))
    rows = [{"n": number} for number in range(5)]
    assets = {"primary": {"image": asset(bench)}, "other": {"image": second}}
    documents = build_run({"primary": rows, "other": rows}, assets=assets, uid="two")
    writer = Writer(bench.uri)
    for name, doc in documents:
        writer(name, doc)
    run = Catalog.from_uri(bench.uri)["two"]
    uids = {name: run[name].descriptors[0]["uid"] for name in run}
    for name, frames in (("primary", FRAMES), ("other", FRAMES + 1000)):
        events = [event for event in filled(run, page_size=2) if event["descriptor"] == uids[name]]
        np.testing.assert_array_equal([event["data"]["image"][0] for event in events], frames)
