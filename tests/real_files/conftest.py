"""A run of two scalar columns and one column of images that something is wrong with, stored in MongoDB."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pymongo
import pytest
import tifffile

from databroker_mongo import Catalog, Run
from databroker_mongo.errors import AssetError, UnreadableColumns
from databroker_mongo.store import open_store, writable
from databroker_mongo.testing import Asset, StreamAsset, build_run

from ..copying import copy_before_reading

N_ROWS = 5
SCAN_ID = 4711
FRAMES = np.arange(N_ROWS * 4 * 6, dtype="u2").reshape(N_ROWS, 4, 6)
READ_FROM_COPIES = {"test_bad_reads.py", "test_transforms.py", "test_ways.py"}
Documents = list[tuple[str, dict[str, Any]]]


@dataclass
class Bench:
    """Where runs with faults are made and examined.

    Attributes
    ----------
    uri : str
        An empty database.
    folder : pathlib.Path
        The root of the run's resources.
    """

    uri: str
    folder: Path

    def write_hdf5(
        self, name: str = "a.h5", *, frames: Any = FRAMES, dataset: str = "entry/data/data", **how: Any
    ) -> Path:
        """Write frames as areaDetector does."""
        path = self.folder / name
        with h5py.File(path, "w") as file:
            file.create_dataset(dataset, data=frames, **how)
        return path

    def write_tiffs(self) -> list[Path]:
        """Write a file for each frame."""
        paths = [self.folder / f"img_{number:06d}.tiff" for number in range(N_ROWS)]
        for path, frame in zip(paths, FRAMES, strict=True):
            tifffile.imwrite(path, frame)
        return paths

    def asset(self, spec: str, path: str, **kwargs: Any) -> Asset:
        """Return a resource in the folder, a datum a row; images of ``(1, 4, 6)`` are declared."""
        points = [{"point_number": number} for number in range(N_ROWS)]
        return Asset(spec, str(self.folder), path, points, kwargs, (1, 4, 6))

    def run(
        self,
        image: Asset | StreamAsset,
        *,
        dtype: str | None = "<u2",
        edit: Callable[[Documents], Documents] = lambda documents: documents,
        handlers: Mapping[str, Any] | None = None,
        root_map: Mapping[str, str] | None = None,
        transforms: Mapping[str, Any] | None = None,
        scan_id: int = SCAN_ID,
    ) -> Run:
        """Store a run whose images these are, and return it."""
        rows = [{"I0": 0.5 * row, "n": row} for row in range(N_ROWS)]
        described = {"image": {"dtype_numpy": dtype} if dtype else {}}
        documents = edit(
            build_run({"primary": rows}, assets={"primary": {"image": image}}, data_keys=described, scan_id=scan_id)
        )
        store = open_store(self.uri)
        for name, doc in documents:
            writable(store).insert(name, [doc])
        return Catalog.from_uri(self.uri, handlers=handlers, root_map=root_map, transforms=transforms)[
            documents[0][1]["uid"]
        ]

    def store_resource_again(self, **changes: Any) -> None:
        """Store the resource once more with other contents, as other programs that write would."""
        with pymongo.MongoClient(self.uri) as client:
            resources = client.get_default_database()["resource"]
            resources.insert_one({**resources.find_one({}, {"_id": 0}), **changes})

    def fault_of(self, run: Run) -> AssetError:
        """Return the error of the images, having made sure that it costs nothing else and is told everywhere."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "no allowed_roots")
            with pytest.raises(UnreadableColumns) as caught:
                run.primary.read()
            assert list(caught.value.reasons) == ["image"]
            fault: AssetError = caught.value.reasons["image"]
            assert str(fault) in str(caught.value)
            require_scalars(run.primary.read(exclude=caught.value.exclude))
            skipped = run.primary.read(on_error="skip")
            require_scalars(skipped)
            assert "image" not in skipped
            assert json.loads(skipped.attrs["unreadable"])["image"] == str(fault)
            self._require_lazily(run, fault)
        require_names(fault, run_uid=run.start["uid"], scan_id=SCAN_ID, stream="primary", data_key="image")
        return fault

    def _require_lazily(self, run: Run, fault: AssetError) -> None:
        """Insist that a lazy dataset can be made, and tells the same when the images are computed, or at once."""
        lazy = run.primary.to_dask()
        require_scalars(lazy.drop_vars("image", errors="ignore").compute())
        if "image" not in lazy:
            assert json.loads(lazy.attrs["unreadable"])["image"] == str(fault)
            return
        with pytest.raises(type(fault)) as caught:
            lazy["image"].compute()
        assert str(caught.value) == str(fault)


def require_scalars(dataset: Any) -> None:
    """Insist that the columns that nothing is wrong with are all there, and right."""
    np.testing.assert_array_equal(dataset["I0"], 0.5 * np.arange(N_ROWS))
    np.testing.assert_array_equal(dataset["n"], np.arange(N_ROWS))
    np.testing.assert_array_equal(dataset["time"], 1_700_000_002.0 + np.arange(N_ROWS))


def require_names(error: AssetError, **facts: object) -> None:
    """Insist that an error has facts as attributes, and that its text shows them."""
    text = str(error)
    for name, value in facts.items():
        assert getattr(error, name) == value, name
        assert str(value) in text, name


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Let tests whose files are named by events run on columnar copies of these as well."""
    if "bench" in metafunc.fixturenames and Path(metafunc.module.__file__).name in READ_FROM_COPIES:
        metafunc.parametrize("bench", ["events", "copies"], indirect=True)


@pytest.fixture
def bench(request: pytest.FixtureRequest, installed_handlers: None, mongod_database_uri: str, tmp_path: Path) -> Bench:
    """A bench whose handlers are those that are installed, and on which rows may be read from columnar copies."""
    if getattr(request, "param", "events") == "copies":
        copy_before_reading(request.getfixturevalue("monkeypatch"))
    folder = tmp_path / "data"
    folder.mkdir()
    return Bench(mongod_database_uri, folder)
