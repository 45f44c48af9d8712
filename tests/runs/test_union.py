"""Catalogs of several databases: whatever is asked of one is asked of all, and each run is read as its own is."""

from __future__ import annotations

import datetime
import pickle

import pytest

from databroker_mongo import Catalog, TimeRange, Writer
from databroker_mongo import catalog as configured
from databroker_mongo.errors import (
    AmbiguousKey,
    CatalogWarning,
    ConfigurationError,
    RunIndexError,
    StoreUnavailable,
    Unsupported,
)
from databroker_mongo.testing import build_run

DAY = 86_400.0
SPLIT = datetime.datetime(2026, 7, 1, tzinfo=datetime.UTC).timestamp()


def documents_of(number, **start):
    rows = [{"x": float(number + row)} for row in range(3)]
    fields = {"plan_name": "count", "sample": {"name": f"s{number % 2}"}, **start}
    uid = f"{number + 100:04x}-run"
    return build_run({"primary": rows}, uid=uid, time=SPLIT + number * DAY, scan_id=number % 4, **fields)


def write(uri, numbers, **start):
    with Writer(uri) as writer:
        for number in numbers:
            for name, document in documents_of(number, **start):
                writer(name, document)
    return Catalog.from_uri(uri)


@pytest.fixture
def uris(store_uri):
    """Databases of the test's own."""
    return [store_uri.replace("?", f"{letter}?") if "?" in store_uri else store_uri + letter for letter in "abc"]


@pytest.fixture
def whole(uris):
    """All runs in one database."""
    return write(uris[2], range(-6, 6))


@pytest.fixture(params=["split", "dated", "doubled", "overlapping"])
def joint(request, uris, whole):
    """The same runs in two: split at a date, known to be so or not; all in both; some in both."""
    numbers = {"doubled": (range(-6, 6), range(-6, 6)), "overlapping": (range(-6, 3), range(-3, 6))}
    first, second = numbers.get(request.param, (range(-6, 0), range(6)))
    old, new = write(uris[0], first), write(uris[1], second)
    if request.param == "dated":
        new = new.search(TimeRange(since=SPLIT))
    return Catalog.union([old, new])


QUESTIONS = {
    "uids": lambda runs: list(runs),
    "len": lambda runs: len(runs),
    "estimate_len": lambda runs: runs.estimate_len(),
    "positions": lambda runs: [runs[-place].start for place in range(1, 13)],
    "beyond": lambda runs: error_of(lambda: runs[-13]),
    "slices": lambda runs: [[run.start for run in runs[-5:]], [run.start for run in runs[-9:-4]]],
    "scan_id": lambda runs: [runs[number].start for number in range(4)],
    "uid": lambda runs: runs["0063-run"].start,
    "partial": lambda runs: runs["0069"].start,
    "ambiguous": lambda runs: error_of(lambda: runs["006"]),
    "missing": lambda runs: error_of(lambda: runs["ffff"]),
    "several": lambda runs: [run.start["uid"] for run in runs[[-1, 2, "005e-run", "0063"]]],
    "in": lambda runs: ["005e-run" in runs, "0069-run" in runs, 77 in runs],
    "search": lambda runs: [list(runs.search({"sample.name": name})) for name in ("s0", "s1", "s2")],
    "sorted": lambda runs: list(runs.search(sort=["scan_id", "-time"])),
    "window": lambda runs: [*runs.search(limit=5).search({"sample.name": "s1"}), len(runs.search(skip=3, limit=6))],
    "scoped": lambda runs: [len(runs.scoped(scan_id=2)), *runs.scoped(scan_id=2)],
    "stop": lambda runs: list(runs.search(stop={"exit_status": "success"}, stream="primary"))[:3],
    "find": lambda runs: [run.start["uid"] for run in runs.find("2")],
    "distinct": lambda runs: [runs.distinct("scan_id"), runs.distinct("sample.name", counts=True)],
    "facets": lambda runs: runs.facets(["stop.exit_status", "plan_name"]),
    "table": lambda runs: runs.table(["scan_id", "streams", "n_events", "max(x)"]).to_dict(),
    "values": lambda runs: [(run.start, run.stop, list(run)) for run in runs.values()],
    "page": lambda runs: [(run.start["uid"], list(run)) for run in runs.page(4, 5)],
    "read": lambda runs: runs.read("x")["x"].values.tolist(),
    "map": lambda runs: runs.map(lambda data: float(data["x"].sum()), keys="x")["result"].tolist(),
    "rows": lambda runs: [runs[place]["primary"].read()["x"].values.tolist() for place in (-1, -12)],
    "documents": lambda runs: [list(runs[place].documents()) for place in (-1, -12)],
    "v1": lambda runs: [header.start for header in runs.v1(**{"sample.name": "s1"})],
    "v1 table": lambda runs: runs.v1[-1].table().to_dict(),
    "v1 since": lambda runs: [header.start["uid"] for header in runs.v1(since=SPLIT + DAY)],
}


