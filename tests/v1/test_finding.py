"""db[...], db(...), aliases and filters."""

import datetime

import numpy as np
import pytest

from databroker_mongo.errors import OldNameWarning
from databroker_mongo.v1 import Header

TIME = 1_700_000_000.0


def scan_ids(headers):
    return [header.start["scan_id"] for header in headers]


@pytest.mark.parametrize(("key", "scan_id"), [(-1, 4), (-4, 1), (1, 1), ("2", 2), (np.int64(3), 3)])
def test_a_key_gives_one_header(db, key, scan_id):
    header = db[key]
    assert isinstance(header, Header)
    assert header.start["scan_id"] == scan_id


def test_the_beginning_of_a_uid_gives_its_header(db):
    uid = db[1].uid
    assert db[uid[:8]] == db[uid] == db[1]


@pytest.mark.parametrize("kind", [list, tuple, iter])
def test_several_keys_give_a_list_in_their_order(db, kind):
    assert scan_ids(db[kind([3, 1, -1])]) == [3, 1, 4]


def nested_scan_ids(found):
    return [nested_scan_ids(each) if isinstance(each, list) else each.start["scan_id"] for each in found]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ([3, [1, -1]], [3, [1, 4]]),
        ([[3], [], [[2, "1"]]], [[3], [], [[2, 1]]]),
        ((-1, slice(-4, -2)), [4, [2, 1]]),
        ([slice(-1, -3, -1), 2, range(3, 0, -2)], [[3, 4], 2, [3, 1]]),
        (np.array([[3, 1], [2, -1]]), [[3, 1], [2, 4]]),
        ([], []),
    ],
)
def test_keys_may_be_nested_and_headers_are_as_they_are(db, keys, expected):
    assert nested_scan_ids(db[keys]) == expected


def test_one_unknown_key_among_nested_ones_is_an_error(db):
    with pytest.raises(KeyError, match="99"):
        db[[1, [2, 99]]]


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (slice(-3, None), [4, 3, 2]),
        (slice(-3, 0), [4, 3, 2]),
        (slice(-4, -2), [2, 1]),
        (slice(-4, None, 2), [3, 1]),
        (slice(-99, None), [4, 3, 2, 1]),
        (slice(-2, -2), []),
    ],
)
def test_a_slice_gives_the_newest_first(db, key, expected):
    assert scan_ids(db[key]) == expected


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (slice(-1, -5, -1), [1, 2, 3, 4]),
        (slice(-1, -4, -1), [2, 3, 4]),
        (slice(-2, -5, -1), [1, 2, 3]),
        (slice(-1, -5, -2), [2, 4]),
        (slice(-1, -9, -3), [1, 4]),
        (slice(np.int64(-1), np.int32(-3), np.int8(-1)), [3, 4]),
        (slice(-1, -(10**9), -1), [1, 2, 3, 4]),
        (slice(-1, -5), []),
        (slice(-5, -1, -1), []),
        (slice(-3, None, -1), []),
        (slice(-(10**9), None, 2), [3, 1]),
        (slice(-(10**9), None, 10**8), []),
    ],
)
def test_the_step_of_a_slice_is_that_of_the_positions_read_backwards(db, key, expected):
    assert scan_ids(db[key]) == expected


@pytest.mark.parametrize("step", [0, 1.5, "1"])
def test_a_step_that_is_none_is_refused(db, step):
    with pytest.raises((TypeError, ValueError)):
        db[-4::step]


@pytest.mark.parametrize("key", [slice(None, -1), slice(0, 3), slice(-3, 1)])
def test_a_slice_that_does_not_count_back_is_refused(db, key):
    with pytest.raises(ValueError, match=r"db\[-5:\]"):
        db[key]


