"""What the documents of a run leave out of what is stored is told."""

import pytest

from databroker_mongo import Catalog, Writer
from databroker_mongo.documents import rows_of
from databroker_mongo.errors import DocumentWarning
from databroker_mongo.testing import Asset, StreamAsset, build_run

pytestmark = pytest.mark.filterwarnings("ignore:no allowed_roots")


def stored(uri, documents):
    catalog = Catalog.from_uri(uri)
    with Writer(catalog, durable="batch") as writer:
        for name, document in documents:
            writer(name, document)
    return catalog


def with_images():
    asset = Asset("NPY_SEQ", "/data", "img", [{"index": number} for number in range(3)], {}, (2, 3))
    return build_run({"primary": [{"x": number} for number in range(3)]}, assets={"primary": {"img": asset}})


@pytest.mark.parametrize("kind", ["event", "datum"])
def test_fields_of_another_program_that_a_page_has_no_place_for_are_told_once(store_uri, kind):
    catalog = stored(store_uri, with_images())
    collection = getattr(catalog.store.collections, kind)
    collection.update_many({}, {"$set": {"site": 5}})
    for documents in (catalog[-1].documents(), catalog.v1[-1].documents(), catalog[-1].documents(page_size=1)):
        with pytest.warns(DocumentWarning, match=f"{kind} documents hold the fields 'site', which") as caught:
            assert "site" not in str(list(documents))
        assert len({str(each.message) for each in caught}) == 1


BROKEN = {
    "data_keys": ("data_keys", {"data_keys": "x"}),
    "one data key": ("data_keys", {"data_keys.img": 5}),
    "no data keys": ("data_keys", {"data_keys": None}),
    "time": ("time", {"time": "noon"}),
    "name": ("name", {"name": ["primary"]}),
    "configuration": ("configuration", {"configuration": {"det": 1}}),
    "object_keys": ("object_keys", {"object_keys": {"det": 1}}),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_descriptor_that_is_read_as_something_else_is_found(store_uri, case):
    field, change = BROKEN[case]
    catalog = stored(store_uri, with_images())
    assert [finding.kind for finding in catalog[-1].findings(files=False)] == []
    catalog.store.collections.event_descriptor.update_one({}, {"$set": change})
    findings = {finding.kind: finding for finding in catalog[-1].findings(files=False)}
    found = findings["broken-descriptor"]
    assert found.facts["fields"] == [field]
    assert field in found.message
    assert found.is_fault


def test_events_of_one_time_come_in_the_order_of_their_numbers(store_uri):
    """As those of a flyer, whose events are made at once."""
    rows = [{"x": number} for number in range(6)]
    documents = build_run({"primary": rows, "other": rows})
    events = [named for named in documents if named[0] == "event"]
    for _, event in events:
        event["time"] = 1_700_000_500.0
    others = [named for named in documents if named[0] != "event"]
    catalog = stored(store_uri, [*others[:-1], *events[::-1], others[-1]])
    pages = [page for name, page in catalog[-1].documents() if name == "event_page"]
    assert [page["seq_num"] for page in pages] == [[1, 2, 3, 4, 5, 6]] * 2
    assert [event["data"]["x"] for event in catalog.v1[-1].events()] == list(range(6))


def test_documents_are_as_the_transforms_of_the_catalog_make_them(store_uri):
    """Who reads a corrected catalog copies what is corrected."""
    stored(store_uri, with_images())
    transforms = {
        "start": lambda doc: {**doc, "sample": "Ni"},
        "resource": lambda doc: {**doc, "root": "/moved"},
        "datum": lambda doc: {**doc, "datum_kwargs": {"index": 9}},
    }
    found = dict(Catalog.from_uri(store_uri, transforms=transforms)[-1].documents())
    assert found["start"]["sample"] == "Ni"
    assert found["resource"]["root"] == "/moved"
    assert found["datum_page"]["datum_kwargs"] == {"index": [9, 9, 9]}


@pytest.mark.parametrize("lost", ["stream_datum", "stream_resource", "descriptor", "datum", "resource"])
def test_what_belongs_to_nothing_that_is_stored_comes_out_all_the_same(store_uri, lost):
    """As of a run that ended between two documents, or of which another program lost some."""
    flown = StreamAsset("application/x-hdf5", "file://localhost/x.h5", [(0, 1), (1, 3)], {"dataset": "d"}, (1, 2, 3))
    pointed = Asset("NPY_SEQ", "/data", "img", [{"index": number} for number in range(3)], {}, (2, 3))
    documents = build_run({"primary": [{"x": number} for number in range(3)]}, assets={"primary": {"fly": flown}})
    documents[-1:-1] = build_run({"other": []}, assets={"other": {"img": pointed}})[1:-1]
    kept = [named for named in documents if named[0] != lost]
    catalog = stored(store_uri, kept)
    found = [name for page, document in catalog[-1].documents() for name, _ in rows_of(page, document)]
    if lost != "descriptor":  # events and stream datums are a run's through its descriptors
        assert sorted(found) == sorted(name for name, _ in kept)
    else:
        assert sorted(found) == sorted(["start", "stop", "stream_resource", "resource", *["datum"] * 3])
    stored_again = Catalog.in_memory()
    with Writer(stored_again) as writer:
        for name, document in catalog[-1].documents():
            writer(name, document)
    kinds = [{finding.kind for finding in each[-1].findings(files=False)} for each in (catalog, stored_again)]
    assert kinds[0] == kinds[1]
    assert kinds[0] or lost == "descriptor"
