"""Accounts of single proposals, by the views and roles of MongoDB; and accounts that may only read."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pymongo
import pymongo.errors
import pytest

from databroker_mongo import Catalog, Writer
from databroker_mongo.cli.main import FAILURE, main
from databroker_mongo.errors import CatalogError, NotAuthorized
from databroker_mongo.queries import Duration, Key
from databroker_mongo.testing import build_run

SECRET = "sw0rdf1sh"
SCRIPT = Path(__file__).parents[2] / "scripts" / "create_views"


def account(mongod, name):
    return f"mongodb://{name}:{SECRET}@{mongod.address}/test"


@pytest.fixture
def proposals(mongod):
    """A server with accounts, where ada's proposal has the runs 1 and 3, and another the run 2."""
    mongod.kill()
    mongod.arguments = ("--auth",)
    mongod.start()
    with mongod.client() as client:
        client.admin.command("createUser", "root", pwd=SECRET, roles=["root"])
    with mongod.client(username="root", password=SECRET) as client:
        client.test.command("createUser", "owner", pwd=SECRET, roles=["dbOwner"])
        find_only = [{"resource": {"db": "test", "collection": ""}, "actions": ["find"]}]
        client.test.command("createRole", "finder", privileges=find_only, roles=[])
        client.test.command("createUser", "reader", pwd=SECRET, roles=["finder"])
    with Writer(account(mongod, "owner"), on_failure="raise") as writer:
        for scan_id, session, groups in [(1, "pass-1", ["a"]), (2, "pass-2", ["a", "b"]), (3, "pass-1", ["b"])]:
            documents = build_run(
                {"primary": [{"x": scan_id}]},
                scan_id=scan_id,
                data_session=session,
                data_groups=groups,
                time=1e9 + scan_id,
            )
            for name, doc in documents:
                writer(name, doc)
    return mongod


def make_views(mongod, *arguments):
    made = subprocess.run(
        [sys.executable, SCRIPT, account(mongod, "owner"), *arguments], capture_output=True, text=True, timeout=60
    )
    assert made.returncode == 0, made.stderr
    return made.stdout


@pytest.fixture
def ada(proposals):
    """The account of ada, who may see one proposal."""
    make_views(proposals, "data_session=pass-1", "--prefix", "pass-1.", "--apply")
    with proposals.client(username="root", password=SECRET) as client:
        client.test.command("createUser", "ada", pwd=SECRET, roles=["pass-1"])
    return account(proposals, "ada")


def scan_ids(runs):
    return [run.start["scan_id"] for run in runs.values()]


def test_a_catalog_of_views_shows_the_runs_of_its_proposal_and_reads_them(ada):
    runs = Catalog.from_uri(ada, collection_prefix="pass-1.")
    assert scan_ids(runs) == [3, 1]
    assert len(runs) == 2
    assert 2 not in runs
    assert runs[1].primary.read()["x"].values.tolist() == [1]
    assert scan_ids(runs.search(stop={"exit_status": "success"}, stream="primary")) == [3, 1]
    assert scan_ids(runs.search(Duration("gt", 5) | (Key("scan_id") == 2))) == [3, 1]
    assert runs.distinct("scan_id") == [1, 3]
    assert [name for name, _ in runs[3].documents()][-1] == "stop"
    assert runs.explain({"scan_id": 1}).steps[0].n_found == 1


def test_no_other_way_leads_out_of_the_views(ada):
    with pytest.raises(NotAuthorized):
        len(Catalog.from_uri(ada))
    with pymongo.MongoClient(ada) as client:
        database = client.get_default_database()
        assert database["pass-1.run_start"].count_documents({}) == 2
        assert database["pass-1.event"].count_documents({}) == 2
        for attempt in (
            lambda: database["run_start"].find_one(),
            lambda: database["event"].find_one(),
            lambda: list(database["pass-1.run_start"].aggregate([{"$unionWith": "run_start"}])),
            lambda: list(
                database["pass-1.run_start"].aggregate(
                    [{"$lookup": {"from": "run_start", "localField": "x", "foreignField": "x", "as": "all"}}]
                )
            ),
            lambda: database["pass-1.run_start"].insert_one({}),
            lambda: database.command("collMod", "pass-1.run_start", viewOn="run_start", pipeline=[]),
        ):
            with pytest.raises(pymongo.errors.OperationFailure, match="not authorized"):
                attempt()


def test_views_are_shown_before_they_are_made_and_can_be_changed(proposals):
    assert "would be made" in make_views(proposals, "data_groups=b", "--prefix", "b.")
    with proposals.client(username="root", password=SECRET) as client:
        assert not [name for name in client.test.list_collection_names() if name.startswith("b.")]
        make_views(proposals, "data_groups=c", "--prefix", "b.", "--apply")
        assert client.test["b.run_start"].count_documents({}) == 0
        make_views(proposals, "data_groups=b", "data_groups=c", "--prefix", "b.", "--apply")
        assert client.test["b.run_start"].count_documents({}) == 2
        assert client.test["b.run_stop"].count_documents({}) == 2


