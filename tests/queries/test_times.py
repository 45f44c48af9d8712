"""Ranges of time, in every form that people write, on both sides of a clock change."""

import contextlib
import datetime
import pickle
import zoneinfo
from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest

from databroker_mongo import FullText, TimeRange
from databroker_mongo.errors import QueryError
from databroker_mongo.queries import Eq, Raw, TextQuery, zone_of

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
        ("2014-2", (2014, 2, 1)),
        ("2014-2-10", (2014, 2, 10)),
        ("2014-12-1", (2014, 12, 1)),
        ("2014-2-1 9", (2014, 2, 1, 9)),
        ("2020-01-01 9:52", (2020, 1, 1, 9, 52)),
        ("2020-01-01 10:1", (2020, 1, 1, 10, 1)),
        ("2020-1-1T9:5:3", (2020, 1, 1, 9, 5, 3)),
        ("2020-01-01  9:52:4.5", (2020, 1, 1, 9, 52, 4, 500_000)),
        ("2020-W27-6", (2020, 7, 4)),
    ],
)
def test_a_text_of_any_granularity_is_the_moment_it_begins_with(text, clock):
    assert since(text) == datetime.datetime(*clock, tzinfo=BERLIN).timestamp()


def test_a_single_digit_may_stand_before_an_offset():
    assert since("2020-7-4 5:00Z") == since("2020-07-04T05:00:00Z")


@pytest.mark.parametrize(("text", "days"), [("today", 0), ("yesterday", -1), (" Tomorrow ", 1)])
@pytest.mark.parametrize("timezone", ["Europe/Berlin", "+13:45", "America/New_York"])
def test_a_day_that_is_told_from_now_is_the_moment_it_begins_with(text, days, timezone):
    def begins(now):
        day = now.date() + datetime.timedelta(days=days)
        return datetime.datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()

    zone = zone_of(timezone)
    before = datetime.datetime.now(zone)
    found = since(text, timezone)
    assert begins(before) <= found <= begins(datetime.datetime.now(zone))


def test_now_is_a_moment():
    before = datetime.datetime.now(datetime.UTC).timestamp()
    assert before <= since("now") <= datetime.datetime.now(datetime.UTC).timestamp()


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
    with pytest.raises(QueryError, match="occurs twice"):
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
    before = datetime.datetime.now(datetime.UTC).timestamp()
    found = since(text)
    after = datetime.datetime.now(datetime.UTC).timestamp()
    assert before - 0.001 <= found + seconds <= after + 0.001  # as exact as floats are


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
    with pytest.raises(QueryError, match="occurs twice in Europe/Berlin") as caught:
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
        pd.NA,
        np.datetime64("NaT"),
        np.datetime64("20000-01-01"),
        np.array(["2020", "2021"], "M8[D]"),
        pd.Series(pd.to_datetime(["2020"], utc=True)),
        "last " + "9" * 400 + " h",
        "2014-2-30",
        "2014-002",
        pytest.param(10**5000, id="huge"),
        datetime.time(5),
        datetime.timedelta(5),
    ],
)
def test_what_is_no_moment_is_an_error(moment):
    with pytest.raises(QueryError):
        since(moment)


@pytest.mark.parametrize("moment", [datetime.datetime.min, datetime.datetime.max, "0001-01-01", "9999-12-31T23:59:59"])
@pytest.mark.parametrize("timezone", ["Europe/Berlin", "-23:00", "+23:00", "America/New_York"])
def test_a_moment_at_the_end_of_all_years_is_one_or_an_error_in_words(moment, timezone):
    with contextlib.suppress(QueryError):
        assert repr(TimeRange(moment, timezone=timezone))


def test_a_range_that_ends_before_it_begins_is_an_error():
    with pytest.raises(QueryError, match="must not be after"):
        TimeRange("2021", "2020")


