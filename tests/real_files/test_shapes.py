"""Single images, grids, colours and contradictions, by every way that data is read; and the line that mends them."""

from __future__ import annotations

import itertools
import json
import re
import uuid
import warnings
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile

from databroker_mongo import Catalog, Writer
from databroker_mongo.errors import AssetUnreadable, CatalogError, DocumentWarning, ShapeMismatch, UnreadableColumns
from databroker_mongo.testing import Asset, StreamAsset, build_run

from ..pairs import in_turn, pairs_of

pytestmark = [
    pytest.mark.filterwarnings("ignore:no allowed_roots"),
    pytest.mark.filterwarnings("ignore::databroker_mongo.errors.DocumentWarning"),
    pytest.mark.filterwarnings("ignore::databroker_mongo.errors.UnreadableWarning"),
]

IMAGE = np.arange(1, 31, dtype="u2").reshape(6, 5)
SQUARE = np.arange(1, 26, dtype="u2").reshape(5, 5)
GRID = np.arange(3 * 4 * 6 * 5, dtype="u2").reshape(3, 4, 6, 5)
DATASETS = ["/entry/data/data", "/entry/instrument/detector/data"]
MASTER = "run_7_master.h5"
NUMBERS = itertools.count(1)
LINE = re.compile(r"transforms=(\{.*?or doc\})")

POINTS = ("AD_HDF5", "HDF5", "AD_HDF5_SWMR", "TPX_HDF5", "AD_HDF5_SWMR_STREAM")
FRAMES = ("AD_HDF5_GERM", "DEX_HDF5")
STREAM = "application/x-hdf5"
STREAMS = (STREAM, "application/x-npy")
ALL = (*POINTS, *FRAMES, "AD_EIGER", "npy_FRAMEWISE", *STREAMS)
SOME = ("AD_HDF5", "DEX_HDF5", "AD_EIGER", STREAM)
"""One of each kind: what is decided about an array does not depend on the others of its kind."""
OTHERS = [spec for spec in ALL if spec not in SOME]


def of_each_kind(values):
    """Return each value with a spec of each kind, and all other specs with one of the values."""
    return [*itertools.product(SOME, values), *in_turn(OTHERS, values)]


def write(place, values):
    with h5py.File(place.folder / MASTER, "w") as file:
        for dataset in DATASETS:
            file[dataset] = values
    np.save(place.folder / "run.npy", values)


def asset_of(place, spec, n_rows, shape, **kwargs):
    """Return the asset of a file in which the dataset is wherever the spec has it."""
    if spec in STREAMS:
        name, parameters = (MASTER, {"dataset": DATASETS[0]}) if spec == STREAM else ("run.npy", {})
        uri = f"file://localhost{place.folder}/{name}"
        return StreamAsset(spec, uri, [(0, n_rows)], {**parameters, **kwargs}, shape)
    name = {**dict.fromkeys(FRAMES, "frame"), "npy_FRAMEWISE": "frame_no"}.get(spec, "point_number")
    datums = [{name: number} for number in range(n_rows)]
    path = "run.npy" if spec == "npy_FRAMEWISE" else MASTER
    if spec == "AD_EIGER":
        path, kwargs = "run", {"images_per_file": 1, **kwargs}
        datums = [{"seq_id": 7, "frame_num": number} for number in range(n_rows)]
    return Asset(spec, str(place.folder), path, datums, kwargs, shape)


@dataclass
class Place:
    """Where a run is stored, and where its files are."""

    uri: str
    folder: Path

    def store(self, documents):
        """Store documents; return the run."""
        with Writer(self.uri) as writer:
            for name, doc in documents:
                writer(name, doc)
        return self.catalog()[-1]

    def catalog(self, **options):
        """Return a catalog of what is stored."""
        return Catalog.from_uri(self.uri, **options)

    def mended(self, line):
        """Return the run as a reader has it who types what an error says."""
        return self.catalog(transforms=eval(line))[-1]


@pytest.fixture
def place(installed_handlers, tmp_path):
    return Place(f"memory://{uuid.uuid4()}", tmp_path)


def store(place, asset, n_rows, **described):
    rows = [{"n": row} for row in range(n_rows)]
    assets = {"primary": {"image": asset}}
    return place.store(
        build_run({"primary": rows}, assets=assets, data_keys={"image": described}, scan_id=next(NUMBERS))
    )


def run_of(place, spec, values, n_rows, shape, **kwargs):
    write(place, values)
    return store(place, asset_of(place, spec, n_rows, shape or [], **kwargs), n_rows, shape=shape)


