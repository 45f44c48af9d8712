"""A store with one mistake fails the test that is about it, and a store without any passes all."""

from __future__ import annotations

import re

import pytest

from .authors import run_kits

# One process runs the kits, for all tests to look at.
pytestmark = pytest.mark.xdist_group("mistaken_stores")

LINE = re.compile(r"^(?:FAILED|ERROR) test_mine\.py::(\w+)::(\w+)", re.MULTILINE)
DAMAGED = "test_a_damaged_stream_datum_is_given_and_hides_no_other"
FIELDS = "test_starts_come_in_order_with_the_fields_that_are_needed"
PICKLES = "test_a_store_pickles_as_its_address"
REPEATS = "test_a_resource_that_is_stored_again_is_given_once"
ROWS = "test_events_that_are_unlike_each_other_are_rows_all_the_same"
COLUMNS = "test_columns_hold_the_values_of_the_rows_asked_for"


@pytest.fixture(scope="module")
def failed(tmp_path_factory):
    """Run the kits as their author does; return which tests of each failed."""
    printed = run_kits("mistaken_stores.py", tmp_path_factory.mktemp("author"))
    assert " passed" in printed
    found: dict[str, set[str]] = {}
    for kit, test in LINE.findall(printed):
        found.setdefault(kit, set()).add(test)
    return found


@pytest.mark.parametrize(
    ("kit", "test"),
    [
        ("TestNeedsIndices", DAMAGED),
        ("TestNeedsItsResource", DAMAGED),
        ("TestLeavesOutTheDamaged", DAMAGED),
        ("TestKeepsRepeats", REPEATS),
        ("TestKeepsRepeatsOfARun", REPEATS),
        ("TestGivesTooFewFields", FIELDS),
        ("TestGivesOtherFields", FIELDS),
        ("TestCarriesItsDocuments", PICKLES),
        ("TestChangesItsMind", COLUMNS),
        ("TestFindsRowsByTheirNumbers", ROWS),
        ("TestLooksAtOneEvent", ROWS),
        ("TestLooksAtTypesAlone", ROWS),
        ("TestSaysWhatItLikes", ROWS),
    ],
)
def test_a_mistake_fails_the_test_that_is_about_it(failed, kit, test):
    assert test in failed[kit]


def test_a_store_without_a_mistake_passes(failed):
    assert "TestRight" not in failed
