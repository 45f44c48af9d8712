"""What can never work is an error at the first document; what passes is spooled for, and told."""

import copy
import gc
import logging
import multiprocessing
import os
import pickle
import socket
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import pytest
from dns import resolver

from databroker_mongo import Writer, file_locks
from databroker_mongo import file_locks as locks
from databroker_mongo.errors import (
    AuthenticationFailed,
    BelongsToProcess,
    CatalogError,
    ConfigurationError,
    DurabilityWarning,
    HostUnknown,
    NotAuthorized,
    ServerError,
    StoreError,
    StoreUnavailable,
)
from databroker_mongo.store import place_of
from databroker_mongo.store.connection import host_names
from databroker_mongo.writing import backlog, delivery, prospects, spool_ground

START = {"uid": "run", "time": 1.0}
SECOND = {"uid": "second", "time": 2.0}
HOPELESS = [
    NotAuthorized("may not write"),
    AuthenticationFailed("does not accept the password"),
    StoreError("refused to store: it is a view"),
    HostUnknown("no host is known by the name of mongoo"),
    ConfigurationError("the server is too old"),
    ServerError("the local server cannot be started"),
]


class FakeStore:
    """A store that fails as it is told."""

    weaknesses = ()
    is_persistent = True
    address = "fake://user:***@fake.example.org/db"
    places = (place_of(address),)

    def __init__(self):
        self.failure = None
        self.stored = []
        self.n_calls = 0

    def report_spool(self, report):
        """Keep no row."""

    def insert(self, name, documents, *, seconds=None):
        self.n_calls += 1
        if self.failure is not None:
            raise self.failure
        self.stored = list(dict.fromkeys([*self.stored, *(document["uid"] for document in documents)]))


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(delivery, "_FIRST_PAUSE_SECONDS", 0.001)
    monkeypatch.setattr(backlog, "_PROBE_SECONDS", 0.001)
    monkeypatch.setattr(prospects, "_doubted", set())


@pytest.fixture
def store():
    return FakeStore()


@pytest.fixture
def new_writer(store, tmp_path):
    writers = []

    def new_writer(**options):
        writers.append(Writer(store, **{"spool": tmp_path, "retry_seconds": 0.01, "batch_seconds": 60, **options}))
        return writers[-1]

    yield new_writer
    store.failure = None
    for writer in writers:
        writer.close()


def spooled(directory):
    return [path for path in directory.rglob("*.bson") if path.stat().st_size]


@pytest.mark.parametrize("durable", ["each", "batch"])
@pytest.mark.parametrize("cause", HOPELESS, ids=lambda cause: type(cause).__name__)
def test_what_will_never_be_stored_is_an_error_at_the_first_document(store, new_writer, tmp_path, durable, cause):
    writer = new_writer(durable=durable)
    store.failure = cause
    for _ in range(2):
        with pytest.raises(type(cause)) as caught:
            writer("start", START)
        assert caught.value is cause
    assert (writer.pending, spooled(tmp_path)) == (0, [])
    store.failure = None
    writer("start", SECOND)
    writer.flush()
    assert store.stored == ["second"]


@pytest.mark.parametrize("durable", ["each", "batch"])
@pytest.mark.parametrize("cause", HOPELESS, ids=lambda cause: type(cause).__name__)
def test_nothing_stops_a_writer_of_which_something_was_accepted(store, new_writer, tmp_path, durable, cause):
    writer = new_writer(durable=durable)
    writer("start", START)
    store.failure = cause
    writer("start", SECOND) if durable == "batch" else None
    with pytest.warns(DurabilityWarning, match="not stored but kept"):
        writer.flush() if durable == "batch" else writer("start", SECOND)
    writer("start", {"uid": "third", "time": 3.0})
    assert len(spooled(tmp_path)) == 1
    store.failure = None
    writer.flush()
    assert store.stored == ["run", "second", "third"]


