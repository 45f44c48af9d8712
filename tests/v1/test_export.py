"""Runs in another database with their files below another root, read when the originals are gone; the files' size."""

from __future__ import annotations

import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile

from databroker_mongo import Catalog, Writer
from databroker_mongo.assets import Place, Resource
from databroker_mongo.errors import AssetError, AssetUnreadable, CatalogWarning, InvalidDocument, UnknownSpec
from databroker_mongo.testing import Asset, StreamAsset, build_run
from databroker_mongo.v1.copies import file_uri, place_below, relocate

from .conftest import TIME

pytestmark = [
    pytest.mark.usefixtures("installed_handlers"),
    pytest.mark.filterwarnings("ignore:no allowed_roots"),
    pytest.mark.filterwarnings("ignore::databroker_mongo.errors.DocumentWarning"),
]

FRAMES = np.arange(6 * 4 * 5, dtype="u2").reshape(6, 4, 5)
POINTS = [{"x": float(row)} for row in range(6)]


@pytest.fixture
def raw(tmp_path):
    """The folder of the original files, whose name has to be quoted in a URI."""
    folder = tmp_path / "raw data 100%"
    folder.mkdir()
    return folder


@pytest.fixture
def here(store_uri):
    return Catalog.from_uri(store_uri)


@pytest.fixture
def there():
    return Catalog.in_memory()


def hdf5(path, frames=FRAMES, dataset="entry/data/data"):
    with h5py.File(path, "w") as file:
        file[dataset] = frames
    return path


def flown(path, spans=((0, 2), (2, 6)), shape=(1, 4, 5), **parameters):
    parameters = {"dataset": "/entry/data/data", "chunk_shape": [1, 4, 5], **parameters}
    return StreamAsset("application/x-hdf5", file_uri(path), list(spans), parameters, shape)


def area_detector(path, root=None, n=6, **kwargs):
    root = path.parent if root is None else root
    datums = [{"point_number": number} for number in range(n)]
    kwargs = {"frame_per_point": 1, **kwargs}
    return Asset("AD_HDF5", str(root), str(path.relative_to(root)), datums, kwargs, (1, 4, 5))


def store(catalog, assets, scan_id=1, change=lambda name, document: document, points=POINTS):
    documents = build_run({"primary": points}, scan_id=scan_id, time=TIME + scan_id, assets={"primary": assets})
    with Writer(catalog, durable="batch") as writer:
        for name, document in documents:
            changed = change(name, document)
            if changed is not None:
                writer(name, changed)
    return catalog.v1[scan_id]


def original_of(header):
    dataset = header.xarray()
    return {key: dataset[key].values for key in dataset}


def require_same(header, expected):
    found = header.xarray()
    assert set(found) == set(expected)
    for key, values in expected.items():
        np.testing.assert_array_equal(found[key].values, values)


def exported(here, there, header, new_root, originals):
    """Export a run, take its files away, and require that the copy is read; return the pairs below the new root."""
    expected = original_of(header)
    size = here.v1.export_size(header)
    pairs = here.v1.export(header, there.v1, new_root=str(new_root))
    for old, new in pairs:
        assert Path(old).is_relative_to(originals)
        assert Path(old).read_bytes() == Path(new).read_bytes()
    assert size == pytest.approx(sum(Path(new).stat().st_size for _, new in pairs) * 1e-9)
    shutil.rmtree(originals)
    require_same(there.v1[header.uid], expected)
    return [str(Path(new).relative_to(new_root)) for _, new in pairs]


def test_the_file_of_a_stream_resource_is_copied_and_its_uri_names_the_copy(here, there, raw, tmp_path):
    header = store(here, {"img": flown(hdf5(raw / "s #1.h5"))})
    new_root = tmp_path / "new root"
    assert exported(here, there, header, new_root, raw) == [str((raw / "s #1.h5").relative_to("/"))]
    (document,) = [doc for name, doc in there.v1[-1].documents() if name == "stream_resource"]
    assert document["uri"] == file_uri(new_root / raw.relative_to("/") / "s #1.h5")
    assert " " not in document["uri"]
    assert there[-1].files()["exists"].all()
    assert (there[-1].health(pixels=True)["status"] == "ok").all()


