"""Files on tape: nobody opens one unasked, everybody says so, and who asks gets the data."""

from __future__ import annotations

import ctypes
import json
import os
import pickle
import struct
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from databroker_mongo import Catalog, close_files
from databroker_mongo.errors import AssetOffline, CatalogError, UnreadableColumns
from databroker_mongo.testing import Asset, StreamAsset

from .conftest import FRAMES, N_ROWS, require_scalars

pytestmark = [
    pytest.mark.filterwarnings("ignore:no allowed_roots"),
    pytest.mark.filterwarnings("ignore::databroker_mongo.errors.UnreadableWarning"),
]
_IN_OPEN, _HEADER = 0x20, struct.Struct("iIII")


def is_away(path: str) -> bool:
    """The rule of these tests: files of this name are on tape."""
    return "away" in Path(path).name


@contextmanager
def opened_files(folder: Path) -> Iterator[list[str]]:
    """Collect the names of all files of a folder that anything in this process opens, in whatever language."""
    if not sys.platform.startswith("linux"):
        pytest.skip("inotify is needed to see what is opened")
    libc = ctypes.CDLL(None, use_errno=True)
    watch = libc.inotify_init1(os.O_NONBLOCK)
    assert watch >= 0
    names: list[str] = []
    try:
        assert libc.inotify_add_watch(watch, os.fsencode(folder), _IN_OPEN) >= 0
        yield names
        try:
            events = os.read(watch, 1_000_000)
        except BlockingIOError:
            events = b""
        while events:
            *_, length = _HEADER.unpack_from(events)
            names.append(events[_HEADER.size : _HEADER.size + length].rstrip(b"\0").decode())
            events = events[_HEADER.size + length :]
    finally:
        os.close(watch)


def hdf5(bench: Any) -> Asset:
    bench.write_hdf5("away.h5")
    return bench.asset("AD_HDF5", "away.h5")


def external_link(bench: Any) -> Asset:
    bench.write_hdf5("away.h5", dataset="frames")
    with h5py.File(bench.folder / "master.h5", "w") as file:
        file["entry/data/data"] = h5py.ExternalLink("away.h5", "/frames")
    return bench.asset("AD_HDF5", "master.h5")


def link_through_an_offline_file(bench: Any) -> Asset:
    bench.write_hdf5("here.h5", dataset="frames")
    with h5py.File(bench.folder / "away.h5", "w") as file:
        file["link"] = h5py.ExternalLink("here.h5", "/frames")
    with h5py.File(bench.folder / "master.h5", "w") as file:
        file["entry/data/data"] = h5py.ExternalLink("away.h5", "/link")
    return bench.asset("AD_HDF5", "master.h5")


def virtual_source(bench: Any) -> Asset:
    bench.write_hdf5("here.h5", frames=FRAMES[:3], dataset="frames")
    bench.write_hdf5("away.h5", frames=FRAMES[3:], dataset="frames")
    layout = h5py.VirtualLayout(FRAMES.shape, FRAMES.dtype)
    layout[:3] = h5py.VirtualSource("here.h5", "frames", (3, 4, 6))
    layout[3:] = h5py.VirtualSource("away.h5", "frames", (2, 4, 6))
    with h5py.File(bench.folder / "master.h5", "w") as file:
        file.create_virtual_dataset("entry/data/data", layout)
    return bench.asset("AD_HDF5", "master.h5")


def raw_data_outside(bench: Any) -> Asset:
    (bench.folder / "away.raw").write_bytes(FRAMES.tobytes())
    with h5py.File(bench.folder / "master.h5", "w") as file:
        outside = [(str(bench.folder / "away.raw"), 0, FRAMES.nbytes)]
        file.create_dataset("entry/data/data", FRAMES.shape, FRAMES.dtype, external=outside)
    return bench.asset("AD_HDF5", "master.h5")


def eiger(bench: Any) -> Asset:
    bench.write_hdf5("run_7_data_000001.h5", frames=FRAMES[:3])
    bench.write_hdf5("run_7_data_000002_away.h5", frames=FRAMES[3:])
    with h5py.File(bench.folder / "run_7_master.h5", "w") as file:
        file["entry/data/data_000001"] = h5py.ExternalLink("run_7_data_000001.h5", "/entry/data/data")
        file["entry/data/data_000002"] = h5py.ExternalLink("run_7_data_000002_away.h5", "/entry/data/data")
    datums = [{"seq_id": 7, "frame_num": number} for number in range(N_ROWS)]
    return Asset("AD_EIGER", str(bench.folder), "run", datums, {"images_per_file": 3}, (4, 6))


def streamed(bench: Any) -> StreamAsset:
    bench.write_hdf5("away.h5", dataset="data")
    uri = f"file://localhost{bench.folder}/away.h5"
    return StreamAsset("application/x-hdf5", uri, [(0, N_ROWS)], {"dataset": "/data"}, (1, 4, 6))


