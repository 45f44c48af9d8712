"""Files that are elsewhere than documents say: prefixes, URIs, Windows paths, values relative to the YAML file."""

from dataclasses import replace

import numpy as np
import pytest

from databroker_mongo.named import ConfiguredCatalogs
from databroker_mongo.testing import StreamAsset

pytestmark = pytest.mark.filterwarnings("ignore:no allowed_roots")

FRAMES = np.arange(5 * 4 * 6, dtype="u2").reshape(5, 4, 6)


@pytest.fixture
def proposal(bench):
    """A folder of the data, two levels down, with a file in it."""
    folder = bench.folder / "2024" / "p1"
    folder.mkdir(parents=True)
    bench.write_hdf5().rename(folder / "a.h5")
    return folder


def images(run):
    return run.primary.to_dask()["image"].compute()[:, 0]


@pytest.mark.parametrize(
    ("root", "path"),
    [("/nsls2/2024/p1", "a.h5"), ("/nsls2", "2024/p1/a.h5"), ("/nsls2/", "2024/p1/a.h5"), ("/", "nsls2/2024/p1/a.h5")],
)
def test_the_longest_prefix_of_a_path_counts_wherever_root_and_path_are_parted(bench, proposal, root, path):
    asset = replace(bench.asset("AD_HDF5", path), root=root)
    root_map = {"/nsls2": "/nowhere", "/nsls2/2024": str(proposal.parent), "/nsls2/2024/p": "/nowhere"}
    np.testing.assert_array_equal(images(bench.run(asset, root_map=root_map)), FRAMES)


def test_a_uri_of_another_host_is_mapped_by_the_path_that_it_has_there(bench, proposal):
    parameters = {"dataset": "/entry/data/data", "chunk_shape": [1, 4, 6]}
    asset = StreamAsset("application/x-hdf5", "file://ioc7/ramdisk/p1/a.h5", [(0, 5)], parameters, (1, 4, 6))
    np.testing.assert_array_equal(images(bench.run(asset, root_map={"/ramdisk/p1": str(proposal)})), FRAMES)


def test_a_path_of_windows_is_mapped_without_regard_to_case(bench, proposal):
    def on_windows(documents):
        for name, doc in documents:
            if name == "resource":
                doc.update(root="Z:\\Data", resource_path="2024\\p1\\a.h5", path_semantics="windows")
        return documents

    run = bench.run(bench.asset("AD_HDF5", "a.h5"), edit=on_windows, root_map={"z:/data": str(bench.folder)})
    np.testing.assert_array_equal(images(run), FRAMES)


def test_what_is_not_mapped_says_which_entry_would_do(bench):
    asset = StreamAsset("application/x-hdf5", "file://ioc7/ramdisk/a.h5", [(0, 5)], {"dataset": "/x"}, (1, 4, 6))
    fault = bench.fault_of(bench.run(asset))
    assert "root_map" in str(fault)
    assert "//ioc7/ramdisk" in str(fault)
    assert fault.document_path == "//ioc7/ramdisk/a.h5"


def test_a_relative_value_is_relative_to_the_file_that_it_stands_in(bench, proposal, machine):
    bench.run(replace(bench.asset("AD_HDF5", "2024/p1/a.h5"), root="/nsls2"))
    settings = machine.user / "lab.yml"
    depth = len(settings.parent.relative_to(bench.folder.parent).parts)
    relative = "/".join([".."] * depth + [bench.folder.name])
    text = f"catalogs:\n  lab:\n    uri: '{bench.uri}'\n    root_map: {{/nsls2: {relative}}}\n"
    machine.write(machine.user, "lab.yml", text)
    np.testing.assert_array_equal(images(ConfiguredCatalogs()["lab"][-1]), FRAMES)
