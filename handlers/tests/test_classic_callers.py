"""The same classes behind event_model's Filler, as databroker 1.2 uses it."""

import event_model
import h5py
import numpy as np
import pytest
import tifffile
from databroker_mongo_handlers.area_detector_hdf5 import AreaDetectorHDF5, AreaDetectorHDF5SWMR
from databroker_mongo_handlers.tiff import AreaDetectorTIFF

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
