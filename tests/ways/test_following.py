"""Whoever follows a run gets all of it, also what is stored late."""

import pytest

from databroker_mongo import Catalog, Writer
from databroker_mongo.errors import StoreError
from databroker_mongo.store.events.changes import Changes
from databroker_mongo.testing import build_run


@pytest.fixture
def followed(store_uri):
    """Return the rows of a stream that is followed while portions of documents are stored, one after the other."""

    def follow(*portions):
        writer = Writer(store_uri)
        for named in portions[0]:
            writer(*named)
        rows = Catalog.from_uri(store_uri)[-1].primary.follow(seconds=0.01)
        found = []
        for portion in portions[1:]:
            for named in portion:
                writer(*named)
            found.append(next(rows))
        return [*found, *rows]

    return follow


def rewound():
    """Documents whose events have the seq_nums 1, 2, 3, 2, 3."""
    start, descriptor, *events, stop = build_run({"primary": [{"x": number} for number in range(5)]})
    for (_, event), seq_num in zip(events, (1, 2, 3, 2, 3), strict=True):
        event["seq_num"] = seq_num
    return [start, descriptor], events, stop


def test_a_repeat_that_is_stored_after_a_later_one_is_yielded(followed):
    opening, events, stop = rewound()
    rows = followed([*opening, *events[:3], events[4]], [], [], [], [], [events[3], stop])
    assert sorted(row.data["x"] for row in rows) == [0, 1, 2, 3, 4]
    assert [row.number for row in rows] == [0, 1, 2, 3, 4]


def test_a_repeat_whose_clock_was_put_back_is_yielded(followed):
    opening, events, stop = rewound()
    for _, event in events[3:]:
        event["time"] -= 100.0
    rows = followed([*opening, *events[:3]], [], [], [], [*events[3:], stop])
    assert sorted(row.data["x"] for row in rows) == [0, 1, 2, 3, 4]


def test_an_event_that_another_program_stored_twice_is_two_rows_as_it_is_read(followed, store_uri):
    opening, events, stop = rewound()
    assert len(followed([*opening, *events, stop])) == 5
    Catalog.from_uri(store_uri).store.collections.event.insert_one(dict(events[0][1]))
    run = Catalog.from_uri(store_uri)[-1]
    assert len(list(run.primary.follow())) == len(run.primary.read()["x"]) == 6
    assert "repeated-event" in {finding.kind for finding in run.findings()}


@pytest.mark.filterwarnings("ignore:.*another program stored")
@pytest.mark.parametrize("change", [{"time": "noon"}, {"seq_num": None}, {"time": True}])
def test_an_event_without_time_or_number_is_told(followed, store_uri, change):
    opening, events, stop = rewound()
    Catalog.from_uri(store_uri).store.collections.event.insert_one({**events[0][1], **change})
    with pytest.raises(StoreError, match="missing or not a number"):
        followed([*opening, *events[1:], stop])


def test_a_run_whose_clock_is_some_minutes_behind_is_seen_where_the_server_is_asked(database_name, monkeypatch):
    uri = f"memory://{database_name}"
    writer = Writer(uri)
    for named in build_run({"primary": []}):
        writer(*named)
    late = iter(build_run({"primary": []}, scan_id=2, time=1_700_000_000.0 - 600))
    monkeypatch.setattr(Changes, "wait", lambda self, seconds: [writer(*named) for named in late][:0])
    assert next(Catalog.from_uri(uri).watch()).run.start["scan_id"] == 2
