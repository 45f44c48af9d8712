"""Where warnings point: at the line of the script, however deep in the package the reason is found."""

import warnings

import numpy as np
import pytest

from databroker_mongo import Catalog, Writer
from databroker_mongo.errors import CatalogWarning
from databroker_mongo.testing import Asset, build_run


@pytest.fixture
def run(installed_handlers, tmp_path):
    """A run of a catalog without allowed_roots, with an image in a file."""
    np.save(tmp_path / "a.npy", np.zeros((1, 2, 3), "u2"))
    image = Asset("npy", str(tmp_path), "a.npy", [{}], {}, (1, 2, 3))
    catalog = Catalog.in_memory()
    with Writer(catalog) as writer:
        for name, document in build_run({"primary": [{}]}, assets={"primary": {"image": image}}):
            writer(name, document)
    return catalog[-1]


@pytest.mark.parametrize(
    "do",
    [
        lambda run: run.primary.read(),
        lambda run: run.primary.to_dask(),
        lambda run: run.health(),
        lambda run: list(run.documents(fill="yes")),
        lambda run: run.primary.data["image"].read(),
    ],
    ids=["read", "to_dask", "health", "documents", "column"],
)
def test_a_warning_found_inside_of_a_context_manager_names_the_line_of_the_script(run, do):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        do(run)

    told = [each for each in caught if "allowed_roots" in str(each.message)]
    assert [(each.category, each.filename) for each in told] == [(CatalogWarning, __file__)]