@pytest.mark.parametrize(("key", "kind"), [(99, KeyError), ("zz", KeyError), (-9, IndexError)])
def test_an_unknown_key_raises_what_it_always_did(db, key, kind):
    with pytest.raises(kind):
        db[key]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, [4, 3, 2, 1]),
        ({"user": "ann"}, [4, 1]),
        ({"user": {"$in": ["ann", "bob"]}, "plan_name": "count"}, [2]),
        ({"sample.name": "Ni"}, [1]),
        ({"data_key": "img"}, [2]),
        ({"data_key": "m", "user": "bob"}, []),
        ({"since": TIME + 3600}, [4, 3, 2]),
        ({"until": TIME + 3600}, [2, 1]),
        ({"since": TIME, "until": TIME + 3600, "user": "ann"}, [1]),
        ({"since": datetime.datetime.fromtimestamp(TIME + 7200, datetime.UTC)}, [4, 3]),
        ({"since": "2023-11", "until": "2024"}, [4, 3, 2, 1]),
        ({"until": "2023"}, []),
        ({"since": "2023-11-1", "until": "2024-1"}, [4, 3, 2, 1]),
        ({"since": "2023-11-14 0:5"}, [4, 3, 2, 1]),
        ({"until": "yesterday"}, [4, 3, 2, 1]),
        ({"since": "today"}, []),
        ({"since": datetime.date(2023, 11, 1)}, [4, 3, 2, 1]),
        ({"since": np.datetime64("2023-11-01")}, [4, 3, 2, 1]),
        ({"since": "", "until": None}, [4, 3, 2, 1]),
    ],
)
def test_keywords_narrow_the_search_and_both_ends_of_a_time_count(db, query, expected):
    assert scan_ids(db(**query)) == expected


def test_results_can_be_looked_at_twice(db):
    results = db(user="ann")
    assert list(results) == list(results) == [db[4], db[1]]


def test_words_are_searched_in_the_text_of_the_start_document(db, catalog):
    if not catalog.store.address.startswith("memory:"):
        catalog.store.collections.run_start.create_index([("$**", "text")])
    assert scan_ids(db("calibration")) == [1]
    assert scan_ids(db("calibration", user="bob")) == []
    assert scan_ids(db(**{"$text": {"$search": "calibration"}})) == [1]


def test_the_old_names_of_since_and_until_warn(db):
    with pytest.warns(OldNameWarning, match="'start_time' is an old name of 'since'") as caught:
        assert scan_ids(db(start_time=TIME + 10800)) == [4]
    assert caught[0].filename == __file__
    with pytest.raises(TypeError, match="not both"):
        db(stop_time=TIME, until=TIME)


def test_filters_narrow_each_search_until_they_are_cleared(db):
    db.add_filter(user="ann")
    db.add_filter(since=TIME + 1)
    assert scan_ids(db()) == scan_ids(db(user="ann")) == [4]
    assert scan_ids(db(user="bob")) == []
    assert db.filters == {"user": "ann", "since": TIME + 1}
    assert db[1].start["scan_id"] == 1
    db.clear_filters(user="ann", anything=1)
    assert len(list(db())) == 4
    assert db.filters == {}


def test_an_alias_is_an_attribute_that_asks(db):
    db.alias("calibrations", purpose="calibration")
    users = iter(["ann", "bob"])
    db.dynamic_alias("mine", lambda: {"user": next(users)})
    assert scan_ids(db.calibrations) == [1]
    assert [scan_ids(db.mine), scan_ids(db.mine)] == [[4, 1], [3, 2]]
    assert db.aliases["calibrations"] == {"purpose": "calibration"}
    db.alias("calibrations", purpose="none")
    assert scan_ids(db.calibrations) == []


@pytest.mark.parametrize("name", ["insert", "reg", "filters"])
def test_an_alias_takes_the_name_of_nothing_else(db, name):
    with pytest.raises(ValueError, match=name):
        db.alias(name, user="ann")


def test_an_unknown_attribute_is_an_attribute_error(db):
    assert not hasattr(db, "no_such_alias")


@pytest.mark.parametrize(
    ("call", "remedy"),
    [
        (lambda db: db.fill_events(events=[], descriptors=[], fields=["img"]), "fill=True"),
        (lambda db: db.fill_event({}, inplace=True), "fill=True"),
        (lambda db: db.stream_names_given_header(db[1]), r"header\.stream_names"),
    ],
)
def test_what_databroker_1_no_longer_had_says_what_to_type(db, call, remedy):
    with pytest.raises(NotImplementedError, match=remedy):
        call(db)


@pytest.mark.parametrize("name", ["fill_event", "fill_events", "stream_names_given_header"])
def test_such_a_name_is_no_alias(db, name):
    with pytest.raises(ValueError, match=name):
        db.alias(name, user="ann")
