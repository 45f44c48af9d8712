"""Files that are written while they are read, grow, or are replaced: whole frames, equal lengths, never older data."""

import json
import os
import subprocess
import sys

import h5py
import numpy as np
import pytest
import tifffile

from databroker_mongo.errors import AssetUnreadable, DatumNotFound, DocumentWarning, UnreadableColumns
from databroker_mongo.testing import StreamAsset

pytestmark = [
    pytest.mark.filterwarnings("ignore:no allowed_roots"),
    pytest.mark.filterwarnings("ignore:.*rows are there; all columns end with them:UserWarning"),
]

# Frame n is filled with n + 1, so that a frame that is not there yet would show as zeros.
SWMR_WRITER = """
import sys
import h5py, numpy as np
with h5py.File(sys.argv[1], "w", libver="latest") as file:
    data = file.create_dataset("entry/data/data", (0, 4, 6), "u2", maxshape=(None, 4, 6), chunks=(1, 4, 6))
    file.swmr_mode = True
    print("ready", flush=True)
    for number in range(5):
        sys.stdin.readline()
        data.resize(number + 1, axis=0)
        data.flush()
        print("is longer", flush=True)
        sys.stdin.readline()
        data[number] = number + 1
        data.flush()
        print("is whole", flush=True)
    sys.stdin.read()
"""
PLAIN_WRITER = """
import sys
import h5py, numpy as np
with h5py.File(sys.argv[1], "w") as file:
    file["entry/data/data"] = np.ones((5, 4, 6), "u2")
    file.flush()
    print("ready", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def writer():
    """Start a process that writes a file until its standard input is closed."""
    started = []

    def start(script, *arguments):
        command = [sys.executable, "-c", script, *map(str, arguments)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout.readline() == "ready\n"
        return process

    yield start
    for process in started:
        with process:
            process.kill()


def in_progress(documents):
    return [(name, doc) for name, doc in documents if name != "stop"]


def require_whole_frames(dataset):
    n_rows = dataset.sizes["time"]
    assert {name: len(column) for name, column in dataset.items()} == dict.fromkeys(dataset, n_rows)
    assert (dataset["image"].values == np.arange(1, n_rows + 1).reshape(-1, 1, 1, 1)).all()
    return n_rows


def test_a_file_that_grows_in_swmr_mode_is_read_up_to_whole_frames(bench, writer):
    process = writer(SWMR_WRITER, bench.folder / "a.h5")
    run = bench.run(bench.asset("AD_HDF5_SWMR", "a.h5"), edit=in_progress)
    assert run.primary.read()["image"].shape == (0, 1, 4, 6)
    for number in range(5):
        for step, n_whole in (("is longer", number), ("is whole", number + 1)):
            process.stdin.write("go on\n")
            process.stdin.flush()
            assert process.stdout.readline() == f"{step}\n"
            assert require_whole_frames(run.refresh().primary.read()) == n_whole
    assert process.poll() is None, "the writer is still at it"


def test_events_ahead_of_the_file_are_left_out_of_all_columns_and_that_is_told(bench):
    bench.write_hdf5(frames=np.ones((3, 4, 6), "u2"))
    primary = bench.run(bench.asset("AD_HDF5_SWMR", "a.h5"), edit=in_progress).primary
    with pytest.warns(DocumentWarning, match="only 3 of 5 rows are there; all columns end with them"):
        dataset = primary.read()
    assert {name: len(column) for name, column in dataset.items()} == {"I0": 3, "n": 3, "image": 3}
    assert dataset.sizes["time"] == 3
    assert primary.to_dask()["image"].compute().shape == (3, 1, 4, 6)


def test_tiff_files_that_are_still_to_come_shorten_the_other_columns(bench):
    for number in range(2):
        tifffile.imwrite(bench.folder / f"img_{number:06d}.tiff", np.ones((4, 6), "u2"))
    asset = bench.asset("AD_TIFF", "", template="%s%s_%6.6d.tiff", filename="img")
    run = bench.run(asset, edit=in_progress)
    assert run.primary.read().sizes["time"] == 2
    tifffile.imwrite(bench.folder / "img_000002.tiff", np.ones((4, 6), "u2"))
    assert run.refresh().primary.read().sizes["time"] == 3


def no_file(bench):
    return bench.asset("AD_HDF5", "a.h5")


def no_rows(bench):
    bench.write_hdf5(frames=np.empty((0, 4, 6), "u2"), chunks=(1, 4, 6), maxshape=(None, 4, 6))
    return bench.asset("AD_HDF5", "a.h5")


def no_bytes(bench):
    (bench.folder / "img_000000.tiff").touch()
    return bench.asset("AD_TIFF", "", template="%s%s_%6.6d.tiff", filename="img")


def half_a_frame(bench):
    path = bench.write_tiffs()[0]
    path.write_bytes(path.read_bytes()[:-10])
    return bench.asset("AD_TIFF", "", template="%s%s_%6.6d.tiff", filename="img")


def no_rows_of_stream_data(bench):
    bench.write_hdf5(frames=np.empty((0, 4, 6), "u2"), chunks=(1, 4, 6), maxshape=(None, 4, 6))
    return stream_asset(bench, [(0, 5)])


def stream_asset(bench, spans):
    parameters = {"dataset": "/entry/data/data", "chunk_shape": [1, 4, 6]}
    return StreamAsset("application/x-hdf5", f"file://localhost{bench.folder}/a.h5", spans, parameters, (1, 4, 6))


@pytest.mark.parametrize("begin", [no_file, no_rows, no_bytes, half_a_frame, no_rows_of_stream_data])
def test_before_the_first_frame_is_there_all_columns_are_empty_and_that_is_told(bench, begin):
    primary = bench.run(begin(bench), edit=in_progress).primary
    with pytest.warns(DocumentWarning, match=rf"only 0 of 5 .*exclude=\['image'\].*{bench.folder}") as told:
        dataset = primary.read()
    assert [str(each.message).partition(":")[0] for each in told if each.category is DocumentWarning][1:] == []
    assert {name: column.shape for name, column in dataset.items()} == {"I0": (0,), "n": (0,), "image": (0, 1, 4, 6)}
    assert dataset["image"].dtype == "u2"
    assert primary.to_dask()["image"].compute().shape == (0, 1, 4, 6)
    assert primary.read(exclude=["image"]).sizes["time"] == 5


@pytest.mark.parametrize("begin", [no_file, no_rows, no_bytes, half_a_frame, no_rows_of_stream_data])
def test_a_first_frame_that_is_not_there_when_the_run_has_stopped_is_an_error(bench, begin):
    assert isinstance(bench.fault_of(bench.run(begin(bench))), AssetUnreadable)


def test_a_first_frame_that_no_descriptor_describes_is_left_out_and_told(bench):
    primary = bench.run(no_file(bench), dtype=None, edit=in_progress).primary
    dataset = primary.read()
    assert {name: len(column) for name, column in dataset.items()} == {"I0": 0, "n": 0}
    assert "the file is missing" in json.loads(dataset.attrs["unreadable"])["image"]


def test_a_file_whose_directory_is_missing_costs_its_own_column_of_a_run_in_progress_too(bench):
    run = bench.run(bench.asset("AD_HDF5", "not/mounted/a.h5"), edit=in_progress)
    assert "the file is missing" in str(bench.fault_of(run))
    assert {name: len(column) for name, column in run.primary.read(on_error="skip").items()} == {"I0": 5, "n": 5}


def test_health_tells_of_a_first_frame_that_is_still_to_come(bench):
    health = bench.run(no_file(bench), edit=in_progress).health().set_index("data_key")
    assert health.loc["image", "status"] == "note"
    assert f"{bench.folder}/a.h5" in health.loc["image", "reason"]
    assert health.loc["I0", "status"] == "ok"


def test_a_file_that_is_damaged_or_held_by_its_writer_is_an_error_of_a_run_in_progress_too(bench, writer):
    (bench.folder / "a.h5").write_bytes(b"no HDF5 file")
    run = bench.run(bench.asset("AD_HDF5", "a.h5"), edit=in_progress)
    assert "not an HDF5 file" in str(bench.fault_of(run))
    writer(PLAIN_WRITER, bench.folder / "a.h5")
    assert "open for writing by another process" in str(bench.fault_of(run.refresh()))


def without(*kinds):
    return lambda documents: [each for each in in_progress(documents) if each[0] not in kinds]


def test_a_stream_resource_without_stream_datums_has_no_row_yet(bench):
    run = bench.run(stream_asset(bench, [(0, 5)]), edit=without("stream_datum"))
    with pytest.warns(DocumentWarning, match="only 0 of 5 rows are there"):
        assert run.primary.read()["image"].shape == (0, 1, 4, 6)


def test_a_stream_without_events_and_stream_documents_has_no_row_yet(bench):
    run = bench.run(stream_asset(bench, [(0, 5)]), edit=without("stream_datum", "stream_resource", "event"))
    assert run.primary.read()["image"].shape == (0, 1, 4, 6)


def test_events_without_any_stream_resource_have_lost_it_in_a_run_in_progress_too(bench):
    run = bench.run(stream_asset(bench, [(0, 5)]), edit=without("stream_datum", "stream_resource"))
    assert isinstance(bench.fault_of(run), DatumNotFound)


def test_stream_data_ahead_of_the_events_is_left_out_and_told(bench):
    bench.write_hdf5()

    def three_events(documents):
        kept = in_progress(documents)
        return [(name, doc) for name, doc in kept if name != "event" or doc["seq_num"] <= 3]

    run = bench.run(stream_asset(bench, [(0, 5)]), edit=three_events)
    with pytest.warns(DocumentWarning, match="2 rows of stored data are ahead of the events"):
        assert run.primary.read()["image"].shape == (3, 1, 4, 6)


def test_stream_data_before_the_first_event_is_left_out_and_told(bench):
    bench.write_hdf5()
    run = bench.run(stream_asset(bench, [(0, 5)]), edit=without("event"))
    with pytest.warns(DocumentWarning, match="5 rows of stored data are ahead of the events"):
        assert {name: len(column) for name, column in run.primary.read().items()} == {"I0": 0, "n": 0, "image": 0}
    assert run.primary.read(["image"]).sizes["time"] == 5


def test_a_snapshot_keeps_its_length_while_its_file_grows(bench):
    path = bench.write_hdf5(frames=np.ones((3, 4, 6), "u2"), maxshape=(None, 4, 6))
    run = bench.run(bench.asset("AD_HDF5", "a.h5"), edit=in_progress)
    lazy = run.primary.to_dask()
    with h5py.File(path, "r+") as file:
        file["entry/data/data"].resize(5, axis=0)
        file["entry/data/data"][3:] = 1
    assert lazy.compute().sizes["time"] == 3
    assert run.refresh().primary.read().sizes["time"] == 5


def test_a_short_file_of_a_finished_run_is_an_error_of_its_column_alone(bench):
    bench.write_hdf5(frames=np.ones((3, 4, 6), "u2"))
    primary = bench.run(bench.asset("AD_HDF5_SWMR", "a.h5")).primary
    with pytest.raises(UnreadableColumns, match="it has 3"):
        primary.read()
    skipped = primary.read(on_error="skip")
    assert list(skipped) == ["I0", "n"]
    assert skipped.sizes["time"] == 5


def test_a_file_that_another_process_has_open_for_writing_is_told_from_a_bad_one(bench, writer):
    writer(PLAIN_WRITER, bench.folder / "a.h5")
    fault = bench.fault_of(bench.run(bench.asset("AD_HDF5", "a.h5")))
    assert "open for writing by another process" in str(fault)


@pytest.mark.parametrize("in_place", [True, False])
def test_a_file_of_other_contents_is_noticed_even_when_its_size_and_time_are_the_same(bench, in_place):
    path = bench.write_hdf5()
    run = bench.run(bench.asset("AD_HDF5", "a.h5"))
    stream = run.primary
    first = stream.read()["image"]
    lazy = stream.to_dask()["image"]
    found = path.stat()
    other = bench.write_hdf5("b.h5", frames=first.values[:, 0] + 1)
    if in_place:
        path.write_bytes(other.read_bytes())
    else:
        other.replace(path)
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))
    assert path.stat().st_size == found.st_size
    np.testing.assert_array_equal(stream.read()["image"], first + 1)
    np.testing.assert_array_equal(lazy.compute(), first + 1)


GROW = """
import sys, h5py
with h5py.File(sys.argv[1], "r+", locking=False) as file:
    file["entry/data/data"].resize(5, axis=0)
    file["entry/data/data"][3:] = 1
"""
"""Another process, as HDF5 lets one process open a file for writing or for reading, not for both."""


def test_a_virtual_dataset_shows_what_was_added_to_its_source(bench):
    source = bench.write_hdf5("source.h5", frames=np.ones((3, 4, 6), "u2"), maxshape=(None, 4, 6))
    layout = h5py.VirtualLayout((5, 4, 6), "u2")
    layout[...] = h5py.VirtualSource("source.h5", "entry/data/data", (5, 4, 6), maxshape=(None, 4, 6))
    with h5py.File(bench.folder / "a.h5", "w") as file:
        file.create_virtual_dataset("entry/data/data", layout)
    run = bench.run(bench.asset("AD_HDF5", "a.h5"), edit=in_progress)
    run.primary.read(on_error="skip")
    subprocess.run([sys.executable, "-c", GROW, str(source)], check=True)
    assert (run.refresh().primary.read()["image"] == 1).all()