def ways(place, run):
    """Yield what each way to read a run gives, or the error that it raises, as one array of all rows."""

    def lazily():
        lazy = run.primary.to_dask()
        if "image" not in lazy:
            raise UnreadableColumns(json.loads(lazy.attrs["unreadable"])["image"])
        image = lazy["image"]
        assert image.shape == image.values.shape
        np.testing.assert_array_equal(image[-1:].values, image.values[-1:])
        return image.values

    def filled(size):
        pages = [doc for name, doc in run.documents(fill="yes", page_size=size) if name == "event_page"]
        return np.array([row for page in pages for row in page["data"]["image"]])

    yield "read", lambda: run.primary.read()["image"].values
    yield "to_dask", lazily
    yield "v1 data", lambda: np.array(list(place.catalog().v1[-1].data("image")))
    yield "v1 table", lambda: np.array(list(place.catalog().v1[-1].table(fill=True)["image"]))
    yield "documents", lambda: filled(1000)
    yield "pages of one", lambda: filled(1)


def require_everywhere(place, run, expected):
    for name, read in ways(place, run):
        np.testing.assert_array_equal(read(), expected, err_msg=name, strict=True)
    assert run.health().set_index("data_key").loc["image", "status"] in ("ok", "note")


def require_nowhere(place, run, *words):
    faults = {}
    for name, read in ways(place, run):
        with pytest.raises(CatalogError) as caught:
            read()
        faults[name] = str(caught.value)
    for name, text in faults.items():
        for word in words:
            assert word in text, (name, text)
    assert run.health().set_index("data_key").loc["image", "status"] == "unreadable"
    return faults["read"]


def has_axis(spec, shape):
    """Tell whether a datum has an axis of frames: that of a stream is there where it is declared."""
    return spec in POINTS or (spec in STREAMS and len(shape) == 3 and 0 not in shape)


@pytest.mark.parametrize(
    ("spec", "outline", "declared"), pairs_of(ALL, ["oblong", "square"], ["x,y,0", "y,x", "1,y,x"]), ids=str
)
def test_a_dataset_without_an_axis_of_frames_is_one_image(place, spec, outline, declared):
    image = IMAGE if outline == "oblong" else SQUARE
    y, x = image.shape
    shape = {"x,y,0": [x, y, 0], "y,x": [y, x], "1,y,x": [1, y, x]}[declared]
    run = run_of(place, spec, image, 1, shape)
    require_everywhere(place, run, image[np.newaxis, np.newaxis] if has_axis(spec, shape) else image[np.newaxis])


@pytest.mark.parametrize(("spec", "shape"), of_each_kind([[], [-1], [0, 0, 0], [None], [7, 7], [2, 6, 5]]), ids=str)
def test_a_dataset_that_is_neither_one_image_nor_lines_is_refused_with_its_shape(place, spec, shape):
    require_nowhere(place, run_of(place, spec, IMAGE, 1, shape), "(6, 5)", "transforms=")


@pytest.mark.parametrize(("spec", "shape"), of_each_kind([[5, 6, 0], [6, 5], [1, 6, 5]]), ids=str)
def test_several_events_on_one_image_are_an_error_and_not_rows_of_pixels(place, spec, shape):
    require_nowhere(place, run_of(place, spec, IMAGE, 3, shape), "(6, 5)")


@pytest.mark.parametrize("spec", SOME)
@pytest.mark.parametrize("shape", [[5], [1, 5]])
def test_lines_stay_rows(place, spec, shape):
    run = run_of(place, spec, IMAGE, 6, shape)
    is_stacked = spec in POINTS or (spec in STREAMS and len(shape) == 2)
    require_everywhere(place, run, IMAGE[:, np.newaxis] if is_stacked else IMAGE)


@pytest.mark.parametrize("shape", [[5, 6, 0], [6, 5], [1, 6, 5]])
@pytest.mark.parametrize("content", [IMAGE, IMAGE[np.newaxis]], ids=["image", "stack of one"])
def test_files_of_one_frame_each_are_images_as_well(place, shape, content):
    for number in range(3):
        with h5py.File(place.folder / f"img_{number:06d}.h5", "w") as file:
            file[DATASETS[0]] = content + number
    names = {"template": "%s%s_%6.6d.h5", "filename": "img"}
    for spec in ("AD_HDF5_SINGLE", "AD_HDF5_lambda", "AD_HDF5_Lambda250k_APSPolar"):
        datums = [{"point_number": number} for number in range(3)]
        run = store(place, Asset(spec, str(place.folder), "", datums, names, shape), 3)
        require_everywhere(place, run, np.stack([content[np.newaxis] + number for number in range(3)]))


