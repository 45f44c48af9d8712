"""The data of the tutorial, in the embedded MongoDB and under the names that the tutorial uses.

``fetch_...`` downloads data that a beamline measured and published; ``make_...`` simulates the same for a machine
without a network. Each returns the catalog, and afterwards ``catalog[name]`` has it in every process of this user.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from .errors import SampleDataUnavailable

if TYPE_CHECKING:
    from .documents import Named
    from .packs import Pack
    from .runs import Catalog
    from .store import Store


_PUBLISHED = "https://nsls2datasamples.blob.core.windows.net/bluesky-tutorial-example-data"
_BMM = "bluesky-tutorial-BMM"
_RSOXS = "bluesky-tutorial-RSOXS"
_PAGE_ROWS = 1000
_POLL_SECONDS = 0.1


def fetch_BMM_example(version: int = 1, *, url: str | None = None) -> Catalog:  # noqa: N802 (a published name)
    """Download X-ray absorption runs that the Beamline for Materials Measurement at NSLS-II published.

    They are stored in the embedded MongoDB; ``catalog["bluesky-tutorial-BMM"]`` has them from now on. Existing data are
    neither downloaded nor stored again.

    Parameters
    ----------
    version : int
        Version of the archive; there is only the first.
    url : str, optional
        Another place to download the archive from.

    Returns
    -------
    Catalog
        The runs.

    Raises
    ------
    ValueError
        When there is no such version.
    SampleDataUnavailable
        When it cannot be downloaded or unpacked; ``offline`` names the function to call instead.
    ServerError
        When the embedded MongoDB cannot be started.
    """
    _require_first(version)
    return _fetch(_BMM, url or f"{_PUBLISHED}/BMM-example-v1.zip", offline="make_BMM_example")


def fetch_RSOXS_example(version: int = 1, *, url: str | None = None) -> Catalog:  # noqa: N802 (a published name)
    """Download a resonant soft X-ray scattering run that NSLS-II published: about 1 GB with its images.

    It is stored in the embedded MongoDB; ``catalog["bluesky-tutorial-RSOXS"]`` has it from now on. The images stay in
    the directory that ``BLUESKY_TUTORIAL_DATA`` names, else in the user's data directory.

    Parameters
    ----------
    version : int
        Version of the archive; there is only the first.
    url : str, optional
        Another place to download the archive from.

    Returns
    -------
    Catalog
        The run.

    Raises
    ------
    ValueError
        When there is no such version.
    SampleDataUnavailable
        When it cannot be downloaded or unpacked; ``offline`` names the function to call instead.
    ServerError
        When the embedded MongoDB cannot be started.
    """
    _require_first(version)
    return _fetch(_RSOXS, url or f"{_PUBLISHED}/RSOXS-example-v1.zip", offline="make_RSOXS_example")


def make_BMM_example() -> Catalog:  # noqa: N802 (named as its twin)
    """Simulate two dozen X-ray absorption runs, for a machine without a network.

    They are stored in the embedded MongoDB, and ``catalog["bluesky-tutorial-BMM"]`` has them from now on.

    Returns
    -------
    Catalog
        The runs.

    Raises
    ------
    ServerError
        When the embedded MongoDB cannot be started.
    """
    from .tutorial import bmm_documents

    return _make(_BMM, lambda directory: bmm_documents())


def make_RSOXS_example() -> Catalog:  # noqa: N802 (named as its twin)
    """Simulate a resonant soft X-ray scattering run with its images (70 MB), for a machine without a network.

    It is stored in the embedded MongoDB, and ``catalog["bluesky-tutorial-RSOXS"]`` has it from now on. The images are
    written below the directory that ``BLUESKY_TUTORIAL_DATA`` names, else below the user's data directory.

    Returns
    -------
    Catalog
        The run.

    Raises
    ------
    SampleDataUnavailable
        When the images cannot be written.
    ServerError
        When the embedded MongoDB cannot be started.
    """
    from .tutorial import rsoxs_documents

    return _make(_RSOXS, rsoxs_documents)


def _require_first(version: int) -> None:
    if version != 1:
        raise ValueError(f"This archive has only version 1; version {version!r} was requested.")


def _fetch(name: str, url: str, *, offline: str) -> Catalog:
    from .packs import read_documents

    with _alone(name) as directory:
        try:
            pack = _fetched_pack(name, url, directory=directory)
        except SampleDataUnavailable as error:
            error.add_facts(
                offline=f"databroker_mongo.tutorial_utils.{offline}() simulates such data, and needs no network"
            )
            raise
        runs = (read_documents(file) for file in pack.files)
        settings = {"root_map": dict(pack.root_map), "allowed_roots": [str(pack.directory)]}
        return _store(name, runs, database=name, n_runs=len(pack.files), settings=lambda store: settings)


def _make(name: str, documents: Callable[[Path], Iterable[Named]]) -> Catalog:
    with _alone(name) as directory:
        images = directory / f"{name}-simulated"
        try:
            made = list(documents(images))
        except ImportError as error:
            raise SampleDataUnavailable(
                f"Another package is needed ({error}): run `pip install '.[tutorial]'` in a clone of databroker-mongo"
            ) from error
        except OSError as error:
            raise _unwritable(directory, error) from error
        starts = [i for i, (kind, _) in enumerate(made) if kind == "start"]
        runs = (made[begin:end] for begin, end in zip(starts, [*starts[1:], None], strict=True))

        def settings(store: Store) -> dict[str, Any]:
            # Runs that were stored when the directory was another one name that one.
            resources = [each for i in starts for each in store.run_resources(made[i][1]["uid"])]
            moved = {each["root"]: str(images) for each in resources if each["root"] != str(images)}
            return {"root_map": moved, "allowed_roots": [str(images)]}

        # Simulated runs bear the uids of the real ones: in one database they would contradict each other.
        return _store(name, runs, database=f"{name}-simulated", n_runs=len(starts), settings=settings)


@contextmanager
def _alone(name: str) -> Iterator[Path]:
    """Give the directory of the tutorial's data when no other process is at work on this catalog."""
    from .config import tutorial_data_directory
    from .file_locks import try_lock, unlock

    directory = tutorial_data_directory().absolute()
    locks = directory / ".locks"
    try:
        locks.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(directory, error) from error
    try:
        while (lock := try_lock(locks / name)) is None:
            time.sleep(_POLL_SECONDS)
    except OSError as error:
        raise _unwritable(directory, error) from error
    try:
        yield directory
    finally:
        unlock(lock)


