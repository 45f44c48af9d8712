"""Threads that share a writer: what they bring at once is sent together, and each learns what became of its own."""

import dis
import signal
import sys
import threading
import time

import pytest

from databroker_mongo import Writer
from databroker_mongo.errors import DurabilityWarning, InvalidDocument, NotAuthorized, StoreUnavailable
from databroker_mongo.store import place_of
from databroker_mongo.writing import direct_sender

PATIENCE = 60.0
N_THREADS = 8


class GatedStore:
    """A store that keeps whoever inserts waiting until its gate is open, and takes down what came together."""

    weaknesses = ()
    is_persistent = True
    address = "fake://server/db"
    places = (place_of(address),)

    def __init__(self):
        self.groups = []
        self.gate = threading.Event()
        self.gate.set()
        self.has_begun = threading.Event()
        self.before_insert = lambda name, uids: None

    def report_spool(self, report):
        """Keep no row."""

    def insert(self, name, documents, *, seconds=None):
        uids = [document.get("datum_id", document.get("uid")) for document in documents]
        self.has_begun.set()
        assert self.gate.wait(PATIENCE)
        self.before_insert(name, uids)
        if any("refused" in uid for uid in uids):
            raise InvalidDocument("refused by the server")
        self.groups.append(uids)

    @property
    def stored(self):
        return [uid for uids in self.groups for uid in uids]


@pytest.fixture
def store():
    return GatedStore()


@pytest.fixture(params=["raise", "spool"])
def on_failure(request):
    return request.param


@pytest.fixture
def writer(store, tmp_path, on_failure):
    options = {} if on_failure == "raise" else {"spool": tmp_path}
    writer = Writer(store, on_failure=on_failure, retry_seconds=0.0, **options)
    writer("start", {"uid": "run", "time": 1.0})
    store.groups.clear()
    store.has_begun.clear()
    return writer


def event(uid):
    place = {"uid": uid, "descriptor": "desc", "seq_num": 1, "time": 1.0}
    return {**place, "data": {}, "timestamps": {}}


def wait_until(condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.001)


class Calls:
    """Calls of a writer, each in a thread of its own, and what each of them raised."""

    def __init__(self, writer):
        self._writer = writer
        self._threads = []
        self.errors = {}

    def give(self, uid, name="event", doc=None):
        thread = threading.Thread(target=self._run, args=(uid, name, doc or event(uid)), daemon=True)
        self._threads.append(thread)
        thread.start()
        return thread

    def give_behind(self, uid, *given):
        """Give a document, and return when another thread may send it."""
        thread = self.give(uid, *given)
        wait_until(lambda: is_waiting(self._writer, thread))

    def _run(self, uid, name, doc):
        try:
            self._writer(name, doc)
        except BaseException as error:
            self.errors[uid] = error

    def finish(self, store):
        store.gate.set()
        for thread in self._threads:
            thread.join(PATIENCE)
            assert not thread.is_alive()


def is_waiting(writer, thread):
    """Tell whether the call of a thread is among those that another may send with its own."""
    return any(call.thread == thread.ident for call in list(writer._sender._queue))


@pytest.fixture
def calls(writer, store):
    """One call is with the store, which keeps it waiting; others may be given behind it."""
    calls = Calls(writer)
    store.gate.clear()
    calls.give("first")
    assert store.has_begun.wait(PATIENCE)
    return calls


def test_what_threads_bring_while_one_sends_is_sent_together(store, writer, calls):
    others = [f"e{number}" for number in range(N_THREADS)]
    for uid in others:
        calls.give_behind(uid)
    calls.finish(store)
    assert [sorted(group) for group in store.groups] == [["first"], others]
    assert calls.errors == {}
    assert writer.acknowledged == N_THREADS + 2
    assert writer.pending == 0


def test_no_call_returns_before_its_own_document_is_stored(store, calls):
    seen = []

    def look(name, uids):
        seen.append([thread.is_alive() for thread in calls._threads])

    for uid in "abc":
        calls.give_behind(uid)
    store.before_insert = look
    calls.finish(store)
    assert len(store.groups) == 2
    assert all(seen[0])
    assert all(seen[1][1:])


