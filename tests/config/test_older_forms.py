from __future__ import annotations

from pathlib import Path

import pytest

from databroker_mongo.config import find_entries, settings_of_v0, v0_contents
from databroker_mongo.config.older_forms import fill_templates, read_intake, read_v0
from databroker_mongo.config.parsing import parse_yaml
from databroker_mongo.errors import ConfigurationError

PATH = Path("/etc/databroker/csx.yml")

INTAKE = """
sources:
  csx:
    driver: bluesky-mongo-normalized-catalog
    description: Soft X-rays
    args:
      metadatastore_db: mongodb://me:hush@host:27017/mds?authSource=admin
      asset_registry_db: mongodb://me:hush@host:27017/assets?authSource=admin
      handler_registry:
        AD_TIFF: area_detector_handlers.handlers.AreaDetectorTiffHandler
      root_map: {/data: data}
      transforms: {resource: csx.fix.resource}
      find_kwargs: {no_cursor_timeout: true}
      auth: null
    metadata: {beamline: csx}
"""

V0 = """
description: Soft X-rays
metadatastore:
  module: databroker.headersource.mongo
  class: MDS
  config: {host: mongo, port: 27017, database: mds, timezone: US/Eastern}
assets:
  module: databroker.assets.mongo
  class: Registry
  config: {host: mongo, port: 27017, database: fs}
handlers:
  SPEC: {module: lab.handlers, class: Special}
root_map: {/data: data}
transforms: {start: lab.fix.start}
api_version: 1
"""


def test_a_source_of_intake_is_read_as_databroker_reads_it():
    settings = read_intake(parse_yaml(INTAKE, PATH), "csx")
    assert settings.uri.written() == "mongodb://me:hush@host:27017/mds?authSource=admin"
    assert settings.asset_uri is not None
    assert settings.asset_uri.written() == "mongodb://me:hush@host:27017/assets?authSource=admin"
    assert settings.handler_registry == {"AD_TIFF": "area_detector_handlers.handlers:AreaDetectorTiffHandler"}
    assert settings.root_map == {"/data": "/etc/databroker/data"}
    assert settings.transforms == {"resource": "csx.fix:resource"}
    assert settings.description == "Soft X-rays"
    assert (settings.file, settings.line) == (PATH, 3)


def test_one_database_for_both_halves_needs_no_second_uri():
    settings = read_intake(parse_yaml(INTAKE.replace("/assets", "/mds"), PATH), "csx")
    assert settings.asset_uri is None


def test_an_empty_registry_of_handlers_stays_empty_and_an_absent_one_means_discovery():
    registry = "      handler_registry:\n        AD_TIFF: area_detector_handlers.handlers.AreaDetectorTiffHandler\n"
    empty = INTAKE.replace(registry, "      handler_registry: {}\n")
    assert read_intake(parse_yaml(empty, PATH), "csx").handler_registry == {}
    assert read_intake(parse_yaml(INTAKE.replace(registry, ""), PATH), "csx").handler_registry is None


def test_another_driver_is_named_by_the_error():
    text = INTAKE.replace("bluesky-mongo-normalized-catalog", "bluesky-msgpack-catalog")
    with pytest.raises(ConfigurationError, match="driver: bluesky-msgpack-catalog") as caught:
        read_intake(parse_yaml(text, PATH), "csx")
    assert caught.value.line == 4


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("auth: null", "root_maps: {}", "did you mean 'root_map'"),
        ("no_cursor_timeout: true", "limit: 5", "'limit' is not known"),
        ("metadatastore_db: mongodb", "metadatastore_db: 5 #", "'metadatastore_db' must be a string"),
        ("asset_registry_db: ", "auth: ", "there is no 'asset_registry_db'"),
        ("args:", "other:", "there are no 'args'"),
    ],
)
def test_a_source_with_a_fault_is_refused_with_its_line(old, new, message):
    text = INTAKE.replace("      auth: null\n", "") if new == "auth: " else INTAKE
    with pytest.raises(ConfigurationError, match=message) as caught:
        read_intake(parse_yaml(text.replace(old, new), PATH), "csx")
    assert caught.value.file == PATH
    assert caught.value.line > 1


def test_templates_of_intake_become_directories_and_variables():
    data = {"a": ["{{ CATALOG_DIR }}/x", "mongodb://{{ env(ME) }}:{{client_env('PW')}}@h/db", 5], "b": "{{ other }}"}
    assert fill_templates(data, "/etc") == {"a": ["/etc/x", "mongodb://${ME}:${PW}@h/db", 5], "b": "{{ other }}"}


