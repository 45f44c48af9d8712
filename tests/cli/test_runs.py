"""Asking a catalog of runs at a shell's prompt."""

from __future__ import annotations

import csv
import datetime
import io
import json
import subprocess
import sys
import time

import pytest
from bson import Decimal128, ObjectId

from databroker_mongo import Catalog, Writer, display
from databroker_mongo.cli import runs as cli_runs
from databroker_mongo.cli.main import FAILURE, main
from databroker_mongo.store import open_store, writable
from databroker_mongo.store.reports import IndexReport
from databroker_mongo.testing import Asset, build_run

HEAVY = {"dask", "xarray", "pandas", "event_model", "h5py", "matplotlib"}


@pytest.fixture
def uri(store_uri, machine):
    """A database of three runs, which is the only configured catalog."""
    writer = Writer(Catalog.from_uri(store_uri))
    for number, (plan, sample, status) in enumerate(
        [("count", "Ni", "success"), ("scan", "Cu", "fail"), ("count", "Ni", None)]
    ):
        streams = {"primary": [{"x": 1}] * number, "baseline": [{"y": 1}]}
        for name, doc in build_run(
            streams,
            scan_id=number + 1,
            time=1_600_000_000.0 + 86400 * number,
            uid=f"{number}{number}{number}{number}-0000",
            plan_name=plan,
            sample={"name": sample},
            plan_args={"detectors": ["eiger", "quadem", "xspress3"], "args": ["theta", -1.5, 1.5], "num": 101},
            motors=["x", "y"],
            exit_status=status,
        ):
            writer(name, doc)
    machine.write(machine.user, "a.yml", f"catalogs: {{mine: {{uri: '{store_uri}'}}}}")
    return store_uri


def listed(capsys, *arguments):
    assert main(["ls", *arguments, "--format", "json"]) == 0
    return [run["scan_id"] for run in json.loads(capsys.readouterr().out)]


def test_runs_are_listed_the_newest_first_with_a_head(uri, capsys):
    assert main(["ls"]) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.split() == ["time+00:00", "scan_id", "uid", "plan", "sample", "status", "duration"]
    assert [line.split()[2:6] for line in lines] == [
        ["3", "2222-000", "count", "Ni"],
        ["2", "1111-000", "scan", "Cu"],
        ["1", "0000-000", "count", "Ni"],
    ]
    assert all(len(line) <= 80 for line in [head, *lines])


@pytest.mark.parametrize(
    ("arguments", "scan_ids"),
    [
        (["plan_name=count"], [3, 1]),
        (["plan_name!=count"], [2]),
        (["scan_id>=2", "scan_id<3"], [2]),
        (["sample.name~^N"], [3, 1]),
        (["motors:x", "stop.exit_status=fail"], [2]),
        (["stop.reason="], [2, 1]),
        (["scan_id=2.0"], [2]),
        (["--plan", "count", "--sample", "Ni"], [3, 1]),
        (["--since", "2020-09-14T00:00Z", "--until", "2020-09-15", "--timezone", "UTC"], [2]),
        (["--since", "1600000001"], [3, 2]),
        (["--where", '{"$or": [{"scan_id": 1}, {"scan_id": 2}]}', "--where", '{"plan_name": "scan"}'], [2]),
        (["--limit", "2"], [3, 2]),
        (["--sort", "scan_id"], [1, 2, 3]),
        (["--sort=-sample.name"], [3, 1, 2]),
        (["plan_name=none"], []),
    ],
)
def test_questions_are_typed_as_words_and_options(uri, capsys, arguments, scan_ids):
    assert listed(capsys, *arguments) == scan_ids


def test_times_are_shown_in_the_zone_that_is_asked_for(uri, capsys):
    assert main(["ls", "--timezone", "Asia/Tokyo"]) == 0
    head, *_, last = capsys.readouterr().out.splitlines()
    assert head.startswith("time+09:00 ")
    assert last.startswith("2020-09-13 21:26  1 ")
    assert main(["ls", "--timezone", "Nowhere"]) == FAILURE
    assert "no time zone 'Nowhere'" in capsys.readouterr().err


def test_times_on_both_sides_of_a_clock_change_have_an_offset_each(uri, capsys):
    writer = Writer(Catalog.from_uri(uri))
    writer("start", {"uid": "winter", "time": 1_606_000_000.0, "scan_id": 9})
    assert main(["ls", "--timezone", "Europe/Berlin", "--columns", "time,scan_id"]) == 0
    assert capsys.readouterr().out.splitlines()[:3] == [
        "time                    scan_id",
        "2020-11-22 00:06+01:00  9",
        "2020-09-15 14:26+02:00  3",
    ]


