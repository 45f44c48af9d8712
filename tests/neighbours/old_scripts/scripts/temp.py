from databroker import Broker

source, db = Broker.named("beamline"), Broker.named("temp")
for name, document in source[1].documents():
    db.insert(name, dict(document))
db.v2.force_reload() if hasattr(db.v2, "force_reload") else None
result = {"table": db[-1].table(), "found": len(list(db())), "another": len(list(Broker.named("temp")()))}
