"""Ask a catalog what is named on the standard input, line by line, and say when Ctrl-C ended it; run as a script.

It prints ``asking`` before, then ``ended SECONDS``, on the clock that all processes share, ``answered`` where nothing
ended it, or ``failed`` with the error.
"""

import itertools
import signal
import sys
import time
import warnings

from databroker_mongo import Catalog, FullText, TimeRange
from databroker_mongo.queries import HasStream, In, Key, Raw, ScanID
from databroker_mongo.queries import Regex as Pattern


def ways_of(uri):
    """Return the verbs: each asks the server."""
    catalog = Catalog.from_uri(uri, timeout_seconds=60)
    db = catalog.v1
    run = catalog[1]
    other = Catalog.from_uri(uri, timeout_seconds=60)
    union = Catalog.union([other, catalog])
    stream = run["primary"]
    index = stream.read(["x"])
    assert len(index["x"]) > 20_000
    header = db[1]
    return {
        "len": lambda: len(catalog),
        "bool": lambda: bool(catalog),
        "iter": lambda: list(catalog),
        "values": lambda: list(catalog.values()),
        "search": lambda: len(catalog.search({"odd": 5})),
        "search of a stop": lambda: list(catalog.search(stop={"odd": 5})),
        "search of a stream": lambda: list(catalog.search(HasStream("primary") | (Key("a") == 1))),
        "Key": lambda: len(catalog.search(Key("odd") > 5)),
        "In": lambda: len(catalog.search(In("odd", [5]))),
        "Raw": lambda: len(catalog.search(Raw({"odd": 5}))),
        "Regex": lambda: len(catalog.search(Pattern("odd", "^a"))),
        "FullText": lambda: len(catalog.search(FullText("a"))),
        "ScanID": lambda: list(catalog.search(ScanID(1))),
        "TimeRange": lambda: list(catalog.search(TimeRange(since=5))),
        "duration_gt": lambda: len(catalog.search(duration_gt=5)),
        "in_progress": lambda: len(catalog.search(in_progress=True)),
        "sorted": lambda: list(catalog.search(sort="odd")),
        "scoped": lambda: len(catalog.scoped(odd=5)),
        "explain": lambda: catalog.explain({"odd": 5}),
        "db()": lambda: list(db(odd=5)),
        "db(since=)": lambda: list(db(since="2014-2")),
        "add_filter": lambda: [db.add_filter(odd=5), list(db())],
        "distinct": lambda: catalog.distinct("odd"),
        "distinct counts": lambda: catalog.distinct("stop.odd", counts=True),
        "facets": lambda: catalog.facets(["odd"]),
        "find": lambda: catalog.find("5"),
        "catalog[-1]": lambda: catalog[-1],
        "catalog[1]": lambda: catalog[1],
        "catalog[uid]": lambda: catalog["run-1"],
        "catalog[-3:]": lambda: catalog[-3:],
        "catalog[[...]]": lambda: catalog[[1, "run-2"]],
        "in": lambda: 1 in catalog,
        "get": lambda: catalog.get(1),
        "db[-1]": lambda: db[-1],
        "table": lambda: catalog.table(),
        "rows": lambda: list(catalog.rows(["scan_id", "n_events"])),
        "watch": lambda: next(catalog.watch()),
        "follow": lambda: list(stream.follow()),
        "union": lambda: list(union),
        "len of a union": lambda: len(union),
        "refresh": lambda: run.refresh(),
        "streams": lambda: list(other[2]),
        "read": lambda: run.refresh()["primary"].read(["x"]),
        "read of many": lambda: catalog.read("x"),
        "pages of many": lambda: list(catalog.read("x", pages=2)),
        "map": lambda: catalog.map(len),
        "map with keys": lambda: catalog.map(len, keys="x"),
        "read in halves": lambda: stream.read(["y"]),
        "to_dask": lambda: run.refresh()["primary"].to_dask(),
        "documents": lambda: list(run.documents()),
        "findings": lambda: run.findings(),
        "health": lambda: run.health(),
        "files": lambda: run.files(),
        "revisions": lambda: run.revisions(),
        "header.table": lambda: header.table(),
        "header.documents": lambda: list(header.documents()),
        "header.data": lambda: list(itertools.islice(header.data("x"), 3)),
        "update": lambda: catalog.update(1, start={"odd": 7}),
        "indexes": lambda: catalog.store.indexes(),
        "stats": lambda: db.stats(),
    }


def main(uri, is_there="yes"):
    warnings.simplefilter("ignore")
    # What a shell starts in the background ignores Ctrl-C, and so does all that it starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    absent = Catalog.from_uri(uri, timeout_seconds=60)
    ways = ways_of(uri) if is_there == "yes" else {"len": lambda: len(absent), "distinct": lambda: absent.distinct("a")}
    sys.stdout.write("|".join(ways) + "\n")
    sys.stdout.flush()
    for line in sys.stdin:
        try:
            sys.stdout.write("asking\n")
            sys.stdout.flush()
            ways[line.strip()]()
            answer = "answered"
        except KeyboardInterrupt:
            answer = f"ended {time.monotonic()}"
        except Exception as error:
            answer = f"failed {error!r}"
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
