"""Make the data that is measured on, in MongoDB and in files; what is there already is kept."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pymongo

from . import frames, large_runs, many_runs
from .documents import FIRST_TIME, SECONDS_BETWEEN_RUNS, Batch, Document, events_on_server, small_runs
from .facts import Facts, ImageRun, Sizes
from .indexes import create_indexes

_MADE_IN = "benchmarks"
_N_KEYS = 400
_N_IN_WINDOW = 1000
_N_EVENTS_OF_MANY = 200
_TIFF_KWARGS = {"frame_per_point": 1, "template": frames.TIFF_TEMPLATE, "filename": frames.TIFF_NAME}


def make_data(server: str, work: Path, sizes: Sizes) -> Facts:
    """Make what is missing, and return where all is.

    Parameters
    ----------
    server : str
        URI of the server, with ``DATABASE`` in the place of the name of a database.
    work : pathlib.Path
        A directory for files.
    sizes : Sizes
        How much of it.
    """
    work.mkdir(parents=True, exist_ok=True)
    client: Any
    with pymongo.MongoClient(server.replace("DATABASE", "")) as client:
        runs = client[f"benchmark_runs_{sizes.runs}"]
        _make_small_runs(runs, sizes.runs, sizes.events_per_run)
        data = client["benchmark_data"]
        images = _image_runs(work.resolve(), sizes)
        wanted = {"events": sizes.events, "arrays": sizes.arrays, "images": {k: vars(v) for k, v in images.items()}}
        _make(data, wanted, _large(sizes, images))
        many = client[f"benchmark_many_{sizes.many}"]
        _make_small_runs(many, sizes.many, _N_EVENTS_OF_MANY)
        with_images = client["benchmark_image_runs"]
        folder = work.resolve() / "runs"
        _make(
            with_images, {"runs": sizes.image_runs, "in": str(folder)}, many_runs.image_runs(sizes.image_runs, folder)
        )
        uids = {start["scan_id"]: start["uid"] for start in data["run_start"].find({}, {"uid": 1, "scan_id": 1})}
        step = max(1, sizes.runs // _N_KEYS)
        keys = runs["run_start"].find({"scan_id": {"$in": list(range(1, sizes.runs, step))}}, {"uid": 1})
        first = max(0, sizes.runs // 2 - _N_IN_WINDOW // 2)
        return Facts(
            server=server,
            runs_database=runs.name,
            data_database=data.name,
            many_database=many.name,
            images_database=with_images.name,
            scratch_database="benchmark_scratch",
            sizes=sizes,
            uids=[start["uid"] for start in keys],
            since=FIRST_TIME + SECONDS_BETWEEN_RUNS * first,
            until=FIRST_TIME + SECONDS_BETWEEN_RUNS * (first + _N_IN_WINDOW),
            scalars=uids[1],
            arrays=uids[2],
            images={
                name: ImageRun(**{**vars(image), "uid": uids[number]})
                for number, (name, image) in enumerate(images.items(), 101)
            },
            work=str(work),
        )


def _make_small_runs(database: Any, n_runs: int, events_per_run: int) -> None:
    runs = small_runs(n_runs, events_per_run, has_events=False)
    _make(database, {"events_per_run": events_per_run}, runs, events_on_server(events_per_run))


def _make(database: Any, wanted: dict[str, Any], batches: Iterable[Batch], at_server: Sequence[Document] = ()) -> None:
    """Fill a database, unless it holds just this."""
    if database[_MADE_IN].find_one({}, {"_id": 0}) != wanted:
        print(f"Making the database {database.name} ...", flush=True)
        database.client.drop_database(database.name)
        for batch in batches:
            for collection, documents in batch.items():
                if documents:
                    database[collection].insert_many(documents, ordered=False)
        if at_server:
            database["event_descriptor"].aggregate(list(at_server), allowDiskUse=True)
        database[_MADE_IN].insert_one(dict(wanted))
    create_indexes(database)


def _large(sizes: Sizes, images: dict[str, ImageRun]) -> Iterable[Batch]:
    yield from large_runs.scalars(sizes.events)
    yield from large_runs.arrays(sizes.arrays)
    for scan_id, (name, image) in enumerate(images.items(), 101):
        _write(name, image)
        kwargs = _TIFF_KWARGS if image.spec == "AD_TIFF" else {"frame_per_point": 1}
        yield from large_runs.images(scan_id, image, kwargs)


def _image_runs(work: Path, sizes: Sizes) -> dict[str, ImageRun]:
    large, small = (sizes.frames, 1024, 1024), (sizes.small_frames, 256, 256)
    kinds = {
        "HDF5": (large, "AD_HDF5", "plain.h5"),
        "HDF5 small": (small, "AD_HDF5", "small.h5"),
        **{f"HDF5 {codec}": (large, "AD_HDF5", f"{codec.replace(' ', '_')}.h5") for codec in frames.CODECS},
        "TIFF": (large, "AD_TIFF", "plain"),
        "TIFF zlib": (large, "AD_TIFF", "zlib"),
    }
    return {name: ImageRun("", *shape, spec, str(work / "images"), path) for name, (shape, spec, path) in kinds.items()}


def _write(name: str, image: ImageRun) -> None:
    print(f"Writing the files of {name} ...", flush=True)
    path = Path(image.root) / image.path
    path.parent.mkdir(exist_ok=True)
    shape = (image.n, image.ny, image.nx)
    if image.spec == "AD_TIFF":
        shutil.rmtree(path, ignore_errors=True)
        frames.write_tiff(path, *shape, compression="zlib" if "zlib" in name else None)
    else:
        codec = name.removeprefix("HDF5 ")
        frames.write_hdf5(path, *shape, codec=codec if codec in frames.CODECS else "")
