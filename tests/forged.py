"""Runs of one proposal that name a file of another, in every way that documents and files have."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import tifffile

from databroker_mongo.documents import Named
from databroker_mongo.testing import Asset, StreamAsset, build_run

MINE, THEIRS = "pass-1", "pass-2"
SECRET = 61_453
"""The value of every pixel of theirs."""

SHAPE = (3, 4)
OWN = np.arange(12, dtype=np.uint16).reshape(SHAPE)
"""Each frame of mine."""

ROOT = "{cycle}/{data_session}"
"""Where the files of a run may be, below the directory of all proposals."""

KEY = "entry/data/data"
_DATUMS = [{"point_number": row} for row in range(2)]


def allowed_root(directory: Path) -> str:
    """Return the root of each proposal's files."""
    return f"{directory}/{ROOT}"


def write_files(directory: Path) -> None:
    """Write the files of both proposals."""
    for session, frame in ((MINE, OWN), (THEIRS, np.full(SHAPE, SECRET, np.uint16))):
        home = directory / "2026" / session
        home.mkdir(parents=True)
        with h5py.File(home / "frames.h5", "w") as file:
            file[KEY] = np.stack([frame, frame])
        for number in range(2):
            tifffile.imwrite(home / f"img_{number}.tiff", frame)


def hdf5(root: str | Path, path: str | Path = "frames.h5") -> Asset:
    """Return frames in an HDF5 file."""
    return Asset("AD_HDF5", str(root), str(path), _DATUMS, {"frame_per_point": 1}, shape=SHAPE)


def tiff(root: str | Path, template: str, filename: str = "img") -> Asset:
    """Return frames in numbered files."""
    keywords = {"template": template, "filename": filename, "frame_per_point": 1}
    return Asset("AD_TIFF", str(root), "", _DATUMS, keywords, shape=SHAPE)


def streamed(uri: str) -> StreamAsset:
    """Return frames of a stream resource."""
    return StreamAsset("application/x-hdf5", uri, [(0, 2)], {"dataset": KEY}, shape=SHAPE)


def _linked(directory: Path, make: Callable[[h5py.File, Path], None]) -> Asset:
    """Return a file of mine that refers to one of theirs."""
    mine, theirs = directory / "2026" / MINE, directory / "2026" / THEIRS
    with h5py.File(mine / "link.h5", "w") as file:
        make(file, theirs / "frames.h5")
    return hdf5(mine, "link.h5")


def _external_link(file: h5py.File, path: Path) -> None:
    file[KEY] = h5py.ExternalLink(str(path), KEY)


def _relative_link(file: h5py.File, path: Path) -> None:
    file[KEY] = h5py.ExternalLink(f"../{THEIRS}/frames.h5", KEY)


def _link_to_a_group(file: h5py.File, path: Path) -> None:
    file["entry"] = h5py.ExternalLink(str(path), "entry")


def _chain(file: h5py.File, path: Path) -> None:
    middle = Path(file.filename).parent / "middle.h5"
    with h5py.File(middle, "w") as other:
        _external_link(other, path)
    file[KEY] = h5py.ExternalLink("middle.h5", KEY)


def _virtual(file: h5py.File, path: Path) -> None:
    layout = h5py.VirtualLayout((2, *SHAPE), np.uint16)
    layout[:] = h5py.VirtualSource(str(path), KEY, (2, *SHAPE))
    file.create_virtual_dataset(KEY, layout)


def _partly_virtual(file: h5py.File, path: Path) -> None:
    layout = h5py.VirtualLayout((2, *SHAPE), np.uint16)
    for row, source in enumerate((Path(file.filename).parent / "frames.h5", path)):
        layout[row] = h5py.VirtualSource(str(source), KEY, (2, *SHAPE))[row]
    file.create_virtual_dataset(KEY, layout)


