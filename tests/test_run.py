"""What a person types on a run, other than to read a stream of it."""

import pytest

from databroker_mongo import Catalog, Writer
from databroker_mongo.errors import OldNameWarning
from databroker_mongo.testing import build_run


@pytest.fixture
def run():
    """A run of three events."""
    catalog = Catalog.in_memory()
    writer = Writer(catalog)
    for name, doc in build_run({"primary": [{"x": number} for number in range(3)], "baseline": [{"y": 1}]}, uid="run"):
        writer(name, doc)
    return catalog["run"]


def test_a_run_that_is_called_or_got_is_itself(run):
    assert run() is run
    assert run.get() is run


def test_get_with_a_name_is_that_of_a_mapping(run):
    assert run.get("primary") is run["primary"]
    assert run.get("nope") is None
    assert run.get("nope", 5) == 5


@pytest.mark.parametrize("method", ["read", "to_dask"])
def test_a_run_says_which_streams_can_be_read(run, method):
    with pytest.raises(NotImplementedError) as caught:
        getattr(run, method)()
    for name in ("primary", "baseline"):
        assert f"run['{name}'].{method}()" in str(caught.value)


def test_old_names_of_documents_yield_the_same_and_warn(run):
    expected = list(run.documents(fill="yes"))
    with pytest.warns(OldNameWarning, match=r"Run\.documents") as caught:
        assert list(run.canonical(fill="yes")) == expected
    assert caught[0].filename == __file__
    with pytest.warns(OldNameWarning, match='fill="yes"'):
        assert list(run.read_canonical()) == expected


@pytest.mark.parametrize("page_size", [0, -1])
def test_a_page_that_holds_no_row_is_refused_before_anything_is_read(run, page_size):
    with pytest.raises(ValueError, match=f"page_size={page_size}"):
        run.documents(page_size=page_size)
