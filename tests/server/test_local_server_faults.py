"""The embedded MongoDB after something was killed or deleted: the next start works, and nobody else is harmed."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pymongo
import pytest

from databroker_mongo import local_server
from databroker_mongo.errors import ServerError
from databroker_mongo.server import LocalServer, launch, server_status, stop_server
from databroker_mongo.server.data_directory import DataDirectory
from databroker_mongo.server.mongod import Mongod

Serve = Callable[..., LocalServer]
StartUser = Callable[..., "subprocess.Popen[str]"]
Wait = Callable[..., None]


def store(server: LocalServer, number: int) -> None:
    with pymongo.MongoClient(server.uri) as client:
        client["test"]["numbers"].with_options(write_concern=pymongo.WriteConcern(w="majority", j=True)).insert_one(
            {"_id": number}
        )


def stored(server: LocalServer) -> list[int]:
    with pymongo.MongoClient(server.uri) as client:
        return sorted(document["_id"] for document in client["test"]["numbers"].find())


def end_abruptly(*pids: int) -> None:
    processes = [psutil.Process(pid) for pid in pids]
    for process in processes:
        process.kill()
    psutil.wait_procs(processes)


def test_what_was_stored_survives_the_death_of_mongod_and_of_its_supervisor(
    serve: Serve, data: Path, wait_until: Wait
) -> None:
    server = serve()
    supervisor = psutil.Process(server.pid).ppid()
    store(server, 1)
    end_abruptly(server.pid)
    again = serve()
    assert again.pid != server.pid
    wait_until(lambda: not psutil.pid_exists(supervisor))

    store(again, 2)
    end_abruptly(psutil.Process(again.pid).ppid())
    third = serve()
    assert third.pid != again.pid
    wait_until(lambda: not psutil.pid_exists(again.pid))

    store(third, 3)
    psutil.Process(third.pid).suspend()
    end_abruptly(psutil.Process(third.pid).ppid(), third.pid)
    assert third.socket.exists(), "a stale socket should lie in the way"
    assert stored(serve()) == [1, 2, 3]


def test_a_supervisor_that_is_killed_takes_mongod_with_it(serve: Serve, data: Path) -> None:
    server = serve()
    mongod = psutil.Process(server.pid)
    end_abruptly(mongod.ppid())
    mongod.wait(60)
    assert not server_status(data).is_running
    assert not stop_server(data)
    server.socket.parent.rmdir()


@pytest.mark.parametrize("seconds", [0.15, 0.4])
def test_a_starting_process_may_be_killed_at_any_moment(
    serve: Serve, start_user: StartUser, seconds: float, data: Path
) -> None:
    user = start_user()
    time.sleep(seconds)
    user.kill()
    assert server_status(data).pid in (None, serve().pid)


def test_a_stale_record_with_the_pid_of_another_process_harms_nobody(serve: Serve, data: Path) -> None:
    server = serve()
    record = data / "local_server" / "server.json"
    facts = json.loads(record.read_text())
    end_abruptly(facts["supervisor"], facts["mongod"])
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as innocent:
        record.write_text(json.dumps({**facts, "supervisor": innocent.pid, "mongod": innocent.pid}))
        (data / "mongod.lock").write_text(f"{innocent.pid}\n")
        assert not server_status(data).is_running
        assert not stop_server(data)
        assert serve().pid != server.pid
        assert innocent.poll() is None
        innocent.kill()


@pytest.mark.parametrize("written", ["", "{", "[]", '{"supervisor": 1}'])
def test_a_damaged_record_is_no_record(data: Path, written: str) -> None:
    (data / "local_server").mkdir(parents=True)
    (data / "local_server" / "server.json").write_text(written)
    assert not server_status(data).is_running


def test_a_deleted_data_directory_ends_its_server_and_a_new_one_of_that_name_is_another(
    serve: Serve, data: Path, wait_until: Wait
) -> None:
    old = serve()
    store(old, 1)
    data.rename(data.with_name("trash"))
    shutil.rmtree(data.with_name("trash"), ignore_errors=True)
    new = serve()
    assert new.socket != old.socket
    assert stored(new) == []
    wait_until(lambda: not psutil.pid_exists(old.pid))
    store(new, 2)
    assert stored(new) == [2]


def test_a_server_whose_directory_was_moved_writes_nothing_into_another_one_of_that_name(
    serve: Serve, data: Path, wait_until: Wait
) -> None:
    old = serve()
    supervisor = psutil.Process(psutil.Process(old.pid).ppid())
    supervisor.suspend()  # so that the server has time to do harm
    data.rename(data.with_name("elsewhere"))
    data.mkdir()
    store(old, 1)
    with pymongo.MongoClient(old.uri) as client:
        client.admin.command("fsync")
    assert list(data.iterdir()) == []
    supervisor.resume()
    wait_until(lambda: not psutil.pid_exists(old.pid))
    assert list(data.iterdir()) == []


def test_a_server_whose_socket_was_deleted_ends_so_that_it_can_be_started_again(serve: Serve) -> None:
    server = serve(keep=True)
    shutil.rmtree(server.socket.parent)
    assert serve().pid != server.pid


def test_a_user_that_comes_while_the_server_ends_waits_and_gets_a_new_one(
    serve: Serve, data: Path, wait_until: Wait
) -> None:
    server = serve()
    mongod = psutil.Process(server.pid)
    mongod.suspend()
    os.kill(mongod.ppid(), signal.SIGTERM)
    server.close()
    wait_until(lambda: server_status(data).uri is None)
    mongod.resume()
    assert serve().pid != server.pid


def test_a_lock_left_by_a_killed_starter_is_free(serve: Serve, data: Path) -> None:
    script = "import fcntl, sys; f = open(sys.argv[1], 'w'); fcntl.flock(f, fcntl.LOCK_EX); print(flush=True); input()"
    lock = data / "local_server" / "start.lock"
    lock.parent.mkdir(parents=True)
    command = [sys.executable, "-c", script, str(lock)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as starter:
        assert starter.stdout
        starter.stdout.readline()
        with lock.open() as file, pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        starter.kill()
    assert server_status(serve().data).is_running


@pytest.fixture
def socket_directory(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the socket of the test's server goes."""
    with tempfile.TemporaryDirectory(prefix="s") as name:
        path = Path(name) / "socket"

        def make(directory: DataDirectory) -> Path:
            path.mkdir()
            return path / "mongod.sock"

        monkeypatch.setattr(launch, "make_socket_path", make)
        yield path


def test_a_supervisor_that_does_not_start_is_an_error_with_its_last_words_and_leaves_nothing(
    data: Path, socket_directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho 'no interpreter today' >&2; exit 1\n")
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    with pytest.raises(ServerError, match=r"did not start\. It said:\nno interpreter today"):
        local_server(data)
    assert not socket_directory.exists()
    assert not server_status(data).is_running


def test_a_mongod_that_vanished_is_told_and_leaves_nothing(
    data: Path, socket_directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch, "find_mongod", lambda: Mongod(tmp_path / "gone", "6.0.5"))
    with pytest.raises(ServerError, match=r"No such file or directory: .*gone"):
        local_server(data)
    assert not socket_directory.exists()
