"""The embedded MongoDB: started once, shared, private, and ended when nobody uses it any more."""

from __future__ import annotations

import json
import pickle
import platform
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pymongo
import pytest

from databroker_mongo import local_server
from databroker_mongo.errors import ServerError, ServerNotInstalled
from databroker_mongo.server import LocalServer, server_status, stop_server

Serve = Callable[..., LocalServer]
StartUser = Callable[..., "subprocess.Popen[str]"]
Wait = Callable[..., None]


def command(server: LocalServer, name: str) -> dict[str, Any]:
    with pymongo.MongoClient(server.uri, serverSelectionTimeoutMS=2000) as client:
        return dict(client.admin.command(name))


@pytest.fixture(scope="module")
def server(mongod_uri: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    data = tmp_path_factory.mktemp("a directory, shared") / "däta"
    with local_server(data) as server:
        yield server
    stop_server(data)
    shutil.rmtree(data)


def test_a_server_is_a_writable_replica_set_of_one_that_knows_itself_by_its_socket(server: LocalServer) -> None:
    answer = command(server, "hello")
    assert answer["isWritablePrimary"]
    assert answer["setName"] == "rs0"
    assert answer["hosts"] == [str(server.socket)]


def test_only_the_owner_can_reach_the_socket_and_nothing_else_listens(server: LocalServer) -> None:
    assert stat.S_IMODE(server.socket.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(server.socket.stat().st_mode) == 0o600
    mongod = psutil.Process(server.pid)
    assert mongod.net_connections("inet") == []
    assert {c.laddr for c in mongod.net_connections("unix") if c.laddr} == {str(server.socket)}


def test_transactions_and_change_streams_work(server: LocalServer) -> None:
    with pymongo.MongoClient(server.uri) as client:
        numbers = client["test"]["numbers"]
        numbers.insert_one({"_id": 0})
        with numbers.watch() as changes:
            with client.start_session() as session, session.start_transaction():
                numbers.insert_many([{"_id": 1}, {"_id": 2}], session=session)
            assert [changes.next()["documentKey"]["_id"] for _ in range(2)] == [1, 2]


def test_the_journal_is_on_and_the_cache_fits_a_laptop(server: LocalServer) -> None:
    status = command(server, "serverStatus")
    assert status["wiredTiger"]["log"]["maximum log file size"] > 0
    assert status["wiredTiger"]["cache"]["maximum bytes configured"] <= 2**30


def test_a_server_tells_its_process_and_version(server: LocalServer) -> None:
    assert psutil.Process(server.pid).name().startswith("mongod")
    assert server.version == command(server, "buildInfo")["version"]


def test_a_server_cannot_be_pickled_because_it_is_a_share_of_one_process(server: LocalServer) -> None:
    with pytest.raises(TypeError, match="send its uri"):
        pickle.dumps(server)


def test_another_name_of_the_same_directory_means_the_same_server(server: LocalServer, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(server.data)
    with local_server(link) as same:
        assert same.pid == server.pid
        assert same == server


def test_the_status_tells_where_the_server_is(server: LocalServer) -> None:
    status = server_status(server.data)
    assert status.is_running
    assert not status.is_kept
    assert (status.uri, status.pid, status.version) == (server.uri, server.pid, server.version)


def test_asking_for_the_status_or_stopping_touches_no_directory(tmp_path: Path) -> None:
    assert not server_status(tmp_path / "none").is_running
    assert not stop_server(tmp_path / "none")
    assert list(tmp_path.iterdir()) == []


def test_eight_processes_that_begin_at_once_share_one_server(data: Path, start_user: StartUser) -> None:
    users = [start_user() for _ in range(8)]
    pids = {user.stdout.readline() for user in users if user.stdout}
    assert len(pids) == 1
    assert int(pids.pop()) == server_status(data).pid
    assert not (data / "local_server" / "mongod.log.1").exists(), "mongod was started twice"


def test_the_server_ends_when_the_last_user_closes_and_leaves_no_process_and_no_socket(
    serve: Serve, data: Path, wait_until: Wait
) -> None:
    first, second = serve(), serve()
    supervisor = psutil.Process(first.pid).ppid()
    first.close()
    first.close()
    assert command(second, "ping")["ok"]
    second.close()
    wait_until(lambda: not server_status(data).is_running)
    wait_until(lambda: not psutil.pid_exists(supervisor))
    assert not psutil.pid_exists(first.pid)
    assert not first.socket.parent.exists()


def test_a_killed_user_does_not_keep_the_server(start_user: StartUser, data: Path, wait_until: Wait) -> None:
    user = start_user()
    assert user.stdout
    assert int(user.stdout.readline()) == server_status(data).pid
    user.kill()
    wait_until(lambda: not server_status(data).is_running)


def test_a_forked_child_shares_the_server_but_a_program_that_is_run_does_not(
    start_user: StartUser, data: Path, wait_until: Wait
) -> None:
    script = """
import os, subprocess, sys
from databroker_mongo.server.local import local_server
server = local_server(sys.argv[1], linger_seconds=0.2)
program = subprocess.Popen(["sleep", "30"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
if os.fork():
    server.close()
    os._exit(0)
print(server.pid, program.pid, flush=True)
sys.stdin.read()
"""
    parent = start_user(script)
    assert parent.stdout
    mongod, program = (psutil.Process(int(pid)) for pid in parent.stdout.readline().split())
    parent.wait()
    with pytest.raises(psutil.TimeoutExpired):
        mongod.wait(1.0)
    assert parent.stdin
    parent.stdin.close()
    wait_until(lambda: not server_status(data).is_running)
    assert program.is_running()
    program.kill()


def test_a_kept_server_stays_until_it_is_stopped(serve: Serve, data: Path) -> None:
    server = serve()
    serve(keep=True).close()
    server.close()
    with pytest.raises(psutil.TimeoutExpired):
        psutil.Process(server.pid).wait(1.0)
    assert server_status(data).is_kept
    assert stop_server(data)
    assert not psutil.pid_exists(server.pid)
    assert not server_status(data).is_kept
    assert not stop_server(data)


def test_a_stopped_server_can_be_started_again_by_a_process_that_used_it(serve: Serve, data: Path) -> None:
    first = serve()
    with pymongo.MongoClient(first.uri) as client:
        client["test"]["numbers"].insert_one({"_id": 1})
    assert stop_server(data)
    with pymongo.MongoClient(serve().uri) as client:
        assert client["test"]["numbers"].count_documents({}) == 1


def test_data_that_moved_is_served_at_its_new_place_also_beside_the_old_one(
    serve: Serve, data: Path, tmp_path: Path
) -> None:
    with pymongo.MongoClient(serve().uri) as client:
        client["test"]["numbers"].insert_one({"_id": 1})
    stop_server(data)
    copy = tmp_path / "copy"
    shutil.copytree(data, copy)
    original, copied = serve(), serve(copy)
    assert original.socket != copied.socket
    assert command(copied, "hello")["hosts"] == [str(copied.socket)]
    with pymongo.MongoClient(copied.uri) as client:
        assert client["test"]["numbers"].count_documents({}) == 1


def test_an_isolated_interpreter_runs_the_supervisor_whatever_the_working_directory_holds(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('the wrong json')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert command(serve(), "ping")["ok"]


def test_a_server_on_another_host_is_reported_and_cannot_be_stopped_from_here(tmp_path: Path) -> None:
    record = {"supervisor": 1, "mongod": 2, "socket": "/s", "version": "6.0.5", "host": "far", "boot": "b"}
    (tmp_path / "local_server").mkdir()
    (tmp_path / "local_server" / "server.json").write_text(json.dumps(record))
    assert server_status(tmp_path).host == "far"
    with pytest.raises(ServerError, match="runs on far: stop it there"):
        stop_server(tmp_path)


def test_windows_is_told_that_the_server_needs_unix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Windows")
    with pytest.raises(ServerNotInstalled, match="WSL"):
        local_server()


def test_importing_it_is_light() -> None:
    script = "import sys, databroker_mongo.server.local; print('pymongo' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