@pytest.mark.parametrize("form", ["file://localhost{}", "file://{}", "file:{}", "{}"])
def test_a_uri_may_be_written_in_several_ways(here, there, tmp_path, form):
    folder = tmp_path / "raw"
    folder.mkdir()
    path = hdf5(folder / "s.h5")

    def change(name, document):
        return {**document, "uri": form.format(path)} if name == "stream_resource" else document

    header = store(here, {"img": flown(path)}, change=change)
    exported(here, there, header, tmp_path / "new", folder)


def test_a_stream_resource_of_before_2024_has_a_root(here, there, raw, tmp_path):
    hdf5(raw / "s.h5")

    def change(name, document):
        if name != "stream_resource":
            return document
        kept = {key: document[key] for key in ("uid", "run_start", "data_key")}
        old = {"spec": "application/x-hdf5", "root": str(raw), "resource_path": "s.h5", "path_semantics": "posix"}
        return {**kept, **old, "resource_kwargs": document["parameters"]}

    header = store(here, {"img": flown(raw / "s.h5")}, change=change)
    (resource,) = [dict(doc) for name, doc in header.documents() if name == "stream_resource"]
    (pair,) = here.v1.reg.copy_files({**resource, "run_start": None}, tmp_path / "one", run_start_uid=header.uid)
    assert pair == (str(raw / "s.h5"), str(tmp_path / "one" / "s.h5"))
    assert exported(here, there, header, tmp_path / "new", raw) == ["s.h5"]


def test_copies_of_a_stream_resource_are_asked_for_one_by_one_too(here, raw, tmp_path):
    header = store(here, {"img": flown(hdf5(raw / "s.h5"))})
    (resource,) = [doc for name, doc in header.documents() if name == "stream_resource"]
    seen = []
    pairs = here.v1.reg.copy_files(resource, str(tmp_path / "new"), file_rename_hook=lambda *args: seen.append(args))
    new = tmp_path / "new" / raw.relative_to("/") / "s.h5"
    assert pairs == [(str(raw / "s.h5"), str(new))]
    assert seen == [(0, 1, *pairs[0])]
    with h5py.File(new) as file:
        np.testing.assert_array_equal(file["entry/data/data"], FRAMES)
    assert here[-1].primary["img"][0, 0].tolist() == FRAMES[0].tolist()


def test_resources_and_stream_resources_of_one_run_share_files_which_are_copied_once(here, there, raw, tmp_path):
    path = hdf5(raw / "all.h5")
    assets = {
        "a": area_detector(path, raw.parent),
        "b": area_detector(path, raw.parent),
        "s": flown(path),
        "t": flown(path),
    }
    header = store(here, assets)
    expected = original_of(header)
    assert here.v1.export_size(header) == pytest.approx(path.stat().st_size * 1e-9)
    pairs = here.v1.export(header, there.v1, new_root=tmp_path / "new")
    of_root, of_uri = tmp_path / "new" / raw.name / "all.h5", tmp_path / "new" / path.relative_to("/")
    assert pairs == [(str(path), str(of_root)), (str(path), str(of_uri))]
    shutil.rmtree(raw)
    require_same(there.v1[-1], expected)


def test_runs_that_share_files_count_and_copy_them_once(here, there, raw, tmp_path):
    path, other = hdf5(raw / "shared.h5"), hdf5(raw / "own.h5", FRAMES[::-1])
    first = store(here, {"img": area_detector(path)}, scan_id=1)
    second = store(here, {"img": area_detector(path), "more": area_detector(other), "s": flown(path)}, scan_id=2)
    expected = [original_of(first), original_of(second)]
    n_bytes = path.stat().st_size + other.stat().st_size
    assert here.v1.export_size([first, second, first]) == pytest.approx(n_bytes * 1e-9)
    pairs = here.v1.export([first, second], there.v1, new_root=str(tmp_path / "new"))
    assert len(pairs) == len(set(pairs)) == 3
    shutil.rmtree(raw)
    for header, values in zip((first, second), expected, strict=True):
        require_same(there.v1[header.uid], values)


