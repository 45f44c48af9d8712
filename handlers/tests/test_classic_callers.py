"""The same classes behind event_model's Filler, as databroker 1.2 uses it, and as scripts and tests call them."""

import importlib
import inspect
from importlib.metadata import entry_points

import event_model
import h5py
import numpy as np
import pytest
import tifffile
from databroker_mongo_handlers.hdf5.area_detector import (
    AreaDetectorHDF5,
    AreaDetectorHDF5Stream,
    AreaDetectorHDF5SWMR,
    DexelaFrames,
    GermaniumFrames,
    MerlinStream,
    TimepixHDF5,
)
from databroker_mongo_handlers.hdf5.columns import Columns, ColumnStream, FlyscanTargets
from databroker_mongo_handlers.hdf5.eiger import EigerSeries
from databroker_mongo_handlers.hdf5.maps import MAPSPlane, MAPSSpectrum
from databroker_mongo_handlers.hdf5.stream import StreamedHDF5
from databroker_mongo_handlers.hdf5.xspress3 import Xspress3, Xspress3Bulk
from databroker_mongo_handlers.images.tiff import AreaDetectorTIFF

FRAMES = np.arange(6 * 4 * 5, dtype="uint16").reshape(6, 4, 5)


def write_hdf5(folder):
    with h5py.File(folder / "scan.h5", "w", libver="latest") as file:
        file.create_dataset("/entry/data/data", data=FRAMES, maxshape=(None, 4, 5), chunks=(1, 4, 5))
    return "scan.h5", {"frame_per_point": 2}


def write_tiff(folder):
    for number, frame in enumerate(FRAMES):
        tifffile.imwrite(folder / f"img_{number:06d}.tiff", frame)
    return "", {"template": "%s%s_%6.6d.tiff", "filename": "img", "frame_per_point": 2}


@pytest.mark.parametrize(
    ("handler_class", "write"),
    [(AreaDetectorHDF5, write_hdf5), (AreaDetectorHDF5SWMR, write_hdf5), (AreaDetectorTIFF, write_tiff)],
)
def test_events_are_filled(tmp_path, handler_class, write):
    resource_path, resource_kwargs = write(tmp_path)
    run = event_model.compose_run()
    key = {"dtype": "array", "shape": [2, 4, 5], "source": "file", "external": "FILESTORE:"}
    descriptor = run.compose_descriptor(name="primary", data_keys={"image": key}, object_keys={}, configuration={})
    resource = run.compose_resource(
        spec="ANY", root=str(tmp_path), resource_path=resource_path, resource_kwargs=resource_kwargs
    )
    datums = [resource.compose_datum(datum_kwargs={"point_number": number}) for number in range(3)]

    with event_model.Filler({"ANY": handler_class}, inplace=False, retry_intervals=[]) as filler:
        filler("start", run.start_doc)
        filler("descriptor", descriptor.descriptor_doc)
        filler("resource", resource.resource_doc)
        for number, datum in enumerate(datums):
            filler("datum", datum)
            event = descriptor.compose_event(
                data={"image": datum["datum_id"]}, timestamps={"image": 0.0}, filled={"image": False}
            )
            _, filled = filler("event", event)
            np.testing.assert_array_equal(filled["data"]["image"], FRAMES[2 * number : 2 * number + 2])


GROUPS = ("databroker_mongo.handlers", "databroker_mongo.mimetypes")
NEEDED = {
    "template": "%s%s_%d.dat",
    "filename": "img",
    "dataset": "/data",
    "dset_path": "data",
    "frame_per_point": 1,
    "frames_per_point": 1,
    "images_per_file": 1,
}


def needed(handler_class):
    """Return what a class cannot do without, and the template that some need all the same."""
    parameters = inspect.signature(handler_class).parameters
    return {name: value for name, value in NEEDED.items() if name in parameters}


