"""Files that others refer to are not opened before somebody who can forbid it was asked."""

import h5py
import numpy as np
import pytest
from databroker_mongo_handlers.hdf5.area_detector import AreaDetectorHDF5
from databroker_mongo_handlers.hdf5.eiger import EigerSeries
from databroker_mongo_handlers.hdf5.stream import StreamedHDF5
from databroker_mongo_handlers.tables.timestamps import ArrayTimes

FRAMES = np.arange(3 * 2 * 2, dtype="uint16").reshape(3, 2, 2)
DATA = "entry/data/data"


def write(path, **datasets):
    with h5py.File(path, "w") as file:
        for name, values in datasets.items():
            file[name] = values
    return path


def links_behind_links(folder):
    write(folder / "c.h5", frames=FRAMES)
    write(folder / "b.h5", frames=h5py.ExternalLink("c.h5", "/frames"))
    write(folder / "a.h5", **{DATA: h5py.ExternalLink("b.h5", "/frames")})
    return AreaDetectorHDF5(str(folder / "a.h5")), [{"point_number": 0}], ["a.h5", "b.h5", "c.h5"]


def virtual_of_virtual(folder):
    write(folder / "c.h5", frames=FRAMES)
    for owner, name, source, of in (("b.h5", "frames", "c.h5", "frames"), ("a.h5", DATA, "b.h5", "frames")):
        layout = h5py.VirtualLayout(FRAMES.shape, FRAMES.dtype)
        layout[...] = h5py.VirtualSource(source, of, FRAMES.shape)
        with h5py.File(folder / owner, "w") as file:
            file.create_virtual_dataset(name, layout)
    return StreamedHDF5(str(folder / "a.h5"), dataset=f"/{DATA}"), [{"index": 0}], ["a.h5", "b.h5", "c.h5"]


def files_that_roll_over(folder):
    for number in (1, 2):
        write(folder / f"a.h5_00000{number}.h5", data=FRAMES)
    handler = StreamedHDF5(str(folder / "a.h5"), dataset="/data")
    return handler, [{"index": 0}], ["a.h5_000001.h5", "a.h5_000002.h5"]


def eiger(folder):
    write(folder / "meta.h5", n=3)
    write(folder / "d1.h5", **{DATA: FRAMES})
    settings = "entry/instrument/detector/detectorSpecific"
    link = h5py.ExternalLink("meta.h5", "/n")
    data = {"entry/data/data_000001": h5py.ExternalLink("d1.h5", f"/{DATA}")}
    write(folder / "s_7_master.h5", **data, **{f"{settings}/nimages": link, f"{settings}/ntrigger": link})
    handler = EigerSeries(str(folder / "s"), images_per_file=3)
    return handler, [{"seq_id": 7, "frame_num": 0}], ["s_7_master.h5", "d1.h5", "meta.h5"]


def times(folder):
    write(folder / "b.h5", times=np.arange(3.0))
    attributes = "entry/instrument/NDAttributes"
    write(folder / "a.h5", **{f"{attributes}/NDArrayTimeStamp": h5py.ExternalLink("b.h5", "/times")})
    return ArrayTimes(str(folder / "a.h5")), [{"point_number": 0}], ["a.h5", "b.h5"]


CASES = [links_behind_links, virtual_of_virtual, files_that_roll_over, eiger, times]


@pytest.mark.parametrize("case", CASES)
def test_each_file_is_asked_for_before_it_is_opened(tmp_path, monkeypatch, case):
    handler, datums, names = case(tmp_path)
    asked, opened = [], []
    real = h5py.File.__init__

    def spy(self, name, *args, **kwargs):
        if isinstance(name, str):
            opened.append((name, name in asked))
        real(self, name, *args, **kwargs)

    monkeypatch.setattr(h5py.File, "__init__", spy)
    handler.linked_files(iter(datums), before_opening=asked.append)
    handler.close()

    assert set(asked) == {str(tmp_path / name) for name in names}
    assert opened
    assert all(was_asked for _, was_asked in opened)


@pytest.mark.parametrize("case", CASES)
def test_what_forbids_it_is_passed_on_and_nothing_is_forgotten(tmp_path, case):
    handler, datums, names = case(tmp_path)
    without = handler.linked_files(iter(datums))
    handler.close()
    for name in names:

        def forbid(path, name=name):
            if path == str(tmp_path / name):
                raise PermissionError(name)

        again, _, _ = case(tmp_path)
        with pytest.raises(PermissionError, match=name):
            again.linked_files(iter(datums), before_opening=forbid)
        assert again.linked_files(iter(datums)) == without
        again.close()
