"""Documents reach the store through its absences, or wait in the spool."""

import datetime
import gc
import json
import threading
import time
import weakref
from pathlib import Path

import pytest

from databroker_mongo import Writer
from databroker_mongo.errors import (
    DuplicateDocument,
    DurabilityWarning,
    InvalidDocument,
    NotAuthorized,
    StoreUnavailable,
)
from databroker_mongo.store import place_of
from databroker_mongo.writing import backlog, delivery, spool_timer
from databroker_mongo.writing.spool import Spool


class FakeStore:
    """A store whose n-th calls fail as told: ``failures[n]`` is raised by call n, after it stored or before."""

    weaknesses = ()
    is_persistent = True

    def __init__(self, address="fake://server/db"):
        self.address = address
        self.places = (place_of(address),)
        self.stored = {}
        self.order = []
        self.n_calls = 0
        self.is_away = False
        self.failures = {}
        self.stores_before_failing = False
        self.before_insert = lambda: None

    def report_spool(self, report):
        """Keep no row."""

    def insert(self, name, documents, *, seconds=None):
        self.before_insert()
        failure = self.failures.get(self.n_calls, StoreUnavailable("away") if self.is_away else None)
        self.n_calls += 1
        if failure is None or self.stores_before_failing:
            self._put(name, documents)
        if failure is not None:
            raise failure

    def _put(self, name, documents):
        for document in documents:
            if document.get("refuse"):
                raise InvalidDocument("refused by the server")
            uid = document.get("datum_id", document.get("uid"))
            if self.stored.get((name, uid), document) != document:
                raise DuplicateDocument("other contents")
            if (name, uid) not in self.stored:
                self.order.append((name, uid))
            self.stored[name, uid] = document


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(delivery, "_FIRST_PAUSE_SECONDS", 0.001)
    monkeypatch.setattr(delivery, "_LONGEST_PAUSE_SECONDS", 0.001)
    monkeypatch.setattr(backlog, "_PROBE_SECONDS", 0.001)


@pytest.fixture
def store():
    return FakeStore()


@pytest.fixture
def open_writer(store, tmp_path):
    writers = []

    def open_writer(**options):
        writers.append(Writer(store, spool=tmp_path, **{"retry_seconds": 0.05, "batch_seconds": 60, **options}))
        return writers[-1]

    yield open_writer
    store.is_away = False
    for writer in writers:
        writer.close()


def begin(writer, store):
    """Give a writer its first document, which is stored at once, however documents are sent, and forget that."""
    writer("start", {"uid": "first", "time": 0.0})
    store.stored, store.order, store.n_calls = {}, [], 0
    return writer


def leave(writer, documents):
    """Give a writer documents while its server is away, and close it: they are left in its spool."""
    with pytest.warns(DurabilityWarning, match="documents are not stored but kept"):
        send(writer, documents)
    with pytest.warns(DurabilityWarning, match=r"Not stored yet: .*spool send"):
        writer.close()


def run(n_events=4):
    yield "start", {"uid": "run", "time": 1.0}
    yield "descriptor", {"uid": "desc", "run_start": "run", "time": 1.0, "data_keys": {}}
    for number in range(1, n_events + 1):
        yield "event", event(number)
    yield "stop", {"uid": "stop", "run_start": "run", "time": 2.0, "exit_status": "success"}


def send(writer, documents):
    for name, doc in documents:
        writer(name, doc)


def event(number, **data):
    return {
        "uid": f"e{number}",
        "descriptor": "desc",
        "seq_num": number,
        "time": float(number),
        "data": data,
        "timestamps": {},
    }


def uids(n_events=4):
    return [(name, doc["uid"]) for name, doc in run(n_events)]


def spool_files(tmp_path):
    return sorted(tmp_path.rglob("*.bson"))


