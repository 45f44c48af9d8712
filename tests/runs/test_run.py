"""What a person types on a run, other than to read a stream of it."""

import copy

import pytest

from databroker_mongo import Catalog, Writer
from databroker_mongo.errors import OldNameWarning
from databroker_mongo.testing import Asset, build_run


@pytest.fixture
def run():
    """A run of three events."""
    catalog = Catalog.in_memory()
    writer = Writer(catalog)
    for name, doc in build_run({"primary": [{"x": number} for number in range(3)], "baseline": [{"y": 1}]}, uid="run"):
        writer(name, doc)
    return catalog["run"]


def test_a_run_that_is_called_got_or_configured_anew_is_itself(run):
    assert run.configure_new() is run
    assert run() is run
    assert run.get() is run


def test_an_attribute_that_is_neither_says_which_streams_there_are(run):
    with pytest.raises(AttributeError, match=r"no stream or attribute 'primry'\. It has: primary, baseline"):
        run.primry  # noqa: B018
    assert not hasattr(run, "_repr_of_somebody_")


def test_get_with_a_name_is_that_of_a_mapping(run):
    assert run.get("primary") is run["primary"]
    assert run.get("nope") is None
    assert run.get("nope", 5) == 5


@pytest.mark.parametrize("method", ["read", "to_dask"])
def test_a_run_says_which_streams_can_be_read(run, method):
    with pytest.raises(NotImplementedError) as caught:
        getattr(run, method)()
    for name in ("primary", "baseline"):
        assert f"run['{name}'].{method}()" in str(caught.value)


def test_old_names_of_documents_yield_the_same_and_warn(run):
    expected = list(run.documents(fill="yes"))
    with pytest.warns(OldNameWarning, match=r"Run\.documents") as caught:
        assert list(run.canonical(fill="yes")) == expected
    assert caught[0].filename == __file__
    with pytest.warns(OldNameWarning, match='fill="yes"'):
        assert list(run.read_canonical()) == expected


def test_documents_of_a_run_without_streams_are_corrected_as_well():
    resource = {
        "uid": "r",
        "run_start": "run",
        "spec": "ANY",
        "root": "/old",
        "resource_path": "a",
        "path_semantics": "posix",
        "resource_kwargs": {},
    }
    catalog = Catalog.in_memory(transforms={"resource": lambda document: {**document, "root": "/new"}})
    with Writer(catalog) as writer:
        writer("start", {"uid": "run", "time": 1.0})
        writer("resource", resource)
    documents = dict(catalog["run"].documents())

    assert documents["resource"]["root"] == "/new"


@pytest.mark.parametrize("page_size", [0, -1])
def test_a_page_that_holds_no_row_is_refused_before_anything_is_read(run, page_size):
    with pytest.raises(ValueError, match=f"page_size={page_size}"):
        run.documents(page_size=page_size)


@pytest.fixture
def faulty(store_uri):
    """A run with a second stop, a gap, a wrong count, a lacking value and an image that no handler reads."""
    image = Asset("NO_SUCH_SPEC", "/data", "a" * 80, [{"point": number} for number in range(3)], shape=(2, 2))
    documents = build_run({"primary": [{"x": number} for number in range(3)]}, assets={"primary": {"image": image}})
    documents = copy.deepcopy(documents)
    events = [doc for name, doc in documents if name == "event"]
    del events[1]["data"]["x"]
    events[2]["seq_num"] = 5
    stop = documents[-1][1]
    stop["num_events"] = {"primary": 9}
    documents.append(("stop", {**stop, "uid": "second", "exit_status": "fail"}))
    writer = Writer(store_uri)
    for name, doc in documents:
        writer(name, doc)
    return Catalog.from_uri(store_uri)[-1]


@pytest.mark.filterwarnings("ignore:no allowed_roots")
def test_health_tells_what_is_wrong_with_columns_in_their_rows_and_all_else_in_rows_of_its_own(faulty):
    health = faulty.health()
    columns = health[health["data_key"] != ""].set_index("data_key")
    assert columns["status"].to_dict() == {"x": "note", "image": "unreadable"}
    assert columns.loc["x", "facts"]["missing-value"]["first_seq_num"] == 2
    assert "\n" not in columns.loc["image", "reason"]
    assert columns.loc["image", "facts"]["spec"] == "NO_SUCH_SPEC"
    others = health[health["data_key"] == ""]
    assert set(others["status"]) == {"note"}
    kinds = ["gap", "missing-files", "num-events", "second-stop", "unreadable-spec"]
    assert sorted(kind for facts in others["facts"] for kind in facts) == kinds
    assert faulty.health().equals(health)


def test_files_that_may_not_be_read_are_not_called_missing(store_uri, tmp_path):
    (tmp_path / "a").touch()
    (tmp_path / "inside").mkdir()
    image = Asset("AD_TIFF", str(tmp_path), "a", [{"point_number": 0}], shape=(2, 2))
    writer = Writer(store_uri)
    for name, doc in build_run({"primary": [{"x": 1}]}, assets={"primary": {"image": image}}, uid="run"):
        writer(name, doc)
    found = Catalog.from_uri(store_uri, allowed_roots=[str(tmp_path / "inside")])["run"].findings()
    (refused,) = [each for each in found if each.kind != "unreadable-spec"]
    assert (refused.kind, refused.is_fault) == ("forbidden-files", True)
    assert refused.facts == {"root": str(tmp_path), "n": 1, "paths": [f"{tmp_path}/a"]}
    assert "allowed" in refused.message


@pytest.mark.filterwarnings("ignore:no allowed_roots")
def test_files_that_are_missing_are_found_by_root_and_specs_that_nothing_reads_by_name(store_uri, tmp_path):
    (tmp_path / "a").touch()
    here, there = (
        Asset("NO_SUCH_SPEC", root, name, [{"point": number} for number in range(3)], shape=(2, 2))
        for root, name in ((str(tmp_path), "a"), ("/nowhere", "b"))
    )
    writer = Writer(store_uri)
    for name, doc in build_run({"primary": [{"x": 1}] * 3}, assets={"primary": {"one": here, "two": there}}, uid="run"):
        writer(name, doc)
    run = Catalog.from_uri(store_uri)["run"]
    spec, files = run.findings()
    assert (spec.kind, spec.run_uid, spec.facts) == ("unreadable-spec", "run", {"spec": "NO_SUCH_SPEC"})
    facts = {"root": "/nowhere", "n": 1, "paths": ["/nowhere/b"], "missing_directory": "/nowhere"}
    assert (files.kind, files.facts) == ("missing-files", facts)
    assert run.findings(files=False) == []


@pytest.mark.filterwarnings("ignore:no allowed_roots")
def test_a_narrow_terminal_shows_all_that_health_and_files_tell(faulty, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    health = repr(faulty.health())
    for words in ("unreadable", "image", "NO_SUCH_SPEC", "There is a second stop", "'x'"):
        assert words in health
    files = repr(faulty.files())
    assert "a" * 80 in files
    assert "NO_SUCH_SPEC" in files
    assert max(map(len, [line for line in health.splitlines() if " " in line.strip() and "/" not in line])) <= 80
