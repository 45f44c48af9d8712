"""A server that is killed and started again between and during reads: right data, and nothing for the user to do."""

import pymongo
import pytest
from pymongo.monitoring import CommandListener

from databroker_mongo import Catalog, Writer

N_EVENTS = 20_000


def event_page(first, n_rows):
    numbers = list(range(first, first + n_rows))
    times = [float(number) for number in numbers]
    rows = {"uid": [f"e{number}" for number in numbers], "seq_num": numbers, "time": times, "filled": {}}
    return {**rows, "descriptor": "desc", "data": {"x": times}, "timestamps": {"x": times}}


@pytest.fixture
def catalog(mongod):
    key = {"dtype": "number", "shape": [], "source": "sim"}
    uri = f"mongodb://{mongod.address}/test"
    with pymongo.MongoClient(uri) as client:
        client.test.event.create_index([("descriptor", -1), ("time", 1)])
    with Writer(uri, on_failure="raise") as writer:
        writer("start", {"uid": "run", "time": 0.0, "scan_id": 1})
        descriptor = {"uid": "desc", "run_start": "run", "time": 0.0, "name": "primary", "data_keys": {"x": key}}
        writer("descriptor", descriptor)
        for first in range(1, N_EVENTS + 1, 5000):
            writer("event_page", event_page(first, 5000))
        writer("stop", {"uid": "stop", "run_start": "run", "time": 1e6, "exit_status": "success"})
    return Catalog.from_uri(uri)


class AtMore(CommandListener):
    """Does something once when a client asks for more of an answer."""

    act = None

    def started(self, event):
        if event.command_name == "getMore" and self.act:
            act, self.act = self.act, None
            act()

    def succeeded(self, event):
        pass

    def failed(self, event):
        pass


at_more = AtMore()
pymongo.monitoring.register(at_more)


def restart(mongod):
    mongod.kill()
    mongod.start()
    mongod.wait()


def test_a_restart_between_reads_is_not_noticed(mongod, catalog):
    for _ in range(3):
        assert catalog[1].primary.read()["x"].values.sum() == N_EVENTS * (N_EVENTS + 1) / 2
        restart(mongod)
    assert list(catalog) == ["run"]


def test_a_lazy_dataset_is_computed_after_a_restart(mongod, catalog):
    lazy = catalog[1].primary.to_dask()["x"]
    restart(mongod)
    assert lazy.sum().compute() == N_EVENTS * (N_EVENTS + 1) / 2


def test_a_restart_in_the_middle_of_a_run_s_documents_is_not_noticed(mongod, catalog):
    seq_nums = []
    for name, doc in catalog[1].documents(page_size=1000):
        if name == "event_page":
            if len(seq_nums) in (2000, 11_000):
                restart(mongod)
            seq_nums += doc["seq_num"]
    assert seq_nums == list(range(1, N_EVENTS + 1))


@pytest.mark.parametrize(
    "read",
    [
        lambda run: run.primary.read()["x"].values,
        lambda run: run.primary.read(["x"])["x"].values,
        lambda run: run.primary.to_dask()["x"].compute().values,
        lambda run: [x for name, doc in run.documents() if name == "event_page" for x in doc["data"]["x"]],
    ],
)
def test_a_restart_in_the_middle_of_an_answer_is_not_noticed(mongod, catalog, read):
    run = catalog[1]
    at_more.act = lambda: restart(mongod)
    assert list(read(run)) == [float(number) for number in range(1, N_EVENTS + 1)]
    assert at_more.act is None
