from beamline import raises
from databroker import Broker

db = Broker.named("beamline")
result = {
    "scan id": raises(KeyError, lambda: db[99999]),
    "uid": raises(KeyError, lambda: db["ffffffff-ffff"]),
    "position": raises(IndexError, lambda: db[-99999]),
    "slice from the first": raises(ValueError, lambda: db[0:3]),
    "slice without beginning": raises(ValueError, lambda: db[:-1]),
    "slice beyond the first": raises(IndexError, lambda: db[-99999:]),
    "ambiguous": raises(ValueError, lambda: db["aaaa"]),
    "number with a fraction": raises(KeyError, lambda: db[1.5]),
    "nothing": raises(ValueError, lambda: db[""]),
}