def test_a_file_with_two_names_counts_once(here, raw):
    path = hdf5(raw / "a.h5")
    (raw / "b.h5").symlink_to(path)
    header = store(here, {"a": area_detector(path), "b": area_detector(raw / "b.h5")})
    assert here.v1.export_size(header) == pytest.approx(path.stat().st_size * 1e-9)


@pytest.mark.parametrize("frames_per_event", [1, 2])
@pytest.mark.parametrize("slash", ["", "/"])
def test_a_folder_of_tiff_files_is_copied_file_by_file(here, there, raw, tmp_path, frames_per_event, slash):
    for number, frame in enumerate(FRAMES):
        tifffile.imwrite(raw / f"img_{number:06d}.tiff", frame)
    (raw / "img_000099.tiff").write_text("of another run")
    parameters = {"template": "img_{:06d}.tiff", "chunk_shape": [1, 4, 5]}
    uri = file_uri(raw) + slash
    n = 6 // frames_per_event
    spans = [(0, 1), (1, n)]
    asset = StreamAsset("multipart/related;type=image/tiff", uri, spans, parameters, (frames_per_event, 4, 5))
    header = store(here, {"img": asset}, points=POINTS[:n])
    assert sorted(here[-1].files()["path"]) == [str(raw / f"img_{number:06d}.tiff") for number in range(6)]
    copied = exported(here, there, header, tmp_path / "new", raw)
    assert copied == [str(raw.relative_to("/") / f"img_{number:06d}.tiff") for number in range(6)]
    (document,) = [doc for name, doc in there.v1[-1].documents() if name == "stream_resource"]
    assert document["uri"].endswith("/") is bool(slash)


def test_files_of_frames_ahead_of_the_events_are_copied_too(here, there, raw, tmp_path):
    for number, frame in enumerate(FRAMES):
        tifffile.imwrite(raw / f"img_{number:06d}.tiff", frame)
    parameters = {"template": "img_{:06d}.tiff", "chunk_shape": [1, 4, 5]}
    asset = StreamAsset("multipart/related;type=image/tiff", file_uri(raw), [(0, 6)], parameters, (1, 4, 5))
    header = store(here, {"img": asset}, points=POINTS[:4])
    assert len(here.v1.export(header, there.v1, new_root=tmp_path / "new")) == 6


def test_files_of_datums_that_no_event_names_are_copied_too(here, there, raw, tmp_path):
    for number, frame in enumerate(FRAMES):
        tifffile.imwrite(raw / f"img_{number}.tif", frame)
    kwargs = {"template": "%s%s_%d.tif", "filename": "img", "frame_per_point": 1}
    asset = Asset("AD_TIFF", str(raw), "", [{"point_number": number} for number in range(6)], kwargs, (1, 4, 5))

    def change(name, document):
        return None if name == "event" and document["seq_num"] > 4 else document

    header = store(here, {"img": asset}, change=change)
    assert len(exported(here, there, header, tmp_path / "new", raw)) == 6


@pytest.mark.parametrize("prefix", ["", "tiffs"])
def test_a_family_of_tiff_files_below_a_root_is_copied(here, there, raw, tmp_path, prefix):
    folder = raw / prefix
    folder.mkdir(exist_ok=True)
    for number, frame in enumerate(FRAMES):
        tifffile.imwrite(folder / f"img_{number}.tif", frame)
    kwargs = {"template": "%s%s_%d.tif", "filename": "img", "frame_per_point": 1}
    asset = Asset("AD_TIFF", str(raw), prefix, [{"point_number": number} for number in range(6)], kwargs, (1, 4, 5))
    copied = exported(here, there, store(here, {"img": asset}), tmp_path / "new", raw)
    assert copied == [str(Path(prefix, f"img_{number}.tif")) for number in range(6)]