@pytest.mark.parametrize("durable", ["each", "batch"])
@pytest.mark.parametrize("stores_before_failing", [True, False])
def test_the_nth_call_may_fail_for_every_n(store, tmp_path, durable, stores_before_failing):
    for n in range(9):
        store = FakeStore()
        store.failures = {n: StoreUnavailable("lost the answer"), n + 1: StoreUnavailable("again")}
        store.stores_before_failing = stores_before_failing
        with Writer(store, durable=durable, spool=tmp_path, batch_documents=2, batch_seconds=60) as writer:
            send(writer, run())
        assert store.order == uids()
        assert writer.acknowledged == 7
        assert spool_files(tmp_path) == []


@pytest.mark.parametrize("durable", ["each", "batch"])
def test_a_server_that_stays_away_is_spooled_for_and_the_plan_goes_on(store, open_writer, tmp_path, durable):
    writer = open_writer(durable=durable)
    documents = list(run())
    send(writer, documents[:3])
    writer.flush()
    store.is_away = True
    with pytest.warns(DurabilityWarning, match=str(tmp_path)):
        send(writer, documents[3:])
    assert (writer.acknowledged, writer.pending) == (3, 4)
    store.is_away = False
    writer.flush()
    assert (writer.acknowledged, writer.pending) == (7, 0)
    assert store.order == uids()


def test_a_server_that_returns_is_found_without_being_told(store, open_writer, monkeypatch):
    monkeypatch.setattr(backlog, "_SECONDS_BETWEEN_PROBES", 0.0)
    writer = open_writer()
    store.is_away = True
    with pytest.warns(DurabilityWarning):
        send(writer, list(run())[:4])
    store.is_away = False
    send(writer, list(run())[4:])
    assert store.order == uids()
    assert writer.pending == 0


def test_a_server_that_is_gone_is_left_alone_between_probes(store, open_writer):
    writer = open_writer()
    store.is_away = True
    with pytest.warns(DurabilityWarning):
        writer(*next(run()))
    before = store.n_calls
    send(writer, run())
    assert store.n_calls == before


@pytest.mark.parametrize("durable", ["each", "batch"])
def test_the_next_writer_stores_what_the_last_one_left_in_order(store, open_writer, tmp_path, durable):
    writer = open_writer(durable=durable)
    store.is_away = True
    leave(writer, run())
    assert len(spool_files(tmp_path)) == 1
    store.is_away = False
    next_writer = open_writer()
    next_writer.flush()
    assert store.order == uids()
    assert spool_files(tmp_path) == []


def test_the_spool_of_a_living_writer_is_left_to_it(store, open_writer, tmp_path):
    writer = begin(open_writer(durable="batch"), store)
    writer("event", event(1))
    open_writer().flush()
    assert store.order == []
    assert len(spool_files(tmp_path)) == 1


def test_spools_of_other_databases_are_left_alone(store, open_writer, tmp_path):
    store.is_away = True
    writer = open_writer()
    leave(writer, [("event", event(1))])
    other = FakeStore("fake://server/other")
    Writer(other, spool=tmp_path).flush()
    assert other.order == []


def test_on_failure_raise_gives_the_error_to_the_plan(store, tmp_path):
    store.is_away = True
    writer = Writer(store, on_failure="raise", spool=tmp_path, retry_seconds=0.01)
    with pytest.raises(StoreUnavailable):
        writer("event", event(1))
    assert list(tmp_path.iterdir()) == []
    assert (writer.acknowledged, writer.pending) == (0, 0)


def test_a_batch_that_could_not_be_sent_is_sent_with_the_next(store, tmp_path):
    writer = begin(Writer(store, durable="batch", on_failure="raise", retry_seconds=0.01, batch_seconds=60), store)
    store.is_away = True
    writer("event", event(1))
    with pytest.raises(StoreUnavailable):
        writer.flush()
    store.is_away = False
    writer("event", event(2))
    writer.flush()
    assert store.order == [("event", "e1"), ("event", "e2")]