@pytest.mark.parametrize("durable", ["each", "batch"])
@pytest.mark.parametrize("cause", HOPELESS, ids=lambda cause: type(cause).__name__)
def test_who_wants_to_begin_offline_is_spooled_for(store, new_writer, tmp_path, durable, cause):
    writer = new_writer(durable=durable, begin_offline=True)
    store.failure = cause
    with pytest.warns(DurabilityWarning, match="not stored but kept"):
        writer("start", START)
    assert len(spooled(tmp_path)) == 1
    store.failure = None
    writer.flush()
    assert store.stored == ["run"]


@pytest.mark.parametrize("durable", ["each", "batch"])
def test_a_server_that_is_away_when_a_plan_begins_may_refuse_the_account_later(store, new_writer, durable, caplog):
    writer = new_writer(durable=durable)
    store.failure = StoreUnavailable("nobody answers")
    with pytest.warns(DurabilityWarning, match="nobody answers"):
        writer("start", START)
    store.failure = AuthenticationFailed("the password was changed")
    for _ in range(2):
        writer.flush()
        writer("start", SECOND)
    assert caplog.text.count("are still pending, now because of: the password was changed") == 1
    store.failure = None
    writer.flush()
    assert store.stored == ["run", "second"]


@pytest.mark.parametrize("durable", ["each", "batch"])
def test_of_several_threads_that_begin_each_learns_that_it_cannot_work(store, new_writer, durable):
    writer = new_writer(durable=durable)
    store.failure = NotAuthorized("may not write")
    failures = []

    def write(number):
        try:
            writer("start", {"uid": f"run-{number}", "time": 1.0})
        except NotAuthorized as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(failures) == 8
    assert writer.pending == 0


def test_a_writer_without_a_spool_raises_whatever_it_is(store):
    writer = Writer(store, on_failure="raise", retry_seconds=0.0, begin_offline=True)
    for cause in [*HOPELESS, StoreUnavailable("nobody answers")]:
        store.failure = cause
        with pytest.raises(type(cause)):
            writer("start", START)


@pytest.mark.parametrize("durable", ["each", "batch"])
@pytest.mark.parametrize("ends", ["close", "with", "with an error"])
def test_the_last_word_of_a_writer_is_what_it_has_not_delivered_and_where(store, tmp_path, durable, ends):
    writer = Writer(store, spool=tmp_path, retry_seconds=0.0, durable=durable)
    store.failure = StoreUnavailable("nobody answers")
    with pytest.warns(DurabilityWarning, match="nobody answers"):
        writer("start", START)
    writer("start", SECOND)
    [folder] = tmp_path.iterdir()
    assert repr(writer) == f"Writer({store.address!r}, pending=2, spooled=2, spool={str(folder)!r})"
    with pytest.warns(DurabilityWarning, match=rf"Not stored yet: 2 documents, kept in {folder}\..*spool send") as told:
        LAST_WORDS[ends](writer)
    assert told[0].filename == __file__
    assert repr(writer) == f"Writer({store.address!r}, pending=2)"


def leave(writer):
    with writer:
        pass


def leave_by_an_error(writer):
    with pytest.raises(ZeroDivisionError), writer:
        raise ZeroDivisionError


LAST_WORDS = {"close": Writer.close, "with": leave, "with an error": leave_by_an_error}


@pytest.mark.parametrize("durable", ["each", "batch"])
def test_a_writer_that_is_dropped_says_in_the_log_what_it_has_not_delivered(store, tmp_path, durable, caplog):
    writer = Writer(store, spool=tmp_path, retry_seconds=0.0, durable=durable)
    store.failure = StoreUnavailable("nobody answers")
    with pytest.warns(DurabilityWarning, match="nobody answers"):
        writer("start", START)
    store.failure = StoreUnavailable("nobody answers")  # the one that was raised keeps alive whoever raised it
    del writer
    gc.collect()
    assert f"Not stored yet: 1 document, kept in {next(tmp_path.iterdir())}." in caplog.text


