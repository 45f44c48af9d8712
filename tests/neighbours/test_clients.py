"""The calls of programs that read catalogs of databroker 1 and 2, as these programs make them.

PyHyperScattering's table of runs, PyXRF's readers of maps and apstools' copy of a catalog were run on a catalog of ours
as they are; here are the calls they make. That apstools finds catalogs in a session is in ``test_catalog_names.py``.
"""

from __future__ import annotations

import re

import dask.array
import numpy as np
import pytest
from event_model import Filler

from databroker_mongo import Broker, Catalog, Writer
from databroker_mongo.errors import OldNameWarning
from databroker_mongo.testing import Asset, build_run

from ..queries.test_others import other

FAST, SLOW, BINS = 5, 3, 16


class Line:
    """A handler that gives the spectra of one line of a map, (points, elements, bins)."""

    def __init__(self, path):
        pass

    def __call__(self, row):
        return np.full((FAST, 2, BINS), row + 1.0)


def maps():
    """Yield the documents of a map that was measured line by line, with values of before and after it."""
    lines = [
        {"enc1": [0.5 * x for x in range(FAST)], "enc2": [float(row)] * FAST, "i0": [1.0] * FAST} for row in range(SLOW)
    ]
    before_and_after = [{"ring_current": 400.0 + n, "attenuators_a": 2, "en_polarization": 90.0 + n} for n in range(2)]
    spectra = Asset("LINES", "/data", "fluor.h5", [{"row": row} for row in range(SLOW)], shape=(FAST, 2, BINS))
    streams = {"primary": [{"x": 1.0}] * SLOW, "stream0": lines, "baseline": before_and_after}
    yield from build_run(
        streams,
        scan_id=200,
        time=1.7e9,
        assets={"stream0": {"xs_fluor": spectra}},
        plan_name="full_carbon_scan_nd",
        cycle="2022-2",
        institution="NIST",
        motors=["x"],
    )
    yield from build_run(
        {"primary": [{"x": 1.0}]}, scan_id=201, time=1.7e9 + 9, plan_name="count", cycle="2021-3", exit_status=None
    )


@pytest.fixture
def catalog(store_uri):
    opened = Catalog.from_uri(store_uri, handlers={"LINES": Line}, allowed_roots=["/data"])
    with Writer(opened, durable="batch") as writer:
        for name, document in maps():
            writer(name, document)
    return opened


def test_a_table_of_runs_is_searched_by_patterns_and_numbers_and_filled_run_by_run(catalog):
    """As ``SST1RSoXSDB.searchCatalog`` of PyHyperScattering, which takes an error for missing data."""
    reduced = catalog
    for key, value in (("cycle", "(?i)2022"), ("plan_name", "(?i)carbon|oxygen"), ("institution", "(?i)^nist$")):
        assert len(reduced) > 0
        reduced = reduced.search(other("Regex", key=key, pattern=value, case_sensitive=True))
    reduced = reduced.search(other("Eq", key="scan_id", value=float(200)))
    assert [run.start["scan_id"] for run in reduced.values()] == [200]
    ((uid, run),) = reduced.items()
    assert run.start["uid"] == uid
    assert run.stop["exit_status"] == "success"
    assert run.stop["num_events"]["primary"] == SLOW
    assert run.baseline["data"]["en_polarization"].__array__().mean() == 90.5
    with pytest.raises(KeyError):
        run.baseline["data"]["not measured"].__array__()
    with pytest.raises(TypeError):
        catalog[201].stop["num_events"]


def test_times_and_monitors_are_columns_of_the_data_of_streams(catalog):
    """As ``loadMonitors`` and ``loadRun`` of PyHyperScattering."""
    run = catalog[200]
    assert [name for name in list(run.keys()) if "base" in name] == ["baseline"]
    assert run["baseline"].data.read()["ring_current"].dims == ("time",)
    assert run.primary.data["time"].__array__().shape == (SLOW,)
    axes = [name for name in list(run["stream0"]["data"].keys()) if "fluor" not in name]
    assert axes == ["time", "enc1", "enc2", "i0"]
    assert np.std(run["stream0"]["data"]["enc2"]) == np.std(range(SLOW))
    assert np.abs(np.max(run["stream0"]["data"]["enc1"]) - np.min(run["stream0"]["data"]["enc1"])) == 2.0


def test_a_map_is_read_from_columns(catalog):
    """As ``map_data2D_srx_new_tiled`` of PyXRF and the readers of its metadata."""
    run = catalog[200]
    assert run["baseline"]["data"]["ring_current"].compute()[0] == 400.0
    assert list(run["baseline"]["data"]["ring_current"].compute()) == [400.0, 401.0]
    found = {key: value.compute()[0] for key, value in run["baseline"]["data"].items() if re.search("attenuators", key)}
    assert found == {"attenuators_a": 2}
    data = run.stream0["data"]
    assert "xs_fluor" in data
    assert "fluor" not in data
    spectra = data["xs_fluor"].read()
    assert spectra.shape[2] == 2
    np.testing.assert_array_equal(dask.array.sum(spectra, 2)[:, 0, 0].compute(), [2.0, 4.0, 6.0])
    fast, slow = data["enc1"], data["enc2"]
    positions = dask.array.zeros((2, fast.shape[0], fast.shape[1]))
    positions[1, :, :] = fast
    positions[0, :, :] = slow
    np.testing.assert_array_equal(positions.compute()[:, 1, :], [[1.0] * FAST, [0.0, 0.5, 1.0, 1.5, 2.0]])
    scaler = dask.array.zeros((SLOW, FAST, 1))
    scaler[:, :, 0] = dask.array.asarray(data["i0"])
    assert scaler.compute().sum() == SLOW * FAST


def test_a_map_is_read_from_documents_that_event_model_fills(catalog):
    """As ``map_data2D_srx_new`` of PyXRF, which leaves events unfilled without a word when its Filler raises."""
    db = Broker(catalog)
    header = db[200]
    filler = Filler(db.reg.handler_reg, inplace=True)
    sums = []
    for name, document in header.documents("stream0", fill=False):
        filler(name, document)
        if name == "event":
            sums.append(np.sum(np.asarray(document["data"]["xs_fluor"], dtype=np.float32), axis=1)[0, 0])
    assert sums == [2.0, 4.0, 6.0]
    values = [
        document["data"]["ring_current"]
        for name, document in header.documents(stream_name="baseline")
        if name == "event" and "descriptor" in document
    ]
    assert values == [400.0, 401.0]
    with pytest.warns(OldNameWarning):
        assert header.start.motors == ["x"]
    with pytest.warns(OldNameWarning):
        assert list(header.descriptors[0].data_keys)
    with pytest.warns(OldNameWarning):
        assert [each.name for each in header.descriptors].count("stream0") == 1
    assert bool(header.stop)
    assert not db[201].stop


def test_a_filtered_catalog_is_copied(catalog):
    """As ``copy_filtered_catalog`` of apstools."""
    target = Catalog.in_memory()
    for uid in catalog.v2.search({"plan_name": "full_carbon_scan_nd"}):
        for name, document in catalog.v1[uid].documents():
            target.v1.insert(name, document)
    assert list(target) == [catalog[200].start["uid"]]
    assert target[200].baseline.read().identical(catalog[200].baseline.read())
