"""Entry points are found in the real metadata of distributions."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
import zipfile

import pytest

from databroker_mongo.assets import discovery
from databroker_mongo.assets.discovery import Offer, entry_names, find_offers

from .conftest import HERE

FOUR = ("alpha", "beta", "ours", "superseded")


def winners(*specs: str) -> list[str]:
    return [find_offers()[spec][0].target for spec in specs]


def test_an_offer_says_who_makes_it_and_where(install):
    install("alpha")

    assert find_offers()["FROB"] == (
        Offer("FROB", "alpha_detectors:Classic", "alpha-detectors", "1.2.0", "databroker.handlers"),
    )


@pytest.mark.parametrize("order", [FOUR, FOUR[::-1]])
def test_strangers_come_before_ours_and_superseded_ones_after_wherever_they_are_installed(install, order):
    install(*order)

    assert winners("FROB", "AD_INVENTED", "AD_OLD", "AD_ONLY_THERE", "text/x-frob") == [
        "alpha_detectors:Classic",
        "beta_detectors:Frob",
        "own_detectors:Frob",
        "superseded_detectors:Frob",
        "alpha_detectors:Describing",
    ]
    assert [offer.distribution for offer in find_offers()["FROB"]] == [
        "alpha-detectors",
        "beta-detectors",
        "databroker-mongo-handlers",
    ]


def test_of_two_versions_left_side_by_side_the_newer_one_counts(install):
    install("beta")

    assert [offer.version for offer in find_offers()["FROB"]] == ["2.0"]
    assert "BETA_OLD" not in find_offers()


def test_a_distribution_earlier_on_the_path_hides_one_of_the_same_name(install, tmp_path, monkeypatch):
    install("beta")
    info = tmp_path / "Beta.Detectors-0.1.dist-info"
    info.mkdir()
    (info / "entry_points.txt").write_text("[databroker.handlers]\nEARLY = early:Handler\n")
    monkeypatch.syspath_prepend(tmp_path)

    assert "EARLY" in find_offers()
    assert "FROB" not in find_offers()


def test_damaged_metadata_of_one_distribution_leaves_the_others_alone(install, caplog):
    install("damaged")

    with caplog.at_level(logging.WARNING):
        assert winners("FINE") == ["beta_detectors:Frob"]
    assert "TWICE" not in find_offers()
    assert "damaged" in caplog.text


def test_distributions_in_a_zip_file_are_found(install, tmp_path, monkeypatch):
    archive = tmp_path / "app.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("zipped-3.0.dist-info/entry_points.txt", "[databroker.handlers]\nZIPPED = zipped:Handler\n")
    monkeypatch.syspath_prepend(archive)

    assert find_offers()["ZIPPED"][0].version == "3.0"


def test_what_is_installed_later_is_found_after_a_refresh(install, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    assert "FROB" not in find_offers()
    shutil.copytree(HERE / "alpha", tmp_path, dirs_exist_ok=True)

    assert "FROB" not in find_offers()
    discovery.refresh()
    assert "FROB" in find_offers()


def test_finding_imports_no_plugin(install):
    install(*FOUR)
    find = "from databroker_mongo.assets.discovery import find_offers; find_offers()['FROB']"
    code = f"{find}; import sys; print(*sys.modules)"

    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=_environment()
    )

    assert "alpha_detectors" not in loaded.stdout.split()


def _environment() -> dict[str, str]:
    return {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


@pytest.mark.parametrize(
    ("spec", "names"),
    [
        ("AD_TIFF", ("AD_TIFF",)),
        ("application/x-hdf5", ("application/x-hdf5",)),
        ("Application/X-HDF5", ("application/x-hdf5",)),
        ("multipart/related;type=image/tiff", ("multipart/related+image/tiff",)),
        ('multipart/related; type="image/tiff"', ("multipart/related+image/tiff",)),
        ("multipart/related+image/tiff", ("multipart/related+image/tiff",)),
        ("application/x-hdf5;type=xia-xmap", ("application/x-hdf5+xia-xmap",)),
        ("text/csv;header=absent", ("text/csv+absent", "text/csv")),
        ("a/b;charset=utf-8;type=c", ("a/b+c+utf-8", "a/b+c")),
    ],
)
def test_mime_types_are_turned_into_entry_point_names(spec, names):
    assert entry_names(spec) == names