def test_an_account_that_may_not_write_is_spooled_for_at_once(store, open_writer):
    writer = begin(open_writer(retry_seconds=60), store)
    store.failures = {0: NotAuthorized("may not write")}
    with pytest.warns(DurabilityWarning, match="refuses the account.*may not write"):
        writer("event", event(1))
    assert store.n_calls == 1
    writer.flush()
    assert store.order == [("event", "e1")]


@pytest.mark.parametrize("durable", ["each", "batch"])
def test_a_refused_document_is_set_aside_with_its_error_and_the_others_are_stored(
    store, open_writer, tmp_path, durable
):
    writer = open_writer(durable=durable)
    bad = {"uid": "bad", "time": 1.0, "refuse": True}
    with pytest.raises(InvalidDocument, match="refused by the server") as caught:
        send(writer, [("event", event(1)), ("start", bad), *run()])
    [path] = (tmp_path).rglob("quarantine/*.json")
    assert caught.value.quarantine == str(path)
    record = json.loads(path.read_text())
    assert (record["name"], record["document"], record["database"]) == ("start", bad, store.address)
    assert "refused by the server" in record["error"]
    assert ("event", "e1") in store.order
    assert writer.pending == 0


def test_a_flush_that_raises_a_refusal_has_sent_all_the_rest(store, open_writer):
    gate = threading.Event()
    writer = begin(open_writer(durable="batch", batch_documents=2, on_failure="raise"), store)
    store.before_insert = gate.wait
    send(writer, [("start", {"uid": "bad", "time": 1.0, "refuse": True}), *(("event", event(n)) for n in (1, 2, 3))])
    gate.set()
    with pytest.raises(InvalidDocument, match="refused by the server"):
        writer.flush()
    assert writer.pending == 0
    assert [uid for _, uid in store.order] == ["e1", "e2", "e3"]
    writer.flush()


@pytest.mark.parametrize("on_failure", ["spool", "raise"])
def test_a_document_that_breaks_its_schema_is_set_aside_even_if_json_cannot_hold_it(open_writer, tmp_path, on_failure):
    writer = open_writer(on_failure=on_failure)
    for number, doc in enumerate([event(0), {**event(1), "data": {"x": {1}}}, {**event(2), "data": {(1, 2): 3}}, 5], 1):
        with pytest.raises(InvalidDocument) as caught:
            writer("event", doc)
        path = caught.value.quarantine
        assert json.loads(Path(path).read_text())["name"] == "event"
        assert len(list(tmp_path.rglob("quarantine/*.json"))) == number


def test_a_refused_document_in_a_spool_is_set_aside_and_the_rest_is_stored(store, open_writer, tmp_path):
    writer = open_writer()
    bad = {"uid": "bad", "time": 1.0, "refuse": True}
    store.is_away = True
    with pytest.warns(DurabilityWarning):
        send(writer, [*run(), ("start", bad), ("event", event(9))])
    store.is_away = False
    writer.flush()
    assert set(store.order) == {*uids(), ("event", "e9")}
    assert len(list(tmp_path.rglob("quarantine/*.json"))) == 1


def test_a_spool_that_cannot_be_written_is_told_and_the_store_is_used(store, tmp_path):
    (tmp_path / "file").write_text("")
    writer = Writer(store, durable="batch", spool=tmp_path / "file", batch_seconds=60)
    with pytest.warns(DurabilityWarning, match="cannot be written"):
        send(writer, run())
    assert store.order == uids()


def test_a_spool_that_cannot_be_written_while_the_server_is_gone_is_an_error(store, tmp_path):
    (tmp_path / "file").write_text("")
    store.is_away = True
    writer = Writer(store, spool=tmp_path / "file", retry_seconds=0.01)
    with (
        pytest.warns(DurabilityWarning, match="cannot be written"),
        pytest.raises(StoreUnavailable, match="cannot be written"),
    ):
        writer("event", event(1))


