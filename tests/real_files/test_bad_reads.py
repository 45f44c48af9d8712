"""Files, handlers and documents that something is wrong with: each costs its own column, and says so with all names."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import h5py
import numpy as np
import pytest

from databroker_mongo import Run
from databroker_mongo.errors import AssetError, AssetUnreadable, DatumNotFound, ShapeMismatch, UnknownSpec

NAMES = {"template": "%s%s_%6.6d.tiff", "filename": "img"}


class Faulty:
    """A classic handler that does what its keyword says."""

    def __init__(self, path, fails=None, gives=None):
        self._fails, self._gives = fails, gives
        if fails == "opening":
            raise ValueError("no licence for this format")

    def __call__(self, point_number):
        if self._fails == "calling":
            raise RuntimeError("the decoder gave up")
        if self._fails == "looking up":
            raise KeyError("frames")
        if self._gives == "nothing":
            return None
        if self._gives == "ragged lists":
            return [[[1, 2], [3]]]
        if self._gives == "fractions":
            return np.full((1, 4, 6), 70000.5)
        return np.zeros(self._gives, "u2")


def faulty(bench, **kwargs):
    return bench.run(bench.asset("FAULTY", "a.dat", **kwargs), handlers={"FAULTY": Faulty})


def hdf5(bench, **options):
    return bench.run(bench.asset("AD_HDF5", "a.h5"), **options)


def tiffs(bench):
    return bench.run(bench.asset("AD_TIFF", "", **NAMES))


def cut(path, *, to):
    os.truncate(path, int(path.stat().st_size * to))


def missing_file(bench):
    return hdf5(bench)


def empty_file(bench):
    (bench.folder / "a.h5").touch()
    return hdf5(bench)


def file_truncated_at_60_percent(bench):
    cut(bench.write_hdf5(), to=0.6)
    return hdf5(bench)


def file_without_the_dataset(bench):
    bench.write_hdf5(dataset="entry/other")
    return hdf5(bench)


def damaged_chunk(bench):
    path = bench.write_hdf5(chunks=(1, 4, 6), compression="gzip")
    with h5py.File(path) as file:
        where = file["entry/data/data"].id.get_chunk_info(2).byte_offset
    with path.open("r+b") as file:
        file.seek(where)
        file.write(b"\xff" * 8)
    return hdf5(bench)


def file_shorter_than_the_events(bench):
    bench.write_hdf5(frames=np.zeros((3, 4, 6), "u2"))
    return hdf5(bench)


def one_missing_tiff(bench):
    bench.write_tiffs()[2].unlink()
    return tiffs(bench)


def random_bytes_for_a_tiff(bench):
    bench.write_tiffs()[2].write_bytes(np.random.default_rng(1).bytes(300))
    return tiffs(bench)


def tiff_truncated_in_its_pixels(bench):
    path = bench.write_tiffs()[2]
    os.truncate(path, path.stat().st_size - 10)
    return tiffs(bench)


def no_handler(bench):
    return bench.run(bench.asset("NO_SUCH_SPEC", "a.dat"))


def wrong_spec_for_the_file(bench):
    bench.write_tiffs()
    return bench.run(bench.asset("AD_HDF5", "img_000000.tiff"))


def keywords_that_the_handler_does_not_take(bench):
    bench.write_hdf5()
    return bench.run(bench.asset("AD_HDF5", "a.h5", colour="red"))


def without_the_third_datum(documents):
    return [(name, doc) for name, doc in documents if not doc.get("datum_id", "").endswith("/2")]


def missing_datum(bench):
    bench.write_hdf5()
    return hdf5(bench, edit=without_the_third_datum)


def missing_datum_without_a_slash(bench):
    def renamed(documents):
        for name, doc in without_the_third_datum(documents):
            if name == "datum":
                doc["datum_id"] = doc["datum_id"].replace("/", "-")
            if name == "event":
                doc["data"]["image"] = doc["data"]["image"].replace("/", "-")
            yield name, doc

    bench.write_hdf5()
    return hdf5(bench, edit=lambda documents: list(renamed(documents)))


def missing_resource(bench):
    bench.write_hdf5()
    return hdf5(bench, edit=lambda documents: [(name, doc) for name, doc in documents if name != "resource"])


def resource_stored_twice(bench):
    bench.write_hdf5("a.h5")
    bench.write_hdf5("b.h5")
    run = hdf5(bench)
    bench.store_resource_again(resource_path="b.h5")
    return run


@dataclass(frozen=True)
class Case:
    """A fault, and what must be told of it: words of its text, the file below the folder, the row."""

    make: Callable[[Any], Run]
    words: str
    kind: type[AssetError] = AssetUnreadable
    spec: str = "AD_HDF5"
    path: str = "/a.h5"
    row: int = 0
    in_headers: bool = True


def handler(words, kind=AssetUnreadable, **kwargs):
    return Case(lambda bench: faulty(bench, **kwargs), words, kind, "FAULTY", "/a.dat")


TIFF = {"spec": "AD_TIFF", "path": "", "row": 2}
CASES = {
    "HDF5 missing": Case(missing_file, "the file is missing"),
    "HDF5 of zero bytes": Case(empty_file, "is empty (0 bytes)"),
    "HDF5 truncated at 60 %": Case(file_truncated_at_60_percent, "it is truncated"),
    "HDF5 without the dataset": Case(file_without_the_dataset, "has no dataset /entry/data/data"),
    "HDF5 with a damaged chunk": Case(damaged_chunk, "begins at (2, 0, 0) is damaged", row=2, in_headers=False),
    "HDF5 shorter than the events": Case(file_shorter_than_the_events, "it has 3", row=3),
    "one TIFF of five missing": Case(one_missing_tiff, "img_000002.tiff", **TIFF),
    "one TIFF of random bytes": Case(random_bytes_for_a_tiff, "img_000002.tiff cannot be opened as TIFF", **TIFF),
    "one TIFF truncated in its pixels": Case(tiff_truncated_in_its_pixels, "img_000002.tiff is short", **TIFF),
    "no handler for the spec": Case(no_handler, "no handler", UnknownSpec, "NO_SUCH_SPEC", "/a.dat"),
    "wrong spec for the file": Case(wrong_spec_for_the_file, "it is not an HDF5 file", path="/img_000000.tiff"),
    "unknown keyword": Case(keywords_that_the_handler_does_not_take, "colour"),
    "handler raises when opened": handler("no licence", fails="opening"),
    "handler raises when called": handler("the decoder gave up", fails="calling"),
    "handler raises KeyError": handler("KeyError: 'frames'", fails="looking up"),
    "handler returns None": handler("returned None", gives="nothing"),
    "two frames for one": handler("[2, 4, 6]", ShapeMismatch, gives=[2, 4, 6]),
    "smaller frames": handler("[1, 3, 5]", ShapeMismatch, gives=[1, 3, 5]),
    "larger frames": handler("[1, 5, 7]", ShapeMismatch, gives=[1, 5, 7]),
    "no axis of frames": handler("[4, 6]", ShapeMismatch, gives=[4, 6]),
    "ragged output": handler("inhomogeneous", gives="ragged lists"),
    "floats for integers": handler("float64", ShapeMismatch, gives="fractions"),
    "datum missing": Case(missing_datum, "not stored", DatumNotFound, row=2),
    "datum without a slash missing": Case(missing_datum_without_a_slash, "not stored", DatumNotFound, row=2),
    "resource stored twice": Case(resource_stored_twice, "b.h5; remove the wrong one", AssetError),
}


@pytest.mark.filterwarnings("ignore::databroker_mongo.errors.UnreadableWarning")
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_bad_read_costs_its_own_column_and_names_all_there_is_to_name(bench, case):
    run = case.make(bench)
    fault = bench.fault_of(run)
    assert type(fault) is case.kind
    assert case.words in str(fault)
    assert fault.resource_uid in str(fault)
    assert fault.spec == case.spec
    assert fault.path == fault.document_path == f"{bench.folder}{case.path}"
    assert fault.host == socket.gethostname()
    assert os.path.ismount(fault.mount)
    assert fault.datum_id in (f"{fault.resource_uid}/{case.row}", f"{fault.resource_uid}-{case.row}")
    if case.kind is not DatumNotFound:
        assert fault.datum == str({"point_number": case.row})


@pytest.mark.filterwarnings("ignore::databroker_mongo.errors.UnreadableWarning")
@pytest.mark.filterwarnings("ignore:no allowed_roots")
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_health_of_a_run_tells_a_bad_read_from_good_ones(bench, case):
    run = case.make(bench)
    for pixels in (False, True):
        health = run.health(pixels=pixels).query("data_key != ''").set_index("data_key")
        is_found = case.in_headers or pixels
        assert health["status"].to_dict() == {"I0": "ok", "n": "ok", "image": "unreadable" if is_found else "ok"}
        if is_found:
            assert case.words in health.loc["image", "reason"]
            assert health.loc["image", "facts"]["path"] == f"{bench.folder}{case.path}"
            assert f"path: {bench.folder}{case.path}" in repr(health)


@pytest.mark.filterwarnings("ignore:no allowed_roots")
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_files_of_a_run_are_listed_whatever_is_wrong_with_it(bench, case):
    files = case.make(bench).files().set_index("path")
    expected = [bench.folder / f"img_{n:06d}.tiff" for n in range(5)] if case.spec == "AD_TIFF" else []
    expected = expected or [bench.folder / case.path[1:]]
    others = {str(bench.folder / "b.h5")} if case.make is resource_stored_twice else set()
    assert set(files.index) == {*map(str, expected), *others}
    for path in expected:
        assert files.loc[str(path), "exists"] == path.exists()
        if path.exists():
            assert files.loc[str(path), "size_bytes"] == path.stat().st_size
        else:
            assert files["size_bytes"].isna()[str(path)]


def test_a_missing_resource_is_named_by_its_uid_and_the_datum(bench):
    run = missing_resource(bench)
    fault = bench.fault_of(run)
    assert type(fault) is DatumNotFound
    assert "not stored" in str(fault)
    assert fault.datum_id == f"{fault.resource_uid}/0"
    assert run.health().set_index("data_key").loc["image", "status"] == "unreadable"
    assert len(run.files()) == 0


def test_a_missing_file_is_an_error_within_a_second(bench):
    primary = missing_file(bench).primary
    lazy = primary.to_dask()["image"]
    seconds = []
    while min(seconds, default=1.0) >= 1.0 and len(seconds) < 10:  # others may keep the machine busy
        started = time.perf_counter()
        with pytest.raises(AssetUnreadable):
            lazy.compute()
        seconds.append(time.perf_counter() - started)
    assert min(seconds) < 1.0


@pytest.mark.parametrize("name", ["x" * 300, "ü/é.h5", "a/b/c.h5", ".", "a\nb.h5"])
def test_a_name_that_no_file_can_have_or_has_is_told_and_costs_one_column(bench, name):
    run = bench.run(bench.asset("AD_HDF5", name))
    fault = bench.fault_of(run)
    assert type(fault) is AssetUnreadable
    assert fault.document_path.startswith(str(bench.folder))
    assert run.health().set_index("data_key").loc["image", "status"] == "unreadable"
    assert len(run.files()) == 1


@pytest.mark.parametrize(
    "datum",
    [{"point_number": -1}, {"point_number": 1.5}, {"point_number": "1"}, {}, {"point": 1}, {"point_number": 10**12}],
)
def test_arguments_of_a_datum_that_mean_no_row_are_told(bench, datum):
    bench.write_hdf5()
    asset = bench.asset("AD_HDF5", "a.h5")
    fault = bench.fault_of(bench.run(replace(asset, datums=[datum] * 5)))
    assert fault.datum == str(datum)
    assert fault.path == str(bench.folder / "a.h5")
