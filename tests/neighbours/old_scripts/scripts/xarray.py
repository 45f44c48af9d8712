from beamline import Frames
from databroker import Broker

db = Broker.named("beamline")
db.reg.register_handler("NPY_FRAMES", Frames, overwrite=True)
result = {
    "primary": db[1].xarray(),
    "baseline": db[1].xarray(stream_name="baseline"),
    "images": db[2].xarray(),
    "lazy": db[2].xarray_dask().compute(),
}