@pytest.mark.parametrize(("spec", "n_frames"), [*in_turn(POINTS, [2, 3, 7]), ("AD_HDF5", 3), ("AD_HDF5", 7)])
def test_more_frames_than_the_resource_promises_are_refused_and_the_line_mends_it(place, spec, n_frames):
    stack = np.arange(3 * n_frames * 30, dtype="u2").reshape(-1, 6, 5)
    told = require_nowhere(
        place, run_of(place, spec, stack, 3, [n_frames, 6, 5], frame_per_point=1), f"({3 * n_frames}, 6, 5)", "1 frames"
    )
    line = LINE.search(told)[1]
    mended = place.mended(line)
    np.testing.assert_array_equal(mended.primary.read()["image"], stack.reshape(3, n_frames, 6, 5))


@pytest.mark.parametrize("spec", ["AD_TIFF", "AD_HDF5_SINGLE"])
def test_families_of_files_may_not_contradict_the_resource_either(place, spec):
    for number in range(6):
        tifffile.imwrite(place.folder / f"img_{number}.tiff", IMAGE + number)
        with h5py.File(place.folder / f"img_{number}.h5", "w") as file:
            file[DATASETS[0]] = IMAGE + number
    names = {"template": "%s%s_%d." + ("h5" if spec == "AD_HDF5_SINGLE" else "tiff"), "filename": "img"}
    datums = [{"point_number": number} for number in range(3)]
    asset = Asset(spec, str(place.folder), "", datums, {**names, "frame_per_point": 1}, [2, 6, 5])
    require_nowhere(place, store(place, asset, 3), "[2, 6, 5]", "frame_per_point=2")


@pytest.mark.parametrize(
    ("spec", "shape"),
    [
        *itertools.product(POINTS[:1], [[1, 6, 5], [6, 5], [5, 6, 0], [2, 6, 5]]),
        *in_turn(POINTS[1:], [[6, 5], [5, 6, 0]]),
    ],
    ids=str,
)
def test_frames_that_the_resource_promises_and_the_file_has_stay_readable(place, spec, shape):
    stack = np.arange(6 * 30, dtype="u2").reshape(6, 6, 5)
    run = run_of(place, spec, stack, 3, shape, frame_per_point=2)
    require_everywhere(place, run, stack.reshape(3, 2, 6, 5))


COLOURS = {"y,x,c": (3, 16, 24, 3), "c,y,x": (3, 3, 16, 24), "y,c,x": (3, 16, 3, 24), "four": (3, 16, 24, 4)}


@pytest.mark.parametrize(
    ("spec", "layout", "shape"),
    [
        *((spec, "y,x,c", shape) for spec, shape in of_each_kind([[1, 16, 24], [16, 24]])),
        *pairs_of(SOME, ["c,y,x", "y,c,x", "four"], [[1, 16, 24], [16, 24], [24, 16, 0]]),
    ],
    ids=str,
)
def test_colours_declared_as_mono_are_all_pixels_and_a_note(place, spec, layout, shape):
    values = np.arange(np.prod(COLOURS[layout]), dtype="u1").reshape(COLOURS[layout])
    run = run_of(place, spec, values, 3, shape)
    with pytest.warns(DocumentWarning, match="read as colours"):
        run.primary.read()
    require_everywhere(place, run, values[:, np.newaxis] if has_axis(spec, shape) else values)
    assert "colours" in run.health().set_index("data_key").loc["image", "reason"]


@pytest.mark.parametrize(
    ("spec", "layout", "shape"),
    pairs_of(SOME, ["y,x,c", "c,y,x", "y,c,x"], [[3, 16, 24], [16, 24, 3], [16, 3, 24]]),
    ids=str,
)
def test_colours_may_be_declared_at_another_place(place, spec, layout, shape):
    values = np.arange(np.prod(COLOURS[layout]), dtype="u1").reshape(COLOURS[layout])
    require_everywhere(
        place, run_of(place, spec, values, 3, shape), values[:, np.newaxis] if spec in POINTS else values
    )


@pytest.mark.parametrize("spec", ["AD_TIFF", "multipart/related;type=image/tiff"])
@pytest.mark.parametrize("shape", [[1, 16, 24], [16, 24], [24, 16, 0]], ids=str)
def test_colours_in_tiffs_are_all_pixels_and_a_note(place, spec, shape):
    values = np.arange(3 * 16 * 24 * 3, dtype="u1").reshape(3, 16, 24, 3)
    for number, frame in enumerate(values):
        tifffile.imwrite(place.folder / f"img_{number}.tiff", frame, photometric="rgb")
    if spec == "AD_TIFF":
        names = {"template": "%s%s_%d.tiff", "filename": "img"}
        asset = Asset(spec, str(place.folder), "", [{"point_number": n} for n in range(3)], names, shape)
    else:
        parameters = {"template": "img_{:d}.tiff", "chunk_shape": [1, 16, 24, 3]}
        asset = StreamAsset(spec, f"file://localhost{place.folder}/", [(0, 3)], parameters, shape)
    run = store(place, asset, 3)
    is_stacked = spec == "AD_TIFF" or shape[0] == 1
    require_everywhere(place, run, values[:, np.newaxis] if is_stacked else values)


