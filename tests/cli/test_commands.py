"""The command line: its exit statuses, its server verbs, and that nobody sees a traceback."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from databroker_mongo.cli import main as cli
from databroker_mongo.errors import RunNotFound
from databroker_mongo.server import stop_server

Say = Callable[[argparse.Namespace], None]


def run_command(*arguments: str) -> subprocess.CompletedProcess[str]:
    script = "import sys; from databroker_mongo.cli.main import main; sys.exit(main())"
    return subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=False)


@pytest.fixture
def add(monkeypatch: pytest.MonkeyPatch) -> Callable[[Say], None]:
    """Add a command `try` to the table."""
    return lambda run: monkeypatch.setattr(cli, "COMMANDS", (*cli.COMMANDS, cli.Command("try", run)))


def test_a_command_is_a_function_and_a_line_of_the_table(
    add: Callable[[Say], None], capsys: pytest.CaptureFixture[str]
) -> None:
    def say(chosen: argparse.Namespace) -> None:
        """Say something."""
        print("something")  # noqa: T201

    add(say)
    assert cli.main(["try"]) == 0
    assert capsys.readouterr().out == "something\n"
    with pytest.raises(SystemExit) as caught:
        cli.main(["--help"])
    assert caught.value.code == 0
    assert "Say something." in capsys.readouterr().out


def test_a_failure_is_its_message_on_standard_error_and_status_1(
    add: Callable[[Say], None], capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(chosen: argparse.Namespace) -> None:
        """Fail."""
        raise RunNotFound("There is no such run.", uid="abc")

    add(fail)
    assert cli.main(["try"]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err == "databroker-mongo: There is no such run.\n  uid: abc\n"


def test_ctrl_c_is_quiet(add: Callable[[Say], None], capsys: pytest.CaptureFixture[str]) -> None:
    def interrupt(chosen: argparse.Namespace) -> None:
        """Be interrupted."""
        raise KeyboardInterrupt

    add(interrupt)
    assert cli.main(["try"]) == 130
    assert capsys.readouterr().err == ""


def test_a_reader_that_went_away_is_no_error_message() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    script = "import sys; from databroker_mongo.cli.main import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", script, "server", "status"], stdout=writer, stderr=subprocess.PIPE, check=False
    )
    os.close(writer)
    assert done.returncode == 141
    assert done.stderr == b""


@pytest.mark.parametrize("arguments", [[], ["server"], ["nonsense"], ["server", "start", "--nonsense"]])
def test_a_wrong_use_is_status_2_and_shows_the_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    assert caught.value.code == 2
    assert "usage: databroker-mongo" in capsys.readouterr().err


def test_the_version_is_that_of_the_distribution(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing(name: str) -> str:
        raise PackageNotFoundError(name)

    for find, shown in ((lambda name: "1.2.3", "1.2.3"), (missing, "(not installed)")):
        monkeypatch.setattr("importlib.metadata.version", find)
        with pytest.raises(SystemExit) as caught:
            cli.main(["--version"])
        assert caught.value.code == 0
        assert capsys.readouterr().out == f"databroker-mongo {shown}\n"


def test_help_loads_neither_pymongo_nor_the_server() -> None:
    script = "import sys; from databroker_mongo.cli import main; main.build_parser(); print('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "databroker_mongo.cli.main" in loaded
    assert not loaded & {"pymongo", "mongomock", "dask", "xarray", "yaml", "databroker_mongo.server.local"}


@pytest.fixture
def data(mongod_uri: str, tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "data"
    stop_server(tmp_path / "data")
    shutil.rmtree(tmp_path / "data")


def test_the_server_is_started_looked_at_and_stopped(data: Path) -> None:
    assert "stopped" in run_command("server", "status", "--data", str(data)).stdout
    started = run_command("server", "start", "--data", str(data))
    assert started.returncode == 0
    assert started.stderr == ""
    uri = started.stdout.splitlines()[-1]
    assert uri.startswith("mongodb://%2F")

    status = run_command("server", "status", "--data", str(data)).stdout
    assert "runs until `server stop`" in status
    assert uri in status

    assert run_command("server", "stop", "--data", str(data)).stdout == "The local MongoDB server was stopped.\n"
    assert run_command("server", "stop", "--data", str(data)).stdout == "The local MongoDB server was not running.\n"


def test_a_server_that_cannot_start_is_a_sentence_and_status_1(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = run_command("server", "start", "--data", str(tmp_path / "file"))
    assert done.returncode == 1
    assert done.stderr.startswith("databroker-mongo: The local MongoDB server cannot keep its files in")
    assert "Traceback" not in done.stderr
