from beamline import raises
from databroker import Broker

db = Broker.named("beamline")
db.alias("calibrations", purpose="calibration")
db.dynamic_alias("mine", lambda: {"user": "ann"})
result = {
    "static": [header.start["uid"] for header in db.calibrations],
    "dynamic": [header.start["uid"] for header in db.mine],
    "names": sorted(db.aliases),
    "taken": raises(ValueError, lambda: db.alias("insert", user="ann")),
    "unknown": raises(AttributeError, lambda: db.nothing),
}