@pytest.mark.parametrize("spec", SOME)
def test_one_colour_image_without_an_axis_of_frames_is_one_image(place, spec):
    values = np.arange(16 * 24 * 3, dtype="u1").reshape(16, 24, 3)
    run = run_of(place, spec, values, 1, [24, 16, 0])
    require_everywhere(place, run, values[np.newaxis, np.newaxis] if spec in POINTS else values[np.newaxis])


@pytest.mark.parametrize("spec", SOME)
@pytest.mark.parametrize("shape", [[1, 16, 24], [16, 24]], ids=str)
@pytest.mark.parametrize("n_channels", [2, 5])
def test_other_axes_are_not_taken_for_colours(place, spec, shape, n_channels):
    values = np.zeros((3, 16, 24, n_channels), "u1")
    require_nowhere(place, run_of(place, spec, values, 3, shape), f"(3, 16, 24, {n_channels})", "transforms=")


@pytest.mark.parametrize(
    ("spec", "shape", "axes"),
    [
        *itertools.product(ALL, [[5, 6, 0]], [(3, 4)]),
        *pairs_of(SOME, [[6, 5], [1, 6, 5]], [(3, 4), (12, 1), (1, 12), (2, 2, 3), (6, 2)]),
    ],
    ids=str,
)
def test_grids_are_flattened_in_c_order(place, spec, shape, axes):
    run = run_of(place, spec, GRID.reshape(*axes, 6, 5), 12, shape)
    expected = GRID.reshape(12, 6, 5)
    if axes == (12, 1):
        expected = expected[:, np.newaxis]
        require_everywhere(place, run, expected[:, np.newaxis] if has_axis(spec, [1]) else expected)
        return
    with pytest.warns(DocumentWarning, match=r"grid of 12 rows in C order"):
        run.primary.read()
    require_everywhere(place, run, expected[:, np.newaxis] if has_axis(spec, shape) else expected)


@pytest.mark.parametrize("spec", SOME)
def test_events_of_several_frames_are_no_grid(place, spec):
    require_everywhere(place, run_of(place, spec, GRID, 3, [4, 6, 5]), GRID[:, np.newaxis] if spec in POINTS else GRID)


@pytest.mark.parametrize("spec", SOME)
@pytest.mark.parametrize(("axes", "n_rows"), [((2, 6), 7), ((2, 6), 11), ((1, 12), 2)], ids=str)
def test_a_grid_that_ended_early_is_read_as_far_as_it_went(place, spec, axes, n_rows):
    run = run_of(place, spec, GRID.reshape(*axes, 6, 5), n_rows, [6, 5])
    expected = GRID.reshape(12, 6, 5)[:n_rows]
    require_everywhere(place, run, expected[:, np.newaxis] if spec in POINTS else expected)


@pytest.mark.parametrize("spec", SOME)
@pytest.mark.parametrize(("shape", "n_rows"), [([6, 5], 2), ([5, 6, 0], 2), ([6, 5], 7), ([1, 6, 5], 1)], ids=str)
def test_what_may_be_a_grid_or_not_is_refused_and_the_line_mends_it(place, spec, shape, n_rows):
    told = require_nowhere(place, run_of(place, spec, GRID, n_rows, shape), "(3, 4, 6, 5)", "may be a grid of 12 rows")
    lines = LINE.findall(told)
    grid = place.mended(lines[0])
    expected = GRID.reshape(12, 6, 5)[:n_rows]
    np.testing.assert_array_equal(grid.primary.read()["image"].values.reshape(expected.shape), expected)
    if n_rows <= 3:
        rows = place.mended(lines[1])
        np.testing.assert_array_equal(rows.primary.read()["image"].values.reshape(n_rows, 4, 6, 5), GRID[:n_rows])


@pytest.mark.parametrize("spec", SOME)
def test_a_page_of_a_grid_is_read_as_all_of_it_is(place, spec):
    run = run_of(place, spec, GRID, 12, [6, 5])
    pages = [doc for name, doc in run.documents(fill="yes", page_size=2) if name == "event_page"]
    assert len(pages) == 6
    found = np.array([row for page in pages for row in page["data"]["image"]]).reshape(12, 6, 5)
    np.testing.assert_array_equal(found, GRID.reshape(12, 6, 5))


