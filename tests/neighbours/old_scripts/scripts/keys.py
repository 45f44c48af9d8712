from databroker import Broker

db = Broker.named("beamline")


def scan_ids(found):
    return [scan_ids(each) if isinstance(each, list) else each.start["scan_id"] for each in found]


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
    "backwards": scan_ids(db[-1:-5:-1]),
    "every other backwards": scan_ids(db[-2:-6:-2]),
    "backwards to the end": scan_ids(db[-3::-1]),
    "backwards from the end": scan_ids(db[-5:-1:-1]),
    "forwards from the end": scan_ids(db[-1:-5]),
    "list": [header.start["uid"] for header in db[[1, -1, uid]]],
    "nested lists": scan_ids(db[[1, [-1, [uid, 5]], []]]),
    "lists with slices": scan_ids(db[[-1, uid, slice(-5, 0)]]),
    "tuple with a slice backwards": scan_ids(db[(2, slice(-1, -3, -1))]),
    "equal": db[1] == db[uid],
}
