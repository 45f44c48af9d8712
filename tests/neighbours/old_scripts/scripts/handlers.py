from beamline import Frames, Negatives, raises
from databroker import Broker

db = Broker.named("beamline")
db.reg.register_handler("NPY_FRAMES", Frames)
db.reg.register_handler("NPY_FRAMES", Frames)
result = {
    "read": list(db[2].data("img"))[1],
    "another without overwrite": raises(RuntimeError, lambda: db.reg.register_handler("NPY_FRAMES", Negatives)),
}
db.reg.register_handler("NPY_FRAMES", Negatives, overwrite=True)
result["read by another"] = list(db[2].data("img"))[1]
result["registered"] = db.reg.handler_reg["NPY_FRAMES"].__name__
db.reg.deregister_handler("NPY_FRAMES")
db.reg.deregister_handler("NPY_FRAMES")
result["taken back"] = "NPY_FRAMES" in db.reg.handler_reg
result["roots"] = dict(db.reg.root_map)
