from databroker import Broker

db = Broker.named("beamline")
db.add_filter(user="ann")
db.add_filter(since=db[1].start["time"] + 1)
result = {
    "filters": db.filters,
    "all": [header.start["uid"] for header in db()],
    "field": [header.start["uid"] for header in db(user="bob")],
    "key": db[1].start["uid"],
    "another broker": dict(Broker.named("beamline").filters),
}
db.clear_filters()
result["cleared"] = [header.start["uid"] for header in db()]
