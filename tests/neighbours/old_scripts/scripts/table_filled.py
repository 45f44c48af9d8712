from beamline import Frames
from databroker import Broker

db = Broker.named("beamline")
db.reg.register_handler("NPY_FRAMES", Frames, overwrite=True)
result = {"all": db[2].table(fill=True), "by name": db.get_table(db[2], fields=["img"], fill=["img"])}
