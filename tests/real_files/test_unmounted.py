"""Files whose whole root is not on this machine: wherever that is told, the line that mends it is told as well."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from databroker_mongo import Catalog
from databroker_mongo.cli.main import main
from databroker_mongo.errors import AssetUnreadable, UnreadableColumns, UnreadableWarning
from databroker_mongo.testing import StreamAsset

pytestmark = pytest.mark.filterwarnings("ignore:no allowed_roots")


class Stranger:
    """A classic handler that hides which file it lacks."""

    def __init__(self, path, **_):
        try:
            Path(path, "a.dat").read_bytes()
        except OSError:
            raise ValueError("it failed") from None

    def __call__(self, **_):
        raise NotImplementedError


def hdf5(bench, root):
    return replace(bench.asset("AD_HDF5", "a.h5"), root=root)


def tiffs(bench, root):
    return replace(bench.asset("AD_TIFF", "sub", template="%s%s_%6.6d.tiff", filename="img"), root=root)


def stranger(bench, root):
    return replace(bench.asset("STRANGER", "sub"), root=root)


def stream(bench, root):
    parameters = {"dataset": "/entry/data/data", "chunk_shape": [1, 4, 6]}
    return StreamAsset("application/x-hdf5", f"file://localhost{root}/a.h5", [(0, 5)], parameters, (1, 4, 6))


FORMATS = {"HDF5": hdf5, "TIFFs": tiffs, "a stranger's": stranger, "stream resource": stream}


@pytest.fixture(params=FORMATS)
def unmounted(request, bench):
    """A run whose files are below ``/nowhere-on-this-machine``."""
    asset = FORMATS[request.param](bench, "/nowhere-on-this-machine/data")
    return bench.run(asset, handlers={"STRANGER": Stranger})


def has_line(text, request):
    key = "/nowhere-on-this-machine" + ("" if "stream" in request.node.name else "/data")
    return f"root_map: {{'{key}': '/where/it/is/here'}}" in " ".join(str(text).split())


def test_the_error_and_the_warning_say_which_line_to_add(unmounted, request):
    with pytest.raises(UnreadableColumns) as caught:
        unmounted.primary.read()
    assert has_line(caught.value, request)
    fault = caught.value.reasons["image"]
    assert isinstance(fault, AssetUnreadable)
    assert fault.missing_directory.startswith("/nowhere-on-this-machine")
    assert has_line(json.loads(unmounted.primary.read(on_error="skip").attrs["unreadable"])["image"], request)


def test_a_lazy_dataset_says_it_when_it_leaves_the_column_out(bench):
    run = bench.run(hdf5(bench, "/nowhere-on-this-machine/data"), dtype=None)
    with pytest.warns(UnreadableWarning, match=r"root_map: \{'/nowhere-on-this-machine/data': "):
        run.primary.to_dask()


def test_health_findings_files_and_check_say_it(bench, unmounted, request, capsys):
    health = unmounted.health()
    assert has_line(health[health["data_key"] == "image"]["reason"].item(), request)
    assert has_line(health, request)
    [finding] = unmounted.findings()
    assert finding.kind == "missing-files"
    assert has_line(finding.message, request)
    assert finding.facts["missing_directory"].startswith("/nowhere-on-this-machine")
    files = unmounted.files()
    assert has_line(files["reason"].iloc[0], request)
    assert has_line(files, request)
    main(["check", unmounted.start["uid"], "--catalog", bench.uri])
    assert has_line(capsys.readouterr().out, request)


def test_databroker_1_says_it(bench, request):
    run = bench.run(hdf5(bench, "/nowhere-on-this-machine/data"))
    db = Catalog.from_uri(bench.uri).v1
    header = db[run.start["uid"]]
    with pytest.raises(AssetUnreadable, match="root_map: "):
        db.export_size(header)
    with pytest.raises(Exception, match="root_map: "):
        header.table(fill=True)
    [resource] = [doc for name, doc in header.documents() if name == "resource"]
    with pytest.raises(AssetUnreadable, match="root_map: "):
        db.reg.copy_files(resource, bench.folder / "copies")


def test_a_mount_point_without_its_mount_is_called_empty(bench):
    run = bench.run(hdf5(bench, str(bench.folder)))
    fault = bench.fault_of(run)
    assert "is empty, and perhaps not mounted" in str(fault)
    assert "root_map: " in str(fault)


def test_one_file_of_many_that_is_missing_is_no_matter_of_the_root_map(bench):
    bench.write_hdf5("another.h5")
    run = bench.run(hdf5(bench, str(bench.folder)))
    assert "root_map" not in str(bench.fault_of(run))
    assert "root_map" not in run.findings()[0].message


def test_with_the_line_added_the_run_is_read(bench, tmp_path):
    bench.write_hdf5()
    shutil.move(bench.folder, tmp_path / "moved")
    bench.folder.mkdir()
    run = bench.run(hdf5(bench, "/nowhere-on-this-machine/data"))
    root_map = {"/nowhere-on-this-machine/data": str(tmp_path / "moved")}
    mended = Catalog.from_uri(bench.uri, root_map=root_map)[run.start["uid"]]
    assert mended.primary.read()["image"].shape == (5, 1, 4, 6)
    assert mended.findings() == []
