from beamline import raises
from databroker import Broker

db = Broker.named("beamline")
header, going_on = db[1], db[3]
result = {
    "start": header.start,
    "stop": header.stop,
    "uid": header.uid,
    "descriptors": header.descriptors,
    "streams": sorted(header.stream_names),
    "keys": list(header.keys()),
    "iterated": list(header),
    "item": header["start"],
    "attribute": header.get("stop"),
    "no item": raises(KeyError, lambda: header["uid"]),
    "items": [name for name, _ in header.items()],
    "fields": header.fields(),
    "fields of a stream": header.fields(stream_name="baseline"),
    "get_fields": db.get_fields(header),
    "get_fields of a stream": db.get_fields(header, name="baseline"),
    "devices": header.devices(),
    "configuration": header.config_data("det"),
    "no configuration": header.config_data("nothing"),
    "stop of a run that goes on": going_on.stop,
    "newest descriptor first": [descriptor["time"] for descriptor in db[4].descriptors],
    "read-only": raises(Exception, lambda: header.start.update(x=1)),
    "a dictionary": isinstance(header.start, dict),
}
