"""The scattering run and its files are those of the tutorial, and are made once."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from databroker_mongo.tutorial import rsoxs_documents
from databroker_mongo.tutorial.samples.scattering import SAXS, WAXS, contrast, momentum_transfer

# One process makes the run.
pytestmark = pytest.mark.xdist_group("rsoxs")


class Recorded:
    """The documents by kind, and the pixels of a datum."""

    def __init__(self, directory: Path) -> None:
        self.documents = list(rsoxs_documents(directory))
        self.resources = {resource["uid"]: resource for resource in self.of("resource")}
        self.datums = {datum["datum_id"]: datum for datum in self.of("datum")}

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [document for name, document in self.documents if name == kind]

    def events(self, stream: str) -> list[dict[str, Any]]:
        uid = next(descriptor["uid"] for descriptor in self.of("descriptor") if descriptor["name"] == stream)
        return [event for event in self.of("event") if event["descriptor"] == uid]

    def datum(self, event: dict[str, Any], key: str) -> dict[str, Any]:
        return self.datums[event["data"][key]]

    def path(self, event: dict[str, Any], key: str) -> Path:
        datum = self.datum(event, key)
        resource = self.resources[datum["resource"]]
        folder = str(Path(resource["root"], resource["resource_path"])) + "/"
        kwargs = resource["resource_kwargs"]
        return Path(kwargs["template"] % (folder, kwargs["filename"], datum["datum_kwargs"]["point_number"]))

    def frame(self, event: dict[str, Any], key: str) -> Any:
        return tifffile.imread(self.path(event, key))


@pytest.fixture(scope="module")
def rsoxs(tmp_path_factory) -> Recorded:
    return Recorded(tmp_path_factory.mktemp("rsoxs"))


def test_the_run_is_the_one_of_the_tutorial(rsoxs):
    (start,) = rsoxs.of("start")
    assert start["uid"] == "777b44ae-4576-4a15-b044-d5fc6e88797b"
    assert start["scan_id"] == 6959
    assert datetime.fromtimestamp(start["time"], UTC).date().isoformat() == "2019-11-17"


def test_there_are_128_points_3_darks_and_2_readings_of_the_baseline(rsoxs):
    (stop,) = rsoxs.of("stop")
    assert stop["num_events"] == {"baseline": 2, "dark": 3, "primary": 128}


@pytest.mark.parametrize("key", ["Synced_saxs_image", "Synced_waxs_image"])
def test_dark_and_primary_share_a_resource_so_the_point_numbers_of_primary_have_gaps(rsoxs, key):
    dark = [rsoxs.datum(event, key) for event in rsoxs.events("dark")]
    primary = [rsoxs.datum(event, key) for event in rsoxs.events("primary")]
    assert len({datum["resource"] for datum in dark + primary}) == 1
    numbers = [datum["datum_kwargs"]["point_number"] for datum in primary]
    missing = set(range(131)) - set(numbers)
    assert missing == {datum["datum_kwargs"]["point_number"] for datum in dark} == {0, 44, 88}


def test_the_descriptor_declares_a_shape_that_the_files_do_not_have(rsoxs):
    (descriptor,) = (d for d in rsoxs.of("descriptor") if d["name"] == "primary")
    assert descriptor["data_keys"]["Synced_saxs_image"]["shape"] == [256, 256, 0]
    assert {"en_energy", "SAXS ROI1", "Synced_waxs_image"} < set(descriptor["data_keys"])


def test_images_come_in_the_same_order_in_dark_and_primary_so_that_dimensions_get_the_same_names(rsoxs):
    images = [
        [name for name, key in descriptor["data_keys"].items() if "external" in key]
        for descriptor in rsoxs.of("descriptor")
        if descriptor["name"] != "baseline"
    ]
    assert images == [["Synced_saxs_image", "Synced_waxs_image"]] * 2


def test_a_file_is_one_uncompressed_page_of_unsigned_integers_on_a_pedestal(rsoxs):
    with tifffile.TiffFile(rsoxs.path(rsoxs.events("primary")[5], "Synced_saxs_image")) as file:
        assert len(file.pages) == 1
        page = file.pages[0]
        assert (page.shape, page.dtype, page.compression) == ((256, 256), np.uint32, 1)
    dark = rsoxs.frame(rsoxs.events("dark")[0], "Synced_saxs_image")
    assert dark.mean() == pytest.approx(5000.0, abs=50.0)
    assert 3.0 < (dark.astype(float) - rsoxs.frame(rsoxs.events("dark")[1], "Synced_saxs_image")).std() < 20.0


@pytest.mark.parametrize(("camera", "first_ring"), [(WAXS, 2 * np.pi / 42.0), (SAXS, 5.76 / 260.0)])
def test_rings_stand_at_the_momentum_transfer_of_the_sample(rsoxs, camera, first_ring):
    events = rsoxs.events("primary")
    event = max(events, key=lambda event: event["data"]["SAXS ROI1"])
    key = f"Synced_{camera.name}_image"
    dark = np.mean([rsoxs.frame(event, key).astype(float) for event in rsoxs.events("dark")], axis=0)
    q = momentum_transfer(camera, event["data"]["en_energy"])
    around = np.linspace(0.8, 1.2, 17) * first_ring
    light = rsoxs.frame(event, key) - dark
    radial = [light[np.abs(q - at) < 0.02 * first_ring].mean() for at in around]
    assert around[np.argmax(radial)] == pytest.approx(first_ring, rel=0.08)


def test_frames_brighten_at_the_carbon_resonance(rsoxs):
    events = rsoxs.events("primary")
    energies = np.array([event["data"]["en_energy"] for event in events])
    counts = np.array([event["data"]["SAXS ROI1"] for event in events])
    assert energies[0] == pytest.approx(270.0, abs=0.1)
    assert energies[np.argmax(counts)] == pytest.approx(285.0, abs=0.5)
    assert contrast(285.0) > 3.0 > contrast(320.0)


def test_the_region_of_interest_is_the_sum_of_the_raw_pixels(rsoxs):
    event = rsoxs.events("primary")[17]
    frame = rsoxs.frame(event, "Synced_waxs_image")
    assert event["data"]["WAXS ROI1"] == frame[64:192, 64:192].sum()


def test_all_files_take_less_than_150_megabytes_and_nothing_else_is_left(rsoxs):
    root = Path(rsoxs.of("resource")[0]["root"])
    files = [path for path in root.rglob("*") if path.is_file()]
    assert {path.suffix for path in files} == {".tiff"}
    assert len(files) == 262
    assert sum(path.stat().st_size for path in files) < 150e6


def test_a_second_run_writes_only_what_is_missing_or_damaged(rsoxs):
    whole, cut, altered = (rsoxs.path(event, "Synced_saxs_image") for event in rsoxs.events("dark"))
    lost = rsoxs.path(rsoxs.events("primary")[0], "Synced_waxs_image")
    contents = {path: path.read_bytes() for path in (whole, cut, altered, lost)}
    written = whole.stat().st_mtime_ns
    cut.write_bytes(contents[cut][:1000])
    altered.write_bytes(contents[altered][:-1] + b"\xff")
    lost.unlink()
    root = Path(rsoxs.of("resource")[0]["root"])
    assert list(rsoxs_documents(root)) == rsoxs.documents
    assert {path: path.read_bytes() for path in contents} == contents
    assert whole.stat().st_mtime_ns == written
