"""A copy of a run has all of its files."""

import shutil

import numpy as np
import pytest
import tifffile

from databroker_mongo import Catalog, Writer
from databroker_mongo.testing import StreamAsset, build_run

pytestmark = [pytest.mark.filterwarnings("ignore:no allowed_roots"), pytest.mark.usefixtures("installed_handlers")]
FRAMES = np.arange(12 * 2 * 3, dtype="<u2").reshape(12, 2, 3)


def frames_in(folder, n_a_row):
    folder.mkdir()
    for number, frame in enumerate(FRAMES):
        tifffile.imwrite(folder / f"img_{number}.tiff", frame)
    parameters = {"template": "img_{:d}.tiff", "chunk_shape": [1, 2, 3]}
    n_rows = len(FRAMES) // n_a_row
    uri = f"file://localhost{folder}/"
    return StreamAsset("multipart/related;type=image/tiff", uri, [(0, n_rows)], parameters, (n_a_row, 2, 3))


@pytest.mark.parametrize("n_a_row", [(3, 1), (1, 3), (2, 2)])
def test_streams_whose_data_keys_have_one_name_are_copied_each_with_its_frames(store_uri, tmp_path, n_a_row):
    names = ("primary", "fly")
    raw = tmp_path / "raw"
    raw.mkdir()
    assets = {name: {"img": frames_in(raw / name, n)} for name, n in zip(names, n_a_row, strict=True)}
    documents = build_run({name: [] for name in names}, assets=assets)
    catalog, other = Catalog.from_uri(store_uri), Catalog.in_memory()
    with Writer(catalog, durable="batch") as writer:
        for name, document in documents:
            writer(name, document)
    header = catalog.v1[-1]
    size = sum(path.stat().st_size for path in raw.rglob("*.tiff"))
    assert catalog.v1.export_size(header) * 1e9 == pytest.approx(size)
    pairs = catalog.v1.export(header, other.v1, new_root=str(tmp_path / "copy"))
    assert len(pairs) == 2 * len(FRAMES)
    shutil.rmtree(raw)
    for name, n in zip(names, n_a_row, strict=True):
        np.testing.assert_array_equal(other[-1][name].read()["img"], FRAMES.reshape(-1, n, 2, 3))
