import warnings

from beamline import Frames
from databroker import Broker

db = Broker.named("beamline")
db.reg.register_handler("NPY_FRAMES", Frames, overwrite=True)
header, start = db[2], db[1].start
images = list(header.data("img"))


def warned(ask):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for _ in range(2):
            ask()
    return len([each for each in caught if issubclass(each.category, UserWarning)])


result = {
    "fs": [warned(lambda: db.fs), db.fs is db.reg],
    "stream": [warned(lambda: list(header.stream())), len(list(header.stream()))],
    "db.stream": len(list(db.stream(header))),
    "start_time": [warned(lambda: db(start_time="2023")), len(list(db(start_time="2023", stop_time="2024")))],
    "get_images": warned(lambda: db.get_images(header, "img")),
    "attribute": [warned(lambda: start.plan_name), start.plan_name],
}
