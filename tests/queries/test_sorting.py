"""In which order runs are given."""

import pytest

from databroker_mongo.errors import QueryError
from databroker_mongo.queries import sort_of


@pytest.mark.parametrize(
    "sorting",
    [
        ("time", "desc"),
        ["time", "descending"],
        ("scan_id", "-1"),
        ("scan_id", "1"),
        "time desc",
        [("time", "asc")],
        "Desc",
    ],
)
def test_a_word_for_a_direction_is_no_field(sorting):
    with pytest.raises(QueryError, match=r"is not a sort order; write .*\('time', -1\)"):
        sort_of(sorting)


@pytest.mark.parametrize("sorting", [("scan_id", "-time"), "description", "-descriptions", ("asc_id", 1)])
def test_fields_whose_names_begin_like_such_words_are_fields(sorting):
    assert sort_of(sorting)