def test_values_survive_the_spool_exactly(store, open_writer):
    values = {"f": 0.1, "i": 2**63 - 1, "b": b"\0\xff", "n": None, "s": "\U0001f600\0", "l": [1.5, {"a": [True]}]}
    values |= {"r": {"$ref": "a", "$id": [1]}, "d": datetime.datetime(2020, 1, 2, 3, 4, 5, 6000)}
    writer = open_writer()
    store.is_away = True
    with pytest.warns(DurabilityWarning):
        writer("event", event(1, **values, nan=float("nan")))
    store.is_away = False
    writer.flush()
    assert repr(store.stored["event", "e1"]) == repr(event(1, **values, nan=float("nan")))


def test_a_record_that_was_cut_short_is_passed_over(store, open_writer, tmp_path):
    store.is_away = True
    leave(open_writer(), run())
    [path] = spool_files(tmp_path)
    whole = path.read_bytes()
    store.is_away = False
    for cut in (1, 3, 4, 5, 30, len(whole) - 1):
        store.stored, store.order = {}, []
        path.write_bytes(whole[:-cut])
        open_writer().flush()
        n_whole = 0 if cut == len(whole) - 1 else 6
        assert store.order == uids()[:n_whole]


def wait_until(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.005)


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(backlog, "_SECONDS_BETWEEN_PROBES", 0.01)
    monkeypatch.setattr(spool_timer, "SECONDS_BETWEEN", 0.01)


@pytest.mark.parametrize("durable", ["each", "batch"])
def test_what_is_spooled_is_stored_when_the_server_returns_while_nobody_writes(store, open_writer, durable, impatient):
    writer = open_writer(durable=durable)
    store.is_away = True
    with pytest.warns(DurabilityWarning):
        send(writer, run())
    store.is_away = False
    wait_until(lambda: writer.pending == 0)
    assert store.order == uids()


@pytest.mark.parametrize("durable", ["each", "batch"])
@pytest.mark.parametrize("is_away", [False, True])
def test_a_writer_that_is_opened_stores_what_was_left_without_a_call(
    store, open_writer, tmp_path, durable, is_away, impatient
):
    store.is_away = True
    leave(open_writer(), run())
    store.is_away = is_away
    others = set(threading.enumerate())
    writer = open_writer(durable=durable)
    threads = set(threading.enumerate()) - others
    if is_away:
        asked = store.n_calls
        wait_until(lambda: store.n_calls > asked + 5)
        store.is_away = False
    wait_until(lambda: spool_files(tmp_path) == [])
    assert store.order == uids()
    writer.close()
    wait_until(lambda: not any(thread.is_alive() for thread in threads))


def test_a_batch_is_sent_when_it_is_old_enough_without_another_call(store, open_writer):
    writer = begin(open_writer(durable="batch", batch_seconds=0.05), store)
    gate = threading.Event()
    store.before_insert = gate.wait
    writer("event", event(1))
    assert store.order == []
    gate.set()
    wait_until(lambda: writer.pending == 0)
    assert store.order == [("event", "e1")]


@pytest.mark.parametrize(("option", "limit"), [("batch_documents", 3), ("batch_bytes", 280)])
def test_a_batch_is_sent_when_it_is_large_enough(store, open_writer, option, limit):
    writer = begin(open_writer(durable="batch", **{option: limit}), store)
    writer("event", event(1))
    writer("event", event(2))
    time.sleep(0.05)
    assert store.order == []
    writer("event", event(3))
    wait_until(lambda: writer.pending == 0)
    assert len(store.order) == 3


def test_documents_are_collected_while_a_batch_is_sent_but_no_more_than_another_batch(store, open_writer):
    gate = threading.Event()
    writer = begin(open_writer(durable="batch", batch_documents=2), store)
    store.before_insert = gate.wait
    send(writer, [("event", event(number)) for number in range(1, 5)])
    fifth = threading.Thread(target=writer, args=("event", event(5)))
    fifth.start()
    time.sleep(0.05)
    assert fifth.is_alive()
    assert (writer.acknowledged, writer.pending) == (1, 4)
    gate.set()
    fifth.join()
    writer.flush()
    assert [uid for _, uid in store.order] == ["e1", "e2", "e3", "e4", "e5"]