@pytest.mark.parametrize("durable", ["each", "batch"])
def test_a_writer_that_was_closed_sends_what_it_left_when_it_is_used_again(store, new_writer, tmp_path, durable):
    writer = new_writer(durable=durable)
    store.failure = StoreUnavailable("nobody answers")
    with pytest.warns(DurabilityWarning, match="nobody answers"):
        writer("start", START)
    with pytest.warns(DurabilityWarning, match="Not stored yet: 1 document, kept in"):
        writer.close()
    store.failure = None
    writer("start", SECOND)
    writer.flush()
    assert sorted(store.stored) == ["run", "second"]
    assert spooled(tmp_path) == []


def test_a_wait_is_told_in_the_log_and_in_the_repr(store, new_writer, monkeypatch, caplog):
    monkeypatch.setattr(delivery, "_LOGGED_AFTER_SECONDS", 0.0)
    monkeypatch.setattr("databroker_mongo.writing.writer._SHOWN_AFTER_SECONDS", 0.0)
    writer = new_writer(retry_seconds=60)
    shown = []
    insert = store.insert

    def insert_at_the_third_call(name, documents, *, seconds=None):
        shown.append(repr(writer))
        store.failure = StoreUnavailable("nobody answers") if store.n_calls < 2 else None
        insert(name, documents)

    monkeypatch.setattr(store, "insert", insert_at_the_third_call)
    writer("start", START)
    assert shown == [f"Writer({store.address!r}, waiting_seconds=0)"] * 3
    assert repr(writer) == f"Writer({store.address!r})"
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert caplog.messages == ["waiting for MongoDB, 0 s so far and 60 s at most: nobody answers"]


def mounted(kind, path, monkeypatch, options="rw"):
    table = path.parent / "mountinfo"
    table.write_text(f"1 0 8:1 / / rw - ext4 /dev/sda1 rw\n40 1 0:50 / {path} rw - {kind} server:/x {options}\n")
    monkeypatch.setattr(file_locks, "MOUNTS", table)


@pytest.fixture
def place(tmp_path):
    place = tmp_path / "place"
    place.mkdir()
    return place


@pytest.mark.parametrize("durable", ["each", "batch"])
@pytest.mark.parametrize("kind", ["tmpfs", "ramfs"])
def test_a_spool_in_memory_is_refused_at_the_first_document(store, place, monkeypatch, durable, kind, recwarn):
    mounted(kind, place, monkeypatch)
    writer = Writer(store, spool=place / "below", durable=durable)
    for _ in range(2):
        with pytest.raises(ConfigurationError, match=r"in the memory .*spool=DIRECTORY.*spool_anywhere=True") as caught:
            writer("start", START)
    assert (caught.value.path, caught.value.filesystem) == (str(writer._backlog.directory), kind)
    assert (store.n_calls, writer.pending, list(place.iterdir())) == (0, 0, [])
    with Writer(store, spool=place / "below", durable=durable, spool_anywhere=True) as writer:
        writer("start", START)
    assert store.stored == ["run"]
    assert not recwarn.list