@pytest.mark.parametrize("spec", SOME)
def test_what_is_asked_of_a_real_server_is_the_same(mongod_database_uri, place, spec):
    place.uri = mongod_database_uri
    run = run_of(place, spec, GRID, 12, [6, 5])
    expected = GRID.reshape(12, 6, 5)
    require_everywhere(place, run, expected[:, np.newaxis] if spec in POINTS else expected)


@pytest.mark.parametrize("spec", SOME)
def test_the_line_that_a_refusal_names_mends_it(place, spec):
    run = run_of(place, spec, GRID[0], 4, [7, 7])
    told = require_nowhere(place, run, "(4, 6, 5)", "[7, 7]")
    mended = place.mended(LINE.search(told)[1])
    with warnings.catch_warnings():
        warnings.simplefilter("error", DocumentWarning)
        np.testing.assert_array_equal(mended.primary.read()["image"].values.reshape(4, 6, 5), GRID[0])


def test_a_dtype_that_contradicts_is_mended_by_its_line(place):
    write(place, GRID[0].astype("f8"))
    run = store(place, asset_of(place, "AD_HDF5", 4, [1, 6, 5]), 4, dtype_numpy="<u2", dtype_str="<u2")
    told = require_nowhere(place, run, "uint16", "float64")
    found = place.mended(LINE.search(told)[1]).primary.read()["image"]
    np.testing.assert_array_equal(found, GRID[0][:, np.newaxis].astype("f8"))


@pytest.mark.parametrize("first", [IMAGE, IMAGE[np.newaxis]], ids=["image", "stack of one"])
def test_a_file_of_another_rank_is_an_image_too_or_an_error_that_has_its_shape(place, first):
    documents = []
    for number, values in enumerate([first, IMAGE + 1, IMAGE[np.newaxis] + 2]):
        with h5py.File(place.folder / f"{number}.h5", "w") as file:
            file[DATASETS[0]] = values
        asset = Asset("AD_HDF5", str(place.folder), f"{number}.h5", [{"point_number": 0}], {}, [5, 6, 0])
        part = build_run({"primary": [{"n": number}]}, assets={"primary": {"image": asset}}, scan_id=next(NUMBERS))
        documents += [each for each in part if each[0] in ("resource", "datum", "event")] if documents else part[:-1]
    descriptor = next(doc for name, doc in documents if name == "descriptor")
    seq_nums = itertools.count(1)
    for name, doc in documents:
        if name == "event":
            seq_num = next(seq_nums)
            doc.update(descriptor=descriptor["uid"], seq_num=seq_num, time=doc["time"] + seq_num)
    run = place.store(documents)
    if first.ndim == 2:
        expected = np.stack([IMAGE[np.newaxis] + number for number in range(3)])
        np.testing.assert_array_equal(run.primary.read()["image"], expected)
        return
    with pytest.raises(UnreadableColumns) as caught:
        run.primary.read()
    fault = caught.value.reasons["image"]
    assert isinstance(fault, ShapeMismatch)
    assert fault.stored_shape == (6, 5)
    assert "(6, 5)" in fault.message


def test_a_lazy_array_made_before_the_file_was_there_names_the_shape_that_it_finds(place):
    run = store(place, asset_of(place, "AD_HDF5", 1, [1, 6, 5]), 1, dtype_numpy="<u2")
    image = run.primary.to_dask()["image"]
    write(place, IMAGE)
    with pytest.raises(ShapeMismatch, match=r"array of shape \(6, 5\)"):
        image.compute()


@pytest.mark.parametrize("spec", SOME)
def test_an_image_may_be_given_its_number_of_axes_in_the_documents(place, spec):
    run = run_of(place, spec, IMAGE, 1, [], row_axes=2)
    expected = IMAGE[np.newaxis]
    require_everywhere(place, run, expected[np.newaxis] if spec in POINTS else expected)


def test_a_stream_whose_first_size_is_unknown_is_read(place):
    require_everywhere(place, run_of(place, STREAM, GRID[0], 4, [-1, 6, 5]), GRID[0])


def test_what_is_not_there_is_still_told(place):
    run = run_of(place, "AD_HDF5", GRID[0], 5, [6, 5])
    with pytest.raises(UnreadableColumns) as caught:
        run.primary.read()
    assert isinstance(caught.value.reasons["image"], AssetUnreadable)
    assert "it has 4; its shape is (4, 6, 5)" in str(caught.value)