def write_all(folder, handler_class):
    """Write a file of many datasets, and return the path that a class is given for it."""
    with h5py.File(folder / "scan_7_master.h5", "w") as file:
        file["/entry/data/data"] = FRAMES
        file["/entry/instrument/detector/data"] = FRAMES
        file["/i0"] = np.arange(9)
        file["/MAPS/spectra"] = FRAMES
    return str(folder / ("scan" if handler_class is EigerSeries else "scan_7_master.h5"))


REGISTERED = sorted({each.value for group in GROUPS for each in entry_points(group=group)})


@pytest.mark.parametrize("name", REGISTERED, ids=lambda name: name.rpartition(":")[2])
def test_every_handler_is_closed_by_with(tmp_path, name):
    module, _, class_name = name.partition(":")
    handler_class = getattr(importlib.import_module(module), class_name)
    handler = handler_class(str(tmp_path / "scan%d.h5"), **needed(handler_class))

    with handler as opened:
        assert opened is handler
    handler.close()
    with pytest.raises(TypeError):
        handler(*range(9))


ONE = {
    AreaDetectorHDF5: ("point_number", 3, {}),
    TimepixHDF5: ("point_number", 3, {}),
    MerlinStream: ("point_number", 1, {"frame_per_point": 2}),
    AreaDetectorHDF5Stream: ("point_number", 1, {"frame_per_point": 2}),
    DexelaFrames: ("frame", 3, {}),
    GermaniumFrames: ("frame", 3, {}),
    FlyscanTargets: ("target", "data", {}),
    Columns: ("column", "i0", {}),
    StreamedHDF5: ("index", 3, {"dataset": "/entry/data/data"}),
    EigerSeries: ("seq_id", 7, {"images_per_file": 2}),
    MAPSPlane: ("e_index", 3, {"dset_path": "spectra"}),
}


@pytest.mark.parametrize("handler_class", ONE, ids=lambda each: each.__name__)
def test_the_argument_of_a_datum_may_be_given_by_position(tmp_path, handler_class):
    name, value, keywords = ONE[handler_class]

    with handler_class(write_all(tmp_path, handler_class), **keywords) as handler:
        np.testing.assert_array_equal(handler(value), handler(**{name: value}))
        with pytest.raises(TypeError, match="arguments without names"):
            handler(value, *range(7))


PLACES = {
    EigerSeries: (["seq_id", "frame_num"], (7, 3), {"images_per_file": 2}),
    Xspress3: (["frame", "channel"], (2, 1), {}),
    Xspress3Bulk: (["frame", "channel"], (2, 1), {}),
    ColumnStream: (["column", "point_number"], ("i0", 2), {"frame_per_point": 2}),
    MAPSSpectrum: (["x", "y"], (1, 2), {"dset_path": "spectra"}),
}


@pytest.mark.parametrize("handler_class", PLACES, ids=lambda each: each.__name__)
def test_several_arguments_of_a_datum_have_their_order(tmp_path, handler_class):
    names, values, keywords = PLACES[handler_class]

    with handler_class(write_all(tmp_path, handler_class), **keywords) as handler:
        by_name = handler(**dict(zip(names, values, strict=True)))
        np.testing.assert_array_equal(handler(*values), by_name)
        np.testing.assert_array_equal(handler(values[0], **{names[1]: values[1]}), by_name)
        with pytest.raises(TypeError, match="by position and by name"):
            handler(*values, **{names[0]: values[0]})


def test_a_series_may_be_named_by_digits(tmp_path):
    for number in ("7", "07"):
        with h5py.File(tmp_path / f"scan_{number}_master.h5", "w") as file:
            file["/entry/data/data"] = FRAMES[: len(number)]

    with EigerSeries(str(tmp_path / "scan"), images_per_file=1, frame_per_point=1) as handler:
        assert [len(handler(series)) for series in ("7", "07", 7)] == [1, 2, 1]
        with pytest.raises(ValueError, match="seq_id"):
            handler("7/../8")
