"""Accounts with other rights, passwords, and TLS that is asked for."""

import logging
import shutil
import subprocess
import traceback

import pymongo
import pytest

from databroker_mongo import Catalog, Writer
from databroker_mongo.errors import (
    AuthenticationFailed,
    ConfigurationError,
    DurabilityWarning,
    NotAuthorized,
    StoreUnavailable,
)

START = {"uid": "run", "time": 1.0}
SECRET = "sw0rdf1sh"


@pytest.fixture
def guarded_mongod(mongod):
    mongod.kill()
    mongod.arguments = ("--auth",)
    mongod.start()
    with mongod.client() as client:
        client.admin.command("createUser", "admin", pwd=SECRET, roles=["root"])
    with mongod.client(username="admin", password=SECRET) as client:
        client.test.command("createUser", "writer", pwd=SECRET, roles=["readWrite"])
        client.test.command("createUser", "reader", pwd=SECRET, roles=["read"])
    return mongod


@pytest.fixture
def guarded_set(mongod, tmp_path):
    """A server of a set of one, which tells its clock with every answer, as those of facilities do."""
    key = tmp_path / "key"
    key.write_text("0123456789abcdef")
    key.chmod(0o600)
    mongod.kill()
    mongod.arguments = ("--replSet", "rs")
    mongod.start()
    with mongod.client() as client:
        members = [{"_id": 0, "host": mongod.address}]
        client.admin.command("replSetInitiate", {"_id": "rs", "members": members})
    with pymongo.MongoClient(mongod.address, replicaSet="rs") as client:
        client.test.command("createUser", "writer", pwd=SECRET, roles=["readWrite"])
        client.test.command("createUser", "reader", pwd=SECRET, roles=["read"])
    mongod.kill()
    mongod.arguments = ("--replSet", "rs", "--auth", "--keyFile", str(key))
    mongod.start()
    mongod.wait()
    return mongod


def uri_of(mongod, user, password=SECRET):
    return f"mongodb://{user}:{password}@{mongod.address}/test"


def test_an_account_that_may_write_needs_no_other_right(guarded_mongod):
    with Writer(uri_of(guarded_mongod, "writer"), on_failure="raise") as writer:
        writer("start", START)
    assert writer.acknowledged == 1


@pytest.mark.parametrize(
    ("user", "password", "kind", "says"),
    [
        ("reader", SECRET, NotAuthorized, "may not store documents.*readWrite"),
        ("writer", "wrong-" + SECRET, AuthenticationFailed, "rejected the user or the password"),
        ("nobody", SECRET, AuthenticationFailed, "rejected the user or the password"),
        (None, None, AuthenticationFailed, "requires a user and a password"),
    ],
)
def test_an_account_that_may_not_write_is_told_why_without_its_password(
    guarded_set, user, password, kind, says, caplog
):
    caplog.set_level(logging.DEBUG, "databroker_mongo")
    uri = f"mongodb://{guarded_set.address}/test" if user is None else uri_of(guarded_set, user, password)
    writer = Writer(uri, on_failure="raise", retry_seconds=20)
    with pytest.raises(NotAuthorized, match=says) as caught:
        writer("start", START)
    assert type(caught.value) is kind
    traced = "".join(traceback.format_exception(caught.value, limit=0))
    shown = [repr(writer), str(writer), str(vars(writer)), repr(caught.value), caplog.text, traced]
    assert not any(word in text for text in shown for word in (SECRET, "clusterTime", "signature", "lsid"))


@pytest.mark.parametrize("durable", ["each", "batch"])
@pytest.mark.parametrize(("user", "password"), [("reader", SECRET), ("writer", "wrong"), ("nobody", SECRET)])
def test_an_account_that_can_never_write_stops_a_plan_at_its_first_document(
    guarded_mongod, tmp_path, user, password, durable
):
    writer = Writer(uri_of(guarded_mongod, user, password), spool=tmp_path / "spool", durable=durable)
    with pytest.raises(NotAuthorized):
        writer("start", START)
    writer.close()
    assert not (tmp_path / "spool").exists()


def test_documents_that_one_account_has_spooled_are_stored_by_another(guarded_mongod, tmp_path):
    spool = tmp_path / "spool"
    writer = Writer(uri_of(guarded_mongod, "reader"), spool=spool, begin_offline=True)
    with pytest.warns(DurabilityWarning, match="may not store") as warned:
        writer("start", START)
    with pytest.warns(DurabilityWarning, match="Not stored yet: 1 document"):
        writer.close()
    assert SECRET not in str(warned[0].message)
    [spooled] = spool.rglob("*.bson")
    assert SECRET not in str(spooled)
    assert SECRET not in next(spool.rglob("*.json")).read_text()
    Writer(uri_of(guarded_mongod, "writer") + "?appName=other", spool=spool).close()
    assert list(spool.rglob("*.bson")) == []
    with guarded_mongod.client(username="admin", password=SECRET) as client:
        assert [doc["uid"] for doc in client.test.run_start.find()] == ["run"]
        [row] = client.test.spool_reports.find()
    assert (row["n_documents"], row["is_drained"]) == (1, True)


