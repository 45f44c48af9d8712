"""Fields of the start document in allowed roots: what is put in their place, and what is not."""

from __future__ import annotations

import pickle

import pytest

from databroker_mongo.assets import Resource, Roots, open_reader
from databroker_mongo.assets.run_roots import roots_of_run
from databroker_mongo.config import literal_root
from databroker_mongo.errors import ConfigurationError, PathNotAllowed


@pytest.mark.parametrize(
    ("root", "start", "place"),
    [
        ("/data/{cycle}/{data_session}", {"cycle": "2026-1", "data_session": "pass-1"}, "/data/2026-1/pass-1"),
        ("/data/pass-{proposal.id}/raw", {"proposal": {"id": 314062}}, "/data/pass-314062/raw"),
        ("/data/{XDI.Facility.GUP}", {"XDI": {"Facility": {"GUP": 333333}}}, "/data/333333"),
        ("/data/{{x}}/{a}", {"a": "{b}", "b": "c"}, "/data/{x}/{b}"),
        ("/data/{a}", {"a": "ä ~$HOME"}, "/data/ä ~$HOME"),
        ("/data", {}, "/data"),
    ],
)
def test_a_name_is_put_in_the_place_of_a_field(root, start, place):
    assert roots_of_run([root], start) == ((place,), ())


@pytest.mark.parametrize(
    ("start", "said"),
    [
        ({"a": "x/../pass-2"}, "no name of a directory"),
        ({"a": "pass-2/"}, "no name of a directory"),
        ({"a": "/"}, "no name of a directory"),
        ({"a": "x\\pass-2"}, "no name of a directory"),
        ({"a": ".."}, "no name of a directory"),
        ({"a": "."}, "no name of a directory"),
        ({"a": ".hidden"}, "no name of a directory"),
        ({"a": ""}, "no name of a directory"),
        ({"a": "x\0"}, "no name of a directory"),
        ({"a": "x\n"}, "no name of a directory"),
        ({"a": "\ud800"}, "no name of a directory"),
        ({}, "no field a"),
        ({"a": None}, "a NoneType"),
        ({"a": True}, "a bool"),
        ({"a": 1.0}, "a float"),
        ({"a": ["pass-1"]}, "a list"),
        ({"a": {"b": 1}}, "a dict"),
        (None, "not at hand"),
    ],
)
def test_whatever_else_a_field_holds_leaves_the_root_out(start, said):
    places, left_out = roots_of_run(["/data/{a}", "/others"], start)
    assert places == ("/others",)
    assert said in left_out[0]


@pytest.mark.parametrize("start", [{"a": "."}, {"a": {"b": 1}}, {"a": [{"b": "x"}]}, {"a.b": "x"}])
def test_no_two_fields_make_a_way_upwards_and_no_list_is_gone_into(start):
    for root in ("/data/{a}{a}/x", "/data/.{a}/x", "/data/{a.b}/{a}"):
        assert roots_of_run([root], start).places == ()


@pytest.mark.parametrize(
    "root", ["/data/{", "/data/}", "/data/{}", "/{0}", "/{a[0]}", "/{a!r}", "/{a:>9}", "/{a.}", "/{a b}"]
)
def test_braces_that_hold_no_field_are_refused(machine, root):
    for make in (lambda: Roots(None, [root]), lambda: open_reader(allowed_roots=[root])):
        with pytest.raises(ConfigurationError, match="written twice"):
            make()
    machine.write(machine.site, "a.yml", f"site: {{allowed_roots: ['{root}']}}")
    with pytest.raises(ConfigurationError, match=r"a\.yml.*\n?.*|written twice"):
        open_reader()


def test_a_directory_with_braces_in_its_name_is_written_with_two(tmp_path):
    (tmp_path / "{x}").mkdir()
    roots = Roots(None, [literal_root(str(tmp_path / "{x}"))])
    assert roots.locate(_resource(tmp_path / "{x}")).path == tmp_path / "{x}/a.h5"


def test_a_root_relative_to_a_file_has_fields_below_a_directory_of_any_name(machine, tmp_path, monkeypatch):
    site = machine.site.parent / "{site}"
    site.mkdir(parents=True)
    monkeypatch.setenv("DATABROKER_MONGO_PATH", str(site))
    machine.write(site, "a.yml", "site: {allowed_roots: ['data/{session}']}")
    reader = open_reader().of_run({"session": "pass-1"})
    assert reader.roots.locate(_resource(site / "data/pass-1")).path == site / "data/pass-1/a.h5"
    with pytest.raises(PathNotAllowed):
        reader.roots.locate(_resource(site / "data/pass-2"))


def test_the_fields_of_a_run_travel_to_where_the_roots_have_fields(machine, tmp_path):
    """A worker has roots of its own, with fields that nobody here has heard of."""
    reader = open_reader().of_run({"session": "pass-1", "uid": "x"})
    sent = pickle.dumps(reader)
    machine.write(machine.site, "a.yml", f"site: {{allowed_roots: ['{tmp_path}/{{session}}']}}")
    arrived = pickle.loads(sent)
    assert arrived.roots.locate(_resource(tmp_path / "pass-1")).path == tmp_path / "pass-1/a.h5"
    with pytest.raises(PathNotAllowed, match=r"pass-2.*not under .*pass-1"):
        arrived.roots.locate(_resource(tmp_path / "pass-2"))


def test_roots_in_code_narrow_those_of_the_settings_run_by_run(machine, tmp_path):
    machine.write(machine.site, "a.yml", f"site: {{allowed_roots: ['{tmp_path}/{{session}}']}}")
    reader = open_reader(allowed_roots=[tmp_path]).of_run({"session": "pass-1"})
    assert reader.roots.locate(_resource(tmp_path / "pass-1")).path == tmp_path / "pass-1/a.h5"
    for run in (reader, open_reader(allowed_roots=[tmp_path]).of_run({}), open_reader(allowed_roots=[tmp_path])):
        with pytest.raises(PathNotAllowed):
            run.roots.locate(_resource(tmp_path / "pass-2"))


def test_readers_of_two_runs_are_told_apart_and_what_is_tried_is_told(tmp_path):
    reader = open_reader(allowed_roots=[f"{tmp_path}/{{a}}"])
    one, other = reader.of_run({"a": "1"}), reader.of_run({"a": 2})
    assert one.identity(_resource(tmp_path)) != other.identity(_resource(tmp_path))
    assert f"allowed roots: {tmp_path}/1\n" in one.roots.explain(_resource(tmp_path))
    assert "whose start document is not at hand" in reader.roots.explain(_resource(tmp_path))


def _resource(directory):
    return Resource(uid="uid", spec="SPEC", root=str(directory), path="a.h5", kwargs={})
