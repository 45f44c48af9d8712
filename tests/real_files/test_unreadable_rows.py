"""Rows of which something cannot be read are left out of all columns, and named; the others are what they were."""

from __future__ import annotations

import itertools
import json
import uuid
from collections.abc import Callable
from typing import Any

import h5py
import numpy as np
import pytest

from databroker_mongo import Catalog, Writer
from databroker_mongo.errors import UnreadableColumns
from databroker_mongo.testing import Asset, StreamAsset, build_run

from .conftest import FRAMES, N_ROWS, require_scalars

pytestmark = [
    pytest.mark.filterwarnings("ignore:no allowed_roots"),
    pytest.mark.filterwarnings("ignore::databroker_mongo.errors.UnreadableWarning"),
]
NAMES = {"template": "%s%s_%6.6d.tiff", "filename": "img"}
IMAGES = FRAMES[:, np.newaxis]
ROWS = range(N_ROWS)


def rows_told(dataset):
    """The rows that were left out, with the reasons, by data key."""
    told = json.loads(dataset.attrs.get("unreadable_rows", "{}"))
    return {key: {int(row): reason for row, reason in rows.items()} for key, rows in told.items()}


def require_rows(dataset: Any, left_out: set[int], images: Any = IMAGES) -> None:
    """Insist that all other rows are there, with the right values in the right dtype, and that these are named."""
    kept = [row for row in ROWS if row not in left_out]
    assert dataset["image"].dtype == images.dtype
    np.testing.assert_array_equal(dataset["image"], images[kept])
    np.testing.assert_array_equal(dataset["n"], kept)
    np.testing.assert_array_equal(dataset["I0"], 0.5 * np.array(kept))
    np.testing.assert_array_equal(dataset["time"], 1_700_000_002.0 + np.array(kept))
    assert dataset.attrs.get("n_rows_left_out", 0) == len(left_out)
    assert set(rows_told(dataset).get("image", {})) == left_out
    assert "unreadable" not in dataset.attrs


def tiffs(bench: Any) -> Asset:
    bench.write_tiffs()
    return bench.asset("AD_TIFF", "", **NAMES)


def tiff(bench: Any, row: int) -> Any:
    return bench.folder / f"img_{row:06d}.tiff"


def missing(bench: Any, row: int) -> Asset:
    asset = tiffs(bench)
    tiff(bench, row).unlink()
    return asset


def truncated(bench: Any, row: int) -> Asset:
    asset = tiffs(bench)
    content = tiff(bench, row).read_bytes()
    tiff(bench, row).write_bytes(content[:-10])
    return asset


def random_bytes(bench: Any, row: int) -> Asset:
    asset = tiffs(bench)
    tiff(bench, row).write_bytes(np.random.default_rng(row).bytes(300))
    return asset


def another_shape(bench: Any, row: int) -> Asset:
    import tifffile

    asset = tiffs(bench)
    tifffile.imwrite(tiff(bench, row), np.zeros((7, 3), "u2"))
    return asset


def damage(path: Any, dataset: str, chunk: int) -> None:
    with h5py.File(path) as file:
        where = file[dataset].id.get_chunk_info(chunk).byte_offset
    with path.open("r+b") as file:
        file.seek(where)
        file.write(b"\xff" * 8)


def damaged_chunk(bench: Any, row: int) -> Asset:
    path = bench.write_hdf5(chunks=(1, 4, 6), compression="gzip")
    damage(path, "entry/data/data", row)
    return bench.asset("AD_HDF5", "a.h5")


def damaged_chunk_of_a_stream(bench: Any, row: int) -> StreamAsset:
    path = bench.write_hdf5(dataset="data", chunks=(1, 4, 6), compression="gzip")
    damage(path, "data", row)
    uri = f"file://localhost{path}"
    return StreamAsset("application/x-hdf5", uri, [(0, N_ROWS)], {"dataset": "/data"}, (1, 4, 6))


