from databroker import Broker

db = Broker.named("beamline")
header = db[4]
result = {
    "table": header.table(),
    "fields": header.table(fields=["m"]),
    "one descriptor": header.table(fields=["extra"]),
    "events": header.events(),
    "data": header.data("m"),
}