def test_a_refused_document_is_the_error_of_its_own_caller(store, writer, calls):
    for uid in ("a", "refused 1", "b", "refused 2"):
        calls.give_behind(uid)
    calls.finish(store)
    assert {uid: type(error) for uid, error in calls.errors.items()} == dict.fromkeys(
        ["refused 1", "refused 2"], InvalidDocument
    )
    assert sorted(store.stored) == ["a", "b", "first"]
    assert writer.pending == 0


@pytest.mark.parametrize("on_failure", ["raise"], indirect=True)
def test_a_server_that_is_gone_is_an_error_of_each_caller(store, writer, calls):
    for uid in "abc":
        calls.give_behind(uid)

    def fail(name, uids):
        if "first" not in uids:
            raise StoreUnavailable("away")

    store.before_insert = fail
    calls.finish(store)
    assert {uid: type(error) for uid, error in calls.errors.items()} == dict.fromkeys("abc", StoreUnavailable)
    assert len(set(map(id, calls.errors.values()))) == 3
    assert all(str(error) == "away" for error in calls.errors.values())
    assert store.stored == ["first"]


@pytest.mark.parametrize("on_failure", ["spool"], indirect=True)
def test_what_threads_bring_while_the_server_is_gone_is_spooled_and_stored_later(store, writer, calls):
    for uid in "abc":
        calls.give_behind(uid)

    def fail(name, uids):
        raise StoreUnavailable("away")

    store.before_insert = fail
    with pytest.warns(DurabilityWarning, match="not stored but kept") as warnings:
        calls.finish(store)
    assert len(warnings) == 1
    assert calls.errors == {}
    assert writer.pending == 4
    store.before_insert = lambda name, uids: None
    writer.flush()
    assert sorted(store.stored) == ["a", "b", "c", "first"]
    assert writer.pending == 0


@pytest.mark.parametrize("on_failure", ["raise"], indirect=True)
def test_a_failure_that_is_not_the_servers_is_an_error_of_whose_documents_failed(store, calls):
    datum = {"datum_id": "r/0", "resource": "r", "datum_kwargs": {}}
    calls.give_behind("a")
    calls.give_behind("r/0", "datum", datum)
    calls.give_behind("b")

    def fail(name, uids):
        if name == "datum":
            raise NotAuthorized("no datums")

    store.before_insert = fail
    calls.finish(store)
    assert {uid: type(error) for uid, error in calls.errors.items()} == {"r/0": NotAuthorized}
    assert set(store.stored) == {"first", "a", "b"}


def test_a_thread_that_is_interrupted_while_it_sends_for_others_leaves_that_to_them(store, writer, calls):
    has_failed = []
    for uid in "abc":
        calls.give_behind(uid)

    def interrupt(name, uids):
        if "first" not in uids and not has_failed:
            has_failed.append(uids[0])
            raise KeyboardInterrupt

    store.before_insert = interrupt
    calls.finish(store)
    assert {uid: type(error) for uid, error in calls.errors.items()} == {has_failed[0]: KeyboardInterrupt}
    assert set(store.stored) == {"first", *"abc"} - {has_failed[0]}
    writer("event", event("later"))
    assert store.stored[-1] == "later"


