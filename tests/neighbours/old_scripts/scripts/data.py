from beamline import Frames
from databroker import Broker

db = Broker.named("beamline")
db.reg.register_handler("NPY_FRAMES", Frames, overwrite=True)
result = {
    "numbers": db[1].data("I0"),
    "texts": db[1].data("label"),
    "lists": db[1].data("spec"),
    "images": db[2].data("img"),
    "datums": db[2].data("img", fill=False),
    "metadata": db[1].data("purpose"),
    "configuration": db[1].data("det_gain", "baseline"),
    "no such field": db[1].data("nothing"),
}
