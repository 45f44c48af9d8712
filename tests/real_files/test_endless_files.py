"""Pipes, sockets and devices in the place of files: nothing waits for their end, which may never come."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from databroker_mongo import Catalog
from databroker_mongo.errors import AssetUnreadable, CatalogError
from databroker_mongo.testing import Asset, StreamAsset

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes in the file system"),
    pytest.mark.filterwarnings("ignore:no allowed_roots"),
]


def hdf5(bench: Any) -> tuple[Asset, Path]:
    return bench.asset("AD_HDF5", "a.h5", frame_per_point=1), bench.write_hdf5()


def tiff(bench: Any) -> tuple[Asset, Path]:
    names = {"template": "%s%s_%6.6d.tiff", "filename": "img", "frame_per_point": 1}
    return bench.asset("AD_TIFF", "", **names), bench.write_tiffs()[2]


def npy(bench: Any) -> tuple[Asset, Path]:
    for number in range(5):
        np.save(bench.folder / f"uid_{number}.npy", np.zeros((4, 6), "u2"))
    datums = [{"index": number} for number in range(5)]
    return Asset("NPY_SEQ", str(bench.folder), "uid", datums, {}, (4, 6)), bench.folder / "uid_2.npy"


def streamed(bench: Any) -> tuple[StreamAsset, Path]:
    path = bench.write_hdf5(chunks=(1, 4, 6))
    parameters = {"dataset": "/entry/data/data", "chunk_shape": [1, 4, 6], "swmr": True}
    return StreamAsset("application/x-hdf5", path.as_uri(), [(0, 5)], parameters, (1, 4, 6)), path


def pipe(path: Path) -> None:
    os.mkfifo(path)


def link_to_pipe(path: Path) -> None:
    os.mkfifo(path.parent / "pipe")
    path.symlink_to("pipe")


def endless_socket(path: Path) -> None:
    folder = os.open(path.parent, os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(f"/proc/self/fd/{folder}/{path.name}")  # the path itself may be too long for a socket
    os.close(folder)


@pytest.mark.parametrize("make", [hdf5, tiff, npy, streamed])
@pytest.mark.parametrize("put", [pipe, link_to_pipe, endless_socket])
def test_it_is_not_opened_and_told_by_every_way_of_reading(bench: Any, make: Any, put: Callable[[Path], None]) -> None:
    image, path = make(bench)
    path.unlink()
    put(path)
    run = bench.run(image)
    fault = bench.fault_of(run)
    assert isinstance(fault, AssetUnreadable)
    assert "is no file but a pipe, a socket or a device" in str(fault)
    assert fault.path == str(path)
    health = run.health(pixels=True)
    assert health.loc[health["data_key"] == "image", "status"].tolist() == ["unreadable"]
    assert path.name in str(run.files()["path"].tolist()) or "no file but" in str(run.files()["reason"].tolist())
    with pytest.raises(CatalogError, match="is no file but a pipe"):
        list(run.documents(fill="yes"))


@pytest.mark.parametrize("make", [hdf5, tiff, streamed])
def test_it_is_not_copied(bench: Any, make: Any, tmp_path: Path) -> None:
    image, path = make(bench)
    path.unlink()
    path.symlink_to("/dev/zero")
    run = bench.run(image)
    with pytest.raises(CatalogError, match=r"allowed|is no file but a pipe"):
        run.v1.db.export(run.v1, Catalog.in_memory().v1, new_root=tmp_path / "copy")
