from __future__ import annotations

from databroker_mongo.cli.main import FAILURE, main

INTAKE = """
sources:
  csx:
    driver: bluesky-mongo-normalized-catalog
    args: {metadatastore_db: 'mongodb://me:hush@h/d', asset_registry_db: 'mongodb://me:hush@h/d'}
"""


def test_catalogs_are_listed_with_address_and_file_and_without_passwords(machine, capsys):
    theirs = machine.write(machine.intake, "csx.yml", INTAKE)
    ours = machine.write(machine.user, "a.yml", "catalogs: {mine: {uri: memory://}}")
    assert main(["catalogs"]) == 0
    out, err = capsys.readouterr()
    assert [line.split() for line in out.splitlines()] == [
        ["csx", "mongodb://me:***@h/d", str(theirs)],
        ["mine", "memory://", str(ours)],
    ]
    assert len({line.index(str(machine.root)) for line in out.splitlines()}) == 1
    assert err == ""


def test_what_cannot_be_used_is_told_on_standard_error(machine, capsys):
    path = machine.write(
        machine.user, "a.yml", "catalogs: {bad: {url: 'mongodb://me:hush@h/d'}, good: {uri: memory://}}"
    )
    assert main(["catalogs"]) == 0
    out, err = capsys.readouterr()
    assert out.split()[0] == "good"
    assert str(path) in err
    assert "hush" not in out + err


def test_without_any_catalog_nothing_is_printed(machine, capsys):
    assert main(["catalogs"]) == 0
    assert capsys.readouterr() == ("", "")


def test_older_files_are_printed_in_our_form_with_variables_for_passwords(machine, capsys):
    machine.write(machine.intake, "csx.yml", INTAKE)
    machine.write(machine.user, "a.yml", "catalogs: {mine: {uri: memory://}}")
    assert main(["migrate-config"]) == 0
    out, err = capsys.readouterr()
    assert "uri: mongodb://me:${CSX_PASSWORD}@h/d" in out
    assert "mine" not in out
    assert "set the environment variable CSX_PASSWORD to the secret of 'csx'" in err
    assert str(machine.user) in err
    assert "hush" not in out + err


def test_a_file_is_written_when_named_and_only_there_may_passwords_be(machine, capsys, tmp_path):
    machine.write(machine.intake, "csx.yml", INTAKE)
    output = tmp_path / "ours.yml"
    assert main(["migrate-config", "csx", "--keep-passwords"]) == FAILURE
    assert main(["migrate-config", "csx", "--keep-passwords", "--output", str(output)]) == 0
    assert "mongodb://me:hush@h/d" in output.read_text()
    assert main(["migrate-config", "--output", str(output)]) == FAILURE
    out, err = capsys.readouterr()
    assert "hush" not in out + err
    assert "exists already" in err


def test_where_nothing_is_to_be_moved_that_is_said_with_what_cannot_be_used(machine, capsys):
    machine.write(machine.user, "a.yml", "catalogs: {mine: {uri: memory://}}")
    machine.write(machine.intake, "csx.yml", "sources: [")
    assert main(["migrate-config"]) == FAILURE
    out, err = capsys.readouterr()
    assert out == ""
    assert "no configuration file of databroker or intake has a catalog" in err
    assert "csx.yml" in err


def test_an_unknown_name_fails_with_advice(machine, capsys):
    machine.write(machine.intake, "csx.yml", INTAKE)
    assert main(["migrate-config", "csy"]) == FAILURE
    assert "Did you mean 'csx'" in capsys.readouterr().err


def test_handlers_are_listed_for_a_uri_too_and_its_password_is_not_shown(machine, capsys):
    assert main(["handlers", "--catalog", "mongodb://reader:hushhush@h/runs"]) == 0
    out, err = capsys.readouterr()
    assert "hushhush" not in out + err


def test_what_is_lost_when_a_file_is_moved_over_is_told(machine, capsys):
    half = "{module: databroker.headersource.mongo, config: {database: d, timezone: US/Eastern}}"
    machine.write(machine.v0, "csx.yml", f"metadatastore: {half}\nassets: {half}\n")
    assert main(["migrate-config"]) == 0
    out, err = capsys.readouterr()
    assert "'metadatastore.config.timezone' is left out" in err
    assert "# 'csx': 'metadatastore.config.timezone' is left out" in out
