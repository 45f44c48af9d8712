"""What is asked of a field, a stream, a data key or a device that no run has is said, with the names that are near."""

import pickle
import warnings

import pytest

from databroker_mongo import Catalog, TimeRange
from databroker_mongo.errors import CatalogWarning, RunIndexError
from databroker_mongo.queries import Eq, Exists, HasDevice, In, Key, NotEq, Raw, ScanID
from databroker_mongo.queries import Regex as Pattern


@pytest.fixture
def catalog(store_uri):
    catalog = Catalog.from_uri(store_uri)
    collections = catalog.store.collections
    for number, session in ((1, "pass-1"), (2, "pass-2")):
        uid = f"run-{number}"
        fields = {"plan_name": "count", "sample": {"name": "Ni"}, "n": [{"inner": 1}], "nothing": None}
        own = {f"only_in_{number}": 1, "data_session": session, "motors": ["x"]}
        collections.run_start.insert_one({"uid": uid, "time": float(number), "scan_id": number, **fields, **own})
        stop = {"uid": f"stop-{uid}", "run_start": uid, "time": 5.0, "exit_status": "success", "num_events": {}}
        collections.run_stop.insert_one(stop)
        data_keys = {"quadem_I0": {"source": "", "dtype": "number", "shape": []}}
        descriptor = {"uid": f"of-{uid}", "run_start": uid, "time": 1.0, "name": "baseline", "data_keys": data_keys}
        collections.event_descriptor.insert_one({**descriptor, "object_keys": {"quadem": ["quadem_I0"]}})
    return catalog


TYPED = {
    "a filter": (lambda: [{"plan_nme": "count"}], "No run has the field 'plan_nme' in its start document"),
    "and its near name": (lambda: [{"plan_nme": "count"}], r"Did you mean 'plan_name'\?"),
    "another separator": (lambda: [{"sample_name": "Ni"}], r"Did you mean 'sample\.name'\?"),
    "another case": (lambda: [Eq("Plan_Name", "count")], r"Did you mean 'plan_name'\?"),
    "the last part": (lambda: [Key("nme") == "Ni"], r"Did you mean 'sample\.name'\?"),
    "In": (lambda: [In("scanid", [1])], r"Did you mean 'scan_id'\?"),
    "a comparison": (lambda: [Key("scan") > 1], "No run has the field 'scan'"),
    "a pattern": (lambda: [Pattern("plan", "^c")], "No run has the field 'plan'"),
    "Exists": (lambda: [Exists("plan")], "No run has the field 'plan'"),
    "in a conjunction": (lambda: [{"$and": [{"scan_id": 1}, {"plan": "a"}]}], "No run has the field 'plan'"),
    "in a disjunction": (
        lambda: [{"$or": [{"plan": "a"}, {"sample.nam": "Ni"}]}],
        r"'plan'.*Did you mean 'sample\.name'",
    ),
    "a stop": (lambda: [Key("stop.exitstatus") == "a"], r"in its stop document. Did you mean 'exit_status'\?"),
    "a raw stop": (lambda: [Raw({"reasn": "a"}, "stop")], "No run has the field 'reasn' in its stop document"),
    "a descriptor": (lambda: [Raw({"hints.fields": "a"}, "descriptor")], "'hints.fields' in a descriptor"),
    "a device": (lambda: [HasDevice("quaden")], r"No run has a device 'quaden' in a stream\. Did you mean 'quadem'\?"),
}
KEYWORDS = {
    "stream": ({"stream": "basline"}, r"No run has a stream 'basline'\. Did you mean 'baseline'\?"),
    "data_key": ({"data_key": "quadem_io"}, r"has the data key 'quadem_io' in a stream\. Did you mean 'quadem_I0'\?"),
    "device": ({"device": "mono"}, "No run has a device 'mono' in a stream"),
}
WAYS = {
    "len": len,
    "iter": list,
    "values": lambda found: list(found.values()),
    "bool": bool,
    "table": lambda found: found.table(),
    "distinct": lambda found: found.distinct("scan_id"),
    "slice": lambda found: found[-5:],
    "pickled": lambda found: len(pickle.loads(pickle.dumps(found))),
    "narrowed": lambda found: len(found.search({"scan_id": 1}).search(limit=1)),
}


