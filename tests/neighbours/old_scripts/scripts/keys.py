from databroker import Broker

db = Broker.named("beamline")
uid = db[1].start["uid"]
result = {
    "latest": db[-1].start["uid"],
    "second latest": db[-2].start["uid"],
    "scan id": db[4].start["uid"],
    "scan id that repeats": db[2].start["uid"],
    "uid": db[uid].start["scan_id"],
    "beginning of a uid": db[uid[:8]].start["scan_id"],
    "last three": [header.start["uid"] for header in db[-3:]],
    "last three but one": [header.start["uid"] for header in db[-3:-1]],
    "every other": [header.start["uid"] for header in db[-4::2]],
    "list": [header.start["uid"] for header in db[[1, -1, uid]]],
    "equal": db[1] == db[uid],
}
