"""A startup file of a beamline, unchanged but for the import, with the real RunEngine and simulated devices."""

import os
import sys

import pytest

from .running import run_scripts

pytestmark = pytest.mark.xdist_group("startup_file")


@pytest.fixture(scope="module")
def result(mongod_uri, tmp_path_factory):
    """What the startup file and the commands after it gave."""
    for package in ("bluesky", "ophyd"):
        pytest.importorskip(package, reason=f"{package} is not installed")
    import pymongo

    database = f"startup_{os.getpid()}"
    catalogs = {"beamline": mongod_uri.replace("/?", f"/{database}?")}
    home = tmp_path_factory.mktemp("startup")
    yield run_scripts(sys.executable, "databroker_mongo", "startup", home, catalogs)["startup"]
    with pymongo.MongoClient(mongod_uri) as client:
        client.drop_database(database)


def test_the_run_engine_stores_runs_that_are_found_again(result):
    assert "error" not in result, result
    assert result["scan ids"] == [3, 2, 1]
    assert result["found"] == 1
    assert result["status"] == "success"


def test_a_scan_is_read_as_a_table(result):
    assert result["columns"] == ["time", "det", "motor", "motor_setpoint"]
    assert result["motor"] == [-1.0, -0.5, 0.0, 0.5, 1.0]
    assert result["rows"] == 5
    assert result["streams"] == ["baseline", "primary"]
    assert result["baseline"] == 2
    assert "det_Imax" in result["configured"]


def test_images_of_a_simulated_detector_are_read(result):
    assert len(result["images"]) == 3
    assert result["image"] > 0


def test_documents_come_back_as_the_run_engine_emitted_them(result):
    assert result["as emitted"]
    assert result["all of them"]
