"""Names that databroker 1.2.5 and 2 have on catalogs and runs: those that are here, and what the others say to type."""

from __future__ import annotations

import copy
import pickle

import pytest

from databroker_mongo import Broker, Catalog, Writer
from databroker_mongo.testing import build_run
from databroker_mongo.v1 import Header

UIDS = [f"aaaa{number}111-0000-4000-8000-000000000000" for number in range(3)]


@pytest.fixture
def runs(store_uri):
    """Three runs, an hour apart, of which the second belongs to somebody else."""
    catalog = Catalog.from_uri(store_uri)
    with Writer(catalog, durable="batch") as writer:
        for number, uid in enumerate(UIDS):
            user = "bob" if number == 1 else "ann"
            documents = build_run(
                {"primary": [{"x": number}]}, scan_id=number, uid=uid, time=1.7e9 + 3600 * number, user=user
            )
            for name, doc in documents:
                writer(name, doc)
    return catalog


def test_a_catalog_is_called_and_reloaded_without_effect(runs):
    assert runs() is runs
    assert runs.reload() is None
    assert runs.force_reload() is None
    assert runs.container == "catalog"
    assert runs.metadata == {}
    runs.metadata["changed"] = True
    assert runs.metadata == {}
    with pytest.raises(TypeError):
        runs(anything=1)


def find_catalogs(namespace):
    """Do what ``findCatalogsInNamespace`` of apstools does: look at each object of a session for a catalog."""
    found = []
    for name, value in namespace.items():
        try:
            if hasattr(value.v2, "container") and hasattr(value.v2, "metadata"):
                found.append(name)
        except (AttributeError, TypeError):
            continue
    return found


def test_clients_that_look_for_catalogs_in_a_session_find_them_and_nothing_else(runs):
    from databroker_mongo import catalog

    session = {
        "cat": runs,
        "searched": runs.search({"user": "ann"}),
        "db": runs.v1,
        "configured": catalog,
        "run": runs[-1],
        "stream": runs[-1].primary,
        "column": runs[-1].primary["x"],
        "header": runs.v1[-1],
        "number": 5,
    }
    assert find_catalogs(session) == ["cat", "searched", "db"]
    assert isinstance(session["db"], Broker)


def test_a_run_leads_to_its_header_and_back(runs):
    run = runs[-1]
    assert run.v2 is run
    assert isinstance(run.v1, Header)
    assert run.v1 == runs.v1[-1]
    assert run.v1.db is runs.v1
    assert run.v1.v2 is run
    assert run.refresh().v1 == run.v1
    assert run.v1.table()["x"].tolist() == [2]
    assert run.v1.v2.v1.v2 is run


def test_each_way_to_a_run_leads_to_the_interface_of_its_catalog(runs):
    narrowed = runs.search({"user": "ann"})
    ways = [
        narrowed[-1],
        narrowed[UIDS[2]],
        narrowed[-1:][0],
        narrowed[[-1]][0],
        next(iter(narrowed.values())),
        next(iter(narrowed.items()))[1],
        narrowed.find(UIDS[2])[0],
    ]
    for run in ways:
        assert run.v1.db is narrowed.v1
        assert run.v1.uid == UIDS[2]


@pytest.mark.parametrize("travel", [copy.copy, copy.deepcopy, lambda run: pickle.loads(pickle.dumps(run))])
def test_a_run_that_travelled_has_a_header_too(runs, travel):
    assert travel(runs[-1]).v1.table()["x"].tolist() == [2]


@pytest.mark.parametrize("option", ["no_cursor_timeout", "batch_size", "max_time_ms"])
def test_options_of_cursors_are_not_taken_for_metadata(runs, option):
    for ask in (runs.search, runs.explain):
        with pytest.raises(TypeError, match=f"{option}.*page by page.*Leave it out"):
            ask({"user": "ann"}, **{option: True})


@pytest.mark.parametrize("view", ["keys", "values", "items"])
@pytest.mark.parametrize(
    "ask",
    [
        lambda found: found[0],
        lambda found: found[-1],
        lambda found: found[:5],
        lambda found: found.first(),
        lambda found: found.last(),
        lambda found: found.head(3),
        lambda found: found.tail(),
    ],
)
def test_what_counts_from_the_oldest_in_databroker_2_says_how_runs_are_counted_here(runs, view, ask):
    for catalog in (runs, runs.search({"user": "ann"})):
        with pytest.raises((TypeError, AttributeError), match=r"newest run is catalog\[-1\].*oldest"):
            ask(getattr(catalog, view)())


def test_the_advice_about_the_oldest_run_is_right(runs):
    assert runs.search(sort="time")[-1].start["uid"] == UIDS[0]
    assert [run.start["uid"] for run in runs[-5:]] == UIDS[::-1]


def test_views_of_a_catalog_stay_what_they_were(runs):
    assert list(runs.keys()) == list(runs) == UIDS[::-1]
    assert [run.start["uid"] for run in runs.values()] == UIDS[::-1]
    assert dict(runs.items())[UIDS[0]] == runs[UIDS[0]]
    assert UIDS[0] in runs.keys()  # noqa: SIM118 the view is what is tested
    assert runs.keys() & {UIDS[0], "nope"} == {UIDS[0]}
    assert repr(runs.keys()) == f"<uids of {runs!r}>"
    assert len(runs.keys()) == len(runs.values()) == len(runs.items()) == 3
    assert not hasattr(runs.values(), "typo")


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("get_distinct", r"catalog\.distinct\('plan_name', counts=True\)"),
        ("sort", r"catalog\.search\(sort='-time'\)"),
        ("get_serializer", r"Writer\(catalog\)"),
        ("post_document", r"Writer\(catalog\)"),
        ("stats", r"catalog\.v1\.stats\(\)"),
        ("first", r"catalog\[-1\]"),
        ("last", r"catalog\[-1\]"),
        ("scan_id", r"catalog\[23463\]"),
        ("uid", r"catalog\['777b44a'\]"),
    ],
)
def test_a_name_that_is_another_one_here_says_which(runs, name, remedy):
    assert not hasattr(runs, name)
    with pytest.raises(AttributeError, match=rf"no attribute '{name}': .*{remedy}"):
        getattr(runs, name)


def test_any_other_name_is_a_plain_attribute_error(runs):
    with pytest.raises(AttributeError, match=r"Catalog has no attribute 'typo'$"):
        runs.typo  # noqa: B018
    assert copy.copy(runs) == runs
    assert pickle.loads(pickle.dumps(runs)) == runs


@pytest.mark.parametrize(
    ("name", "remedy"),
    [("reload", r"run\.refresh\(\)"), ("get_file_list", r"run\.files\(\)"), ("data", r"run\[NAME\]\.data")],
)
def test_what_a_run_has_not_says_what_to_type(runs, name, remedy):
    with pytest.raises(AttributeError, match=f"'{name}'.*It has: primary.*{remedy}"):
        getattr(runs[-1], name)