def _raw_data_elsewhere(file: h5py.File, path: Path) -> None:
    raw = path.parent / "frames.raw"
    raw.write_bytes(np.full((2, *SHAPE), SECRET, np.uint16).tobytes())
    file.create_dataset(KEY, (2, *SHAPE), np.uint16, external=[(str(raw), 0, raw.stat().st_size)])


def _symbolic(directory: Path, name: str, target: str) -> Path:
    link = directory / "2026" / MINE / name
    link.unlink(missing_ok=True)
    link.symlink_to(directory / "2026" / THEIRS / target)
    return link


WAYS: dict[str, Callable[[Path], Asset | StreamAsset]] = {
    "root": lambda data: hdf5(data / "2026" / THEIRS),
    "absolute path": lambda data: hdf5(data / "2026" / MINE, data / "2026" / THEIRS / "frames.h5"),
    "dots": lambda data: hdf5(data / "2026" / MINE, f"../{THEIRS}/frames.h5"),
    "dots in the root": lambda data: hdf5(data / "2026" / MINE / ".." / THEIRS),
    "link to a file": lambda data: hdf5(_symbolic(data, "mine.h5", "frames.h5").parent, "mine.h5"),
    "link to a directory": lambda data: hdf5(_symbolic(data, "folder", "")),
    "external link": lambda data: _linked(data, _external_link),
    "relative external link": lambda data: _linked(data, _relative_link),
    "external link to a group": lambda data: _linked(data, _link_to_a_group),
    "link behind a link": lambda data: _linked(data, _chain),
    "virtual dataset": lambda data: _linked(data, _virtual),
    "partly virtual dataset": lambda data: _linked(data, _partly_virtual),
    "raw data elsewhere": lambda data: _linked(data, _raw_data_elsewhere),
    "absolute template": lambda data: tiff(data / "2026" / MINE, f"{data}/2026/{THEIRS}/%s%s_%d.tiff"),
    "template with dots": lambda data: tiff(data / "2026" / MINE, f"%s../{THEIRS}/%s_%d.tiff"),
    "file name with dots": lambda data: tiff(data / "2026" / MINE, "%s%s_%d.tiff", f"../{THEIRS}/img"),
    "frame that is a link": lambda data: tiff(_symbolic(data, "img_0.tiff", "img_0.tiff").parent, "%s%s_%d.tiff"),
    "URI": lambda data: streamed((data / "2026" / THEIRS / "frames.h5").as_uri()),
    "URI with dots": lambda data: streamed(f"file://localhost{data}/2026/{MINE}/%2e%2e/{THEIRS}/frames.h5"),
    "template of a stream": lambda data: StreamAsset(
        "multipart/related;type=image/tiff",
        f"{(data / '2026' / MINE).as_uri()}/",
        [(0, 2)],
        {"template": f"../{THEIRS}/img_{{:d}}.tiff"},
        shape=SHAPE,
    ),
    "field that leads up": lambda data: hdf5(data / "2026" / THEIRS),
    "field of two": lambda data: hdf5(data / "2026" / THEIRS),
    "field that is missing": lambda data: hdf5(data / "2026" / THEIRS),
}
"""By name: pixels of theirs; what is needed is written below a directory."""

_FIELDS: dict[str, dict[str, Any]] = {
    "field that leads up": {"data_session": f"x/../{THEIRS}"},
    "field of two": {"data_session": [MINE, THEIRS]},
    "field that is missing": {"cycle": "", "data_session": "2026"},
}


def forge(way: str, directory: Path, **start: Any) -> list[Named]:
    """Return the documents of a run of mine that names pixels of theirs; or in the way ``own``, pixels of mine."""
    asset = WAYS[way](directory) if way in WAYS else hdf5(directory / "2026" / MINE)
    told = {"cycle": "2026", "data_session": MINE, **_FIELDS.get(way, {}), **start}
    keys = {"img": {"shape": [1, *SHAPE], "dtype_numpy": "<u2"}}
    return build_run({"primary": [{}, {}]}, assets={"primary": {"img": asset}}, data_keys=keys, **told)
