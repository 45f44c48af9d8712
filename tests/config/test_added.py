from __future__ import annotations

import stat

import pytest

from databroker_mongo.config import find_entries, remove_entry, write_entry
from databroker_mongo.errors import CatalogNotFound, ConfigurationError, ConfigurationWarning


def test_an_added_catalog_is_found_with_its_settings(machine):
    path = write_entry(
        "beam/line 1", "memory://", root_map={"/a": "/b"}, scope={"data_session": ["p"]}, timeout_seconds=4
    )
    settings = find_entries()["beam/line 1"]
    assert settings.file == path
    assert path.parent == machine.user
    assert (settings.root_map, settings.scope, settings.timeout_seconds) == ({"/a": "/b"}, {"data_session": ("p",)}, 4)


def test_a_file_that_holds_a_password_is_private_and_warned_of(machine):
    with pytest.warns(ConfigurationWarning, match=r"write \$\{NAME\} in its place") as caught:
        path = write_entry("x", "mongodb://me:hush@host/db")
    assert "hush" not in str(caught[0].message)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert find_entries()["x"].uri.written() == "mongodb://me:hush@host/db"


def test_a_variable_in_the_place_of_the_password_is_kept_and_not_warned_of(machine):
    path = write_entry("x", "mongodb://me:${PW}@host/db")
    assert "me:${PW}@host" in path.read_text()


def test_nothing_but_the_file_is_left_in_the_directory(machine):
    path = write_entry("x", "memory://")
    assert list(machine.user.iterdir()) == [path]


def test_adding_the_same_catalog_again_changes_nothing(machine):
    path = write_entry("x", "memory://")
    before = path.stat().st_mtime_ns
    assert write_entry("x", "memory://") == path
    assert path.stat().st_mtime_ns == before


def test_another_catalog_of_the_name_is_replaced_only_when_asked(machine):
    write_entry("x", "memory://")
    with pytest.raises(ConfigurationError, match="configured already, with other settings"):
        write_entry("x", "memory://other")
    write_entry("x", "memory://other", replace=True)
    assert str(find_entries()["x"].uri) == "memory://other"


def test_a_source_for_another_driver_is_no_obstacle_and_stays(machine):
    text = "sources: {x: {driver: bluesky-msgpack-catalog, args: {paths: [a.msgpack]}}}"
    path = machine.write(machine.intake, "databroker_unpack_x.yml", text)
    write_entry("x", "memory://")
    assert str(find_entries()["x"].uri) == "memory://"
    assert path.read_text() == text


@pytest.mark.parametrize("directory", ["user", "site", "intake"])
def test_an_entry_of_another_file_is_never_overwritten_or_removed(machine, directory):
    text = "catalogs: {x: {uri: memory://}}"
    if directory == "intake":
        args = "{metadatastore_db: mongodb://h/d, asset_registry_db: mongodb://h/d}"
        text = f"sources: {{x: {{driver: bluesky-mongo-normalized-catalog, args: {args}}}}}"
    path = machine.write(getattr(machine, directory), "x.yml", text)
    for replace in (False, True):
        with pytest.raises(ConfigurationError, match="choose another name") as caught:
            write_entry("x", "memory://other", replace=replace)
        assert caught.value.file == path
    with pytest.raises(ConfigurationError, match="edit its file") as caught:
        remove_entry("x")
    assert caught.value.file == path
    assert path.read_text() == text


def test_a_wrong_setting_is_refused_before_anything_is_written(machine):
    with pytest.raises(ConfigurationError, match="did you mean 'root_map'"):
        write_entry("x", "memory://", root_maps={})
    with pytest.raises(ConfigurationError, match="'scope' has no value"):
        write_entry("x", "memory://", scope={})
    with pytest.raises(ConfigurationError, match="'timeout_seconds' must be a number"):
        write_entry("x", "memory://", timeout_seconds="many")
    with pytest.raises(ConfigurationError, match="must be a string that is not empty"):
        write_entry("", "memory://")
    assert not machine.user.exists()


def test_a_directory_that_cannot_be_written_is_named(machine):
    machine.user.parent.mkdir(parents=True)
    machine.user.write_text("a file in the place of the directory")
    with pytest.raises(ConfigurationError, match="cannot be stored"):
        write_entry("x", "memory://")


def test_a_removed_catalog_is_gone_and_its_name_free(machine):
    path = write_entry("x", "memory://")
    assert remove_entry("x") == path
    assert "x" not in find_entries()
    with pytest.raises(CatalogNotFound):
        remove_entry("x")
    write_entry("x", "memory://other")
