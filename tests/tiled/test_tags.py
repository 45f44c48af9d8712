"""Access tags: which nodes have which, what Tiled takes a lack of them for, and which runs a filter of tags finds."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from databroker_mongo import Catalog
from databroker_mongo.errors import ConfigurationError
from databroker_mongo.queries import UNTAGGED, TagFields
from databroker_mongo.testing import build_run
from databroker_mongo.tiled import make_tree

from .conftest import getter, serving, store_runs, uid_of

FILTER = "filter[access_tags_filter][condition][tags]"
HELD = [
    {"data_session": "pass-1"},
    {"data_session": ["pass-1", "pass-2"]},
    {"proposal": {"id": "pass-2"}},
    {"proposal": [{"id": "pass-3"}, {"id": ["pass-4"]}, "pass-5"]},
    {"data_session": ["pass-2", 7, None], "proposal": {"id": "pass-6"}},
    {},
    {"data_session": None},
    {"data_session": 314062},
    {"data_session": {"pass-1": "pass-1"}, "proposal": "pass-1"},
    {"data_session": [["pass-1"]]},
    {"data_session": []},
]
EVERYTHING = ["pass-1", "pass-2", "pass-3", "pass-4", "pass-5", "pass-6", "314062", UNTAGGED]


async def nodes_in(node):
    """Yield a node and all below it, the columns of tables too."""
    yield node
    if node.structure_family == "container":
        for _, child in await node.items_range():
            async for each in nodes_in(child):
                yield each
    elif node.structure_family == "table":
        for name in node.structure().columns:
            yield await node.lookup_adapter([name])


def test_every_node_has_the_tags_of_its_run(served_uri, layout):
    tree = make_tree(Catalog.from_uri(served_uri), layout=layout, tag_field="plan_name")
    kinds = set()

    async def walk(number):
        run = await tree.lookup_adapter([uid_of(number)])
        found = [each async for each in nodes_in(run)]
        kinds.update((type(each).__name__, str(each.structure_family)) for each in found)
        return {each.access_tags for each in found}, len(found)

    for number in range(1, 8):
        tags, n_nodes = asyncio.run(walk(number))
        assert tags == {frozenset({"count" if number % 2 else "scan"})}
        assert n_nodes >= 5
    assert len(kinds) == (4 if layout == 3 else 5), kinds


@pytest.mark.parametrize("layout", [3, 2])
def test_without_a_field_no_node_has_a_tag(served_uri, layout):
    tree = make_tree(Catalog.from_uri(served_uri), layout=layout)

    async def tags():
        run = await tree.lookup_adapter([uid_of(1)])
        return {each.access_tags async for each in nodes_in(run)}

    assert asyncio.run(tags()) == {frozenset()}
    assert tree.access_tags == frozenset()


def test_a_catalog_has_tags_of_its_own(served_uri):
    tree = make_tree(Catalog.from_uri(served_uri), top_level_access_tags=["public"])
    assert tree.access_tags == {"public"}
    assert tree.sort([("time", -1)]).access_tags == {"public"}


def test_a_filter_of_tags_finds_the_runs_that_have_one_of_them(mongod_database_uri):
    fields = TagFields.of_options(["data_session", "start.proposal.id"])
    runs = [build_run({}, uid=uid_of(number), **more) for number, more in enumerate(HELD)]
    store_runs(mongod_database_uri, runs)
    catalog = Catalog.from_uri(mongod_database_uri)
    expected = {
        tag: {uid_of(number) for number, more in enumerate(HELD) if tag in fields.tags_of(more)} for tag in EVERYTHING
    }
    assert {tag: len(uids) for tag, uids in expected.items()} == dict(
        zip(EVERYTHING, [2, 3, 1, 1, 0, 0, 1, 5], strict=True)
    )
    found = {tag: set(catalog.search(fields.query([tag])).page_of_uids()) for tag in EVERYTHING}
    assert found == expected
    assert set(catalog.search(fields.query(["pass-4", "pass-6"])).page_of_uids()) == {uid_of(3)}
    for nothing in ([], [None], [7], [{"$ne": 1}]):
        assert catalog.search(fields.query(nothing)).page_of_uids() == []


ERAS = [
    {"tiled_access_tags": ["pass-1", "staff"], "data_session": "pass-9", "proposal_id": 9},
    {"data_session": "pass-1", "proposal_id": 9},
    {"proposal_id": 1},
    {"proposal_id": "1"},
    {"proposal_id": [1.0, 2]},
    {"proposal_id": 1.5},
    {"tiled_access_tags": [], "data_session": "pass-1"},
    {"tiled_access_tags": None, "data_session": "pass-1"},
    {"proposal_id": True},
    {"proposal_id": float("nan")},
    {},
]
OF_ERAS = {
    "pass-1": {0, 1, 2, 3, 4},
    "staff": {0},
    "pass-9": set(),
    "pass-2": {4},
    "pass-1.5": {5},
    "pass-1.0": set(),
    "1": set(),
    UNTAGGED: {6, 7, 8, 9, 10},
}


def test_the_first_field_that_a_run_has_decides_and_a_template_makes_tags(mongod_database_uri):
    fields = TagFields.of_options(
        ["tiled_access_tags", {"field": "data_session"}, {"field": "proposal_id", "template": "pass-{}"}]
    )
    agree(mongod_database_uri, fields, ERAS, OF_ERAS)


def agree(uri, fields, starts, expected):
    """Insist that a query of tags finds the runs that have them, for each tag these and no others."""
    store_runs(uri, [build_run({}, uid=uid_of(number), **start) for number, start in enumerate(starts)])
    catalog = Catalog.from_uri(uri)
    runs = {number: catalog[uid_of(number)].start for number in range(len(starts))}
    assert {tag: {n for n, start in runs.items() if tag in fields.tags_of(start)} for tag in expected} == expected
    found = {tag: set(catalog.search(fields.query([tag])).page_of_uids()) for tag in expected}
    assert found == {tag: set(map(uid_of, numbers)) for tag, numbers in expected.items()}
    everything = set().union(*expected.values())
    assert set(catalog.search(fields.query(list(expected))).page_of_uids()) == set(map(uid_of, everything))


def test_a_document_makes_nothing_public_and_nobody_its_owner(mongod_database_uri):
    forged = ["public", "Public", "user:alice", UNTAGGED]
    starts = [*({"data_session": each} for each in forged), {"data_session": forged}, {"data_session": [*forged, "a"]}]
    expected = {**{tag: set() for tag in forged}, "a": {5}, UNTAGGED: {0, 1, 2, 3, 4}}
    agree(mongod_database_uri, TagFields.of_options("data_session"), starts, expected)
    by_template = TagFields.of_options({"field": "data_session", "template": "user:{}"})
    assert by_template.tags_of({"data_session": "alice"}) == {UNTAGGED}


NOW = 1_800_000_030.0  # 2027-01-15T08:00:30Z
DAY = 86400.0


@pytest.fixture
def now(monkeypatch):
    monkeypatch.setattr("databroker_mongo.queries.tags.time", SimpleNamespace(time=lambda: NOW))


def test_a_run_is_public_after_some_days(mongod_database_uri, now):
    fields = TagFields.of_options("data_session", {"days": 365})
    times = [NOW - 365 * DAY - 61, NOW - 365 * DAY + 1, NOW, 0.0]
    starts = [{"time": time, "data_session": "a"} for time in times] + [{"time": 0.0}]
    agree(mongod_database_uri, fields, starts, {"public": {0, 3, 4}, "a": {0, 1, 2, 3}, UNTAGGED: {4}})


def test_a_run_is_public_from_a_date_in_its_start_document(mongod_database_uri, now):
    fields = TagFields.of_options((), {"field": "embargo.ends"})
    past, coming = ["2027-01-14", "2027-01-15", "2027-01-15T07:59:00+00:00", 1.0], ["2027-01-16", 2e9]
    unclear = ["", "1", "public", None, True, ["x"], {"$lt": 1}, float("nan")]
    starts = [{"embargo": {"ends": each}} for each in (*past, *coming, *unclear)]
    others = set(range(len(past), len(starts) + 1))
    agree(mongod_database_uri, fields, [*starts, {}], {"public": set(range(len(past))), UNTAGGED: others | {*range(4)}})


def test_without_an_age_no_run_is_public(mongod_database_uri):
    agree(mongod_database_uri, TagFields.of_options("data_session"), [{"time": 0.0}], {"public": set(), UNTAGGED: {0}})


@pytest.mark.parametrize(
    "option", [5, "3 years", {}, {"days": -1}, {"days": True}, {"days": 1, "field": "a"}, {"field": "stop.x"}]
)
def test_what_is_no_age_is_refused(option):
    with pytest.raises(ConfigurationError, match="public_after"):
        TagFields.of_options((), option)


@pytest.mark.parametrize("template", ["", "pass", "{}{}", "{x}", 7])
def test_a_template_has_one_place_for_a_value(template):
    with pytest.raises(ConfigurationError, match="template"):
        TagFields.of_options({"field": "a", "template": template})


@pytest.mark.parametrize(
    "field", ["", "stop.x", "a..b", "a.0", "$where", 7, ["data_session", None], {"template": "{}"}]
)
def test_a_field_of_tags_is_one_of_the_start(field):
    with pytest.raises(ConfigurationError, match="fields of the start document"):
        TagFields.of_options(field)


def test_a_client_may_search_for_tags(served_uri, layout):
    with serving(Catalog.from_uri(served_uri), layout=layout, tag_field="plan_name") as context:
        get = getter(context)
        counts = [get("search/", **{FILTER: tags}).json()["meta"]["count"] for tags in ('["scan"]', '["x"]', "[]")]
        assert counts == [15, 0, 0]
        assert get(f"search/{uid_of(2)}", **{FILTER: '["scan"]'}).json()["meta"]["count"] == 1
        assert get(f"search/{uid_of(2)}", **{FILTER: '["count"]'}).json()["meta"]["count"] == 0


class Tags:
    """What the facility says of tags: everybody has the tag "x" and no other."""

    async def is_tag_public(self, tag):
        return False

    async def is_tag_defined(self, tag):
        return tag == "x"

    async def get_scopes_from_tag(self, tag, user):
        return {"read:metadata"} if tag == "x" else set()

    async def get_public_tags(self):
        return set()

    async def get_tags_from_scope(self, scope, user):
        return {"x"}

    is_tag_owner = is_tag_defined


@pytest.mark.parametrize(
    ("node", "is_open"),
    [
        (SimpleNamespace(), True),
        (SimpleNamespace(access_tags=frozenset()), False),
        (SimpleNamespace(access_tags=frozenset({UNTAGGED})), False),
        (SimpleNamespace(access_tags=frozenset({"x"})), True),
    ],
    ids=["no attribute", "no tag", "untagged", "a tag of the user"],
)
def test_tiled_takes_a_node_without_the_attribute_for_open(node, is_open):
    from tiled.access_control.access_policies import TagBasedAccessPolicy

    policy = TagBasedAccessPolicy(provider="toy", access_tags_parser=Tags)
    user = SimpleNamespace(type="user", identities=[SimpleNamespace(provider="toy", id="alice")])
    scopes = asyncio.run(policy.allowed_scopes(node, user, None, frozenset({"read:metadata"})))
    assert ("read:metadata" in scopes) is is_open
