"""Documents and files that lead out: whoever can write a document must not read the disk by it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import tifffile

from databroker_mongo import Catalog
from databroker_mongo.errors import CatalogWarning, PathNotAllowed, UnreadableColumns
from databroker_mongo.testing import Asset

SECRET = np.full((5, 4, 6), 4242, "u2")


@dataclass
class Bait:
    """A folder of data and one beside it, both with the files that documents may lead to."""

    inside: Path
    outside: Path


@pytest.fixture
def bait(bench) -> Bait:
    outside = bench.folder.parent / "outside"
    outside.mkdir()
    (bench.folder / "link").symlink_to(outside)
    with h5py.File(outside / "secret.h5", "w") as file:
        file["entry/data/data"] = SECRET
    for number, frame in enumerate(SECRET):
        tifffile.imwrite(outside / f"img_{number:06d}.tiff", frame)
    return Bait(bench.folder, outside)


def hdf5(bench: Any, path: str, root: str | None = None) -> Asset:
    asset: Asset = bench.asset("AD_HDF5", path)
    return asset if root is None else replace(asset, root=root)


def tiff(bench: Any, template: str, filename: str) -> Asset:
    asset: Asset = bench.asset("AD_TIFF", "", template=template, filename=filename)
    return asset


def linked_hdf5(bench: Any, bait: Bait) -> Asset:
    with h5py.File(bait.inside / "a.h5", "w") as file:
        file["entry/data/data"] = h5py.ExternalLink(str(bait.outside / "secret.h5"), "entry/data/data")
    return hdf5(bench, "a.h5")


def relatively_linked_hdf5(bench: Any, bait: Bait) -> Asset:
    with h5py.File(bait.inside / "a.h5", "w") as file:
        file["entry"] = h5py.ExternalLink("../outside/secret.h5", "entry")
    return hdf5(bench, "a.h5")


def virtual_hdf5(bench: Any, bait: Bait) -> Asset:
    layout = h5py.VirtualLayout((5, 4, 6), "u2")
    layout[...] = h5py.VirtualSource(bait.outside / "secret.h5", "entry/data/data", (5, 4, 6))
    with h5py.File(bait.inside / "a.h5", "w") as file:
        file.create_virtual_dataset("entry/data/data", layout)
    return hdf5(bench, "a.h5")


def hdf5_with_raw_data_elsewhere(bench: Any, bait: Bait) -> Asset:
    (bait.outside / "raw").write_bytes(SECRET.tobytes())
    with h5py.File(bait.inside / "a.h5", "w") as file:
        file.create_dataset("entry/data/data", (5, 4, 6), "u2", external=[(str(bait.outside / "raw"), 0, 240)])
    return hdf5(bench, "a.h5")


Plant = Callable[[Any, Bait], Asset]
ESCAPES: dict[str, Plant] = {
    "dots in the path": lambda bench, bait: hdf5(bench, "../outside/secret.h5"),
    "dots behind a folder": lambda bench, bait: hdf5(bench, "a/../../outside/secret.h5"),
    "link in the root": lambda bench, bait: hdf5(bench, "link/secret.h5"),
    "dots in a file name keyword": lambda bench, bait: tiff(bench, "%s%s_%6.6d.tiff", "../outside/img"),
    "absolute template": lambda bench, bait: tiff(bench, f"{bait.outside}/%.0s%s_%6.6d.tiff", "img"),
    "external link": linked_hdf5,
    "relative external link": relatively_linked_hdf5,
    "source of a virtual dataset": virtual_hdf5,
    "raw data outside": hdf5_with_raw_data_elsewhere,
}
FREE_WITHOUT_ALLOWED_ROOTS: dict[str, Plant] = {
    "absolute path": lambda bench, bait: hdf5(bench, f"{bait.outside}/secret.h5"),
    "the whole disk as root": lambda bench, bait: hdf5(bench, f"{bait.outside}/secret.h5"[1:], root="/"),
    "no root": lambda bench, bait: hdf5(bench, f"{bait.outside}/secret.h5", root=""),
}
ALL = {**ESCAPES, **FREE_WITHOUT_ALLOWED_ROOTS}


@pytest.mark.parametrize("plant", ALL.values(), ids=ALL)
def test_with_allowed_roots_no_document_and_no_file_leads_out_of_them(bench, bait, machine, plant):
    machine.write(machine.site, "data.yml", f"site:\n  allowed_roots: [{bait.inside}]\n")
    run = bench.run(plant(bench, bait))
    fault = bench.fault_of(run)
    assert type(fault) is PathNotAllowed
    assert str(bait.outside) in str(fault)
    assert str(bait.inside) in str(fault)
    assert fault.resource_uid in str(fault)
    assert fault.spec in ("AD_HDF5", "AD_TIFF")
    assert fault.document_path
    assert fault.path
    assert run.health().set_index("data_key").loc["image", "status"] == "unreadable"
    files = run.files()
    assert files["reason"].str.contains("allowed_roots").all()
    is_outside = files["path"].map(lambda path: not Path(path).resolve().is_relative_to(bait.inside))
    assert not files["exists"][is_outside].any()
    assert files["size_bytes"][is_outside].isna().all()


@pytest.mark.parametrize("plant", ESCAPES.values(), ids=ESCAPES)
def test_without_allowed_roots_nothing_leads_out_of_the_root_of_the_document(bench, bait, machine, plant):
    assert type(bench.fault_of(bench.run(plant(bench, bait)))) is PathNotAllowed


@pytest.mark.parametrize("plant", FREE_WITHOUT_ALLOWED_ROOTS.values(), ids=FREE_WITHOUT_ALLOWED_ROOTS)
def test_without_allowed_roots_the_rights_of_the_process_hold_and_one_warning_says_so(bench, bait, machine, plant):
    run = bench.run(plant(bench, bait))
    with pytest.warns(CatalogWarning, match="no allowed_roots") as told:
        np.testing.assert_array_equal(run.primary.read()["image"][:, 0], SECRET)
    assert len(told) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run.primary.to_dask()["image"].compute()


def test_links_that_stay_inside_are_followed(bench, bait, machine):
    machine.write(machine.site, "data.yml", f"site:\n  allowed_roots: [{bait.inside}]\n")
    bench.write_hdf5("source.h5")
    with h5py.File(bait.inside / "a.h5", "w") as file:
        file["entry"] = h5py.ExternalLink("source.h5", "entry")
    run = bench.run(hdf5(bench, "a.h5"))
    np.testing.assert_array_equal(run.primary.read()["image"].values.ravel(), np.arange(120))


@pytest.mark.filterwarnings("ignore:no allowed_roots")
def test_what_one_catalog_has_open_another_may_still_not_read(bench, bait):
    uid = bench.run(linked_hdf5(bench, bait)).start["uid"]
    wide, narrow = (
        Catalog.from_uri(bench.uri, allowed_roots=roots)[uid].primary
        for roots in ([bait.inside, bait.outside], [bait.inside])
    )
    for _ in range(2):
        np.testing.assert_array_equal(wide.read()["image"][:, 0], SECRET)
        with pytest.raises(UnreadableColumns) as caught:
            narrow.read()
        assert isinstance(caught.value.reasons["image"], PathNotAllowed)