def missing_file_of_a_stream(bench: Any, row: int) -> StreamAsset:
    bench.write_tiffs()
    tiff(bench, row).unlink()
    parameters = {"template": "%s%s_%06d.tiff", "filename": "img", "chunk_shape": [1, 4, 6]}
    uri = f"file://localhost{bench.folder}/"
    return StreamAsset("multipart/related;type=image/tiff", uri, [(0, 2), (2, N_ROWS)], parameters, (1, 4, 6))


class Moody:
    """A classic handler that goes wrong at one row."""

    def __init__(self, path: str, *, row: int, how: str):
        self._row, self._how = row, how

    def __call__(self, point_number: int) -> Any:
        if point_number != self._row:
            return IMAGES[point_number]
        if self._how == "raises":
            raise RuntimeError("the decoder gave up")
        return {"nothing": None, "floats": IMAGES[0] * 0.5, "another shape": IMAGES[0][:, :2]}[self._how]


class Telling(Moody):
    """The same at level 1: it tells what a datum should be, whatever it is."""

    def structure(self, point_number: int) -> Any:
        return (1, 4, 6), np.dtype("u2"), None


def classic(how: str, spec: str = "MOODY") -> Callable[[Any, int], Asset]:
    return lambda bench, row: bench.asset(spec, "a.dat", row=row, how=how)


FAULTS: dict[str, Callable[[Any, int], Asset | StreamAsset]] = {
    "missing": missing,
    "truncated": truncated,
    "random bytes": random_bytes,
    "another shape": another_shape,
    "damaged chunk": damaged_chunk,
    "damaged chunk of a stream": damaged_chunk_of_a_stream,
    "missing file of a stream": missing_file_of_a_stream,
    **{f"a handler, {how}": classic(how) for how in ("raises", "nothing", "floats", "another shape")},
    **{f"a telling handler, {how}": classic(how, "TELLING") for how in ("raises", "nothing", "floats")},
}
HANDLERS = {"MOODY": Moody, "TELLING": Telling}


@pytest.mark.parametrize("row", [0, 2, N_ROWS - 1])
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_row_that_cannot_be_read_is_left_out_of_all_columns_wherever_it_is(bench, fault, row):
    primary = bench.run(fault(bench, row), handlers=HANDLERS).primary
    with pytest.raises(UnreadableColumns, match=r"read\(on_error='rows'\)"):
        primary.read()
    require_rows(primary.read(on_error="rows"), {row})
    require_scalars(primary.read(on_error="skip"))
    require_scalars(primary.read(["I0", "n"], on_error="rows"))


@pytest.mark.parametrize("row", [0, N_ROWS - 1])
@pytest.mark.parametrize("fault", [missing, damaged_chunk, classic("raises")])
def test_a_descriptor_that_does_not_tell_the_dtype_makes_no_difference(bench, fault, row):
    run = bench.run(fault(bench, row), handlers=HANDLERS, dtype=None)
    require_rows(run.primary.read(on_error="rows"), {row})


def test_any_rows_may_be_bad_and_a_column_of_which_all_are_is_left_out_itself(bench):
    run = bench.run(tiffs(bench))
    for n_bad in range(N_ROWS):
        for bad in itertools.combinations(ROWS, n_bad):
            for row in bad:
                tiff(bench, row).rename(bench.folder / f"gone_{row}")
            require_rows(run.primary.read(on_error="rows"), set(bad))
            for row in bad:
                (bench.folder / f"gone_{row}").rename(tiff(bench, row))
    for row in ROWS:
        tiff(bench, row).unlink()
    found = run.primary.read(on_error="rows")
    require_scalars(found)
    assert "img_000000.tiff" in json.loads(found.attrs["unreadable"])["image"]
    assert "unreadable_rows" not in found.attrs


def no_file(bench: Any) -> Any:
    return bench.run(bench.asset("AD_HDF5", "a.h5"))


def no_handler(bench: Any) -> Any:
    return bench.run(bench.asset("NO_SUCH_SPEC", "a.dat"))