def test_texts_of_any_script_are_aligned_and_fit(uri, capsys):
    writer = Writer(Catalog.from_uri(uri))
    start = {"uid": "wide", "time": 1_700_000_000.0, "scan_id": 9, "plan_name": "count"}
    writer("start", {**start, "sample": {"name": "\u6a19\u672c" * 30}})
    assert main(["ls"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "\u6a19\u672c" in lines[1]
    widths = [sum(2 if letter == "\u6a19" or letter == "\u672c" else 1 for letter in line) for line in lines]
    assert max(widths) <= 80
    place = lines[2].index("success") if "success" in lines[2] else lines[-1].index("success")
    assert lines[0].index("status") == place


def test_the_usual_columns_leave_room_for_the_names_of_plan_and_sample(uri, capsys):
    writer = Writer(Catalog.from_uri(uri))
    start = {"uid": "usual", "time": 1_700_000_000.0, "scan_id": 123456, "plan_name": "rel_grid_scan"}
    writer("start", {**start, "sample": {"name": "Ni foil"}})
    writer("stop", {"uid": "s", "run_start": "usual", "time": 1_700_012_345.678, "exit_status": "success"})
    assert main(["ls", "--limit", "1"]) == 0
    line = capsys.readouterr().out.splitlines()[1]
    assert line.split()[3:] == ["usual", "rel_grid_scan", "Ni", "foil", "success", "12345.7"]
    assert len(line) <= 80


def test_questions_stand_on_both_sides_of_options(uri, capsys):
    assert listed(capsys, "plan_name=count", "--limit", "5", "scan_id>1") == [3]
    assert main(["distinct", "sample.name", "--format", "csv", "scan_id=2"]) == 0
    assert capsys.readouterr().out == "sample.name,runs\nCu,1\n"
    for arguments in (["ls", "scan_id=2", "--nonsense"], ["show", "1", "--format", "json", "2"]):
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        assert caught.value.code == 2
        assert "unrecognized arguments" in capsys.readouterr().err


def test_long_texts_are_cut_so_that_a_line_fits(uri, capsys, monkeypatch):
    writer = Writer(Catalog.from_uri(uri))
    start = {"uid": "long", "time": 1_700_000_000.0, "scan_id": 123456, "sample": {"name": "nickel foil " * 5}}
    writer("start", {**start, "plan_name": "scan_nd xafs transmission"})
    assert main(["ls"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert "scan_nd xa\N{HORIZONTAL ELLIPSIS}" in lines[1]
    monkeypatch.setenv("COLUMNS", "200")
    assert main(["ls"]) == 0
    assert "scan_nd xafs transmission" in capsys.readouterr().out


@pytest.mark.parametrize("form", ["table", "csv", "json"])
def test_values_that_other_programs_stored_are_written(uri, capsys, form):
    odd = {"date": datetime.datetime(2020, 1, 2), "number": Decimal128("1.5"), "list": [ObjectId("a" * 24)]}
    Catalog.from_uri(uri).store.collections.run_start.update_one({"scan_id": 1}, {"$set": {"odd": odd, **odd}})
    assert main(["ls", "--columns", "odd,date,number,list", "--format", form]) == 0
    for field in ("odd", "date", "number", "list"):
        assert main(["distinct", field, "--format", form]) == 0
    out = capsys.readouterr().out
    assert min(out.count("2020-01-02"), out.count("1.5"), out.count("a" * 24)) >= 3
    assert "datetime" not in out
    assert main(["show", "0000", "--format", "json" if form == "json" else "text"]) == 0
    assert "2020-01-02" in capsys.readouterr().out


def test_columns_are_chosen_and_written_as_csv_and_json(uri, capsys):
    columns = "scan_id,motors,streams,n_events,stop.exit_status"
    assert main(["ls", "--columns", columns, "--format", "csv", "--limit", "0"]) == 0
    rows = list(csv.reader(io.StringIO(capsys.readouterr().out)))
    assert rows[0] == columns.split(",")
    assert rows[2] == ["2", '["x", "y"]', '["primary", "baseline"]', "2", "fail"]
    assert main(["ls", "--columns", columns, "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)[0] == {
        "scan_id": 3, "motors": ["x", "y"], "streams": ["primary", "baseline"], "n_events": 3, "stop.exit_status": None,
    }  # fmt: skip


def test_one_run_is_shown_with_its_metadata(uri, capsys):
    assert main(["show", "-1"]) == 0
    out = capsys.readouterr().out
    assert "uid='2222-0000'" in out
    assert "* baseline" in out
    assert "  start.sample.name          Ni\n" in out
    assert not set(out) & set("{}")
    assert max(map(len, out.splitlines())) <= 80
    assert main(["show", "1111", "--format", "json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["stop"]["exit_status"], shown["streams"]) == ("fail", ["primary", "baseline"])


def test_a_document_is_shown_in_words(uri, capsys):
    writer = Writer(Catalog.from_uri(uri))
    odd = {
        "shape": [[1, 2], {"a": "b"}],
        "empty": {},
        "none": [],
        "deep": {"er": {"est": [1.5, "two"]}},
        "name": "O'Neil",
    }
    writer("start", {"uid": "words", "time": 1_800_000_000.0, **odd})
    assert main(["show", "words"]) == 0
    shown = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines() if line.startswith("  start."))
    assert shown["start.shape"] == "[1, 2], {a: b}"
    assert shown["start.deep.er.est"] == "1.5, two"
    assert shown["start.empty"] == shown["start.none"] == "(empty)"
    assert shown["start.name"] == "O'Neil"
    assert main(["ls", "--columns", "deep,shape", "--limit", "1"]) == 0
    assert "er: {est: [1.5, two]}" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["ls"], ["distinct", "scan_id"]])
def test_where_no_run_answers_that_is_said_with_what_was_asked_and_of_how_many(uri, capsys, arguments):
    assert main([*arguments, "sample.name=Au", "--plan", "count"]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert "none of the 3 runs in the catalog matches Eq('sample.name', 'Au') & Eq('plan_name', 'count')" in err
    for form in ("json", "csv"):
        assert main([*arguments, "sample.name=Au", "--format", form]) == 0
        out, err = capsys.readouterr()
        assert (out.split(), err) == (["[]"], "") if form == "json" else err == ""


def test_a_field_that_no_run_has_and_a_catalog_without_runs_are_said(uri, capsys):
    assert main(["distinct", "nothing"]) == 0
    assert "No run has the field 'nothing' in its start document." in capsys.readouterr().err
    assert main(["distinct", "sample_name"]) == 0
    assert capsys.readouterr().err.endswith("Did you mean 'sample.name'?\n")
    assert main(["ls", "plan=count"]) == 0
    assert "databroker-mongo: No run has the field 'plan' in its start document." in capsys.readouterr().err
    assert main(["ls", "--catalog", "memory://empty"]) == 0
    assert "the catalog has no runs" in capsys.readouterr().err


def test_values_are_counted(uri, capsys):
    assert main(["distinct", "sample.name"]) == 0
    assert capsys.readouterr().out.split() == ["2", "Ni", "1", "Cu"]
    assert main(["distinct", "stop.exit_status", "plan_name=scan", "--format", "csv"]) == 0
    assert capsys.readouterr().out == "stop.exit_status,runs\nfail,1\n"


def test_what_is_wrong_with_runs_is_listed(uri, capsys):
    assert main(["check", "0000", "1111"]) == 0
    assert capsys.readouterr().out == "nothing is wrong\n"
    assert main(["check", "0000", "-1"]) == cli_runs.FOUND
    [line] = capsys.readouterr().out.splitlines()
    assert line.split()[:4] == ["2222-0000", "-", "-", "no-stop"]


def test_what_is_wrong_with_all_runs_and_belongs_to_none_is_listed_as_json(uri, capsys):
    lost = {"uid": "lost", "run_start": "nobody", "time": 1.0, "exit_status": "success"}
    Writer(Catalog.from_uri(uri))("stop", lost)
    assert main(["check", "--all", "--exit-zero", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    no_stop, orphans = [finding for finding in found if finding["kind"] != "missing-index"]
    assert (no_stop["run_uid"], no_stop["kind"], no_stop["facts"]["state"]) == ("2222-0000", "no-stop", "crashed")
    assert (orphans["run_uid"], orphans["kind"], orphans["facts"]) == (None, "orphans", {"run": "nobody", "n": 1})


def test_a_catalog_with_a_scope_lists_nothing_that_belongs_to_no_run(uri, machine, capsys):
    Writer(Catalog.from_uri(uri))("stop", {"uid": "stray", "run_start": "gone", "time": 1.0, "exit_status": "success"})
    assert main(["check", "--all"]) == cli_runs.FOUND
    assert "orphans" in capsys.readouterr().out
    scope = "scope: {plan_name: [count]}"
    machine.write(machine.user, "a.yml", f"catalogs: {{mine: {{uri: '{uri}', {scope}}}}}")
    assert main(["check", "--all"]) == cli_runs.FOUND
    assert "orphans" not in capsys.readouterr().out


def test_a_run_in_progress_is_listed_and_no_fault(uri, capsys):
    for name, doc in build_run({"primary": []}, time=time.time(), uid="3333-0000", exit_status=None):
        Writer(Catalog.from_uri(uri))(name, doc)
    assert main(["check", "3333"]) == 0
    assert "in progress" in capsys.readouterr().out


def test_a_run_that_was_rewound_is_listed_and_no_fault(uri, capsys):
    documents = build_run({"primary": [{"x": number} for number in range(5)]}, uid="3333-0000")
    for (_, event), seq_num in zip(documents[2:7], [1, 2, 1, 2, 3], strict=True):
        event["seq_num"] = seq_num
    documents[-1][1]["num_events"] = {"primary": 3}
    for name, doc in documents:
        Writer(Catalog.from_uri(uri))(name, doc)
    assert main(["check", "3333"]) == 0
    [line] = capsys.readouterr().out.splitlines()
    assert line.split()[:4] == ["3333-0000", "primary", "-", "repeated-seq-num"]


def test_files_that_are_missing_are_told_unless_documents_alone_are_asked_for(uri, capsys):
    image = Asset("NPY_SEQ", "/nowhere", "a", [{"index": 0}], shape=(2, 2))
    with Writer(Catalog.from_uri(uri)) as writer:
        for name, doc in build_run({"primary": [{"x": 1}]}, assets={"primary": {"image": image}}, uid="3333-0000"):
            writer(name, doc)
    assert main(["check", "3333", "--no-files"]) == 0
    capsys.readouterr()
    assert main(["check", "3333"]) == cli_runs.FOUND
    assert "files below '/nowhere' are not there" in capsys.readouterr().out


def test_a_question_is_explained_and_indexes_are_listed(uri, capsys):
    assert main(["explain", "sample.name=Ni", "stop.exit_status=fail"]) == 0
    assert "run_start" in capsys.readouterr().out
    assert main(["indexes"]) == 0
    shown = capsys.readouterr().out
    assert ("missing  event" in shown) is uri.startswith("mongodb")
    assert ("A database in memory has no indexes" in shown) is uri.startswith("memory")


def test_indexes_that_something_is_wrong_with_come_first_and_unknown_ones_are_one_line():
    def report(state, collection, field, detail="what it serves"):
        return IndexReport(collection, ((field, 1),), state, detail)

    known = [report(state, "event", state) for state in ("present", "extra", "missing", "present", "differs")]
    lines = display.index_lines(known)
    assert [line.split()[0] for line in lines] == ["missing", "differs", "extra", "present", "present"]
    views = [report("unknown", name, field, "it is a view") for name in ("run_start", "event") for field in "abc"]
    assert display.index_lines(views) == ["Not known of run_start, event: it is a view."]
    refused = [report("unknown", f"collection_{n}", "a", "the account may not list indexes") for n in range(8)]
    lines = display.index_lines([*known, *refused])
    assert " ".join(lines).endswith("collection_7: the account may not list indexes.")
    assert max(map(len, lines)) <= 80


def test_runs_without_an_access_tag_are_counted_by_year(store_uri, machine, capsys):
    store = writable(open_store(store_uri))
    of_2020, of_2024 = 1_600_000_000.0, 1_710_000_000.0
    held = [
        (of_2020, {}),
        (of_2020, {"data_session": None, "proposal_id": 5}),
        (of_2020, {"proposal_id": 5}),
        (of_2024, {"data_session": "public"}),
        (of_2024, {"data_session": "pass-1"}),
    ]
    for number, (began, more) in enumerate(held):
        store.insert("start", [{"uid": f"{number}000-0000", "time": began, "scan_id": number, **more}])
    machine.write(machine.user, "a.yml", f"catalogs: {{mine: {{uri: '{store_uri}'}}}}")

    def counted(*fields):
        options = [option for field in fields for option in ("--tag-field", field)]
        main(["check", "--all", "--no-files", "--format", "json", *options])
        found = [each for each in json.loads(capsys.readouterr().out) if each["kind"] == "untagged-runs"]
        return [(each["facts"]["year"], each["facts"]["n"]) for each in found]

    assert counted() == []
    assert counted("data_session") == [(2020, 3), (2024, 1)]
    assert counted("data_session", "proposal_id") == [(2020, 2), (2024, 1)]
    assert main(["check", "1", "--tag-field", "data_session"]) == FAILURE
    assert "--all" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show", "99"], "no run '99'"),
        (["check"], "or give --all"),
        (["check", "1", "--all"], "not both"),
        (["check", "99"], "no run '99'"),
        (["ls", "--where", "{"], "is not valid JSON"),
        (["ls", "a$b~("], "not a regular expression"),
        (["ls", "--since", "soon"], "is not a time"),
        (["ls", "--catalog", "other"], "other"),
        (["ls", "--columns", "descriptor.name"], "descriptor.name"),
    ],
)
def test_what_cannot_be_answered_is_said_on_standard_error(uri, capsys, arguments, message):
    assert main(arguments) == FAILURE
    out, err = capsys.readouterr()
    assert message in err
    assert out == ""
    assert "Traceback" not in err


def test_without_a_configured_catalog_one_must_be_named(machine, capsys):
    assert main(["ls"]) == FAILURE
    assert "with --catalog; no catalog is configured" in capsys.readouterr().err


def test_a_catalog_is_named_by_its_uri_too(uri, capsys):
    assert listed(capsys, "--catalog", uri) == [3, 2, 1]


def test_listing_loads_nothing_heavy(mongod_database_uri):
    code = f"import sys; from databroker_mongo.cli.main import main; main(['ls', '--catalog', {mongod_database_uri!r}])"
    done = subprocess.run(
        [sys.executable, "-c", code + "; print(*sys.modules)"], capture_output=True, text=True, timeout=60, check=True
    )
    assert HEAVY.isdisjoint(done.stdout.split())


def strictly(text):
    """Read JSON as other programs do, which know no NaN."""
    return json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))


def test_what_is_written_as_json_is_strict_json(uri, capsys):
    odd = {"nan": float("nan"), "inf": [float("inf"), {"a": float("-inf")}], "in": {"b": (float("nan"), 1.5)}}
    Catalog.from_uri(uri).store.collections.run_start.update_one({"scan_id": 1}, {"$set": {"odd": odd, **odd}})
    said = {"nan": None, "inf": ["Infinity", {"a": "-Infinity"}], "in": {"b": [None, 1.5]}}
    assert main(["ls", "--columns", "scan_id,odd,nan,duration", "--format", "json", "--limit", "0"]) == 0
    rows = {row["scan_id"]: row for row in strictly(capsys.readouterr().out)}
    assert (rows[1]["odd"], rows[1]["nan"]) == (said, None)
    for field in ("odd", "nan", "inf"):
        assert main(["distinct", field, "--format", "json"]) == 0
        strictly(capsys.readouterr().out)
    assert main(["show", "0000", "--format", "json"]) == 0
    assert strictly(capsys.readouterr().out)["start"]["odd"] == said
    main(["check", "--all", "--format", "json"])
    strictly(capsys.readouterr().out)
    assert main(["ls", "--columns", "scan_id,odd", "--format", "csv", "--limit", "0"]) == 0
    cells = [row[1] for row in csv.reader(io.StringIO(capsys.readouterr().out)) if row[0] == "1"]
    assert strictly(cells[0]) == said


def test_columns_may_tell_of_data(uri, capsys):
    columns = ["--columns", "scan_id,max(x),baseline.last(y)"]
    assert main(["ls", *columns]) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.split() == ["scan_id", "max(x)", "baseline.last(y)"]
    assert [line.split() for line in lines] == [["3", "1", "1"], ["2", "1", "1"], ["1", "1"]]
    assert main(["ls", *columns, "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)[2] == {"scan_id": 1, "max(x)": None, "baseline.last(y)": 1}


def test_a_function_that_is_none_of_a_table_is_an_error_at_the_shell(uri, capsys):
    assert main(["ls", "--columns", "median(x)"]) == FAILURE
    assert "a table has first, last, min, max, mean" in capsys.readouterr().err
