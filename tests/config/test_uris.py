from __future__ import annotations

import pickle
from urllib.parse import quote

import cloudpickle
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from databroker_mongo.config import Uri, redact_uri

PASSWORDS = st.text(
    alphabet=st.one_of(st.sampled_from("@:/?#&=;,%+$[]{}. "), st.characters(codec="ascii", categories=("L", "N"))),
    min_size=3,
    max_size=12,
).map(lambda text: "Q" + text + "Z")

SHAPES = st.sampled_from(
    [
        "mongodb://user:{}@host:27017/db",
        "mongodb+srv://user:{}@host.example.org/db?retryWrites=true",
        "mongodb://user:{}@a:1,b:2,[::1]:3/db?replicaSet=rs0",
        "mongodb://user:{}@host:27o17/db",
        "mongodb://user:{}@host:port/",
        "mongodb://:{}@host/db",
        "mongodb://user:{}@",
        "mongodb://user:{}",
        "mongodb://us@er:{}@host/db",
        "mongodb://user:{}@%2Frun%2Fmongod.sock/db",
        "mongodb://host/db?tlsCertificateKeyFilePassword={}",
        "mongodb://host/db?tls=true&tlscertificatekeyfilepasword={}",
        "mongodb://host/db?authMechanismProperties=AWS_SESSION_TOKEN:{}",
        "mongodb://host/db?{}",
        "mongodb://user:{}@host/db?x=me@home",
        "mongodb:/user:{}@host/db",
        "MONGODB://user:{}@host/db",
        "http://user:{}@host/",
        "user:{}@host/db",
        "local://user:{}@host/path",
        "local:///path?password={}",
        "memory://user:{}@x",
        " mongodb://user:{}@host/db",
        "mongodb://user:{}@host/db\n",
    ]
)


@given(shape=SHAPES, password=PASSWORDS, escape=st.booleans())
def test_a_password_never_occurs_in_a_redacted_uri(shape, password, escape):
    written = quote(password, safe="") if escape else password
    assume(written not in shape and password not in shape)
    shown = redact_uri(shape.format(written))
    assert written not in shown
    assert password not in shown


@given(password=PASSWORDS)
def test_no_part_of_a_password_between_its_reserved_characters_is_shown(password):
    shown = redact_uri(f"mongodb://user:{password}@host:27017/db?authSource=admin")
    assert "Q" not in shown
    assert "Z" not in shown


@given(text=st.text())
def test_any_text_can_be_redacted_twice_with_the_same_result(text):
    once = redact_uri(text)
    assert redact_uri(once) == once


@pytest.mark.parametrize(
    "uri",
    [
        "mongodb://localhost:27017/db",
        "mongodb://user@host/db?authMechanism=MONGODB-X509&tls=true&tlsCertificateKeyFile=/etc/me.pem",
        "mongodb+srv://cluster.example.org/db?readPreference=secondary&readPreferenceTags=dc:ny,rack:1",
        "mongodb://%2Frun%2Fuser%2F1000%2Fmongod.sock/db?directConnection=true",
        "mongodb://[fe80::1]:27017,b:27018/db?replicaSet=rs0&appName=beamline",
        "mongodb://${USER}:${PASSWORD}@${HOST}:${PORT}/db",
        "mongodb://höst.example.org/db",
        "${BEAMLINE_URI}",
        "local:///home/me@site/data?database=runs",
        "memory://",
        "memory://scratch",
    ],
)
def test_a_uri_without_a_secret_is_shown_as_it_is(uri):
    assert redact_uri(uri) == uri
    assert not Uri(uri).has_secret


def test_everything_but_the_secrets_of_a_well_formed_uri_is_shown():
    uri = "mongodb://me:secret@a:1,b:2/db?tls=true&tlsCertificateKeyFilePassword=hush&w=majority"
    assert redact_uri(uri) == "mongodb://me:***@a:1,b:2/db?tls=true&tlsCertificateKeyFilePassword=***&w=majority"


def test_a_uri_shows_its_password_in_no_view_of_it():
    uri = Uri("mongodb://me:hushhush@host/db", catalog="beamline")
    shown = f"{uri} {uri!r} {[uri]} {pickle.dumps(uri)!r} {cloudpickle.dumps(uri)!r}"
    assert "hushhush" not in shown
    assert not hasattr(uri, "__dict__")


def test_a_uri_that_was_pickled_keeps_its_address_and_the_name_of_its_catalog():
    uri = pickle.loads(pickle.dumps(Uri("mongodb://me:hush@host/db", catalog="beamline", is_assets=True)))
    assert str(uri) == "mongodb://me:***@host/db"
    assert (uri.catalog, uri.is_assets, uri.is_foreign) == ("beamline", True, True)


def test_uris_are_equal_when_they_are_written_alike():
    assert Uri("memory://", line=3) == Uri("memory://", line=4)
    assert Uri("mongodb://me:a@host/db") != Uri("mongodb://me:b@host/db")
    assert len({Uri("memory://"), Uri("memory://")}) == 1


def test_a_uri_of_which_nothing_can_be_shown_says_so():
    assert Uri("mongodb://me:a/b@host/db").is_opaque
    assert not Uri("mongodb://me:ab@host/db").is_opaque
    assert not Uri("${URI}").is_opaque


def test_the_secrets_of_a_uri_are_told_in_order_to_whoever_writes_settings():
    uri = Uri("mongodb://me:one@host/db?w=1&tlsCertificateKeyFilePassword=two")
    assert uri.secrets() == ("one", "two")
    assert Uri("memory://").secrets() == ()
