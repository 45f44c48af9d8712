from beamline import Frames
from databroker import Broker

db = Broker.named("beamline")
db.reg.register_handler("NPY_FRAMES", Frames, overwrite=True)
result = {
    "primary": db[1].events(),
    "baseline": db[1].events("baseline"),
    "fields": db[1].events(fields=["I0", "purpose"]),
    "filled": db[2].events(fill=True),
    "several": db.get_events([db[1], db[2]], fields=["I0", "x"]),
    "no such stream": db[1].events("nothing"),
}