def error_of(ask):
    with pytest.raises(LookupError) as caught:
        ask()
    return type(caught.value)


def test_what_is_asked_of_several_databases_is_answered_as_by_one(joint, whole):
    found = {name: ask(joint) for name, ask in QUESTIONS.items()}
    expected = {name: ask(whole) for name, ask in QUESTIONS.items()}
    assert found == expected
    assert {expected["beyond"], expected["ambiguous"]} == {RunIndexError, AmbiguousKey}


def test_a_run_that_two_have_is_as_the_first_has_it(uris):
    old, new = write(uris[0], [1], operator="Ada"), write(uris[1], [1, 2], operator="Grace")
    for runs, expected in ((Catalog.union([old, new]), ["Ada", "Grace"]), (Catalog.union([new, old]), ["Grace"] * 2)):
        assert [runs[number].start["operator"] for number in (1, 2)] == expected
        assert runs.distinct("operator", counts=True) == {name: expected.count(name) for name in expected}
        assert len(runs) == 2
        found = [len(runs.search({"operator": name})) for name in ("Ada", "Grace")]
        assert found == [expected.count("Ada"), expected.count("Grace")]


def test_each_run_is_read_as_its_own_catalog_reads(uris):
    def in_capitals(start):
        return {**start, "plan_name": start["plan_name"].upper()}

    write(uris[0], [-1])
    write(uris[1], [1])
    old = Catalog.from_uri(uris[0], transforms={"start": in_capitals})
    new = Catalog.from_uri(uris[1], root_map={"/data": "/mnt"})
    runs = Catalog.union([old, new])
    assert [run.start["plan_name"] for run in runs.values()] == ["count", "COUNT"]
    assert runs[-1] == new[-1]
    assert runs[-2] == old[-1]


def test_a_correction_is_made_where_the_run_is(uris):
    old, new = write(uris[0], [-1]), write(uris[1], [1])
    runs = Catalog.union([old, new])
    runs.update(-1, start={"sample": "B"})
    assert (new[-1].start["sample"], runs[-1].refresh().start["sample"]) == ("B", "B")
    assert old[-1].start["sample"] == {"name": "s1"}


def test_it_pickles_and_equals_what_it_becomes(joint):
    again = pickle.loads(pickle.dumps(joint))
    assert again == joint
    assert list(again) == list(joint)
    assert again[-1]["primary"].read().equals(joint[-1]["primary"].read())


def test_a_union_of_unions_is_one(uris):
    one, two, three = (write(uri, [number]) for number, uri in enumerate(uris))
    runs = Catalog.union([Catalog.union([one, two]), three])
    assert list(runs) == ["0066-run", "0065-run", "0064-run"]
    assert [run["primary"].read()["x"].values[0] for run in runs.values()] == [2.0, 1.0, 0.0]


@pytest.fixture
def away():
    return Catalog.from_uri("mongodb://127.0.0.1:1/away", timeout_seconds=0.2)


def test_a_database_that_does_not_answer_is_an_error(uris, away):
    runs = Catalog.union([write(uris[0], [1]), away])
    for ask in (lambda: runs[-1], lambda: len(runs), lambda: list(runs), lambda: runs.distinct("scan_id")):
        with pytest.raises(StoreUnavailable, match=r"127\.0\.0\.1:1"):
            ask()


def test_one_that_does_not_answer_is_left_out_where_that_is_asked_for_and_told_each_time(uris, away):
    runs = Catalog.union([away, write(uris[0], [1])], partial=True)
    for ask, expected in ((lambda: runs[-1].start["uid"], "0065-run"), (lambda: len(runs), 1)):
        with pytest.warns(
            CatalogWarning, match=r"left out, since no MongoDB server answered at mongodb://127\.0\.0\.1:1/away"
        ) as caught:
            assert ask() == expected
        assert {each.filename for each in caught} == {__file__}
        assert runs.absent == (away.store.address,)