@pytest.mark.parametrize("kind", ["overlay", "fuse.fuse-overlayfs", "nfs4", "cifs", "gpfs"])
def test_a_spool_on_what_may_go_away_is_warned_of_once(store, place, monkeypatch, kind):
    mounted(kind, place, monkeypatch)
    said = (
        "container.*lost with it" if kind in file_locks.LAYERED else r"network disk.*cannot be kept and the plan stops"
    )
    with pytest.warns(DurabilityWarning, match=rf"{said}.*spool=DIRECTORY.*spool_anywhere=True") as warned:
        Writer(store, spool=place / "below")("start", START)
    assert warned[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Writer(store, spool=place / "below")("start", SECOND)
        Writer(store, spool=place / "another", spool_anywhere=True)("start", SECOND)
    assert store.stored == ["run", "second"]


@pytest.mark.parametrize("spool_anywhere", [False, True])
@pytest.mark.parametrize("how", ["no locks", "locks that do not hold", "locks of its own"])
def test_a_network_disk_is_used_only_if_a_lock_on_it_holds(store, place, monkeypatch, how, spool_anywhere):
    mounted("nfs", place, monkeypatch, "rw,vers=3,local_lock=all" if how == "locks of its own" else "rw")
    if how == "no locks":

        def fail(path):
            raise OSError(37, "No locks available", str(path))

        monkeypatch.setattr(spool_ground, "try_lock", fail)
    elif how == "locks that do not hold":
        monkeypatch.setattr(spool_ground, "try_lock", lambda path: os.open(path, os.O_RDWR | os.O_CREAT))
    with pytest.raises(ConfigurationError, match=r"lock.* on this network disk \(nfs.*spool=DIRECTORY"):
        Writer(store, spool=place, spool_anywhere=spool_anywhere)("start", START)
    assert store.n_calls == 0
    assert not any(path.name.startswith(".") for path in place.rglob("*"))


def test_where_documents_would_wait_is_told_once_in_the_log(store, place, monkeypatch, caplog):
    caplog.set_level(logging.INFO, "databroker_mongo")
    mounted("xfs", place, monkeypatch)
    with Writer(store, spool=place / "below") as writer:
        writer("start", START)
        writer("start", SECOND)
    told = [message for message in caplog.messages if "wait in" in message]
    assert len(told) == 1
    assert str(place / "below") in told[0]
    assert "xfs, " in told[0]
    assert " GB free" in told[0]


@pytest.fixture
def unprivileged():
    """Be nobody, where the tests are run by root, who may write everywhere."""
    if os.geteuid():
        yield
        return
    os.seteuid(65534)
    yield
    os.seteuid(0)


@pytest.mark.parametrize("mode", [0o500, 0o000])
def test_a_spool_that_its_user_may_not_write_is_told_at_the_first_document(store, place, request, mode):
    place.chmod(mode)
    request.getfixturevalue("unprivileged")
    writer = Writer(store, spool=place / "below", retry_seconds=0.0)
    with pytest.warns(DurabilityWarning, match=rf"{place / 'below'}.* cannot be written \(.*Permission denied\)"):
        writer("start", START)
    store.failure = StoreUnavailable("nobody answers")
    with pytest.raises(StoreUnavailable, match=r"cannot be written either \(Permission denied"):
        writer("start", SECOND)


def unwritable(kind, place):
    """Return a directory, or one that is to be, in which nobody can make a file."""
    if kind == "a file":
        (place / "file").write_text("")
        return place / "file"
    if kind == "below a file":
        (place / "file").write_text("")
        return place / "file" / "spool"
    directory = {"/proc": "/proc/spool", "/proc/self": f"/proc/{os.getpid()}/spool", "/sys": "/sys/kernel/spool"}[kind]
    if not Path(directory).parent.is_dir():
        pytest.skip(f"this system has no {kind}")
    return directory


@pytest.mark.parametrize("anywhere", [False, True])
@pytest.mark.parametrize("durable", ["each", "batch"])
@pytest.mark.parametrize("kind", ["/proc", "/proc/self", "/sys", "a file", "below a file"])
def test_a_spool_that_nobody_can_write_is_warned_of_while_the_server_is_there(store, place, kind, durable, anywhere):
    spool = unwritable(kind, place)
    writer = Writer(store, spool=spool, durable=durable, spool_anywhere=anywhere, retry_seconds=0.0, batch_seconds=60)
    with pytest.warns(DurabilityWarning, match="cannot be written") as warned:
        writer("start", START)
    assert sum("spool=DIRECTORY" in str(each.message) for each in warned) == 1
    assert store.stored == ["run"]
    Writer(store, spool=spool, spool_anywhere=anywhere)("start", SECOND)  # a place is warned of once
    writer.close()


def test_a_look_at_a_spool_leaves_nothing_there(store, place):
    Writer(store, spool=place / "below", spool_anywhere=True)("start", START)
    assert list(place.iterdir()) == []


@pytest.mark.parametrize("durable", ["each", "batch"])
def test_a_spool_whose_files_cannot_be_locked_is_told_in_its_own_words(store, place, monkeypatch, durable):
    writer = Writer(store, spool=place, durable=durable, retry_seconds=0.0, batch_seconds=60)
    writer("start", START)

    def fail(descriptor, operation):
        raise OSError(37, "No locks available")

    monkeypatch.setattr("fcntl.flock", fail)
    store.failure = StoreUnavailable("nobody answers")
    said = rf"{place}.*cannot be written.*No locks available, when it was to be locked"
    if durable == "batch":
        with pytest.warns(DurabilityWarning, match=said):
            writer("start", SECOND)
    with pytest.raises(StoreUnavailable, match=said) as caught:
        writer.flush() if durable == "batch" else writer("start", SECOND)
    assert "data directory" not in str(caught.value).lower()
    assert str(caught.value).startswith("1 document cannot be kept")
    store.failure = None
    monkeypatch.undo()
    writer.close()


def test_a_full_disk_while_the_server_is_away_does_not_sound_like_a_lost_database(store, place, monkeypatch):
    writer = Writer(store, spool=place, retry_seconds=0.0)
    writer("start", START)

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", fail)
    store.failure = StoreUnavailable("nobody answers")
    with pytest.raises(StoreUnavailable) as caught:
        writer("start", SECOND)
    said = str(caught.value)
    assert "1 document cannot be kept: MongoDB at fake://user:***@fake.example.org/db cannot be written to" in said
    assert f"{caught.value.path}, where documents are spooled for it, cannot be written either" in said
    assert "(No space left on device)" in said
    assert "Documents that were accepted before are safe" in said
    assert "gone" not in said
    assert writer.pending == 0


class NoServers(resolver.NoAnswer):
    """What a name server answers where there is a name, but not of this kind."""

    def __init__(self):
        Exception.__init__(self)


class TestHostNames:
    """Which hosts count as misspelt."""

    known = {"this-machine": ["10.0.0.7"], "mongo.example.org": ["10.0.0.1"], "a.root-servers.net": ["198.41.0.4"]}

    @pytest.fixture
    def names(self, monkeypatch):
        names = dict(self.known)

        def getaddrinfo(name, _):
            found = names.get(name, socket.EAI_NONAME)
            if isinstance(found, int):
                raise socket.gaierror(found, "no such name")
            return [(0, 0, 0, "", (address, 0)) for address in found]

        monkeypatch.setattr(host_names.socket, "getaddrinfo", getaddrinfo)
        monkeypatch.setattr(host_names.socket, "gethostname", lambda: "this-machine")
        return names

    def test_a_name_is_unknown_while_others_are_known(self, names):
        assert host_names.find_unknown_hosts(place_of("mongodb://mongoo.example.org/db")) == ["mongoo.example.org"]
        del names["this-machine"]
        assert host_names.find_unknown_hosts(place_of("mongodb://b:1,mongoo.example.org/db")) == [
            "b",
            "mongoo.example.org",
        ]

    @pytest.mark.parametrize(("answer", "is_unknown"), [("NXDOMAIN", True), ("NoAnswer", True), ("Timeout", False)])
    def test_a_name_that_stands_for_several_servers_is_looked_up_as_such(self, names, monkeypatch, answer, is_unknown):
        def resolve(name, kind, **_):
            assert (name, kind) == ("_mongodb._tcp.set.example.org", "SRV")
            raise {"NXDOMAIN": resolver.NXDOMAIN, "NoAnswer": NoServers, "Timeout": resolver.NoNameservers}[answer]

        monkeypatch.setattr(resolver, "resolve", resolve)
        found = host_names.find_unknown_hosts(place_of("mongodb+srv://u:p@set.example.org/db"))
        assert found == (["set.example.org"] if is_unknown else [])

    @pytest.mark.parametrize(
        "uri",
        [
            "mongodb://mongo.example.org/db",
            "mongodb://mongoo.example.org,mongo.example.org/db",
            "mongodb://%2Ftmp%2Fmongodb-27017.sock/db",
            "mongodb://[::1]/db",
            "local:///mongoo?database=db",
            "memory://mongoo",
        ],
    )
    def test_a_name_that_is_known_or_no_name_is_not(self, names, uri):
        assert host_names.find_unknown_hosts(place_of(uri)) == []

    def test_without_a_network_no_name_counts_as_unknown(self, names):
        names["mongoo.example.org"] = socket.EAI_AGAIN
        assert host_names.find_unknown_hosts(place_of("mongodb://mongoo.example.org/db")) == []
        names.clear()
        names["this-machine"] = ["127.0.1.1", "::1"]
        assert host_names.find_unknown_hosts(place_of("mongodb://mongoo.example.org/db")) == []

    @pytest.mark.parametrize("durable", ["each", "batch"])
    def test_a_misspelt_host_is_an_error_at_the_first_document(self, names, tmp_path, durable):
        names["localhost"] = ["127.0.0.1"]
        uri = "mongodb://user:secret@mongoo.example.org/db?serverSelectionTimeoutMS=50"
        with pytest.raises(HostUnknown, match=r"No host is known .*mongoo.example.org.*begin_offline=True") as caught:
            Writer(uri, spool=tmp_path, durable=durable, retry_seconds=60)("start", START)
        assert "secret" not in str(caught.value)
        writer = Writer(uri, spool=tmp_path, durable=durable, begin_offline=True, retry_seconds=0.1)
        with pytest.warns(DurabilityWarning, match="No host is known"):
            writer("start", START)
        with pytest.warns(DurabilityWarning, match="Not stored yet"):
            writer.close()
        assert len(spooled(tmp_path)) == 1

    def test_a_server_that_nobody_can_ask_about_is_spooled_for(self, names, tmp_path):
        names.clear()
        uri = "mongodb://mongoo.example.org/db?serverSelectionTimeoutMS=50"
        writer = Writer(uri, spool=tmp_path, retry_seconds=0.1)
        with pytest.warns(DurabilityWarning, match="not stored but kept"):
            writer("start", START)
        with pytest.warns(DurabilityWarning, match="Not stored yet"):
            writer.close()


class Holder:
    """Something that holds a writer."""

    def __init__(self, writer):
        self.writer = writer


COPIES = {
    "pickle": pickle.dumps,
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle within": lambda writer: pickle.dumps([{"w": Holder(writer)}]),
    "deepcopy within": lambda writer: copy.deepcopy(Holder(writer)),
    "spawn": lambda writer: multiprocessing.get_context("spawn").Process(target=print, args=(writer,)).start(),
    "forkserver": lambda writer: multiprocessing.get_context("spawn").Process(target=writer).start(),
}


@pytest.mark.parametrize("how", COPIES)
@pytest.mark.parametrize("durable", ["each", "batch"])
def test_a_writer_says_that_it_belongs_to_its_process(store, durable, how):
    writer = Writer(store, durable=durable)
    with pytest.raises(BelongsToProcess, match="belongs to the process that made it") as caught:
        COPIES[how](writer)
    assert isinstance(caught.value, TypeError)
    assert isinstance(caught.value, CatalogError)


FORK = """
import os, sys, warnings
from databroker_mongo.errors import BelongsToProcess, DurabilityWarning
from databroker_mongo.writing import Writer

warnings.simplefilter("ignore")
spool, durable = sys.argv[1:]
uri = "mongodb://127.0.0.1:9/db?timeoutMS=50"
writer = Writer(uri, spool=spool, spool_anywhere=True, durable=durable, retry_seconds=0)
writer("start", {"uid": "run", "time": 1.0})
child = os.fork()
if not child:
    for call in (lambda: writer("start", {"uid": "of the child", "time": 1.0}), writer.flush):
        try:
            call()
        except BelongsToProcess as error:
            print(error.process == os.getppid(), flush=True)
    del writer
    sys.exit()
os.waitpid(child, 0)
writer("start", {"uid": "after", "time": 1.0})
print(writer, flush=True)
os._exit(0)
"""


@pytest.mark.parametrize("durable", ["each", "batch"])
def test_a_fork_neither_uses_nor_frees_the_spool_of_its_parent(tmp_path, durable):
    command = [sys.executable, "-c", FORK, str(tmp_path), durable]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines()[:2] == ["True", "True"], done.stderr
    assert "spooled=2" in done.stdout.splitlines()[2]
    [path] = spooled(tmp_path)
    assert not locks.is_held(path)
