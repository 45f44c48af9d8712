"""Which runs a catalog shows, as a value: narrowed, put into a scope, and looked through a part at a time."""

import dataclasses
import types

import pytest

from databroker_mongo.queries import NEWEST_FIRST, All, Eq, Window
from databroker_mongo.runs.selection import Selection

WHOLE = Selection(Window(All(), NEWEST_FIRST))
OLDEST_FIRST = (("time", 1),)
PLAN = Eq("plan_name", "count")
SAMPLE = Eq("sample", "Ni")


def test_a_selection_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        WHOLE.window = Window(PLAN, NEWEST_FIRST)


def test_it_is_narrowed_by_one_search_after_the_other():
    narrow = WHOLE.narrowed(PLAN).narrowed(SAMPLE)

    assert narrow.query == PLAN & SAMPLE
    assert narrow.searches == ((All(), PLAN), (PLAN, SAMPLE))
    assert narrow.window.sort == NEWEST_FIRST


def test_to_sort_anew_is_no_search():
    oldest_first = WHOLE.narrowed(All(), sort=OLDEST_FIRST)

    assert oldest_first.searches == ()
    assert oldest_first.window.sort == OLDEST_FIRST
    assert oldest_first.narrowed(PLAN).window.sort == OLDEST_FIRST


def test_the_searches_that_led_to_it_make_no_difference():
    assert WHOLE.narrowed(PLAN) == Selection(Window(PLAN, NEWEST_FIRST))
    assert WHOLE.narrowed(PLAN) != WHOLE.narrowed(SAMPLE)


def test_a_part_is_a_query_of_its_own():
    part = WHOLE.narrowed(PLAN, skip=2, limit=3)

    assert part.query == Window(PLAN, NEWEST_FIRST, 2, 3)
    assert part.narrowed(SAMPLE).query == Window(PLAN, NEWEST_FIRST, 2, 3) & SAMPLE


def test_a_scope_is_no_search_and_keeps_what_was_searched_for():
    scoped = WHOLE.narrowed(PLAN, skip=2).scoped(SAMPLE)

    assert scoped.query == Window(PLAN, NEWEST_FIRST, 2) & SAMPLE
    assert scoped.searches == ()


@pytest.mark.parametrize(
    ("asked", "skip", "limit"),
    [
        ({}, 5, 10),
        ({"limit": 3}, 5, 3),
        ({"limit": 30}, 5, 10),
        ({"skip": 4}, 9, 6),
        ({"skip": 4, "limit": 3}, 9, 3),
        ({"skip": 10}, None, None),
    ],
)
def test_no_part_leads_out_of_it(asked, skip, limit):
    calls = []
    store = types.SimpleNamespace(find_starts=lambda query, **options: calls.append(options) or iter(()))
    list(WHOLE.narrowed(PLAN, skip=5, limit=10).starts(store, **asked))

    assert [(each["skip"], each["limit"]) for each in calls] == ([] if skip is None else [(skip, limit)])
