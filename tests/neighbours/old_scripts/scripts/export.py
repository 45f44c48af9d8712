import tempfile
from pathlib import Path

from beamline import Frames
from databroker import Broker

db, there = Broker.named("beamline"), Broker.named("exported")
for each in (db, there):
    each.reg.register_handler("NPY_FRAMES", Frames, overwrite=True)
called = []
with tempfile.TemporaryDirectory() as directory:
    hook = {"file_rename_hook": lambda number, total, old, new: called.append([number, total])}
    pairs = db.export([db[1], db[2]], there, new_root=directory, copy_kwargs=hook)
    result = {
        "old": [old for old, _ in pairs],
        "new": [str(Path(new).relative_to(directory)) for _, new in pairs],
        "calls": called,
        "images": list(there[2].data("img")),
        "table": there[1].table(),
    }
result["gigabytes"] = db.export_size([db[2]])
result["gigabytes without files"] = db.export_size(db[1])
