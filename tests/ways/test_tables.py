"""What databroker 1's ways to read leave out of images, or make of them, is told."""

import h5py
import numpy as np
import pytest

from databroker_mongo import Catalog, Writer
from databroker_mongo.errors import DocumentWarning
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
