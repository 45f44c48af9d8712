"""Long lists of names in portions."""

import pytest

from databroker_mongo.store.connection.splitting import split_by_size


@pytest.mark.parametrize(
    ("names", "portion_bytes", "portions"),
    [
        ([], 100, []),
        ([""], 0, [[""]]),
        (["a", "b"], 100, [["a", "b"]]),
        (["a", "b"], 10, [["a"], ["b"]]),
        (["a" * 30, "b"], 10, [["a" * 30], ["b"]]),
        (iter(["a" * 10, "b" * 10, "c" * 10]), 40, [["a" * 10, "b" * 10], ["c" * 10]]),
    ],
)
def test_each_portion_holds_as_many_names_as_fit_and_one_at_least(names, portion_bytes, portions):
    assert split_by_size(names, portion_bytes) == portions