def command(capsys, *arguments):
    status = main(["admin", *arguments])
    shown = capsys.readouterr()
    return status, shown.out, shown.err


VIEWS = ("data_session=pass-1", "--prefix", "q.")


@pytest.mark.parametrize("apply", [(), ("--apply",)])
def test_a_dry_run_of_views_fails_like_the_real_one(proposals, capsys, apply):
    """An account without a password, with a wrong one, without a right, and a server that is not there."""
    nobody = f"mongodb://owner@{proposals.address}/test"
    wrong = account(proposals, "owner").replace(SECRET, "wrong")
    reader = account(proposals, "reader")
    absent = "mongodb://127.0.0.1:9/test?timeoutMS=300"
    said = {
        nobody: "password",
        wrong: "password",
        reader: "dbAdmin and userAdmin on 'test'",
        absent: "no MongoDB server",
    }
    for uri, words in said.items():
        status, out, err = command(capsys, "create-views", uri, *VIEWS, *apply)
        assert (status, "would be" in out) == (FAILURE, False)
        assert words in err
        assert SECRET not in err + out


def test_a_dry_run_of_views_says_what_there_is_to_do_and_how_many_runs_they_show(proposals, capsys):
    owner = account(proposals, "owner")
    status, out, _ = command(capsys, "create-views", owner, *VIEWS)
    assert status == 0
    assert "2 runs are in the views now." in out
    assert out.count("would be made") == 13
    assert "add --apply to make these changes" in out
    _, out, _ = command(capsys, "create-views", owner, *VIEWS, "--apply")
    assert "would" not in out
    _, out, _ = command(capsys, "create-views", owner, *VIEWS)
    assert "would be" not in out
    assert out.count("as it should be") == 13
    assert "--apply" not in out
    _, out, _ = command(capsys, "create-views", owner, "data_session=pass-9", "--prefix", "q.")
    assert "No run is in the views now." in out
    assert out.count("would be changed") == 12


def test_a_number_that_is_typed_finds_numbers_and_texts(proposals, capsys):
    make_views(proposals, "scan_id=1", "scan_id=3", "--prefix", "n.", "--apply")
    assert scan_ids(Catalog.from_uri(account(proposals, "owner"), collection_prefix="n.")) == [3, 1]


def test_a_role_that_lacks_a_view_is_extended(proposals, capsys):
    make_views(proposals, *VIEWS, "--apply")
    with proposals.client(username="root", password=SECRET) as client:
        resource = {"db": "test", "collection": "q.event"}
        privileges = [{"resource": resource, "actions": ["find"]}]
        client.test.command("revokePrivilegesFromRole", "q", privileges=privileges)
    assert "it reads 1 more" in make_views(proposals, *VIEWS)
    make_views(proposals, *VIEWS, "--apply")
    assert "The role q is as it should be." in make_views(proposals, *VIEWS)


def test_a_collection_in_the_place_of_a_view_is_left_alone(proposals, capsys):
    with proposals.client(username="root", password=SECRET) as client:
        client.test["q.run_start"].insert_one({"uid": "x"})
    for apply in ((), ("--apply",)):
        status, _, err = command(capsys, "create-views", account(proposals, "owner"), *VIEWS, *apply)
        assert status == FAILURE
        assert "'q.run_start' is a collection of documents" in err


@pytest.mark.parametrize("what", ["create-indexes", "build-summaries"])
def test_a_dry_run_says_which_right_an_account_lacks(proposals, capsys, what):
    with proposals.client(username="root", password=SECRET) as client:
        client.test.command("createUser", "looker", pwd=SECRET, roles=["read"])
        client.test["run_start"].drop_indexes()
        client.test["run_summary"].drop()
    status, out, _ = command(capsys, what, account(proposals, "looker"))
    assert status == 0
    assert "This account may not do that: it lacks createIndex on " in out
    assert "This account may not" not in command(capsys, what, account(proposals, "owner"))[1]


def test_an_account_that_may_find_and_nothing_else_reads_all(proposals):
    runs = Catalog.from_uri(account(proposals, "reader"))
    assert scan_ids(runs) == [3, 2, 1]
    assert len(runs) == 3
    assert runs[2].primary.read()["x"].values.tolist() == [2]
    assert runs[-1].metadata["stop"]["exit_status"] == "success"
    assert scan_ids(runs.search(stop={"exit_status": "success"}, in_progress=False)) == [3, 2, 1]
    assert runs.distinct("data_groups", counts=True) == {"a": 2, "b": 2}
    assert runs.explain({"scan_id": 1}).steps[0].n_found == 1
    assert {report.state for report in runs.store.indexes()} == {"unknown"}
    with pytest.raises(CatalogError, match="may not"):
        Writer(account(proposals, "reader"), on_failure="raise")("start", {"uid": "x", "time": 1.0})
