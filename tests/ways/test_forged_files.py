"""A run that names files of others is refused on every way out, however it names them; here without a server."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from operator import methodcaller

import numpy as np
import pytest

from databroker_mongo import Catalog
from databroker_mongo.assets import Resource
from databroker_mongo.errors import CatalogError, PathNotAllowed
from databroker_mongo.store import writable

from ..forged import OWN, SECRET, SHAPE, WAYS, allowed_root, forge, write_files

pytestmark = pytest.mark.usefixtures("installed_handlers")


@pytest.fixture
def data(tmp_path):
    """The directory of the files of both proposals."""
    write_files(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def worker():
    """Another process, as a worker of dask is one."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield pool


def opened(documents, *allowed):
    catalog = Catalog.in_memory(allowed_roots=allowed)
    for name, document in documents:
        writable(catalog.store).insert(name, [document])
    return catalog


def computed_by(worker, run):
    # What the worker calls is found there by its name, so it is of no module of the tests.
    return worker.submit(methodcaller("compute"), run.primary.to_dask()["img"].data).result()


def filled(run):
    documents = [document for name, document in run.documents(fill="yes") if name in ("event", "event_page")]
    return np.array([document["data"]["img"] for document in documents])


def exported(catalog, directory):
    catalog.v1.export(catalog.v1[-1], Catalog.in_memory(allowed_roots=["/"]).v1, new_root=str(directory))


WAYS_OUT = {
    "read": lambda catalog, directory, worker: catalog[-1].primary.read()["img"].to_numpy(),
    "dask": lambda catalog, directory, worker: catalog[-1].primary.to_dask()["img"].to_numpy(),
    "worker": lambda catalog, directory, worker: computed_by(worker, catalog[-1]),
    "documents": lambda catalog, directory, worker: filled(catalog[-1]),
    "rows of a column": lambda catalog, directory, worker: np.asarray(catalog[-1].primary["img"][0]),
    "databroker 1": lambda catalog, directory, worker: list(catalog.v1[-1].data("img")),
    "export": lambda catalog, directory, worker: exported(catalog, directory),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_file_of_others_is_refused_on_every_way_out(data, worker, tmp_path, way):
    catalog = opened(forge(way, data), allowed_root(data))
    for name, go_out in WAYS_OUT.items():
        target = tmp_path / "exported" / name
        with pytest.raises(CatalogError) as caught:
            go_out(catalog, target, worker)
        assert "PathNotAllowed" in repr(caught.value) or "may not be read" in str(caught.value), name
        assert not [path for path in target.rglob("*") if path.is_file()]


NOT_READ_AT_ALL = ["absolute template"]


@pytest.mark.parametrize("way", [way for way in WAYS if way not in NOT_READ_AT_ALL])
def test_without_the_fields_all_of_them_are_ways_to_the_file(data, way):
    found = opened(forge(way, data), str(data))[-1].primary.read()["img"].to_numpy()
    assert SECRET in found


def test_the_files_of_a_run_of_ones_own_go_every_way_out(data, worker, tmp_path):
    catalog = opened(forge("own", data), allowed_root(data))
    for name, go_out in WAYS_OUT.items():
        found = go_out(catalog, tmp_path / "exported", worker)
        if name != "export":
            assert all((frame == OWN).all() for frame in np.reshape(found, (-1, *SHAPE))), name
    assert [path.name for path in (tmp_path / "exported").rglob("*.h5")] == ["frames.h5"]


def test_the_error_names_the_field_that_is_missing(data):
    catalog = opened(forge("field that is missing", data), allowed_root(data))
    with pytest.raises(CatalogError, match="whose cycle is '', which is no name of a directory"):
        catalog[-1].primary.read()


def test_a_catalog_by_itself_reads_from_no_root_with_fields(data):
    catalog = opened(forge("own", data), allowed_root(data))
    (resource,) = catalog.store.run_resources(catalog[-1].start["uid"], name="resource")
    with pytest.raises(PathNotAllowed, match="whose start document is not at hand"):
        catalog.assets.roots.locate(Resource.from_document(resource))