def test_a_master_is_copied_with_the_files_that_it_links_to(here, there, raw, tmp_path):
    for number in range(3):
        hdf5(raw / f"run_7_data_{number + 1:06d}.h5", FRAMES[2 * number : 2 * number + 2])
    with h5py.File(raw / "run_7_master.h5", "w") as file:
        for number in range(1, 4):
            link = h5py.ExternalLink(f"run_7_data_{number:06d}.h5", "/entry/data/data")
            file[f"/entry/data/data_{number:06d}"] = link
    datums = [{"seq_id": 7, "frame_num": number} for number in range(6)]
    asset = Asset("AD_EIGER", str(raw.parent), f"{raw.name}/run", datums, {"frame_per_point": 1}, (4, 5))
    copied = exported(here, there, store(here, {"img": asset}), tmp_path / "new", raw)
    names = ["run_7_master.h5", *(f"run_7_data_{number:06d}.h5" for number in range(1, 4))]
    assert sorted(copied) == sorted(f"{raw.name}/{name}" for name in names)


@pytest.mark.parametrize("is_whole", [False, True])
def test_a_copy_that_still_reads_the_original_says_so(here, there, tmp_path, is_whole):
    """A virtual dataset may name its sources by whole paths, and no copy changes what is in a file."""
    raw = tmp_path / "raw"
    raw.mkdir()
    source = hdf5(raw / "source.h5")
    layout = h5py.VirtualLayout(FRAMES.shape, "u2")
    layout[...] = h5py.VirtualSource(str(source) if is_whole else source.name, "entry/data/data", FRAMES.shape)
    with h5py.File(raw / "virtual.h5", "w") as file:
        file.create_virtual_dataset("entry/data/data", layout)
    header = store(here, {"img": area_detector(raw / "virtual.h5")})
    if not is_whole:
        assert sorted(exported(here, there, header, tmp_path / "new", raw)) == ["source.h5", "virtual.h5"]
        return
    with pytest.warns(CatalogWarning, match=r"virtual\.h5.*cannot be read without the original.*source\.h5") as caught:
        pairs = here.v1.export(header, there.v1, new_root=tmp_path / "new")
    assert [each.filename for each in caught if "original" in str(each.message)] == [__file__]
    assert [Path(new).name for _, new in pairs] == ["virtual.h5", "source.h5"]


def test_a_keyword_that_is_a_whole_path_is_told(here, there, tmp_path):
    raw = tmp_path / "raw"
    raw.mkdir()
    for number, frame in enumerate(FRAMES):
        tifffile.imwrite(raw / f"img_{number}.tif", frame)
    kwargs = {"template": f"{raw}/%.0s%s_%d.tif", "filename": "img", "frame_per_point": 1}
    asset = Asset("AD_TIFF", str(raw), "", [{"point_number": number} for number in range(6)], kwargs, (1, 4, 5))
    header = store(here, {"img": asset})
    with pytest.warns(CatalogWarning, match="cannot be read without the original"):
        here.v1.export(header, there.v1, new_root=tmp_path / "new")


def test_a_damaged_file_is_copied_as_it_is_and_told(here, there, raw, tmp_path):
    path = hdf5(raw / "a.h5")
    header = store(here, {"img": area_detector(path)})
    path.write_bytes(path.read_bytes()[:300])
    with pytest.warns(CatalogWarning, match=r"a\.h5.*not complete if it refers to other files"):
        ((old, new),) = here.v1.export(header, there.v1, new_root=tmp_path / "new")
    assert Path(new).read_bytes() == Path(old).read_bytes()
    assert here.v1.export_size(header) == pytest.approx(300e-9)


