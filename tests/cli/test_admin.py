"""What administers a database, at a shell's prompt: nothing is changed before it is said."""

from __future__ import annotations

import datetime
import sys

import pymongo
import pytest

from databroker_mongo import Catalog, Writer
from databroker_mongo.cli.main import FAILURE, main
from databroker_mongo.store import open_store
from databroker_mongo.testing import build_run


@pytest.fixture
def uri(mongod_database_uri, machine):
    """A database of one run, configured as `mine`, with a field that is asked about."""
    with Writer(mongod_database_uri) as writer:
        for name, doc in build_run({"primary": [{"x": 1}]}, data_session="pass-1"):
            writer(name, doc)
    machine.write(
        machine.user, "a.yml", f"catalogs: {{mine: {{uri: '{mongod_database_uri}', metadata_indexes: [operator]}}}}"
    )
    return mongod_database_uri


def states(uri):
    return {each.name: each.state for each in open_store(uri).indexes() if each.collection == "run_start"}


def names(uri):
    with pymongo.MongoClient(uri) as client:
        return set(client.get_default_database().list_collection_names())


def test_indexes_are_shown_and_made_when_told_to_with_those_that_the_catalog_asks_for(uri, capsys):
    assert main(["admin", "create-indexes", "mine", "--metadata", "sample.name"]) == 0
    shown = capsys.readouterr().out
    assert "would be made with --apply" in shown
    assert "(operator 1, time -1)" in shown
    assert set(states(uri).values()) == {"missing"}
    assert main(["admin", "create-indexes", "mine", "--metadata", "sample.name", "--apply"]) == 0
    made = capsys.readouterr().out
    assert "missing" not in made
    assert "(operator 1, time -1)" in made
    assert "(sample.name 1, time -1)" in made
    assert "missing" not in states(uri).values()


def test_summaries_are_counted_and_written_when_told_to(uri, capsys):
    assert main(["admin", "build-summaries", uri]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "1 runs: 1 summaries are to be written, 0 are to be removed.",
        "Nothing was changed; add --apply to make these changes.",
    ]
    assert "run_summary" not in names(uri)
    assert main(["admin", "build-summaries", "mine", "--apply"]) == 0
    assert capsys.readouterr().out == "1 runs: 1 summaries were written, 0 were removed.\n"


def test_views_are_shown_and_made_when_told_to(uri, capsys):
    arguments = ["admin", "create-views", "mine", "data_session=pass-1", "data_session=pass-2", "--prefix", "p."]
    assert main(arguments) == 0
    assert '{"data_session": {"$in": ["pass-1", "pass-2"]}}' in capsys.readouterr().out
    assert "p.run_start" not in names(uri)
    assert main([*arguments, "--apply"]) == 0
    assert "p.run_start" in capsys.readouterr().out
    assert "p.run_start" in names(uri)


IS_BUSY = 3


def write_run(uri, **fields):
    with Writer(uri) as writer:
        documents = list(build_run({"primary": [{"x": 1.0}, {"x": 2.0}]}, **fields))
        for name, doc in documents:
            writer(name, doc)
    return documents[0][1]["uid"]


def lock(uri, **until):
    with pymongo.MongoClient(uri) as client:
        ends = datetime.datetime.now(datetime.UTC) + datetime.timedelta(**until)
        client.get_default_database()["event_columns_state"].insert_one({"_id": "build", "owner": "x", "until": ends})


def is_read_from_copies(uri):
    return Catalog.from_uri(uri)[-1].primary.read().attrs.get("read_from") == "columnar copies"


def change_in_place(uri):
    with pymongo.MongoClient(uri) as client:
        client.get_default_database()["event"].update_many({}, {"$set": {"data.x": 7}})


