"""Ctrl-C ends each question at once, while the server keeps silent."""

from __future__ import annotations

import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from databroker_mongo import Catalog

SCRIPT = Path(__file__).with_name("interrupted.py")
SECONDS = 1.0
PATIENCE = 30.0
"""How long the processes of the tests are waited for; whoever waits longer does not serve Ctrl-C at all."""

BY_THE_WAY = {"hello", "ismaster", "isMaster", "ping", "killCursors", "endSessions"}
"""What a client says on its own account: of its monitors, and of cursors that an earlier Ctrl-C left open."""

OP_MSG = 2013
HELD_TOGETHER = {"read in halves": 2}
"""How many questions are on their way at once; one, unless it is named."""

EARLIER = {"read in halves": 2}
"""How many questions are answered before the server keeps silent; none, unless it is named."""


class Silence:
    """A time in which the server answers nothing but so many questions."""

    def __init__(self, after):
        self.is_held = threading.Semaphore(0)
        self.is_over = threading.Event()
        self._n_earlier = after

    def holds(self):
        """Count a question; tell whether it is to be held."""
        self._n_earlier -= 1
        return self._n_earlier < 0


class Relay:
    """Hands on what is said between a client and a server, until it is to keep silent.

    Each silence is an object of its own: a question that one silence held is never taken for one of the next.
    """

    def __init__(self, path):
        self._path = path
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._silence = None
        threading.Thread(target=self._accept, daemon=True).start()

    def hold(self, *, after=0):
        """Keep silent from now on, but for so many questions."""
        self._silence = Silence(after)

    def wait(self):
        """Wait until a question is held back; tell whether one is."""
        return self._silence.is_held.acquire(timeout=PATIENCE)

    def release(self):
        """Close the connections whose questions were held, and hand on all others again."""
        if self._silence is not None:
            self._silence.is_over.set()
            self._silence = None

    def close(self):
        self.release()
        self._listener.close()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(self._path)
            for copy, ends in ((self._questions, (client, server)), (self._answers, (server, client))):
                threading.Thread(target=self._run, args=(copy, *ends), daemon=True).start()

    def _run(self, copy, source, target):
        try:
            copy(source, target)
        except OSError:
            pass
        finally:
            for end in (source, target):
                end.close()

    def _answers(self, source, target):
        while data := source.recv(1 << 16):
            target.sendall(data)

    def _questions(self, source, target):
        while head := self._exactly(source, 16):
            length, _, _, code = struct.unpack("<iiii", head)
            body = self._exactly(source, length - 16)
            silence = self._silence
            if silence is not None and self._is_question(code, body) and silence.holds():
                silence.is_held.release()
                silence.is_over.wait()
                return
            target.sendall(head + body)

    @staticmethod
    def _is_question(code, body):
        return code == OP_MSG and body[10 : body.index(b"\0", 10)].decode() not in BY_THE_WAY

    @staticmethod
    def _exactly(source, n_bytes):
        data = b""
        while len(data) < n_bytes:
            more = source.recv(n_bytes - len(data))
            if not more:
                return b""
            data += more
        return data


class Asker:
    """The process that asks."""

    def __init__(self, uri, *arguments):
        self._process = subprocess.Popen(
            [sys.executable, SCRIPT, uri, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        self.ways = self._line().split("|")

    def ask(self, way):
        """Let it begin to ask."""
        self._process.stdin.write(f"{way}\n")
        self._process.stdin.flush()
        assert self._line() == "asking"

    def interrupt(self):
        """Press Ctrl-C, and return what it says then."""
        self._process.send_signal(signal.SIGINT)
        return self._line()

    def close(self):
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()

    def _line(self):
        overdue = threading.Timer(PATIENCE, self._process.kill)
        overdue.start()
        line = self._process.stdout.readline().strip()
        overdue.cancel()
        return line or "nothing: it had to be ended"


def fill(uri, *, n_events):
    """Store three runs; the first has enough events to be read by two cursors at once."""
    collections = Catalog.from_uri(uri).store.collections
    data_keys = {key: {"source": "", "dtype": "number", "shape": []} for key in ("x", "y")}
    for number in (1, 2, 3):
        uid, times = f"run-{number}", {"time": 1_500_000_000.0 + number, "odd": number}
        collections.run_start.insert_one({"uid": uid, "scan_id": number, **times})
        collections.run_stop.insert_one({"uid": f"stop-{uid}", "run_start": uid, "exit_status": "success", **times})
        descriptor = {"uid": f"of-{uid}", "run_start": uid, "name": "primary", "data_keys": data_keys}
        collections.event_descriptor.insert_one({**descriptor, **times})
    collections.run_start.create_index([("$**", "text")])
    collections.event.create_index([("descriptor", 1), ("time", 1)])
    row = {"descriptor": "of-run-1", "data": {"x": 1.0, "y": 2.0}, "timestamps": {"x": 1.0, "y": 1.0}, "filled": {}}
    events = ({"uid": f"event-{n}", "seq_num": n, "time": 1_500_000_000.0 + n, **row} for n in range(1, n_events + 1))
    collections.event.insert_many(list(events))


def wrong_with(said, pressed):
    """Return what is wrong with what came of pressing Ctrl-C; nothing, if nothing is."""
    word, _, moment = said.partition(" ")
    if word != "ended":
        return said
    return f"it took {float(moment) - pressed:.2f} s" if float(moment) - pressed > SECONDS else ""


@pytest.fixture
def relay(mongod_database_uri):
    fill(mongod_database_uri, n_events=20_100)
    relay = Relay(unquote(urlsplit(mongod_database_uri).netloc))
    yield relay
    relay.close()


@pytest.fixture
def ask(relay, mongod_database_uri):
    """Ask in one way, interrupt it when the server keeps silent, and return what is wrong about that."""
    uri = f"mongodb://127.0.0.1:{relay.port}{urlsplit(mongod_database_uri).path}?directConnection=true"
    askers = []

    def asker():
        if not askers:
            askers.append(Asker(uri))
        return askers[0]

    def problem(way):
        asking = asker()
        relay.hold(after=EARLIER.get(way, 0))
        asking.ask(way)
        are_held = all(relay.wait() for _ in range(HELD_TOGETHER.get(way, 1)))
        pressed = time.monotonic()
        said = asking.interrupt()
        relay.release()
        if not are_held:
            return "it asked nothing"
        if not said.startswith("ended"):
            askers.pop().close()
        return wrong_with(said, pressed)

    yield problem, lambda: asker().ways
    for each in askers:
        each.close()


pytestmark = pytest.mark.skipif(os.name == "nt", reason="there is no SIGINT to send to another process")


def test_ctrl_c_ends_each_question_within_a_second(ask):
    problem, ways = ask
    found = {way: problem(way) for way in ways()}
    assert len(found) > 40
    assert {way: what for way, what in found.items() if what} == {}


def test_ctrl_c_ends_a_question_to_a_server_that_is_not_there():
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    asker = Asker(f"mongodb://127.0.0.1:{port}/runs", "no")
    try:
        for way in asker.ways:
            asker.ask(way)
            pressed = time.monotonic()
            assert wrong_with(asker.interrupt(), pressed) == ""
    finally:
        asker.close()