@pytest.mark.parametrize("durable", ["each", "batch"])
@pytest.mark.parametrize("what", ["password", "right"])
def test_a_password_or_right_that_is_taken_away_at_night_stops_no_plan(guarded_mongod, tmp_path, durable, what):
    spool = tmp_path / "spool"
    writer = Writer(uri_of(guarded_mongod, "writer"), spool=spool, durable=durable)
    writer("start", START)
    with guarded_mongod.client(username="admin", password=SECRET) as client:
        change = {"pwd": "new"} if what == "password" else {"roles": []}
        client.test.command("updateUser", "writer", **change, writeConcern={"w": 1, "j": True})
    if what == "password":  # who is there already is asked for it once more only when the connection is lost
        guarded_mongod.kill()
        guarded_mongod.start()
        guarded_mongod.wait()
    stop = {"uid": "stop", "run_start": "run", "time": 9.0, "exit_status": "success"}
    with pytest.warns(DurabilityWarning, match="refuses the account"):
        writer("stop", stop)
    with pytest.warns(DurabilityWarning, match="Not stored yet: 1 document"):
        writer.close()
    if what == "password":
        Writer(uri_of(guarded_mongod, "writer", "new"), spool=spool).close()
        with guarded_mongod.client(username="admin", password=SECRET) as client:
            assert client.test.run_stop.count_documents({}) == 1


def test_a_password_that_was_changed_is_taken_up_from_the_environment_when_the_old_one_is_refused(
    guarded_mongod, monkeypatch
):
    monkeypatch.setenv("READER_PASSWORD", SECRET)
    catalog = Catalog.from_uri(f"mongodb://reader:${{READER_PASSWORD}}@{guarded_mongod.address}/test")
    assert len(catalog) == 0
    with guarded_mongod.client(username="admin", password=SECRET) as client:
        client.test.command("updateUser", "reader", pwd="new", writeConcern={"w": 1, "j": True})
    guarded_mongod.kill()
    guarded_mongod.start()
    guarded_mongod.wait()
    monkeypatch.setenv("READER_PASSWORD", "new")
    with pytest.raises(AuthenticationFailed):
        len(catalog)
    assert len(catalog) == 0


@pytest.mark.parametrize("option", ["w=1", "journal=false", "retryWrites=false", "W=1", "retrywrites=False"])
def test_an_option_that_weakens_durability_is_named_or_refused(option):
    uri = f"mongodb://user:{SECRET}@nowhere.invalid/test?appName=x&{option}"
    with pytest.warns(DurabilityWarning, match=option) as warned:
        Writer(uri)
    assert SECRET not in str(warned[0].message)
    with pytest.raises(ConfigurationError, match=option):
        Writer(uri, strict=True)


@pytest.mark.parametrize("option", ["w=0", "W=0", "w=00", "w=-0", "appName=x&w=0", "appName=x;w=0", "w=0&journal=true"])
@pytest.mark.parametrize("which", ["uri", "asset_uri"])
def test_nothing_is_written_where_no_server_says_whether_it_stored(option, which):
    plain, told_nothing = (
        f"mongodb://u:{SECRET}@nowhere.invalid/test",
        f"mongodb://u:{SECRET}@nowhere.invalid/a?{option}",
    )
    uris = {"uri": plain, "asset_uri": plain, which: told_nothing}
    catalog = Catalog.from_uri(uris["uri"], asset_uri=uris["asset_uri"])
    targets = [catalog, catalog.store, *([told_nothing] if which == "uri" else [])]
    for target in targets:
        with pytest.raises(ConfigurationError, match=r"(?i)option w=.*Leave it out") as raised:
            Writer(target)
        assert SECRET not in str(raised.value) + str(raised.value.facts)


def test_what_is_stored_can_be_read_but_not_corrected_where_no_server_answers(mongod_database_uri):
    Writer(mongod_database_uri)("start", START)
    joined = "&" if "?" in mongod_database_uri else "?"
    catalog = Catalog.from_uri(f"{mongod_database_uri}{joined}w=0")
    assert catalog["run"].start == START
    with pytest.raises(ConfigurationError, match="w=0"):
        catalog.update("run", start={"sample": "x"})


@pytest.mark.parametrize("option", ["w=majority", "journal=true", "retryWrites=true", "appName=w"])
def test_an_option_that_weakens_nothing_is_accepted(option):
    Writer(f"mongodb://nowhere.invalid/test?{option}", strict=True)


@pytest.fixture
def certificates(tmp_path):
    """A certificate for 127.0.0.1, signed by itself: the file of the certificate, and that with its key."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl makes the certificates of this test")
    key, certificate, both = (tmp_path / name for name in ("key.pem", "certificate.pem", "both.pem"))
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    request = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", *subject]
    subprocess.run([*request, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    both.write_bytes(certificate.read_bytes() + key.read_bytes())
    return certificate, both


def test_a_server_that_wants_tls_is_written_to_over_tls(mongod, certificates):
    certificate, both = certificates
    mongod.kill()
    mongod.arguments = ("--tlsMode", "requireTLS", "--tlsCertificateKeyFile", str(both))
    mongod.start()
    uri = f"mongodb://{mongod.address}/test"
    with Writer(f"{uri}?tls=true&tlsCAFile={certificate}", on_failure="raise") as writer:
        writer("start", START)
    with pytest.raises(StoreUnavailable):
        Writer(uri, on_failure="raise", retry_seconds=0.5)("start", START)


def test_tls_that_is_asked_for_is_never_left_out(mongod):
    with pytest.raises(StoreUnavailable):
        Writer(f"mongodb://{mongod.address}/test?tls=true", on_failure="raise", retry_seconds=0.5)("start", START)
    with mongod.client() as client:
        assert client.list_database_names() == ["admin", "config", "local"]
