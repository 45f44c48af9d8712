from beamline import Frames, in_order
from databroker import Broker

db = Broker.named("beamline")
db.reg.register_handler("NPY_FRAMES", Frames, overwrite=True)
header, images = db[1], db[2]
called = []
db.process([images], lambda name, doc: called.append([name, doc]))
result = {
    "all": in_order(header.documents()),
    "images": images.documents(),
    "filled": images.documents(fill=True),
    "stream": header.documents(stream_name="baseline"),
    "fields": header.documents(stream_name="primary", fields=["I0", "det_gain", "purpose"]),
    "going on": db[3].documents(),
    "restream": in_order(db.restream([header, images])),
    "restream with fields": in_order(db.restream(header, fields=["temp"])),
    "process": called,
    "get_documents": db.get_documents(images, stream_name="primary", fields=["img"], fill=True),
}
