"""What documents say of themselves."""

import math

import pytest

from databroker_mongo.documents import n_events_said


@pytest.mark.parametrize(
    ("told", "n_events"),
    [(0, 0), (5, 5), (5.0, 5), *((no_count, None) for no_count in (-1, 2.5, math.nan, math.inf, True, None, "5", [5]))],
)
def test_a_number_of_events_is_a_whole_number_from_0_on(told, n_events):
    said = n_events_said({"num_events": {"primary": told, "baseline": 2}})
    assert said == {"primary": n_events, "baseline": 2}
    assert type(said["primary"]) is type(n_events)


@pytest.mark.parametrize("stop", [None, {}, {"num_events": None}, {"num_events": 5}, {"num_events": ["primary"]}])
def test_a_stop_that_counts_no_events_says_nothing_of_any_stream(stop):
    assert n_events_said(stop) is None


def test_a_stop_may_say_that_there_is_no_stream():
    assert n_events_said({"num_events": {}}) == {}