def no_resource(bench: Any) -> Any:
    bench.write_hdf5()
    asset = bench.asset("AD_HDF5", "a.h5")
    return bench.run(asset, edit=lambda documents: [pair for pair in documents if pair[0] != "resource"])


def no_datum(bench: Any) -> Any:
    asset = tiffs(bench)
    return bench.run(asset, edit=lambda documents: [pair for pair in documents if pair[0] != "datum"])


@pytest.mark.parametrize("make", [no_file, no_handler, no_resource, no_datum])
@pytest.mark.parametrize("fault", ["raise", "rows"])
def test_a_whole_column_that_cannot_be_read_costs_no_row(bench, make, fault):
    primary = make(bench).primary
    found = primary.read(on_error="rows")
    require_scalars(found)
    assert "image" not in found
    with pytest.raises(UnreadableColumns) as caught:
        primary.read()
    assert json.loads(found.attrs["unreadable"])["image"] == str(caught.value.reasons["image"])


@pytest.mark.parametrize("rows", [{0}, {2}, {4}, {1, 3}])
@pytest.mark.parametrize("lacks", ["datum", "datum_kwargs", "resource"])
def test_a_missing_document_costs_its_own_rows(bench, rows, lacks):
    def edited(documents):
        for name, doc in documents:
            if name == "datum" and int(doc["datum_id"].rpartition("/")[2]) in rows:
                if lacks == "datum":
                    continue
                if lacks == "datum_kwargs":
                    doc = {**doc, "datum_kwargs": {}}
                if lacks == "resource":
                    doc = {**doc, "resource": str(uuid.UUID(int=7))}
            yield name, doc

    bench.write_hdf5()
    asset = bench.asset("AD_HDF5", "a.h5")
    primary = bench.run(asset, edit=lambda documents: list(edited(documents))).primary
    found = primary.read(on_error="rows")
    require_rows(found, rows)
    words = {"datum": "not stored", "datum_kwargs": "point_number", "resource": "not stored"}[lacks]
    assert all(words in reason for reason in rows_told(found)["image"].values())


def test_rows_beyond_the_end_of_a_file_are_left_out(bench):
    bench.write_hdf5(frames=FRAMES[:3])
    require_rows(bench.run(bench.asset("AD_HDF5", "a.h5")).primary.read(on_error="rows"), {3, 4})


def test_a_damaged_chunk_costs_its_rows_and_no_others(bench):
    path = bench.write_hdf5(chunks=(2, 4, 6), compression="gzip")
    damage(path, "entry/data/data", 1)
    require_rows(bench.run(bench.asset("AD_HDF5", "a.h5")).primary.read(on_error="rows"), {2, 3})


def test_of_an_event_of_several_frames_one_is_enough_to_leave_it_out(bench):
    frames = np.arange(2 * N_ROWS * 4 * 6, dtype="u2").reshape(2 * N_ROWS, 4, 6)
    path = bench.write_hdf5(frames=frames, dataset="data", chunks=(1, 4, 6), compression="gzip")
    damage(path, "data", 5)
    uri = f"file://localhost{path}"
    asset = StreamAsset("application/x-hdf5", uri, [(0, N_ROWS)], {"dataset": "/data"}, (2, 4, 6))
    require_rows(bench.run(asset).primary.read(on_error="rows"), {2}, frames.reshape(N_ROWS, 2, 4, 6))


def test_files_on_tape_are_left_out_without_being_fetched(bench):
    uid = bench.run(tiffs(bench)).start["uid"]
    run = Catalog.from_uri(bench.uri, offline=lambda path: path in (str(tiff(bench, 0)), str(tiff(bench, 3))))[uid]
    found = run.primary.read(on_error="rows")
    require_rows(found, {0, 3})
    assert "offline" in rows_told(found)["image"][3]
    require_rows(run.primary.read(on_error="rows", recall=True), set())


def unfinished(documents: list[Any]) -> list[Any]:
    return documents[:-1]