def test_the_spool_of_collected_documents_is_emptied_before_it_grows_large(store, open_writer, tmp_path, monkeypatch):
    monkeypatch.setattr(backlog, "_LARGE_BYTES", 2000)
    writer = begin(open_writer(durable="batch", batch_documents=7), store)
    largest = 0
    for number in range(1, 100):
        writer("event", event(number))
        largest = max(largest, *(path.stat().st_size for path in spool_files(tmp_path)))
    writer.flush()
    assert 500 < largest < 2500
    assert len(store.order) == 99
    assert spool_files(tmp_path)[0].stat().st_size == 0


def test_an_error_of_a_batch_is_raised_by_the_next_call_which_is_accepted(store):
    writer = Writer(store, durable="batch", on_failure="raise", retry_seconds=0.0, batch_seconds=0.01)
    begin(writer, store)
    store.is_away = True
    writer("event", event(1))
    wait_until(lambda: writer._sender._error)
    with pytest.raises(StoreUnavailable):
        writer("event", event(2))
    store.is_away = False
    writer.close()
    assert store.order == [("event", "e1"), ("event", "e2")]


def test_an_error_that_nobody_foresaw_is_raised_and_loses_nothing(store, open_writer):
    writer = begin(open_writer(durable="batch"), store)
    store.failures = {0: TypeError("a mistake")}
    writer("event", event(1))
    with pytest.raises(TypeError, match="a mistake"):
        writer.flush()
    writer.flush()
    assert store.order == [("event", "e1")]


def test_a_batch_stores_what_others_refer_to_first(store, open_writer):
    writer = begin(open_writer(durable="batch"), store)
    writer("event", event(1))
    writer("datum", {"datum_id": "r/1", "resource": "r", "datum_kwargs": {}})
    writer("resource", {"uid": "r", "spec": "S", "root": "/", "resource_path": "a", "resource_kwargs": {}})
    writer.flush()
    assert store.order == [("resource", "r"), ("datum", "r/1"), ("event", "e1")]


def test_a_writer_that_is_dropped_sends_what_it_has_and_ends_its_thread(store):
    others = set(threading.enumerate())
    writer = begin(Writer(store, durable="batch", on_failure="raise", batch_seconds=60), store)
    writer("event", event(1))
    [thread] = set(threading.enumerate()) - others
    del writer
    gc.collect()
    assert not thread.is_alive()
    assert store.order == [("event", "e1")]


def test_a_writer_that_failed_is_dropped_like_any_other(store):
    writer = Writer(store, durable="batch", on_failure="raise", retry_seconds=0.0, batch_seconds=60)
    begin(writer, store)
    store.is_away = True
    writer("event", event(1))
    with pytest.raises(StoreUnavailable):
        writer.flush()
    reference = weakref.ref(writer)
    store.is_away = False
    del writer
    gc.collect()
    assert reference() is None
    assert store.order == [("event", "e1")]


def test_a_closed_writer_may_be_used_again(store, open_writer):
    writer = open_writer(durable="batch")
    for number in (1, 2):
        writer("event", event(number))
        writer.close()
    assert store.order == [("event", "e1"), ("event", "e2")]


def test_eight_threads_share_a_writer(store, open_writer):
    writer = open_writer(durable="batch", batch_documents=7)
    threads = [
        threading.Thread(target=lambda k=k: [writer("event", event(100 * k + i)) for i in range(1, 51)])
        for k in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writer.flush()
    assert len(store.order) == 400
    assert writer.acknowledged == 400


def test_the_spool_directory_is_only_for_its_user(tmp_path):
    uri = "mongodb://user:***@host/db?x=y"
    file = Spool(tmp_path / "spool", uri, [place_of(uri)]).new_file()
    file.append(b"", is_synced=True)
    assert file.path.parent.stat().st_mode & 0o077 == 0
    assert "mongodb" in file.path.parent.name
    file.close()
