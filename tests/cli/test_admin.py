"""What administers a database, at a shell's prompt: nothing is changed before it is said."""

from __future__ import annotations

import pymongo
import pytest

from databroker_mongo import Writer
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


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
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