@pytest.mark.parametrize("rows", [{0}, {2}, {4}, {3, 4}, {1, 4}])
def test_of_a_run_in_progress_a_hole_costs_itself_and_not_what_came_after_it(bench, rows):
    run = bench.run(tiffs(bench), edit=unfinished)
    for row in rows:
        tiff(bench, row).unlink()
    require_rows(run.primary.read(on_error="rows"), rows)


@pytest.mark.filterwarnings("ignore::databroker_mongo.errors.DocumentWarning")
def test_of_a_run_whose_first_file_is_to_come_all_columns_are_empty_as_without_it(bench):
    run = bench.run(bench.asset("AD_TIFF", "", **NAMES), edit=unfinished)
    assert run.primary.read(on_error="rows").sizes["time"] == run.primary.read(on_error="skip").sizes["time"] == 0


@pytest.fixture
def two_columns(bench):
    """A run with two columns of images, in files of their own, on mongomock."""
    for name in ("left", "right"):
        folder = bench.folder / name
        folder.mkdir()
        for number, frame in enumerate(FRAMES):
            np.save(folder / f"uid_{number}.npy", frame)
    assets = {
        name: Asset("NPY_SEQ", str(bench.folder), f"{name}/uid", [{"index": row} for row in ROWS], {}, (4, 6))
        for name in ("left", "right")
    }
    rows = [{"n": row} for row in ROWS]
    uri = f"memory://{uuid.uuid4()}"
    writer = Writer(uri)

    def run(edit=lambda documents: documents):
        for name, doc in edit(build_run({"primary": rows}, assets={"primary": assets})):
            writer(name, doc)
        return Catalog.from_uri(uri)[-1]

    return run


def remove(bench: Any, column: str, *rows: int) -> None:
    for row in rows:
        (bench.folder / column / f"uid_{row}.npy").unlink()


def test_rows_that_one_of_several_columns_lacks_are_left_out_of_all(bench, two_columns):
    run = two_columns()
    remove(bench, "left", 0, 3)
    remove(bench, "right", 3, 4)
    found = run.primary.read(on_error="rows")
    assert found["n"].values.tolist() == [1, 2]
    for name in ("left", "right"):
        np.testing.assert_array_equal(found[name], FRAMES[1:3])
    assert found.attrs["n_rows_left_out"] == 3
    named = {key: list(rows) for key, rows in rows_told(found).items()}
    assert named == {"left": [0, 3], "right": [3, 4]}
    assert run.primary.read(["n", "left"], on_error="rows")["n"].values.tolist() == [1, 2, 4]


def test_a_column_without_a_readable_row_does_not_empty_the_others(bench, two_columns):
    run = two_columns()
    remove(bench, "left", *ROWS)
    remove(bench, "right", 1)
    found = run.primary.read(on_error="rows")
    assert found["n"].values.tolist() == [0, 2, 3, 4]
    assert list(json.loads(found.attrs["unreadable"])) == ["left"]
    assert list(rows_told(found)) == ["right"]


def test_columns_that_have_no_readable_row_in_common_leave_none(bench, two_columns):
    run = two_columns()
    remove(bench, "left", 0, 1, 2)
    remove(bench, "right", 3, 4)
    found = run.primary.read(on_error="rows")
    assert found.sizes["time"] == 0
    assert found["left"].dtype == found["right"].dtype == "u2"
    assert found.attrs["n_rows_left_out"] == N_ROWS


def rewound(documents: list[Any]) -> list[Any]:
    """Number the events 1, 2, 3, 2, 3 as a plan does that was rewound."""
    numbers = iter([1, 2, 3, 2, 3])
    return [(name, {**doc, "seq_num": next(numbers)} if name == "event" else doc) for name, doc in documents]