def _unwritable(directory: Path, error: OSError) -> SampleDataUnavailable:
    return SampleDataUnavailable(
        f"The tutorial's data cannot be written: {error.strerror or error}. Set BLUESKY_TUTORIAL_DATA to a directory "
        "of yours with 200 MB of room, or free some.",
        path=directory,
    )


def _fetched_pack(name: str, url: str, *, directory: Path) -> Pack:
    from .packs import read_pack
    from .tutorial import download, is_unpacked, unpack

    place, archive = directory / name, directory / f"{name}.zip"
    checksum = directory / f"{name}.zip.sha256"
    known = checksum.read_text().strip() if checksum.exists() else None
    if known is None or not is_unpacked(place, label=known):
        known = download(url, archive, sha256=known)
        unpack(archive, place, label=known)
        checksum.write_text(f"{known}\n")
        archive.unlink()
    return _inside(read_pack(place), place)


def _inside(pack: Pack, place: Path) -> Pack:
    """Refuse a pack from the network that names files elsewhere on this machine."""
    for path in (*pack.files, *map(Path, pack.root_map.values())):
        if not path.resolve().is_relative_to(place.resolve()):
            raise SampleDataUnavailable("The archive names files outside of it; they are not read.", path=path)
    return pack


def _store(
    name: str,
    runs: Iterable[Iterable[Named]],
    *,
    database: str,
    n_runs: int,
    settings: Callable[[Store], dict[str, Any]],
) -> Catalog:
    """Store runs in the embedded MongoDB, those not there in full, make its indexes, and configure their catalog."""
    from .named import catalog
    from .server import local_server
    from .store import open_store, writable
    from .tutorial import progress_bar
    from .writing import Writer

    with local_server() as server:
        uri = f"local://{quote(str(server.data))}?database={database}"
        store = open_store(uri)
        with Writer(uri, on_failure="raise") as writer, progress_bar("Storing", n_runs, unit=" runs") as advance:
            for documents in runs:
                _store_run(writer, documents, is_stored=lambda uid: uid in store.stops([uid]))
                advance(1)
        writable(store).create_indexes(text=True)
        catalog.add(name, uri, replace=True, **settings(store))
        return catalog[name]


def _store_run(
    writer: Callable[[str, Any], None], documents: Iterable[Named], *, is_stored: Callable[[str], bool]
) -> None:
    from .documents import SINGLES, pages_of, rows_of

    rows: dict[str, list[Any]] = {kind: [] for kind in SINGLES}
    for name, document in documents:
        for kind, row in rows_of(name, document):
            # The stop document is stored last; a run that has it is there in full.
            if kind == "start" and is_stored(row["uid"]):
                return
            rows[kind].append(row)
    for kind in SINGLES:
        if kind in ("event", "datum"):
            page = f"{kind}_page"
            for packed in pages_of(page, rows[kind], size=_PAGE_ROWS):
                writer(page, packed)
        else:
            for row in rows[kind]:
                writer(kind, row)