@pytest.mark.parametrize(
    ("root_map", "kept"),
    [
        (lambda raw: {"/elsewhere": str(raw)}, "deep/a.h5"),
        (lambda raw: {"/elsewhere/deep": str(raw / "deep")}, "deep/a.h5"),
        (lambda raw: {"/elsewhere/deep/a.h5": str(raw / "deep" / "other.h5")}, "deep/a.h5"),
        (lambda raw: {"/": str(raw)}, "deep/a.h5"),
    ],
)
@pytest.mark.parametrize("kind", ["resource", "stream_resource"])
def test_files_are_found_where_the_root_map_says_and_named_as_the_document_does(
    store_uri, there, raw, tmp_path, root_map, kept, kind
):
    (raw / "deep").mkdir()
    (raw / "elsewhere" / "deep").mkdir(parents=True)
    for name in ("deep/a.h5", "deep/other.h5", "elsewhere/deep/a.h5"):
        hdf5(raw / name)
    here = Catalog.from_uri(store_uri, root_map=root_map(raw))
    asset = flown(Path("/elsewhere/deep/a.h5"))
    if kind == "resource":
        asset = area_detector(Path("/elsewhere/deep/a.h5"), Path("/elsewhere"))
    header = store(here, {"img": asset})
    copied = exported(here, there, header, tmp_path / "new", raw)
    assert copied == [kept if kind == "resource" else f"elsewhere/{kept}"]


@pytest.mark.parametrize(
    ("root", "resource_path", "kept"),
    [
        ("{raw}", "/deep/../a.h5", None),
        ("{raw}/", "deep/a.h5", "deep/a.h5"),
        ("", "{raw}/deep/a.h5", "{raw}/deep/a.h5"),
        ("/", "{raw}/deep/a.h5", "{raw}/deep/a.h5"),
        ("{raw}", "{raw}/deep/a.h5", "deep/a.h5"),
        ("{raw}/deep", "{raw}/deep/a.h5", "a.h5"),
        ("/other", "{raw}/deep/a.h5", "{raw}/deep/a.h5"),
        ("{raw}", "./deep/./a.h5", "deep/a.h5"),
        ("{raw}/deep", "../deep/a.h5", "PathNotAllowed"),
    ],
)
def test_a_path_of_a_resource_may_be_whole_and_its_root_empty(here, there, raw, tmp_path, root, resource_path, kept):
    (raw / "deep").mkdir()
    hdf5(raw / "deep" / "a.h5")
    place = {"root": root.format(raw=raw), "resource_path": resource_path.format(raw=raw)}

    def change(name, document):
        return {**document, **place} if name == "resource" else document

    header = store(here, {"img": area_detector(raw / "deep" / "a.h5")}, change=change)
    if kept in (None, "PathNotAllowed"):
        with pytest.raises(AssetError):
            here.v1.export(header, there.v1, new_root=tmp_path / "new")
        assert len(there) == 0
        return
    assert exported(here, there, header, tmp_path / "new", raw) == [kept.format(raw=raw).lstrip("/")]


