"""Uids, times of runs and shapes that another program stored as something else: all else is read and listed."""

import contextlib

import pytest

from databroker_mongo import Catalog
from databroker_mongo.errors import CatalogError
from databroker_mongo.testing import StreamAsset, build_run

pytestmark = pytest.mark.filterwarnings("ignore")
ODD = [None, 5, {"a.b": 1}, [1, "a", None]]
KINDS = {"start": "run_start", "stop": "run_stop", "descriptor": "event_descriptor"}


@pytest.fixture
def run_with(store_uri):
    """Return a catalog of a sound run and of one whose documents of a kind are changed."""

    def run_with(kind, change):
        catalog = Catalog.from_uri(store_uri)
        fly = StreamAsset("application/x-hdf5", "file://localhost/a.h5", [(0, 2)], shape=(2, 2))
        rows = [{"x": 1}, {"x": 2}]
        for scan_id in (1, 2):
            time = 1.7e9 + scan_id
            for name, document in build_run(
                {"primary": rows}, assets={"primary": {"f": fly}}, scan_id=scan_id, time=time
            ):
                if scan_id == 2 and name == kind:
                    change(document)
                getattr(catalog.store.collections, KINDS.get(name, name)).insert_one(document)
        return catalog

    return run_with


def look_at(run):
    """Look at a run in every way: an error is one of the package."""
    header = run.v1
    ways = [
        lambda: repr(run), run.findings, lambda: str(run.health()), run.files, lambda: list(run.documents()),
        lambda: list(run.documents(fill="yes")), lambda: run.primary.read(), lambda: run.primary.to_dask(),
        lambda: header.table(), lambda: list(header.events(fill=True)), lambda: list(header.data("x")),
        lambda: list(header.data("scan_id")), lambda: header.db.export_size(header),
        lambda: header.db.export(header, Catalog.in_memory().v1),
    ]  # fmt: skip
    for way in ways:
        with contextlib.suppress(CatalogError):
            way()


@pytest.mark.parametrize("value", ODD, ids=repr)
@pytest.mark.parametrize(("kind", "field"), [("stop", "run_start"), ("descriptor", "run_start"), ("start", "uid")])
def test_runs_are_listed_beside_documents_of_odd_uids(run_with, kind, field, value):
    catalog = run_with(kind, lambda document: document.update({field: value}))
    assert len(catalog) == 2
    look_at(catalog[1])
    assert catalog[1].primary.read(["x"])["x"].values.tolist() == [1, 2]


@pytest.mark.parametrize("value", ODD, ids=repr)
@pytest.mark.parametrize("field", ["uid", "data_key", "uri", "mimetype", "parameters"])
def test_a_run_with_an_odd_stream_resource_is_looked_at_in_all_ways(run_with, field, value):
    look_at(run_with("stream_resource", lambda document: document.update({field: value}))[2])


@pytest.mark.parametrize("value", [*ODD, "noon", ...], ids=repr)
@pytest.mark.parametrize("kind", ["start", "stop"])
def test_a_run_without_a_time_is_looked_at_in_all_ways(run_with, kind, value):
    change = (lambda document: document.pop("time")) if value is ... else (lambda document: document.update(time=value))
    look_at(run_with(kind, change)[2])


@pytest.mark.parametrize("n_events", [0, 2])
@pytest.mark.parametrize("key", ["x", "f"])
@pytest.mark.parametrize("shape", [3, {}, [1, "a", None], [1.5], [[4]], [2, None], [-1]], ids=repr)
def test_a_shape_that_is_no_list_of_sizes_counts_as_absent(run_with, shape, key, n_events):
    catalog = run_with("descriptor", lambda document: document["data_keys"][key].update(shape=shape))
    run = catalog[2]
    if not n_events:
        catalog.store.collections.event.delete_many({"descriptor": run.descriptors[0]["uid"]})
    look_at(run)
    if n_events and key == "x":
        assert run.primary.read(["x"])["x"].values.tolist() == [1, 2]
