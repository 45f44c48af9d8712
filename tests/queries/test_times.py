"""Ranges of time, in every form that people write, on both sides of a clock change."""

import datetime
import pickle
import zoneinfo

import numpy as np
import pandas as pd
import pytest

from databroker_mongo.errors import QueryError
from databroker_mongo.queries import TimeRange

BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")


def since(moment, timezone="Europe/Berlin"):
    return TimeRange(moment, timezone=timezone).since


@pytest.mark.parametrize(
    ("text", "clock"),
    [
        ("2020", (2020, 1, 1)),
        ("2020-07", (2020, 7, 1)),
        ("2020-07-04", (2020, 7, 4)),
        ("20200704", (2020, 7, 4)),
        ("2020-07-04 05", (2020, 7, 4, 5)),
        ("2020-07-04T05:30", (2020, 7, 4, 5, 30)),
        ("2020-07-04 05:30:07", (2020, 7, 4, 5, 30, 7)),
        (" 2020-07-04 05:30:07.25 ", (2020, 7, 4, 5, 30, 7, 250_000)),
    ],
)
def test_a_text_of_any_granularity_is_the_moment_it_begins_with(text, clock):
    assert since(text) == datetime.datetime(*clock, tzinfo=BERLIN).timestamp()


def test_an_offset_in_the_text_counts_before_the_zone():
    assert since("2020-07-04T05:00:00Z") == since("2020-07-04T07:00:00+02:00") == since("2020-07-04 07:00")


def test_datetimes_dates_and_numbers_are_moments_too():
    aware = datetime.datetime(2020, 7, 4, 5, tzinfo=datetime.UTC)
    assert since(aware) == since(datetime.datetime(2020, 7, 4, 7)) == since(aware.timestamp())
    assert since(datetime.date(2020, 7, 4)) == since("2020-07-04")
    assert since(1_500_000_000) == 1_500_000_000.0


def test_moments_of_numpy_and_pandas_are_times_on_the_clock_of_the_zone_in_whatever_unit():
    for unit in ("h", "s", "us", "ns"):
        assert since(np.datetime64("2020-07-04T07", unit)) == since("2020-07-04 07:00")
    assert since(np.datetime64("2020-07", "M")) == since("2020-07")
    assert since(pd.Timestamp("2020-07-04 07:00")) == since("2020-07-04 07:00")
    assert since(pd.Timestamp("2020-07-04 07:00", tz="UTC")) == since("2020-07-04 07:00Z")
    with pytest.raises(QueryError, match="comes twice"):
        since(np.datetime64("2020-10-25T02:30", "ns"))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("last 2 h", 7200),
        ("last 90min", 5400),
        ("3 days ago", 3 * 86400),
        ("last week", 7 * 86400),
        ("LAST 1.5 H", 5400),
    ],
)
def test_a_span_counts_back_from_now(text, seconds):
    now = datetime.datetime.now(datetime.UTC).timestamp()
    assert since(text) == pytest.approx(now - seconds, abs=5)


def test_a_naive_time_is_read_in_the_local_zone_when_none_is_given_and_the_repr_says_which(monkeypatch):
    monkeypatch.setattr("tzlocal.get_localzone", lambda: zoneinfo.ZoneInfo("America/New_York"))
    local = TimeRange("2020-03-05 12:00")
    assert local == TimeRange("2020-03-05 12:00", timezone="America/New_York")
    assert repr(local) == "TimeRange(since='2020-03-05T12:00:00-05:00', timezone='America/New_York')"


def test_a_zone_is_a_name_an_offset_or_a_tzinfo():
    expected = since("2020-01-04 05:00", "Europe/Berlin")
    for timezone in ("+01:00", "UTC+01:00", BERLIN, datetime.timezone(datetime.timedelta(hours=1))):
        assert since("2020-01-04 05:00", timezone) == expected
    for timezone in ("Mars/Olympus", "+25:00", "+01:75", "", 5):
        with pytest.raises(QueryError, match="time zone"):
            since("2020", timezone)


def test_both_sides_of_a_clock_change_are_right():
    spring = TimeRange("2020-03-29 01:30", "2020-03-29 03:30", timezone="Europe/Berlin")
    assert spring.until - spring.since == 3600
    autumn = TimeRange("2020-10-25 01:30", "2020-10-25 03:30", timezone="Europe/Berlin")
    assert autumn.until - autumn.since == 3 * 3600


def test_a_local_time_that_never_comes_is_an_error():
    for moment in ("2020-03-29 02:30", datetime.datetime(2020, 3, 29, 2, 30)):
        with pytest.raises(QueryError, match="does not exist in Europe/Berlin"):
            since(moment)


def test_a_local_time_that_comes_twice_is_an_error_that_names_both():
    with pytest.raises(QueryError, match="comes twice in Europe/Berlin") as caught:
        since("2020-10-25 02:30")
    first, second = "2020-10-25T02:30:00+02:00", "2020-10-25T02:30:00+01:00"
    assert first in str(caught.value)
    assert second in str(caught.value)
    assert since(second) - since(first) == 3600


@pytest.mark.parametrize(
    "moment",
    [
        "yesterdayish",
        "2020-13",
        "2020-02-30",
        "",
        "2 h",
        "last 5",
        True,
        float("nan"),
        [1],
        pd.NaT,
        np.datetime64("NaT"),
    ],
)
def test_what_is_no_moment_is_an_error(moment):
    with pytest.raises(QueryError):
        since(moment)


def test_a_range_that_ends_before_it_begins_is_an_error():
    with pytest.raises(QueryError, match="must not be after"):
        TimeRange("2021", "2020")


def test_a_range_survives_pickle_and_repr_and_gives_changed_copies():
    both = TimeRange("2020-10-25T02:30:00+01:00", "2020-11", timezone="Europe/Berlin")
    assert pickle.loads(pickle.dumps(both)) == both
    assert eval(repr(both)) == both
    assert both.replace(until=None) == TimeRange("2020-10-25T02:30:00+01:00", timezone="Europe/Berlin")
    assert {**both, "plan_name": "count"} == {"time": {"$gte": both.since, "$lt": both.until}, "plan_name": "count"}