def test_a_relative_new_root_is_that_of_who_exports(here, there, raw, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    header = store(here, {"a": area_detector(hdf5(raw / "a.h5")), "s": flown(raw / "a.h5")})
    here.v1.export(header, there.v1, new_root="copies")
    monkeypatch.chdir("/")
    documents = dict(there.v1[-1].documents())
    assert documents["resource"]["root"] == str(tmp_path / "copies")
    assert there[-1].files()["exists"].all()


def test_two_files_that_would_be_one_are_refused(here, there, raw, tmp_path):
    for name, frames in (("one", FRAMES), ("two", FRAMES[::-1])):
        (raw / name).mkdir()
        hdf5(raw / name / "a.h5", frames)
    assets = {name: area_detector(raw / name / "a.h5") for name in ("one", "two")}
    header = store(here, assets)
    with pytest.raises(AssetUnreadable, match=r"two/a\.h5 would be copied to .*the copy of .*one/a\.h5"):
        here.v1.export(header, there.v1, new_root=tmp_path / "new")
    assert len(there) == 0
    with h5py.File(tmp_path / "new" / "a.h5") as file:
        np.testing.assert_array_equal(file["entry/data/data"], FRAMES)


def test_what_is_there_is_not_overwritten_and_an_export_can_be_repeated(here, there, raw, tmp_path):
    header = store(here, {"img": area_detector(hdf5(raw / "a.h5"))})
    first = here.v1.export(header, there.v1, new_root=tmp_path / "new")
    assert here.v1.export(header, there.v1, new_root=tmp_path / "new") == first
    (tmp_path / "new" / "a.h5").write_text("of somebody else")
    with pytest.raises(OSError, match="another file"):
        here.v1.export(header, there.v1, new_root=tmp_path / "new")
    assert (tmp_path / "new" / "a.h5").read_text() == "of somebody else"


@pytest.mark.parametrize("make", [area_detector, flown])
def test_a_missing_file_is_an_error_before_a_document_is_inserted(here, there, raw, tmp_path, make):
    path = hdf5(raw / "a.h5")
    header = store(here, {"img": make(path)})
    path.unlink()
    for ask in (
        lambda: here.v1.export(header, there.v1, new_root=tmp_path / "new"),
        lambda: here.v1.export_size(header),
    ):
        with pytest.raises(OSError, match=r"a\.h5 is missing"):
            ask()
    assert len(there) == 0


def test_files_that_nothing_can_list_are_an_error(here, there, raw, tmp_path):
    path = hdf5(raw / "a.h5")
    asset = Asset("NO_SUCH_SPEC", str(raw), path.name, [{"point_number": number} for number in range(6)])
    header = store(here, {"img": asset})
    for ask in (
        lambda: here.v1.export(header, there.v1, new_root=tmp_path / "new"),
        lambda: here.v1.export_size(header),
    ):
        with pytest.raises(UnknownSpec):
            ask()
    here.v1.export(header, there.v1)
    assert len(there) == 1


def test_the_file_of_a_resource_without_datums_is_copied_if_there_is_one_and_no_folder_of_many_runs(
    here, there, raw, tmp_path
):
    hdf5(raw / "a.h5")
    (raw / "of a day").mkdir()
    (raw / "of a day" / "of another run.tif").write_text("b")
    documents = build_run({}, scan_id=1)
    with Writer(here, durable="batch") as writer:
        for name, document in documents:
            writer(name, document)
        for uid, path in (("file", "a.h5"), ("folder", "of a day"), ("never written", "c.h5")):
            resource = {"uid": uid, "run_start": documents[0][1]["uid"], "root": str(raw), "spec": "NO_SUCH_SPEC"}
            writer("resource", {**resource, "resource_path": path, "resource_kwargs": {}})
    assert here.v1.export_size(here.v1[1]) == pytest.approx((raw / "a.h5").stat().st_size * 1e-9)
    pairs = here.v1.export(here.v1[1], there.v1, new_root=tmp_path / "new")
    assert pairs == [(str(raw / "a.h5"), str(tmp_path / "new" / "a.h5"))]


def test_a_resource_that_does_not_say_which_run_it_belongs_to_is_copied(here, there, raw, tmp_path):
    def change(name, document):
        if name == "resource":
            del document["run_start"]
        return document

    header = store(here, {"img": area_detector(hdf5(raw / "a.h5"))}, change=change)
    assert here.v1.export_size(header) == pytest.approx((raw / "a.h5").stat().st_size * 1e-9)
    assert exported(here, there, header, tmp_path / "new", raw) == ["a.h5"]


def test_a_catalog_that_transforms_resources_exports_what_it_reads(store_uri, there, raw, tmp_path):
    hdf5(raw / "a.h5")

    def moved(document):
        return {**document, "root": str(raw)}

    here = Catalog.from_uri(store_uri, transforms={"resource": moved})
    header = store(here, {"img": area_detector(Path("/nowhere/a.h5"))})
    assert exported(here, there, header, tmp_path / "new", raw) == ["a.h5"]


def test_resources_of_a_run_without_streams_are_transformed_before_it_is_exported(store_uri, there, raw, tmp_path):
    """It was aborted before its first event."""
    path = hdf5(raw / "a.h5")
    here = Catalog.from_uri(store_uri, transforms={"resource": lambda document: {**document, "root": str(raw)}})
    no_streams = ("start", "resource", "datum", "stop")
    with Writer(here) as writer:
        for name, document in build_run({"primary": POINTS}, assets={"primary": {"i": area_detector(Path("/x/a.h5"))}}):
            if name in no_streams:
                writer(name, document)
    header = here.v1[-1]
    assert not header.v2
    assert here.v1.export_size(header) == pytest.approx(path.stat().st_size * 1e-9)
    assert here.v1.export(header, there.v1, new_root=tmp_path / "new") == [(str(path), str(tmp_path / "new" / "a.h5"))]


def test_without_a_new_root_the_documents_stay_as_they_are(here, there, raw):
    path = hdf5(raw / "a.h5")
    header = store(here, {"a": area_detector(path), "s": flown(path)})
    assert here.v1.export(header, there.v1) == []
    assert list(there.v1[-1].documents()) == list(header.documents())


def test_other_keywords_of_copying_are_those_of_the_registry(here, there, raw, tmp_path):
    header = store(here, {"img": area_detector(hdf5(raw / "a.h5"))})
    with pytest.raises(NotImplementedError):
        here.v1.export(header, there.v1, new_root=tmp_path / "new", copy_kwargs={"verify": True})
    with pytest.raises(TypeError):
        here.v1.export(header, there.v1, new_root=tmp_path / "new", copy_kwargs={"typo": True})
    pairs = here.v1.export(header, there.v1, new_root=tmp_path / "new", copy_kwargs={"file_rename_hook": 1 / 1})
    assert len(pairs) == 1


@pytest.mark.parametrize(
    ("document", "below"),
    [
        ({"root": r"Z:\data", "resource_path": r"x\a.h5", "path_semantics": "windows"}, "x/a.h5"),
        ({"root": "", "resource_path": r"Z:\data\a.h5", "path_semantics": "windows"}, "z/data/a.h5"),
        ({"root": r"\\server\share", "resource_path": r"x\a.h5", "path_semantics": "windows"}, "x/a.h5"),
        ({"root": "/data", "resource_path": "x//a.h5"}, "x/a.h5"),
    ],
)
def test_a_resource_of_another_system_is_named_as_this_one_does(document, below):
    document = {"uid": "r", "spec": "S", "resource_kwargs": {}, "extra": 1, **document}
    place = place_below(Resource.from_document(document), Path("/new"))
    assert place == Path("/new", below)
    moved = relocate(document, place, Path("/new"))
    assert Resource.from_document(moved).place == Place.parse(f"/new/{below}")
    assert {key: moved[key] for key in ("uid", "spec", "extra")} == {"uid": "r", "spec": "S", "extra": 1}


@pytest.mark.parametrize(
    ("uri", "below"),
    [
        ("file://localhost/data/a%20b.h5", "data/a b.h5"),
        ("file://detector.facility.org/data/a.h5", "detector.facility.org/data/a.h5"),
        ("file:///C:/data/a.h5", "c/data/a.h5"),
        ("file://localhost/data/100%25/%23/", "data/100%/#"),
    ],
)
def test_the_uri_of_a_copy_names_its_place(uri, below):
    document = {"uid": "s", "data_key": "k", "mimetype": "m", "uri": uri, "parameters": {}}
    place = place_below(Resource.from_stream_document(document), Path("/new"))
    assert place == Path("/new", below)
    moved = relocate(document, place, Path("/new"))
    assert Resource.from_stream_document(moved).place == Place.parse("", "posix").join("", f"/new/{below}")
    assert moved["uri"].startswith("file://localhost/new/")
    assert moved["uri"].endswith("/") is uri.endswith("/")


@pytest.mark.parametrize("uid", [5, [1, "a"], {"a": 1}], ids=repr)
def test_a_stream_resource_whose_uid_is_no_text_is_refused_by_name(here, there, raw, tmp_path, uid):
    header = store(here, {"img": flown(hdf5(raw / "a.h5"))})
    here.store.collections.stream_resource.update_one({}, {"$set": {"uid": uid}})

    with pytest.raises(InvalidDocument, match="uid"):
        here.v1.export(header, there.v1, new_root=tmp_path / "new")
