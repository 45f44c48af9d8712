"""A run whose events have a columnar copy, and what has to be read of it, by whichever way."""

from contextlib import contextmanager
from datetime import timedelta

import bson
import pymongo

from databroker_mongo import Catalog, Writer
from databroker_mongo.store import open_store, writable
from databroker_mongo.store.columnar import building
from databroker_mongo.testing import build_run

N_ROWS = 25
COUNTED, SETTLED = {"trust": "counted"}, {"trust": "settled"}


class Bench:
    """A database with the run of scan id 1, of 25 events, and their copy."""

    def __init__(self, uri):
        self.uri = uri
        self.database = pymongo.MongoClient(uri).get_default_database()
        self.columns = self.database["event_columns"]
        self.store = writable(open_store(uri))

    def write(self, documents, **options):
        with Writer(self.uri, on_failure="raise", **options) as writer:
            for name, document in documents:
                writer(name, document)

    def build(self, **options):
        return self.store.build_columnar(apply=True, **options)

    def settle(self, monkeypatch):
        """Let the copies settle at the next count, and count."""
        monkeypatch.setattr(building, "_SETTLING", timedelta(0))
        assert self.build().n_kept == 1

    def read(self, **options):
        """Return what a process reads that knows nothing yet."""
        catalog = Catalog.from_uri(self.uri, **options)
        return catalog[1].primary.read()

    def events(self):
        """Return what the events say."""
        return self.read(use_columnar=False)

    def new_event(self, **changes):
        """Return an event like the one in the middle, as another one."""
        event = self.database.event.find_one({"seq_num": N_ROWS // 2}, {"_id": 0})
        return {**event, "uid": str(bson.ObjectId()), **changes}


@contextmanager
def opened_bench(uri):
    """Open a bench, and close its client in the end."""
    bench = Bench(uri)
    yield bench
    bench.database.client.close()


def documents_of_run(n_rows=N_ROWS, **options):
    rows = [{"x": 0.5 * row, "n": row, "label": f"row {row}", "pair": [row, -row]} for row in range(n_rows)]
    return build_run({"primary": rows}, **options)


def is_copied(dataset):
    return dataset.attrs.get("read_from") == "columnar copies"


def require_same(found, expected):
    """Insist on the same variables, of the same types and bits."""
    assert list(found.variables) == list(expected.variables)
    for name, values in expected.variables.items():
        assert found[name].dtype == values.dtype
        assert found[name].dims == values.dims
        if values.dtype == object:
            assert found[name].values.tolist() == values.values.tolist()
        else:
            assert found[name].values.tobytes() == values.values.tobytes()


def require_copied(bench, **options):
    found = bench.read(**options)
    assert is_copied(found)
    require_same(found, bench.events())


def require_read_from_events(bench, **options):
    found = bench.read(**options)
    assert not is_copied(found)
    require_same(found, bench.events())


def time_of(bench, seq_num):
    return bench.database.event.find_one({"seq_num": seq_num})["time"]