def test_where_none_answers_it_is_an_error_all_the_same(away):
    with pytest.raises(StoreUnavailable):
        len(Catalog.union([away, away], partial=True))


def test_a_union_of_nothing_is_refused():
    with pytest.raises(ConfigurationError, match="one catalog or more"):
        Catalog.union([])


class TestConfigured:
    def written(self, machine, text):
        machine.write(machine.user, "runs.yml", text)

    def test_names_and_whole_catalogs_can_be_joined(self, machine, uris):
        write(uris[0], [-1]), write(uris[1], [1]), write(uris[2], [2, -2])
        self.written(
            machine,
            f"""
            catalogs:
              beamline:
                uri: '{uris[0]}'
                also: [new, {{uri: '{uris[2]}', since: 2026-07-01}}]
              new: {{uri: '{uris[1]}'}}
            """,
        )
        assert list(configured) == ["beamline", "new"]
        runs = configured["beamline"]
        assert runs.name == "beamline"
        assert list(runs) == ["0066-run", "0065-run", "0063-run"]
        assert list(pickle.loads(pickle.dumps(runs))) == list(runs)
        assert list(configured["new"]) == ["0065-run"]
        assert list(configured["beamline/also/2"]) == ["0066-run"]

    def test_what_cannot_be_joined_is_an_error_that_names_the_place(self, machine, uris):
        uri = f"uri: '{uris[0]}'"
        for also, said in {
            "[nowhere]": "'also' names 'nowhere': no catalog is named",
            "[two]": "which has 'also' itself",
            "[5]": "must be a list of the names of catalogs",
            "[{uri: 'memory://a', ury: 1}]": "'beamline/also/1': the key 'ury' is not known; did you mean 'uri'",
        }.items():
            self.written(machine, f"catalogs: {{beamline: {{{uri}, also: {also}}}, two: {{{uri}, also: [beamline]}}}}")
            with pytest.raises(ConfigurationError, match=said.replace("[", r"\[")):
                configured["beamline"]

    def test_a_date_that_is_not_understood_is_an_error(self, machine, uris):
        self.written(machine, f"catalogs: {{beamline: {{uri: '{uris[0]}', since: next summer}}}}")
        with pytest.raises(ConfigurationError, match=r"'since' is not understood(.|\n)*runs\.yml"):
            configured["beamline"]

    def test_where_it_is_said_one_that_does_not_answer_is_left_out(self, machine, uris):
        write(uris[0], [1])
        other = "{uri: 'mongodb://127.0.0.1:1/away', timeout_seconds: 0.2}"
        self.written(machine, f"catalogs: {{beamline: {{uri: '{uris[0]}', also: [{other}], partial: true}}}}")
        with pytest.warns(CatalogWarning, match="left out"):
            assert len(configured["beamline"]) == 1


def test_far_runs_of_a_dated_union_are_counted_not_looked_at(mongod_database_uri, monkeypatch):
    uris = [mongod_database_uri.replace("?", f"{letter}?") for letter in "ab"]
    monkeypatch.setattr("databroker_mongo.store.union.union._FAR", 4)
    old, new = write(uris[0], range(-6, 0)), write(uris[1], range(6)).search(TimeRange(since=SPLIT))
    runs = Catalog.union([old, new])
    asked = []
    found = type(new.store).find_starts

    def find_starts(store, query, **options):
        asked.append((store.address, options.get("skip", 0)))
        return found(store, query, **options)

    expected = [run.start["uid"] for run in runs.values()]
    monkeypatch.setattr(type(new.store), "find_starts", find_starts)
    assert [runs[-place].start["uid"] for place in range(1, 13)] == expected
    asked.clear()
    assert runs[-11].start["uid"] == expected[10]
    assert {skip for _, skip in asked} == {0}
    assert [address for address, _ in asked].count(new.store.address) == 0


@pytest.mark.parametrize("ask", [lambda runs: runs.explain(), lambda runs: runs.v1.stats(), lambda runs: Writer(runs)])
def test_what_is_of_one_database_is_refused(uris, ask):
    runs = Catalog.union([write(uri, [number]) for number, uri in enumerate(uris[:2])])
    with pytest.raises((Unsupported, ConfigurationError), match=r"memory://|mongodb://"):
        ask(runs)
