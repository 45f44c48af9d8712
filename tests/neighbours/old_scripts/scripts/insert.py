from databroker import Broker

source, db = Broker.named("beamline"), Broker.named("scratch")
for name, document in source[1].documents():
    db.insert(name, dict(document))
header = db[-1]
result = {
    "start": header.start,
    "stop": header.stop,
    "table": header.table(),
    "found": len(list(db(purpose="calibration"))),
}
for name, document in source[1].documents():
    db.insert(name, dict(document))
result["found after a second time"] = len(list(db(purpose="calibration")))
