from databroker import Broker

db = Broker.named("beamline")
catalog = db.v2
config = db.get_config()
result = {
    "name": db.name,
    "v1": db.v1 is db,
    "v2": db.v2 is catalog,
    "of the catalog": [catalog.v1 is db, catalog.v2 is catalog],
    "the same run": catalog[-1].metadata["start"]["uid"] == db[-1].start["uid"],
    "configuration": sorted(config),
    "from configuration": Broker.from_config(config)[-1].start["uid"],
    "registered handlers only": sorted(Broker.from_config(config, auto_register=False).reg.handler_reg),
    "intake": Broker.named("intake_beamline")[-1].start["uid"],
    "statistics": sorted(set(db.stats()) & {"db", "collections", "objects", "dataSize", "indexSize"}),
}
