"""A startup file in the style of NSLS-II's profiles, and what a user types after it."""

import gc
import json

from bluesky import RunEngine
from bluesky.plans import count, scan
from bluesky.preprocessors import SupplementalData
from databroker import Broker
from ophyd.sim import NumpySeqHandler, hw

db = Broker.named("beamline")

RE = RunEngine({})
RE.subscribe(db.insert)
RE.md["facility"] = "NSLS-II"
RE.md["beamline_id"] = "SIM"

sim = hw()
sd = SupplementalData(baseline=[sim.motor2])
RE.preprocessors.append(sd)

db.reg.register_handler("NPY_SEQ", NumpySeqHandler, overwrite=True)

gc.collect()

(uid,) = RE(scan([sim.det], sim.motor, -1, 1, num=5), purpose="alignment")
seen = []
RE(count([sim.img], num=3), lambda name, doc: seen.append((name, doc)))
catalog = db.v2
RE.unsubscribe(0)
RE.subscribe(catalog.v1.insert)
del db
gc.collect()
RE(count([sim.det], num=1))
db = catalog.v1

table = db[uid].table()
images = list(db[2].data("img"))
stored = [(name, dict(doc)) for name, doc in db[2].documents()]


def uid_of(doc):
    return doc.get("uid", doc.get("datum_id"))


def as_stored(doc):
    """Tuples come back as lists."""
    return json.loads(json.dumps(doc))


emitted = {uid_of(doc): doc for _, doc in seen}
result = {
    "scan ids": [header.start["scan_id"] for header in db[-3:]],
    "found": len(list(db(purpose="alignment", beamline_id="SIM"))),
    "columns": list(table.columns),
    "motor": list(table["motor"]),
    "rows": len(table),
    "streams": sorted(db[uid].stream_names),
    "baseline": len(db[uid].table("baseline")),
    "status": db[uid].stop["exit_status"],
    "images": [list(image.shape) for image in images],
    "image": float(images[0].sum()),
    "hints": db[uid].start["hints"],
    "configured": sorted(db[uid].config_data("det")["primary"][0]),
    "as emitted": all(as_stored(emitted[uid_of(doc)]) == doc for _, doc in stored),
    "all of them": len(stored) == len(seen),
}
