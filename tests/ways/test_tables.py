"""What tables, and databroker 1's ways to read, leave out or make of values is told, or right."""

import h5py
import numpy as np
import pandas as pd
import pytest

from databroker_mongo import Catalog, Writer
from databroker_mongo.errors import CatalogWarning, DocumentWarning
from databroker_mongo.testing import StreamAsset, build_run

pytestmark = [pytest.mark.filterwarnings("ignore:no allowed_roots"), pytest.mark.usefixtures("installed_handlers")]
FRAMES = np.arange(5 * 2 * 3, dtype="<u2").reshape(5, 2, 3)
WAYS = {
    "table": lambda header: header.table(fill=True)["img"].tolist(),
    "data": lambda header: list(header.data("img")),
    "get_images": lambda header: list(header.db.get_images(header, "img")),
    "xarray": lambda header: header.xarray()["img"].values,
    "xarray_dask": lambda header: header.xarray_dask()["img"].values,
}


def stored(uri, directory, spans, **data_key):
    with h5py.File(directory / "a.h5", "w") as file:
        file["d"] = FRAMES
    asset = StreamAsset("application/x-hdf5", f"file://localhost{directory}/a.h5", spans, {"dataset": "d"}, (1, 2, 3))
    rows = [{"x": number} for number in range(5)]
    documents = build_run({"primary": rows}, assets={"primary": {"img": asset}}, data_keys={"img": data_key})
    catalog = Catalog.from_uri(uri)
    with Writer(catalog, durable="batch") as writer:
        for name, document in documents:
            writer(name, document)
    return catalog.v1[documents[0][1]["uid"]]


@pytest.mark.filterwarnings("ignore::databroker_mongo.errors.OldNameWarning")
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("spans", "note", "rows"),
    [
        ([(0, 3)], "only 3 of 5 rows are there", [0, 1, 2]),
        ([(0, 1), (2, 5)], "1 of 5 rows have no datum and are missing values", [0, None, 2, 3, 4]),
    ],
)
def test_images_that_are_behind_the_events_or_missing_among_them_are_told(store_uri, tmp_path, way, spans, note, rows):
    header = stored(store_uri, tmp_path, spans)
    with pytest.warns(DocumentWarning, match=note):
        images = WAYS[way](header)
    assert len(images) == len(rows)
    for image, row in zip(images, rows, strict=True):
        np.testing.assert_array_equal(image[0], np.full((2, 3), np.nan) if row is None else FRAMES[row])


LARGE = 2**60 + 1


def stored_rows(catalog, rows, **options):
    keys = {key: {"source": "s", "dtype": "number", "shape": []} for row in rows for key in row}
    whole = [{key: row.get(key, 0) for key in keys} for row in rows]
    documents = build_run({"primary": whole}, data_keys=keys, **options)
    for (_, event), row in zip(documents[2:-1], rows, strict=True):
        event.update(data=row, timestamps=dict.fromkeys(row, event["time"]))
    with Writer(catalog, durable="batch") as writer:
        for name, document in documents:
            writer(name, document)


@pytest.mark.parametrize("other", [0.5, None, "missing"])
def test_integers_that_no_float_holds_are_not_rounded_in_tables(store_uri, other):
    rows = [{"x": LARGE, "n": 1}, {"n": 2} if other == "missing" else {"x": other, "n": 2}, {"x": -LARGE, "n": 3}]
    catalog = Catalog.from_uri(store_uri)
    stored_rows(catalog, rows)
    column = catalog.v1[-1].table()["x"].tolist()
    assert [column[0], column[2]] == [LARGE, -LARGE]
    assert column[1] == other or pd.isna(column[1])
    assert list(catalog.v1[-1].data("x"))[::2] == [LARGE, -LARGE]
    dataset = catalog[-1].primary.read()
    assert dataset["x"].values.tolist()[::2] == [LARGE, -LARGE]


def test_integers_that_no_float_holds_are_not_rounded_where_tables_are_below_one_another(store_uri):
    catalog = Catalog.from_uri(store_uri)
    stored_rows(catalog, [{"x": LARGE, "y": -(2**63), "n": 1}], scan_id=1)
    stored_rows(catalog, [{"x": 0.5, "n": 2}], scan_id=2)
    table = catalog.v1.get_table([catalog.v1[1], catalog.v1[2]])
    assert table["x"].tolist() == [LARGE, 0.5]
    assert table["y"].tolist()[0] == -(2**63)
    assert table["n"].dtype == np.int64


def test_integers_that_no_float_holds_are_not_rounded_in_tables_of_runs(store_uri):
    catalog = Catalog.from_uri(store_uri)
    stored_rows(catalog, [{"x": 1}], scan_id=1, large=LARGE)
    stored_rows(catalog, [{"x": 1}], scan_id=2, time=1_700_000_100.0)
    table = catalog.table(["scan_id", "large"])
    assert table["large"].tolist() == [None, LARGE]
    assert str(LARGE) in str(table)


@pytest.mark.parametrize("value", [None, True, LARGE, "a"])
def test_metadata_beside_rows_that_lack_them_stay_what_they_are(store_uri, value):
    catalog = Catalog.from_uri(store_uri)
    stored_rows(catalog, [{"x": 1}, {"x": 2}], note=value)
    assert catalog.v1[-1].table(fields=["x", "note"])["note"].tolist() == [value, value]


def test_a_printed_table_of_runs_says_how_many_rows_it_does_not_print():
    catalog = Catalog.in_memory()
    for number in range(70):
        catalog.store.collections.run_start.insert_one({"uid": f"run {number}", "time": 1000.0 + number})
    table = catalog.table(["time"])
    assert len(table) == 70
    assert str(table).endswith("and 10 more rows")


def test_data_that_are_left_out_because_they_are_not_in_events_are_told(store_uri, tmp_path):
    header = stored(store_uri, tmp_path, [(0, 5)])
    with pytest.warns(CatalogWarning, match="no 'img' in its events, but in stream resources, which fill=True reads"):
        assert list(header.data("img", fill=False)) == []
    assert len(list(header.data("img"))) == 5
