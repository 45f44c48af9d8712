from __future__ import annotations

import stat

import pytest

from databroker_mongo.config import find_entries, migrate, reveal, write_new
from databroker_mongo.errors import ConfigurationError

INTAKE = """
sources:
  csx 1:
    driver: bluesky-mongo-normalized-catalog
    description: Soft X-rays
    args:
      metadatastore_db: mongodb://me:hu%40sh@host:27017/mds?authSource=admin
      asset_registry_db: mongodb://me:hu%40sh@host:27017/assets?authSource=admin
      handler_registry: {AD_TIFF: lab.Tiff}
      root_map: {/data: data}
"""


def test_a_migrated_catalog_is_opened_as_before(machine, monkeypatch):
    old = machine.write(machine.intake, "csx.yml", INTAKE)
    before = find_entries()["csx 1"]
    migrated = migrate([before])
    assert migrated.variables == {"CSX_1_PASSWORD": "csx 1"}
    assert "hu" not in migrated.text
    assert str(old) in migrated.text
    machine.write(machine.user, "csx.yml", migrated.text)
    monkeypatch.setenv("CSX_1_PASSWORD", "hu@sh")
    after = find_entries()["csx 1"]
    assert after.form == "own"
    assert reveal(after.uri) == reveal(before.uri)
    assert after.asset_uri is not None
    assert before.asset_uri is not None
    assert reveal(after.asset_uri) == reveal(before.asset_uri)
    assert after.root_map == before.root_map == {"/data": str(machine.intake / "data")}
    assert after.handler_registry == before.handler_registry
    assert after.description == "Soft X-rays"
    assert old.read_text().strip() == INTAKE.strip()


def test_passwords_are_kept_when_that_is_asked_for(machine):
    machine.write(machine.intake, "csx.yml", INTAKE)
    before = find_entries()["csx 1"]
    migrated = migrate([before], keep_secrets=True)
    assert migrated.variables == {}
    machine.write(machine.user, "csx.yml", migrated.text)
    assert find_entries()["csx 1"] == before


def test_each_secret_has_a_variable_of_its_own_and_one_that_returns_has_the_same(machine):
    machine.write(
        machine.user,
        "a.yml",
        """
        catalogs:
          x-1: {uri: 'mongodb://me:one@h/d?tlsCertificateKeyFilePassword=two', asset_uri: 'mongodb://me:one@h/a'}
          x.1: {uri: 'mongodb://me:th/ree@h/d'}
          1x: {uri: 'mongodb://me:four@h/d'}
          open: {uri: 'mongodb://me:${PW}@h/d'}
        """,
    )
    migrated = migrate(find_entries().values())
    for secret in ("one", "two", "ree", "four"):
        assert secret not in migrated.text
    assert migrated.variables == {
        "X_1_PASSWORD": "x-1",
        "X_1_PASSWORD_2": "x-1",
        "X_1_URI": "x.1",
        "CATALOG_1X_PASSWORD": "1x",
    }
    assert "mongodb://me:${X_1_PASSWORD}@h/d?tlsCertificateKeyFilePassword=${X_1_PASSWORD_2}" in migrated.text
    assert "mongodb://me:${X_1_PASSWORD}@h/a" in migrated.text
    assert "uri: ${X_1_URI}" in migrated.text
    assert "mongodb://me:${PW}@h/d" in migrated.text


def test_a_new_file_is_private_and_an_old_one_is_never_overwritten(tmp_path):
    path = tmp_path / "new.yml"
    write_new(path, "text")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(ConfigurationError, match="exists already"):
        write_new(path, "other")
    assert path.read_text() == "text"
    with pytest.raises(ConfigurationError, match="cannot be written"):
        write_new(tmp_path / "absent" / "new.yml", "text")


V0 = """
metadatastore:
  module: databroker.headersource.mongo
  class: MDS
  config: {host: mongo, port: 27017, database: mds, timezone: US/Eastern, replicaset: rs0}
  api: old
assets:
  module: databroker.assets.mongo
  class: Registry
  config: {host: mongo, port: 27017, database: mds, timezone: ''}
api_version: 2
"""


def test_each_key_of_an_older_file_that_is_lost_is_told(machine):
    machine.write(machine.v0, "csx.yml", V0)
    migrated = migrate([find_entries()["csx"]])
    lost = ["api_version", "metadatastore.api", "metadatastore.config.timezone", "metadatastore.config.replicaset"]
    assert [note.split("'")[3] for note in migrated.notes] == lost
    assert "timezone=" in migrated.notes[2]
    assert all(f"# {note}" in migrated.text for note in migrated.notes)
    machine.write(machine.user, "csx.yml", migrated.text)
    assert find_entries()["csx"].form == "own"


def test_each_key_of_a_source_of_intake_that_is_lost_is_told(machine):
    more = (
        "      find_kwargs: {no_cursor_timeout: true}\n      auth: null\n      ttl: 60\n    metadata: {beamline: csx}\n"
    )
    machine.write(machine.intake, "csx.yml", INTAKE + more)
    notes = migrate([find_entries()["csx 1"]]).notes
    assert [note.split("'")[3] for note in notes] == ["metadata", "args.find_kwargs", "args.ttl"]


def test_an_older_file_that_loses_nothing_has_no_notes(machine):
    machine.write(machine.intake, "csx.yml", INTAKE)
    assert migrate([find_entries()["csx 1"]]).notes == ()


def test_imports_that_only_the_site_may_name_are_told(machine):
    machine.write(machine.environment.parent / "intake", "csx.yml", INTAKE)
    [note] = migrate([find_entries()["csx 1"]]).notes
    assert "imports lab: a file of your own may do so only if" in note
