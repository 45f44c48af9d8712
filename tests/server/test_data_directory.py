"""Directories on which no MongoDB server should be started are refused, and the error says what to do."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pymongo
import pytest

from databroker_mongo import local_server
from databroker_mongo.errors import DataDirectoryUnusable, ServerError
from databroker_mongo.file_locks import network_filesystem, try_lock
from databroker_mongo.server import LocalServer, data_directory, server_status
from databroker_mongo.server.data_directory import DataDirectory, boot_id
from databroker_mongo.server.mongod import find_mongod

Serve = Callable[..., LocalServer]
FILES_OF_4_4 = Path(__file__).with_name("data") / "files_of_mongodb_4.4.tar.xz"

MOUNTS = """\
22 27 0:21 / /proc rw,relatime shared:5 - proc proc rw
27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
40 27 0:50 / /home rw,relatime - nfs4 server:/home rw
41 27 0:51 / /gpfs/my\\040data rw - gpfs gpfs rw
42 27 0:52 / /scratch rw - lustre 10.0.0.1@tcp:/scratch rw
43 40 8:1 / /home/me/local rw - xfs /dev/sda1 rw
44 27 0:53 / /over rw - nfs server:/over rw
45 27 8:2 / /over rw - ext4 /dev/sdb rw
"""


@pytest.fixture
def mounts(tmp_path: Path) -> Path:
    (tmp_path / "mountinfo").write_text(MOUNTS)
    return tmp_path / "mountinfo"


@pytest.fixture
def unprivileged() -> Iterator[None]:
    """Be nobody, where the tests are run by root, who may write everywhere."""
    if os.geteuid():
        yield
        return
    os.seteuid(65534)
    yield
    os.seteuid(0)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/home/me/data", "nfs4"),
        ("/home", "nfs4"),
        ("/homes/me", None),
        ("/home/me/local/data", None),
        ("/gpfs/my data/here", "gpfs"),
        ("/scratch/x", "lustre"),
        ("/over/x", None),
        ("/srv", None),
    ],
)
def test_a_file_system_is_that_of_the_deepest_mount_above_a_path(mounts: Path, path: str, kind: str | None) -> None:
    assert network_filesystem(Path(path), mounts) == kind


def test_where_there_is_no_table_of_mounts_nothing_is_refused(tmp_path: Path) -> None:
    assert network_filesystem(tmp_path, tmp_path / "none") is None


def test_a_network_file_system_is_refused_before_anything_is_made_unless_forced_and_while_that_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = tmp_path / "mountinfo"
    table.write_text(f"40 27 0:50 / {tmp_path} rw - nfs4 server:/home rw\n")
    monkeypatch.setattr(data_directory, "network_filesystem", lambda path: network_filesystem(path, table))
    with pytest.raises(DataDirectoryUnusable, match=r"network file system \(nfs4\).*--data.*--force"):
        local_server(tmp_path / "data")
    assert not (tmp_path / "data").exists()
    directory = DataDirectory.named(tmp_path / "data")
    directory.prepare(force=True)
    assert directory.path.is_dir()
    served = try_lock(directory.server_lock)
    assert served
    directory.prepare(force=False)
    os.close(served)


def record_of(host: str, boot: str) -> str:
    facts = {"supervisor": 1, "mongod": 2, "socket": "/s", "version": "6.0.5", "host": host, "boot": boot}
    return json.dumps(facts)


@pytest.mark.parametrize(
    ("host", "boot", "is_refused"),
    [
        pytest.param("far", "another boot", True, id="another host"),
        pytest.param(platform.node(), "another boot", False, id="this host before it was booted again"),
        pytest.param("container", boot_id(), False, id="a container of this machine"),
    ],
)
def test_a_directory_that_another_host_holds_is_refused_and_not_even_forced_while_its_lock_is_held_there(
    tmp_path: Path, host: str, boot: str, is_refused: bool
) -> None:
    directory = DataDirectory.named(tmp_path)
    directory.control.mkdir()
    directory.record.write_text(record_of(host, boot))
    directory.prepare(force=True)
    if not is_refused:
        directory.prepare(force=False)
        return
    with pytest.raises(DataDirectoryUnusable, match=r"host far holds it.*server stop.*on far.*--force"):
        directory.prepare(force=False)
    held_there = try_lock(directory.server_lock)
    assert held_there
    with pytest.raises(DataDirectoryUnusable, match="host far holds it"):
        directory.prepare(force=True)
    os.close(held_there)


def test_a_running_server_leaves_a_record_for_other_hosts_and_a_clean_end_removes_it(
    serve: Serve, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve()
    monkeypatch.setattr(data_directory, "boot_id", lambda: "another")
    monkeypatch.setattr(platform, "node", lambda: "elsewhere")
    assert server_status(data).host
    with pytest.raises(DataDirectoryUnusable, match="holds it"):
        local_server(data)


def test_where_the_kernel_has_no_boot_id_the_host_is_known_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_directory, "BOOT_ID", Path("/nonexistent"))
    assert boot_id() == platform.node()


def test_a_directory_that_cannot_be_written_is_refused(unprivileged: None) -> None:
    with pytest.raises(DataDirectoryUnusable, match=r"/data: it cannot be written \(Permission denied\)") as caught:
        local_server("/data")
    assert caught.value.path == "/data"


def test_a_directory_of_somebody_else_that_was_served_before_is_refused(request: pytest.FixtureRequest) -> None:
    with tempfile.TemporaryDirectory() as name:
        directory = DataDirectory.named(name)
        directory.prepare(force=False)
        directory.lease.chmod(0o400)
        Path(name).chmod(0o755)
        directory.control.chmod(0o555)
        request.getfixturevalue("unprivileged")
        with pytest.raises(DataDirectoryUnusable, match="it cannot be written"):
            local_server(name)
        os.seteuid(os.getuid())


def test_a_file_in_the_place_of_a_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for name in ("file", "file/below"):
        with pytest.raises(DataDirectoryUnusable, match="there is a file of that name"):
            local_server(tmp_path / name)


@contextmanager
def stopping(process: subprocess.Popen[bytes]) -> Iterator[None]:
    try:
        yield
    finally:
        process.kill()


def test_a_directory_that_another_mongod_uses_is_refused_at_once(data: Path, tmp_path: Path) -> None:
    data.mkdir()
    command = [find_mongod().path, "--dbpath", data, "--bind_ip", tmp_path / "s.sock", "--nounixsocket"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as foreign:
        directory = DataDirectory.named(data)
        while not directory.unsupervised_mongod() and foreign.poll() is None:
            time.sleep(0.02)
        with (
            stopping(foreign),
            pytest.raises(DataDirectoryUnusable, match=f"another mongod .process {foreign.pid}. uses it"),
        ):
            local_server(data)
    with local_server(data, linger_seconds=0.2) as server:
        assert server.pid != foreign.pid


def test_files_of_another_version_of_mongodb_are_refused(data: Path) -> None:
    if find_mongod().version < "6":
        pytest.skip("the MongoDB installed reads files of 4.4")
    with tarfile.open(FILES_OF_4_4) as archive:
        archive.extractall(data, filter="data")
    with pytest.raises(DataDirectoryUnusable, match=r"in the format of MongoDB 4\.4.*name another directory") as caught:
        local_server(data)
    assert "UPGRADE PROBLEM" in str(caught.value)
    assert not server_status(data).is_running


def test_damaged_files_are_refused_with_what_mongod_said(data: Path) -> None:
    data.mkdir()
    for name in ("WiredTiger", "WiredTiger.wt", "WiredTiger.turtle"):
        (data / name).write_text("not what WiredTiger wrote")
    with pytest.raises(
        DataDirectoryUnusable, match=r"(?s)its files are damaged.*mongod (was killed by signal|ended with status)"
    ):
        local_server(data)


def test_files_of_a_member_of_another_replica_set_are_refused_and_left_alone(data: Path, tmp_path: Path) -> None:
    data.mkdir()
    socket = tmp_path / "s.sock"
    command = [find_mongod().path, "--dbpath", data, "--bind_ip", socket, "--nounixsocket", "--replSet", "beamline"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as foreign:
        uri = f"mongodb://{str(socket).replace('/', '%2F')}/?directConnection=true"
        with stopping(foreign), pymongo.MongoClient(uri) as client:
            client.admin.command("replSetInitiate", {"_id": "beamline", "members": [{"_id": 0, "host": str(socket)}]})
    with pytest.raises(DataDirectoryUnusable, match="member of the MongoDB replica set 'beamline'") as caught:
        local_server(data)
    assert caught.value.path == str(data)


def test_a_mongod_that_dies_at_start_is_an_error_at_once_with_its_last_words(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = tmp_path / "bin" / "mongod"
    fake.parent.mkdir()
    fake.write_text(
        '#!/bin/sh\n[ "$1" = --version ] && echo "db version v6.0.5" && exit\necho "no luck today"; exit 7\n'
    )
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(fake.parent), prepend=os.pathsep)
    begin = time.monotonic()
    with pytest.raises(ServerError, match=r"(?s)no luck today.*mongod ended with status 7"):
        local_server(data)
    assert time.monotonic() - begin < 30  # and not the three minutes that a server may take to start
