from databroker import Broker

db = Broker.named("beamline")
header = db[1]
result = {
    "primary": header.table(),
    "baseline": header.table("baseline"),
    "no such stream": header.table("nothing"),
    "no events": db[5].table(),
    "fields": header.table(fields=["I0", "count"]),
    "expression": header.table(fields=["I.*", "det_.*"]),
    "metadata": header.table(fields=["I0", "purpose", "exit_status"]),
    "metadata alone": header.table(fields=["purpose"]),
    "mapping": header.table(fields=["I0", "sample"]),
    "datums": db[2].table(),
    "seconds": header.table(convert_times=False, localize_times=False),
    "times not converted": header.table(convert_times=False),
    "times not localized": header.table(localize_times=False),
    "time zone": header.table(timezone="US/Eastern"),
    "several": db.get_table([header, db[3]]),
    "results": db.get_table(db(user="bob")),
}