@pytest.mark.filterwarnings("ignore::databroker_mongo.errors.DocumentWarning")
def test_the_latest_of_repeats_is_chosen_before_rows_are_left_out(bench, two_columns):
    run = two_columns(rewound)
    in_order = run.primary.read(["n"])["n"].values.tolist()
    assert in_order == [0, 1, 3, 2, 4]
    remove(bench, "left", 1, 4)
    all_rows = run.primary.read(on_error="rows")
    latest = run.primary.read(on_error="rows", dedupe="last")
    assert all_rows["n"].values.tolist() == [0, 3, 2]
    assert list(rows_told(all_rows)["left"]) == [1, 4]
    assert latest["n"].values.tolist() == [0, 3]
    assert rows_told(latest)["left"].keys() == {4}
    assert latest.attrs["n_rows_left_out"] == 1


def test_a_superseded_row_that_cannot_be_read_is_not_counted(bench, two_columns):
    run = two_columns(rewound)
    remove(bench, "left", 1)
    latest = run.primary.read(on_error="rows", dedupe="last")
    assert latest["n"].values.tolist() == [0, 3, 4]
    assert latest.attrs.keys().isdisjoint(("unreadable_rows", "n_rows_left_out"))


def test_the_named_rows_are_those_of_a_lazy_dataset_whose_slices_around_them_compute(bench):
    run = bench.run(missing(bench, 2))
    [row] = rows_told(run.primary.read(on_error="rows"))["image"]
    lazy = run.primary.to_dask()
    parts = [lazy.isel(time=slice(0, row)), lazy.isel(time=slice(row + 1, None))]
    np.testing.assert_array_equal(np.concatenate([part["image"].values for part in parts]), IMAGES[[0, 1, 3, 4]])


def test_without_columns_there_is_nothing_to_leave_out(bench):
    assert bench.run(missing(bench, 1)).primary.read([], on_error="rows").sizes["time"] == N_ROWS


def test_an_unknown_word_is_refused(bench):
    with pytest.raises(ValueError, match="'raise', 'skip', 'rows'"):
        bench.run(missing(bench, 1)).primary.read(on_error="row")


def test_what_is_read_is_read_at_most_a_few_times(bench, monkeypatch):
    read: list[int] = []
    plain = Moody.__call__

    def counted(self, point_number):
        read.append(point_number)
        return plain(self, point_number)

    monkeypatch.setattr(Moody, "__call__", counted)
    run = bench.run(classic("raises")(bench, 4), handlers=HANDLERS)
    require_rows(run.primary.read(on_error="rows"), {4})
    assert len(read) <= 4 * N_ROWS


def holes(bench: Any, *written: int, **layout: Any) -> Asset:
    """Return images in an HDF5 file to which only these rows were written."""
    with h5py.File(bench.folder / "a.h5", "w") as file:
        dataset = file.create_dataset("entry/data/data", FRAMES.shape, "u2", chunks=(1, *FRAMES.shape[1:]), **layout)
        for row in written:
            dataset[row] = FRAMES[row]
    return bench.asset("AD_HDF5", "a.h5", frame_per_point=1)


@pytest.mark.parametrize("layout", [{}, {"fillvalue": 7}, {"compression": "gzip"}], ids=repr)
@pytest.mark.parametrize("written", [(0, 1, 2), (0, 2, 4), (1, 2, 3, 4), ()], ids=repr)
def test_frames_that_were_never_written_are_no_zeros(bench, written, layout):
    run = bench.run(holes(bench, *written, **layout))
    assert "never written" in bench.fault_of(run).message
    assert run.health(pixels=True).query("data_key == 'image'")["status"].tolist() == ["unreadable"]
    if 4 not in written or 0 not in written:
        assert run.health().query("data_key == 'image'")["status"].tolist() == ["unreadable"]
    if written:
        require_rows(run.primary.read(on_error="rows"), set(ROWS) - set(written))


def test_frames_that_are_not_yet_written_are_not_there_in_a_run_in_progress(bench):
    asset = holes(bench, 0, 1, 2)
    run = bench.run(asset, edit=lambda found: [each for each in found if each[0] != "stop"])
    with pytest.warns(UserWarning, match="only 3 of 5 rows"):
        found = run.primary.read()
    np.testing.assert_array_equal(found["image"], IMAGES[:3])