@pytest.mark.parametrize(("make", "said"), TYPED.values(), ids=TYPED)
def test_a_field_that_no_run_has_is_said(catalog, make, said):
    found = catalog.search(*make())
    with pytest.warns(CatalogWarning, match=said):
        assert len(found) == 0


@pytest.mark.parametrize(("keywords", "said"), KEYWORDS.values(), ids=KEYWORDS)
def test_a_stream_a_data_key_or_a_device_that_no_run_has_is_said(catalog, keywords, said):
    with pytest.warns(CatalogWarning, match=said):
        assert not catalog.search(**keywords)


@pytest.mark.parametrize("ask", WAYS.values(), ids=WAYS)
def test_it_is_said_by_each_way_to_look_at_what_was_found(catalog, ask):
    with pytest.warns(CatalogWarning, match="'plan_nme'"):
        ask(catalog.search({"plan_nme": "count"}))


def test_it_is_said_with_the_error_of_the_latest_run_and_by_databroker_1(catalog):
    with pytest.warns(CatalogWarning, match="'plan_nme'"), pytest.raises(RunIndexError):
        catalog.search({"plan_nme": "count"})[-1]
    with pytest.warns(CatalogWarning, match="'plan_nme'") as caught:
        assert list(catalog.v1(plan_nme="count")) == []
    assert caught[0].filename == __file__


def test_it_is_said_once(catalog):
    found = catalog.search({"plan_nme": "count"})
    with pytest.warns(CatalogWarning) as caught:
        assert (len(found), list(found), bool(found)) == (0, [], False)
    assert len(caught) == 1


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("plan_nme", r"start document\. Did you mean 'plan_name'\?"),
        ("stop.exit", r"No run has the field 'exit' in its stop document"),
        ("descriptor.nam", r"Did you mean 'name'\?"),
    ],
)
def test_the_values_of_a_field_that_no_run_has_are_none_with_a_word(catalog, field, said):
    for ask in (catalog.distinct, lambda field: catalog.facets([field])[field]):
        with pytest.warns(CatalogWarning, match=said):
            assert not ask(field)
    with pytest.warns(CatalogWarning, match=r"Did you mean 'plan_name'\?"):
        catalog.table(["scan_id", "plan_nme"])


def test_what_is_there_and_was_not_found_is_not_said(catalog):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for question in (
            {"plan_name": "none"},
            {"sample.name": "Cu"},
            {"n.inner": 7},
            {"n.0.inner": 7},
            {"only_in_1": 5},
            {"absent": None, "plan_name": "none"},
            {"absent": {"$exists": False}, "plan_name": "none"},
            {"absent": {"$nin": [1]}, "plan_name": "none"},
            {"absent": {"$in": [None]}, "plan_name": "none"},
            {"$nor": [{"absent": 1}], "plan_name": "none"},
            ~Eq("absent", 1) & Eq("plan_name", "none"),
            NotEq("absent", 1) & Eq("plan_name", "none"),
            ScanID(99),
            TimeRange(since=1e9),
            Raw({"time": 7}, "stop"),
        ):
            assert len(catalog.search(question)) == 0
        assert catalog.distinct("nothing") == []
        assert len(catalog.table(["scan_id", "stop.reason"])) == 2
        assert len(Catalog.in_memory().search({"plan_nme": 1})) == 0
        assert Catalog.in_memory().distinct("plan_nme") == []


def test_a_field_of_few_runs_is_there(catalog, monkeypatch):
    monkeypatch.setattr("databroker_mongo.runs.field_hints._SAMPLE", 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(catalog.search({"only_in_1": 5})) == 0


def test_nothing_is_said_of_what_is_outside_of_a_scope(catalog):
    scope = catalog.search({"plan_name": "count"}).scoped(data_session="pass-2")
    with pytest.warns(CatalogWarning, match=r"No run has the field 'only_in_1' in its start document\. Did you mean"):
        assert len(scope.search({"only_in_1": 1})) == 0
    with pytest.warns(CatalogWarning) as caught:
        assert scope.distinct("only_in") == []
    assert "only_in_1" not in str(caught[0].message)
    nobody = catalog.scoped(data_session="pass-3")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(nobody.search({"plan_nme": 1})) == 0
        assert nobody.distinct("plan_nme") == []