def test_columnar_copies_are_counted_and_made_when_told_to(uri, capsys):
    assert main(["admin", "build-columnar", "mine"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "1 of 1 events (100.0 %) would be in columnar copies.",
        "Copies: 1 would be made, 0 kept, 0 would be dropped.",
        "Nothing was changed; add --apply to make these changes.",
    ]
    assert not names(uri) & {"event_columns", "event_columns_state"}
    assert main(["admin", "build-columnar", uri, "--apply"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first == "1 of 1 events (100.0 %) are in columnar copies."
    assert second.startswith("Copies: 1 were made (")
    assert is_read_from_copies(uri)
    assert main(["admin", "build-columnar", uri, "--apply"]) == 0
    assert "Copies: 0 were made, 1 kept, 0 were dropped." in capsys.readouterr().out


def test_the_reasons_for_the_events_that_are_not_copied_are_told_with_their_number(uri, capsys):
    with pymongo.MongoClient(uri) as client:
        client.get_default_database()["run_stop"].delete_many({})
        client.get_default_database()["event"].update_many(
            {}, {"$set": {"time": datetime.datetime.now(datetime.UTC).timestamp()}}
        )
    assert main(["admin", "build-columnar", uri, "--apply"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "0 of 1 events (0.0 %) are in columnar copies.",
        "Copies: 0 were made, 0 kept, 0 were dropped.",
        "Not copied: 1 events, since their run is in progress.",
    ]


def test_a_check_of_columnar_copies_fails_for_one_that_differs_which_a_rebuild_makes_anew(uri, capsys):
    main(["admin", "build-columnar", uri, "--apply"])
    assert main(["admin", "build-columnar", uri, "--check"]) == 0
    assert "No copy differs from its events." in capsys.readouterr().out
    change_in_place(uri)
    assert main(["admin", "build-columnar", uri, "--check"]) == FAILURE
    shown = capsys.readouterr().out
    assert "Differs: " in shown
    assert "'x'" in shown
    run = Catalog.from_uri(uri)[-1]
    assert main(["admin", "build-columnar", uri, "--rebuild", run.metadata["start"]["uid"]]) == 0
    assert "Copies: 1 would be made" in capsys.readouterr().out
    assert main(["admin", "build-columnar", uri, "--check"]) == FAILURE
    assert main(["admin", "build-columnar", uri, "--rebuild", run.metadata["start"]["uid"], "--apply"]) == 0
    assert main(["admin", "build-columnar", uri, "--check"]) == 0
    assert is_read_from_copies(uri)


def test_columnar_copies_are_dropped_when_told_to(uri, capsys):
    main(["admin", "build-columnar", uri, "--apply"])
    assert main(["admin", "build-columnar", uri, "--drop"]) == 0
    assert "add --apply to remove them" in capsys.readouterr().out
    assert is_read_from_copies(uri)
    assert main(["admin", "build-columnar", uri, "--drop", "--apply"]) == 0
    assert not names(uri) & {"event_columns", "event_columns_state"}
    assert not is_read_from_copies(uri)


def test_columnar_copies_that_somebody_else_is_building_have_a_status_of_their_own(uri, capsys):
    lock(uri, hours=1)
    assert main(["admin", "build-columnar", uri]) == 0
    assert main(["admin", "build-columnar", uri, "--apply"]) == IS_BUSY
    assert "somebody else is building" in capsys.readouterr().err
    assert "event_columns" not in names(uri)


def test_who_was_killed_at_building_columnar_copies_keeps_nobody_for_long(uri):
    lock(uri, hours=-1)
    assert main(["admin", "build-columnar", uri, "--apply"]) == 0
    assert is_read_from_copies(uri)


def test_a_file_of_databases_is_one_job_in_which_one_that_fails_stops_no_other(uri, tmp_path, capsys):
    file = tmp_path / "databases"
    file.write_text(f"# every night\n\ntheirs  # is not configured\n{uri}\n")
    assert main(["admin", "build-columnar", "--file", str(file), "--apply"]) == FAILURE
    shown = capsys.readouterr()
    assert shown.err.count("'theirs'") == 1
    assert "1 of 1 events (100.0 %) are in columnar copies." in shown.out
    assert is_read_from_copies(uri)
    lock(uri, hours=1)
    assert main(["admin", "build-columnar", "--file", str(file), "--apply"]) == FAILURE
    file.write_text(f"{uri}\nmemory://other\n")
    assert main(["admin", "build-columnar", "--file", str(file), "--apply"]) == IS_BUSY


def test_no_password_of_a_file_of_databases_is_shown(uri, tmp_path, capsys):
    file = tmp_path / "databases"
    file.write_text("memory://one\nmongodb://reader:hidden-from-all@127.0.0.1:1/runs?w=0\n")
    assert main(["admin", "build-columnar", "--file", str(file)]) == FAILURE
    shown = capsys.readouterr()
    assert "hidden-from-all" not in shown.out + shown.err
    assert "memory://one:" in shown.out.splitlines()


def test_a_server_that_is_away_is_given_up_after_the_seconds_of_its_catalog(uri, machine, capsys):
    machine.write(machine.user, "b.yml", "catalogs: {away: {uri: 'mongodb://127.0.0.1:1/runs', timeout_seconds: 0.2}}")
    assert main(["admin", "build-columnar", "away"]) == FAILURE
    assert "127.0.0.1:1" in capsys.readouterr().err


def test_a_database_in_memory_has_no_columnar_copies(database_name, capsys):
    uri = f"memory://{database_name}"
    write_run(uri)
    for task in ([], ["--apply"], ["--check"], ["--drop", "--apply"]):
        assert main(["admin", "build-columnar", uri, *task]) == 0
    assert "are in columnar copies" in capsys.readouterr().out
    assert not is_read_from_copies(uri)


def test_how_far_a_build_of_columnar_copies_is_is_shown_on_a_terminal_alone(uri, monkeypatch, capsys):
    main(["admin", "build-columnar", uri])
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TTY_INTERACTIVE", "1")
    monkeypatch.setenv("FORCE_COLOR", "1")
    main(["admin", "build-columnar", uri])
    assert "1 descriptors" in capsys.readouterr().err


def test_a_run_to_be_rebuilt_that_is_nowhere_is_said(uri, capsys):
    assert main(["admin", "build-columnar", uri, "--rebuild", "nobody"]) == FAILURE
    assert "no run has the uid nobody" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["build-columnar"], "no database is named"),
        (["build-columnar", "--rebuild", "uid", "mine"], "before --rebuild"),
        (["build-columnar", "mine", "--file", "missing"], "cannot be read"),
        (["build-columnar", "mine", "--check", "--drop"], "choose one of --drop and --check"),
        (["build-columnar", "mine", "--check", "--apply"], "--check changes nothing"),
        (["create-indexes", "theirs"], "'theirs'"),
        (["create-views", "mine", "data_session", "--prefix", "p."], "write FIELD=VALUE"),
        (["create-views", "mine", "a=1", "b=2", "--prefix", "p."], "several values of one field"),
        (["create-indexes", "mine", "--metadata", "$where"], "not the name of a field"),
    ],
)
def test_what_cannot_be_made_is_said_on_standard_error(uri, capsys, arguments, message):
    assert main(["admin", *arguments]) == FAILURE
    shown = capsys.readouterr()
    assert shown.out == ""
    assert message in shown.err