def test_a_v0_file_is_read_as_databroker_reads_it():
    settings = read_v0(parse_yaml(V0, PATH), "csx")
    assert settings.uri.written() == "mongodb://mongo:27017/mds"
    assert settings.asset_uri is not None
    assert settings.asset_uri.written() == "mongodb://mongo:27017/fs"
    assert settings.handlers == {"SPEC": "lab.handlers:Special"}
    assert settings.handler_registry is None
    assert settings.root_map == {"/data": "/etc/databroker/data"}
    assert settings.transforms == {"start": "lab.fix:start"}


@pytest.mark.parametrize(
    ("config", "uri"),
    [
        ("{host: h, port: 1, database: d}", "mongodb://h:1/d"),
        ("{database: d}", "mongodb://localhost:27017/d"),
        ("{host: h, port: 1, database: d, mongo_user: me, mongo_pwd: pw}", "mongodb://me:pw@h:1/d?authSource=admin"),
        ("{host: h, port: 1, database: d, mongo_user: me, mongo_pwd: 123}", "mongodb://me:123@h:1/d?authSource=admin"),
        (
            "{host: h, port: 1, database: d, mongo_user: me, mongo_pwd: 'a@/b%40'}",
            "mongodb://me:a%40%2Fb%40@h:1/d?authSource=admin",
        ),
        (
            "{host: h, port: 1, database: d, mongo_user: me, mongo_pwd: '5%@', authsource: x}",
            "mongodb://me:5%25%40@h:1/d?authSource=x",
        ),
        (
            "{host: h, port: 1, database: d, mongo_user: me, mongo_pwd: '${PW}'}",
            "mongodb://me:${PW}@h:1/d?authSource=admin",
        ),
        ("{uri: 'mongodb://h1,h2/?replicaSet=rs0', database: d}", "mongodb://h1,h2/d?replicaSet=rs0"),
        ("{uri: 'mongodb://me:pw@h', database: d}", "mongodb://me:pw@h/d?authSource=admin"),
        ("{uri: 'mongodb://me:pw@h/users', database: d}", "mongodb://me:pw@h/d?authSource=users"),
        ("{uri: 'mongodb://me:pw@h/?tls=true', database: d}", "mongodb://me:pw@h/d?tls=true&authSource=admin"),
        ("{uri: 'mongodb://me:pw@h/x?authSource=y', database: d}", "mongodb://me:pw@h/d?authSource=y"),
        ("{uri: 'mongodb://me:pw@h', database: d, authsource: z}", "mongodb://me:pw@h/d?authSource=z"),
        ("{uri: 'mongodb://me:pw@h/', database: d, authsource: z}", "mongodb://me:pw@h/d?authSource=z"),
        (
            "{uri: 'mongodb://me@h/?authMechanism=MONGODB-X509', database: d}",
            "mongodb://me@h/d?authMechanism=MONGODB-X509",
        ),
    ],
)
def test_a_v0_database_becomes_one_uri_of_the_same_account(config, uri):
    text = V0.replace("{host: mongo, port: 27017, database: mds, timezone: US/Eastern}", config)
    assert read_v0(parse_yaml(text, PATH), "csx").uri.written() == uri


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("database: mds, ", "", "there is no 'database'"),
        ("database: mds, ", "database: mds, uri: 'mongodb://h', ", "either 'uri' or 'host' and 'port'"),
        ("api_version", "api_versions", "did you mean 'api_version'"),
        (
            "databroker.headersource.mongo",
            "databroker.headersource.sqlite",
            "does not keep its metadatastore in MongoDB",
        ),
        ("class: Special", "klass: Special", "needs 'module' and 'class'"),
        ("host: mongo, port: 27017, database: mds", "uri: '${U}', database: d", "may not replace all of it"),
    ],
)
def test_a_v0_file_with_a_fault_is_refused_with_its_line(old, new, message):
    with pytest.raises(ConfigurationError, match=message) as caught:
        read_v0(parse_yaml(V0.replace(old, new), PATH), "csx")
    assert caught.value.file == PATH
    assert caught.value.line > 1


def test_what_a_file_of_databroker_says_is_at_hand(machine):
    machine.write(machine.v0, "old.yml", V0)
    machine.write(machine.user, "new.yml", "catalogs: {new: {uri: 'memory://new'}}")
    entries = find_entries()
    contents = v0_contents(entries["old"])
    assert contents is not None
    assert contents["metadatastore"]["module"] == "databroker.headersource.mongo"
    assert v0_contents(entries["new"]) is None


def test_a_configuration_in_code_is_read_as_a_file_is(machine):
    text = V0.replace("/data: data", "/data: /mnt")
    machine.write(machine.v0, "old.yml", text)
    settings = settings_of_v0(parse_yaml(text, PATH).data, "old")
    assert settings == find_entries()["old"]
    assert (settings.file, settings.line, settings.is_trusted) == (None, None, True)
