import datetime

from databroker import Broker

db = Broker.named("beamline")
began = db[2].start["time"]


def found(*text, **query):
    return [header.start["uid"] for header in db(*text, **query)]


result = {
    "all": found(),
    "field": found(user="ann"),
    "two fields": found(user="bob", plan_name="count"),
    "nested": found(**{"sample.name": "Ni"}),
    "operator": found(scan_id={"$in": [1, 4]}),
    "data key": found(data_key="img"),
    "no such data key": found(data_key="nothing"),
    "since": found(since=began),
    "until": found(until=began),
    "both": found(since=began, until=began),
    "text of time": found(since="2023-11-15", until="2024"),
    "minutes": found(since="2023-11-14 23:00", until="2023-11-15 02:30"),
    "datetime": found(until=datetime.datetime.fromtimestamp(began, datetime.UTC)),
    "words": found("calibration"),
    "words and field": found("calibration", user="bob"),
    "two looks": [header.start["uid"] for results in [db(user="ann")] for _ in range(2) for header in results],
}
