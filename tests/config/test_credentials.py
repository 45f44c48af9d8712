from __future__ import annotations

import pickle

import pytest

from databroker_mongo.config import Uri, find_entries, reveal
from databroker_mongo.errors import CredentialsUnavailable


def travelled(uri: Uri) -> Uri:
    return pickle.loads(pickle.dumps(uri))


def test_a_uri_without_variables_is_opened_as_it_is_written():
    assert reveal("mongodb://me:hu$h@host/db") == "mongodb://me:hu$h@host/db"
    assert reveal(Uri("local:///data?database=runs")) == "local:///data?database=runs"


def test_variables_are_escaped_where_a_uri_needs_it_and_nowhere_else(monkeypatch):
    monkeypatch.setenv("ME", "me@lab")
    monkeypatch.setenv("PW", "p@ss/w:rd %41")
    monkeypatch.setenv("HOSTS", "a:1,b:2")
    written = "mongodb://${ME}:${PW}@${HOSTS}/db?tlsCertificateKeyFilePassword=${PW}"
    escaped = "p%40ss%2Fw%3Ard%20%2541"
    assert reveal(Uri(written)) == (f"mongodb://me%40lab:{escaped}@a:1,b:2/db?tlsCertificateKeyFilePassword={escaped}")


def test_a_variable_may_hold_the_whole_uri(monkeypatch):
    monkeypatch.setenv("BEAMLINE", "mongodb://me:p%40ss@host/db")
    assert reveal(Uri("${BEAMLINE}")) == "mongodb://me:p%40ss@host/db"


def test_variables_are_read_when_the_uri_is_opened_and_a_missing_one_is_named_with_file_and_line(machine, monkeypatch):
    path = machine.write(machine.user, "a.yml", "catalogs:\n  x:\n    uri: mongodb://me:${PW}@h/d\n")
    uri = find_entries()["x"].uri
    with pytest.raises(CredentialsUnavailable) as caught:
        reveal(uri)
    assert (caught.value.variable, caught.value.file, caught.value.line) == ("PW", path, 3)
    monkeypatch.setenv("PW", "hush")
    assert reveal(uri) == "mongodb://me:hush@h/d"


def test_a_uri_that_travelled_without_a_secret_opens_as_it_is(machine):
    assert reveal(travelled(Uri("mongodb://host/db", catalog="x"))) == "mongodb://host/db"


def test_secrets_are_found_again_by_the_name_of_the_catalog(machine):
    machine.write(
        machine.user, "a.yml", "catalogs: {x: {uri: 'mongodb://me:hush@here/d', asset_uri: 'mongodb://me:hush@here/a'}}"
    )
    assert reveal(travelled(Uri("mongodb://me:hush@there/d", catalog="x"))) == "mongodb://me:hush@here/d"
    assets = travelled(Uri("mongodb://me:hush@there/a", catalog="x", is_assets=True))
    assert reveal(assets) == "mongodb://me:hush@here/a"


def test_secrets_are_found_again_in_the_environment(machine, monkeypatch):
    monkeypatch.setenv("PW", "of the catalog")
    monkeypatch.setenv("DATABROKER_MONGO_PASSWORD", "p@ss")
    assert reveal(travelled(Uri("mongodb://me:${PW}@host/d", catalog="x"))) == "mongodb://me:of%20the%20catalog@host/d"
    assert reveal(travelled(Uri("mongodb://me:hush@host/d"))) == "mongodb://me:p%40ss@host/d"


@pytest.mark.parametrize("name", ["x", None])
def test_secrets_that_are_nowhere_are_an_error_that_says_what_to_set(machine, monkeypatch, name):
    with pytest.raises(CredentialsUnavailable, match="set the variable DATABROKER_MONGO_PASSWORD") as caught:
        reveal(travelled(Uri("mongodb://me:hush@host/d", catalog=name)))
    assert ("configure a catalog named 'x'" in str(caught.value)) == (name == "x")
    assert "hush" not in str(caught.value)
    monkeypatch.setenv("DATABROKER_MONGO_PASSWORD", "p")
    with pytest.raises(CredentialsUnavailable):
        reveal(travelled(Uri("mongodb://host/d?tlsCertificateKeyFilePassword=hush", catalog=name)))


def test_stars_that_were_written_here_are_a_password_like_any_other():
    assert reveal(Uri("mongodb://me:***@host/d")) == "mongodb://me:***@host/d"