@pytest.fixture
def interruptible():
    """Let SIGINT raise KeyboardInterrupt, which it does not where a shell has started the tests in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_a_thread_that_is_interrupted_while_it_waits_is_not_sent_for(store, writer, calls):
    def interrupt():
        wait_until(lambda: is_waiting(writer, threading.main_thread()))
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    calls.give_behind("a")
    interrupting = threading.Thread(target=interrupt)
    interrupting.start()
    with pytest.raises(KeyboardInterrupt):
        writer("event", event("mine"))
    interrupting.join()
    calls.finish(store)
    assert store.stored == ["first", "a"]
    writer("event", event("later"))
    assert store.stored[-1] == "later"


def interrupted_at(number, action):
    """Do something, and raise KeyboardInterrupt at the n-th place within the sender where Python looks for signals.

    These are the beginning of a function, the end of a call and the end of a loop; tell whether it came to that.
    """
    n_places = 0
    last = {}

    def trace(frame, event, _):
        nonlocal n_places
        if frame.f_code.co_filename != direct_sender.__file__:
            return None
        frame.f_trace_opcodes = True
        if event == "opcode":
            before, last[frame] = last.get(frame, 0), frame.f_lasti
            is_place = dis.opname[frame.f_code.co_code[before]].startswith(("RESUME", "CALL", "JUMP_BACKWARD"))
            n_places += is_place
            if is_place and n_places == number:
                sys.settrace(None)
                raise KeyboardInterrupt
        return trace

    earlier = sys.gettrace()
    sys.settrace(trace)
    try:
        action()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(earlier)
    return False


def test_wherever_a_thread_is_interrupted_others_go_on(store, writer, monkeypatch):
    monkeypatch.setattr(direct_sender, "_FORGOTTEN_SECONDS", 0.001)
    calls = Calls(writer)
    number = 0
    is_interrupted = True
    while is_interrupted:
        number += 1
        is_interrupted = interrupted_at(number, lambda uid=f"mine {number}": writer("event", event(uid)))
        for uid in (f"one {number}", f"other {number}"):
            calls.give(uid).join(PATIENCE)
            assert store.stored[-1] == uid
    assert number > 25
    assert calls.errors == {}


def test_threads_that_were_served_together_are_waited_for_a_moment(store, calls, monkeypatch):
    monkeypatch.setattr(direct_sender, "_PART_WAITED", 1e9)
    monkeypatch.setattr(direct_sender, "_LONGEST_WAIT_SECONDS", PATIENCE)
    n_rounds = 5

    def write(thread):
        for round in range(n_rounds):
            calls._writer("event", event(f"{round} {thread}"))

    threads = [threading.Thread(target=write, args=(number,), daemon=True) for number in range(3)]
    for thread in threads:
        thread.start()
        wait_until(lambda thread=thread: is_waiting(calls._writer, thread))
    # The thread that is with the store brings nothing more, and would be waited for.
    monkeypatch.setattr(direct_sender, "_LONGEST_WAIT_SECONDS", 0.0)
    store.before_insert = lambda name, uids: monkeypatch.setattr(
        direct_sender, "_LONGEST_WAIT_SECONDS", PATIENCE if "first" not in uids and "4 0" not in uids else 0.0
    )
    calls.finish(store)
    for thread in threads:
        thread.join(PATIENCE)
    assert [sorted(group) for group in store.groups[1:]] == [
        [f"{round} {thread}" for thread in range(3)] for round in range(n_rounds)
    ]


def test_one_thread_waits_for_nobody(store, writer, monkeypatch):
    monkeypatch.setattr(direct_sender._Call, "wait", lambda *args: pytest.fail("it waits"))
    for number in range(5):
        writer("event", event(f"e{number}"))
    assert store.groups == [[f"e{number}"] for number in range(5)]


def test_a_handler_of_signals_may_write_while_its_thread_does(store, writer):
    def write_too(name, uids):
        if uids == ["e1"]:
            writer("event", event("e2"))

    store.before_insert = write_too
    writer("event", event("e1"))
    assert store.stored == ["e2", "e1"]


def test_the_documents_of_each_thread_are_stored_in_their_order(store, writer):
    def write(thread):
        for number in range(50):
            writer("event", event(f"{thread} {number}"))

    threads = [threading.Thread(target=write, args=(thread,)) for thread in range(N_THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    for thread in range(N_THREADS):
        own = [uid for uid in store.stored if uid.startswith(f"{thread} ")]
        assert own == [f"{thread} {number}" for number in range(50)]
    assert writer.acknowledged == 50 * N_THREADS + 1