def rolling(bench: Any) -> StreamAsset:
    bench.write_hdf5("away.h5_000001.h5", frames=FRAMES[:3], dataset="data")
    bench.write_hdf5("away.h5_000002.h5", frames=FRAMES[3:], dataset="data")
    uri = f"file://localhost{bench.folder}/away.h5"
    return StreamAsset("application/x-hdf5", uri, [(0, N_ROWS)], {"dataset": "/data"}, (1, 4, 6))


class Classic:
    """A handler of level 0 that opens its file when it is made."""

    def __init__(self, path: str):
        self._frames = np.load(path)

    def __call__(self, point_number: int) -> Any:
        return self._frames[point_number][np.newaxis]


def classic(bench: Any) -> Asset:
    np.save(bench.folder / "away.npy", FRAMES)
    return bench.asset("CLASSIC", "away.npy")


@dataclass(frozen=True)
class Case:
    """Files of which some are on tape: how they are written, and which are."""

    write: Callable[[Any], Asset | StreamAsset]
    away: tuple[str, ...]
    n_axes: int = 4


CASES = {
    "HDF5": Case(hdf5, ("away.h5",)),
    "classic": Case(classic, ("away.npy",)),
    "stream": Case(streamed, ("away.h5",)),
    "files that roll over": Case(rolling, ("away.h5_000001.h5", "away.h5_000002.h5")),
    "external link": Case(external_link, ("away.h5",)),
    "link through": Case(link_through_an_offline_file, ("away.h5",)),
    "virtual": Case(virtual_source, ("away.h5",)),
    "raw data outside": Case(raw_data_outside, ("away.raw",)),
    "Eiger": Case(eiger, ("run_7_data_000002_away.h5",), n_axes=3),
}


