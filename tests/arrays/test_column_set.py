"""What came of each data key, and the length that all columns have in common."""

import numpy as np
import pytest

from databroker_mongo.arrays import KnownColumn, OpenedColumn, OpenedColumns
from databroker_mongo.errors import AssetUnreadable, CatalogError

ERROR = AssetUnreadable("it is short")


def known(n_rows=3):
    return KnownColumn(np.arange(n_rows), {})


@pytest.mark.parametrize(
    ("opened", "problem", "absence"),
    [
        (OpenedColumn(known()), None, None),
        (OpenedColumn(error=ERROR), ERROR, ERROR),
        (OpenedColumn(known(), error=ERROR), ERROR, None),
        (OpenedColumn(error=ERROR, is_pending=True), None, ERROR),
        (OpenedColumn(known(), error=ERROR, is_pending=True), None, None),
    ],
    ids=["read", "without a column", "declared in full", "pending", "pending and declared in full"],
)
def test_a_data_key_can_be_read_or_says_why_not(opened, problem, absence):
    assert (opened.problem, opened.absence) == (problem, absence)


def opened_columns(**by_key):
    return OpenedColumns(by_key, 3, np.arange(3.0), np.arange(1, 4))


@pytest.mark.parametrize("is_complete", [True, False])
def test_what_is_pending_has_no_row_and_cuts_the_others(is_complete):
    opened = opened_columns(a=OpenedColumn(known()), b=OpenedColumn(error=ERROR, is_pending=True))
    opened.keep_common_rows((), is_complete=is_complete)
    assert (opened.n_rows, len(opened.time), len(opened.seq_num), len(opened.columns["a"])) == (0, 0, 0, 0)
    assert [key for key, each in opened.by_key.items() if each.is_behind] == ["b"]
    assert "exclude=['b']" in opened.notes["b"]
    assert "it is short" in opened.notes["b"]
    assert "a" not in opened.notes


def test_what_cannot_be_read_cuts_nothing():
    opened = opened_columns(a=OpenedColumn(known()), b=OpenedColumn(error=CatalogError("lost")))
    opened.keep_common_rows((), is_complete=True)
    assert opened.n_rows == 3
    assert list(opened.absences) == ["b"]
    assert opened.notes == {}


def test_notes_are_told_together_and_the_times_have_some_without_being_a_column():
    opened = opened_columns(a=OpenedColumn(known(), quirk="as ever"))
    opened.add_note("a", "one")
    opened.add_note("a", "two")
    opened.add_note("time", "none")
    opened.keep_common_rows((), is_complete=False)
    assert opened.notes == {"a": "one; two", "time": "none"}
    assert opened.quirks == {"a": "as ever"}
    assert list(opened.columns) == ["a"]
    assert opened.absences == {}