def test_a_range_survives_pickle_and_repr_and_gives_changed_copies():
    both = TimeRange("2020-10-25T02:30:00+01:00", "2020-11", timezone="Europe/Berlin")
    assert pickle.loads(pickle.dumps(both)) == both
    assert eval(repr(both)) == both
    assert both.replace(until=None) == TimeRange("2020-10-25T02:30:00+01:00", timezone="Europe/Berlin")
    assert {**both, "plan_name": "count"} == {"time": {"$gte": both.since, "$lt": both.until}, "plan_name": "count"}


# As mappings, as in databroker 1.2.5.

EARLY = TimeRange("2020-03-05 12:00", timezone="Europe/Berlin")
WORDS = TextQuery(text_search="nickel foil")


@pytest.mark.parametrize(
    ("query", "filter"),
    [
        (EARLY, {"time": {"$gte": EARLY.since}}),
        (TimeRange(until=5), {"time": {"$lt": 5.0}}),
        (TimeRange(1, 5), {"time": {"$gte": 1.0, "$lt": 5.0}}),
        (TimeRange(), {}),
        (WORDS, {"$text": {"$search": "nickel foil"}}),
        (FullText("nickel foil"), {"$text": {"$search": "nickel foil"}}),
    ],
)
def test_a_range_and_words_are_mappings(query, filter):
    assert isinstance(query, Mapping)
    assert query == filter
    assert filter == query
    assert query != {**filter, "a": 1}
    assert list(query) == list(query.keys()) == list(filter)
    assert list(query.items()) == list(filter.items())
    assert list(query.values()) == list(filter.values())
    assert len(query) == len(filter)
    assert ("time" in query, "$text" in query, "plan_name" in query) == ("time" in filter, "$text" in filter, False)
    assert {**query, "plan_name": "count"} == {**filter, "plan_name": "count"}
    assert query.get("time") == filter.get("time")
    assert dict(**query) == query.query == filter
    assert query.replace() == query
    assert hash(query.replace()) == hash(query)
    assert pickle.loads(pickle.dumps(query)) == query
    assert eval(repr(query)) == query
    with pytest.raises(KeyError):
        query[0]
    with pytest.raises(TypeError, match="neither true nor false"):
        bool(query)


def test_the_arguments_are_kept_as_they_were_given():
    assert EARLY.kwargs == {"since": "2020-03-05 12:00", "until": None, "timezone": "Europe/Berlin"}
    assert WORDS.kwargs == {"text_search": "nickel foil"}
    assert FullText("a").kwargs == {"text": "a"}
    assert WORDS.text_search == WORDS.text == "nickel foil"
    assert isinstance(WORDS, FullText)
    assert type(WORDS)(**WORDS.kwargs) == WORDS
    assert type(EARLY)(**EARLY.kwargs) == EARLY
    assert repr(WORDS) == "TextQuery(text_search='nickel foil')"


def test_arguments_are_replaced_and_read_anew():
    assert WORDS.replace(text_search="iron") == TextQuery("iron")
    assert FullText("a").replace(text="b") == FullText("b")
    assert EARLY.replace(timezone="America/New_York") == TimeRange("2020-03-05 12:00", timezone="America/New_York")
    assert EARLY.replace(since=None) == TimeRange()


@pytest.mark.parametrize("text", ["last 2 h", "today", "now", "3 days ago"])
def test_what_was_told_from_now_stays_the_moment_that_it_was(text):
    told = TimeRange(since=text)
    assert told.kwargs["since"] == told.since
    assert told.replace(until="2100").since == told.since


def test_a_mapping_may_stand_in_a_filter_and_questions_combine():
    assert Raw({"$and": [EARLY, {"plan_name": "count"}]}).filter == {"$and": [dict(EARLY), {"plan_name": "count"}]}
    assert (EARLY & Eq("a", 1)) == (Eq("a", 1) & EARLY).__class__((EARLY, Eq("a", 1)))
    assert Eq("a", 1) != EARLY
    assert repr(~EARLY) == f"~{EARLY!r}"
