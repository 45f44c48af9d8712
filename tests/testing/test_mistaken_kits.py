"""A kit with a mistake in it fails with a sentence that says which, and not out of the kit's own code."""

from __future__ import annotations

import re

import pytest

from .authors import run_kits

# One process runs the kits, for all tests to look at.
pytestmark = pytest.mark.xdist_group("mistaken_kits")

LINE = re.compile(r"^(FAILED|ERROR) test_mine\.py::(\w+)::(\w+) - (.*)$", re.MULTILINE)
NEED_FILES = {
    "test_a_file_cut_short_is_an_os_error_and_never_other_data",
    "test_a_file_that_is_not_there_is_an_os_error_and_never_other_data",
}
N_TESTS = 19


@pytest.fixture(scope="module")
def reasons(tmp_path_factory):
    """Run the kits as their author does; return why each test failed."""
    printed = run_kits("mistaken_kits.py", tmp_path_factory.mktemp("author"))
    found = {}
    for outcome, kit, test, reason in LINE.findall(printed):
        found.setdefault(kit, {})[test] = f"{outcome}: {reason}"
    return found


@pytest.mark.parametrize(
    ("kit", "told"),
    [
        ("TestNoClass", "TestNoClass must say which class it tests: handler_class = MyHandler"),
        ("TestNameOfAClass", "TestNameOfAClass must say which class it tests: handler_class = MyHandler"),
        ("TestNoCase", "TestNoCase must say what its files hold, in make_case(folder)"),
        ("TestNothingReturned", "make_case() of TestNothingReturned returns None: it must return a HandlerCase"),
        ("TestOneDatum", "make_case() of TestOneDatum names fewer than two datums; where there is only one, name it"),
        ("TestUneven", "make_case() of TestUneven names 2 datums and 5 expected arrays: each datum has one"),
        ("TestSeveralShapes", "make_case() of TestSeveralShapes expects arrays of several shapes"),
    ],
)
def test_what_a_kit_lacks_is_told_in_each_of_its_tests(reasons, kit, told):
    assert len(reasons[kit]) == N_TESTS
    assert all(told in reason for reason in reasons[kit].values())


@pytest.mark.parametrize(
    ("kit", "told"),
    [
        ("TestInAFolder", "is not a file but a folder or the beginning of file names, and InAFolder has no get_file_l"),
        ("TestByABeginning", "is not a file but a folder or the beginning of file names, and ByABeginning has no get_"),
        ("TestListsNothing", "get_file_list() of ListsNothing names no file for the datums {'frame': 0}, {'frame': 1}"),
        ("TestListsItsFolder", "which is a folder"),
        ("TestListsWhatIsNotThere", "a.npy.gone', which is not there"),
        ("TestKeptElsewhere", "is not below the folder that make_case(folder) was given"),
    ],
)
def test_files_that_cannot_be_told_or_may_not_be_damaged_are_a_failure_that_says_so(reasons, kit, told):
    assert reasons[kit].keys() >= NEED_FILES
    assert all(told in reasons[kit][test] for test in NEED_FILES)
    assert not [reason for reason in reasons[kit].values() if "IsADirectoryError" in reason]


def test_an_assertion_that_fails_shows_its_values(reasons):
    told = reasons["TestWide"]["test_every_datum_is_its_expected_array"]

    assert "assert dtype('float64') == dtype('uint16')" in told


def test_a_layout_without_fixed_axes_is_for_a_class_that_takes_their_number(reasons):
    told = reasons["TestNothingFixed"]["test_layout_agrees_with_the_arrays"]

    assert "rows can have another number of axes only where row_axes is taken" in told