@pytest.fixture(params=CASES.values(), ids=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def run_of(bench: Any) -> Callable[..., Any]:
    """Store a run of these files, and return it from a catalog with the rule."""

    def run_of_files(asset: Asset | StreamAsset, *, offline: Any = is_away, dtype: str | None = "<u2") -> Any:
        uid = bench.run(asset, dtype=dtype).start["uid"]
        close_files()
        return Catalog.from_uri(bench.uri, handlers={"CLASSIC": Classic}, offline=offline)[uid]

    return run_of_files


def expected(case: Case) -> Any:
    return FRAMES[:, np.newaxis] if case.n_axes == 4 else FRAMES


def require_opened_none(names: list[str], case: Case) -> None:
    assert not set(names) & set(case.away)


def test_what_looks_at_a_run_calls_such_a_file_offline_and_opens_it_nowhere(bench, run_of, case):
    run = run_of(case.write(bench))
    with opened_files(bench.folder) as names:
        health = run.health(pixels=True).query("data_key != ''").set_index("data_key")
        files = run.files()
        findings = run.findings()
    require_opened_none(names, case)
    assert health["status"].to_dict() == {"I0": "ok", "n": "ok", "image": "offline"}
    assert Path(health.loc["image", "facts"]["path"]).name in case.away
    assert {Path(path).name for path in files["path"][files["offline"]]} == set(case.away)
    assert f"{len(case.away)} offline" in repr(files).splitlines()[0]
    assert "1 offline" in repr(run.health()).splitlines()[0]
    [found] = [each for each in findings if each.kind == "offline-files"]
    assert not found.is_fault
    assert {Path(path).name for path in found.facts["paths"]} == set(case.away)
    assert [each for each in findings if each.is_fault] == []


def test_reading_such_a_file_is_an_error_that_names_it_and_what_to_type_and_opens_it_nowhere(bench, run_of, case):
    case_asset = case.write(bench)
    run = run_of(case_asset)
    with opened_files(bench.folder) as names:
        with pytest.raises(UnreadableColumns) as caught:
            run.primary.read()
        lazy = run.primary.to_dask()
        require_scalars(lazy.drop_vars("image", errors="ignore").compute())
        skipped = run.primary.read(on_error="skip")
        if "image" in lazy:
            with pytest.raises(AssetOffline):
                lazy["image"].compute()
        if isinstance(case_asset, Asset):
            with pytest.raises(AssetOffline):
                list(run.documents(fill="yes"))
    require_opened_none(names, case)
    fault = caught.value.reasons["image"]
    assert type(fault) is AssetOffline
    assert Path(fault.path).name in case.away
    assert "read(recall=True)" in str(fault)
    require_scalars(skipped)
    assert "offline" in json.loads(skipped.attrs["unreadable"])["image"]


def test_it_is_read_when_that_is_asked_of_the_reading_or_of_the_catalog(bench, run_of, case):
    run = run_of(case.write(bench))
    asked = Catalog.from_uri(bench.uri, handlers={"CLASSIC": Classic}, offline=is_away, recall=True)[run.start["uid"]]
    for dataset in (
        run.primary.read(recall=True),
        run.primary.to_dask(recall=True).compute(),
        asked.primary.read(),
        asked.primary.to_dask().compute(),
        pickle.loads(pickle.dumps(run.primary.to_dask(recall=True))).compute(),
    ):
        np.testing.assert_array_equal(dataset["image"], expected(case))
    assert asked.health().query("data_key == 'image'")["status"].tolist() == ["offline"]
    with pytest.raises(UnreadableColumns):
        run.primary.read()


def test_without_a_rule_nothing_is_offline(bench, run_of, case):
    run = run_of(case.write(bench), offline=None)
    np.testing.assert_array_equal(run.primary.read()["image"], expected(case))
    assert not run.files()["offline"].any()
    assert run.health().query("data_key == 'image'")["status"].tolist() == ["ok"]


@pytest.mark.parametrize("row", range(N_ROWS))
def test_the_other_frames_of_a_family_are_read_one_by_one(bench, run_of, row):
    def is_on_tape(path: str) -> bool:
        return path.endswith(f"img_{row:06d}.tiff")

    bench.write_tiffs()
    run = run_of(bench.asset("AD_TIFF", "", template="%s%s_%6.6d.tiff", filename="img"), offline=is_on_tape)
    lazy = run.primary.to_dask()["image"]
    with opened_files(bench.folder) as names:
        for other in set(range(N_ROWS)) - {row}:
            np.testing.assert_array_equal(lazy[other].compute(), FRAMES[np.newaxis, other])
        with pytest.raises(AssetOffline, match=f"img_{row:06d}"):
            lazy.compute()
    assert f"img_{row:06d}.tiff" not in names
    assert run.health().set_index("data_key").loc["image", "status"] == "offline"
    np.testing.assert_array_equal(run.primary.read(recall=True)["image"], FRAMES[:, np.newaxis])


def test_a_missing_file_is_worse_than_one_on_tape(bench, run_of):
    paths = bench.write_tiffs()
    paths[4].unlink()
    asset = bench.asset("AD_TIFF", "", template="%s%s_%6.6d.tiff", filename="img")
    run = run_of(asset, offline=lambda path: path == str(paths[2]))
    health = run.health().set_index("data_key").loc["image"]
    assert health["status"] == "unreadable"
    assert "img_000004" in health["reason"]
    assert {each.kind for each in run.findings()} == {"missing-files", "offline-files"}


def test_a_run_without_a_stop_document_is_not_cut_before_a_file_on_tape(bench):
    paths = bench.write_tiffs()
    asset = bench.asset("AD_TIFF", "", template="%s%s_%6.6d.tiff", filename="img")
    uid = bench.run(asset, edit=lambda documents: documents[:-1]).start["uid"]
    run = Catalog.from_uri(bench.uri, offline=lambda path: path == str(paths[4]))[uid]
    lazy = run.primary.to_dask()
    assert run.stop is None
    assert lazy.sizes["time"] == N_ROWS
    with pytest.raises(AssetOffline):
        lazy["image"].compute()


def test_a_file_without_blocks_plays_the_tape(bench, run_of, machine, sparse):
    for number in range(N_ROWS):
        sparse(bench.folder / f"frame_{number}.raw")
    parameters = {"template": "%s%s_%d.raw", "filename": "frame"}
    uri = f"file://localhost{bench.folder}/"
    asset = StreamAsset("application/octet-stream", uri, [(0, N_ROWS)], parameters, (64_000,))
    machine.write(machine.site, "site.yml", "site: {offline: no-blocks}")
    run = run_of(asset, offline=None, dtype=None)
    with opened_files(bench.folder) as names:
        assert run.health().set_index("data_key").loc["image", "status"] == "offline"
        assert run.files()["offline"].all()
        with pytest.raises(UnreadableColumns, match="offline"):
            run.primary.read(["image"])
    assert names == []
    assert run.primary.read(["image"], recall=True)["image"].shape == (N_ROWS, 64_000)
    assert run.primary.to_dask(["image"], recall=True)["image"].compute().sum() == 0


def test_databroker_1_says_so_too_and_reads_when_the_catalog_is_opened_to_recall(bench, run_of):
    run = run_of(hdf5(bench))
    uri, uid = bench.uri, run.start["uid"]
    plain, asked = (Catalog.from_uri(uri, offline=is_away, recall=recall).v1 for recall in (False, True))
    for read in (
        lambda db: db[uid].table(fill=True),
        lambda db: list(db[uid].data("image")),
        lambda db: list(db[uid].events(fill=True)),
        lambda db: db[uid].xarray(),
    ):
        with opened_files(bench.folder) as names, pytest.raises(CatalogError, match=r"away\.h5 is offline"):
            read(plain)
        assert "away.h5" not in names
        read(asked)
    assert plain.export_size(plain[uid]) > 0


def test_databroker_1_copies_no_file_from_a_tape_unasked(bench, run_of, tmp_path):
    run = run_of(hdf5(bench))
    uri, uid = bench.uri, run.start["uid"]
    plain, asked = (Catalog.from_uri(uri, offline=is_away, recall=recall).v1 for recall in (False, True))
    copy = Catalog.in_memory().v1
    with opened_files(bench.folder) as names, pytest.raises(AssetOffline):
        plain.export(plain[uid], copy, new_root=str(tmp_path / "copy"))
    assert "away.h5" not in names
    assert [Path(new).name for _, new in asked.export(asked[uid], copy, new_root=str(tmp_path / "copy"))] == ["away.h5"]
