"""Which files are offline, who says so, and on which machine."""

from __future__ import annotations

import os
import pickle
import sys
import types

import pytest

from databroker_mongo import Catalog
from databroker_mongo.assets import open_reader
from databroker_mongo.assets.offline import MIN_AGE_SECONDS, MIN_BYTES, has_no_blocks, offline_among, require_online
from databroker_mongo.config import find_entries
from databroker_mongo.errors import AssetOffline, AssetUnreadable, ConfigurationError


def test_a_large_old_file_without_blocks_is_offline(tmp_path, sparse):
    path = sparse(tmp_path / "a", n_bytes=MIN_BYTES, seconds_old=MIN_AGE_SECONDS + 600)
    (tmp_path / "link").symlink_to(path)
    assert has_no_blocks(str(path))
    assert has_no_blocks(str(tmp_path / "link"))


def test_small_files_and_those_just_written_have_no_blocks_on_some_file_systems_and_are_there(tmp_path, sparse):
    assert not has_no_blocks(str(sparse(tmp_path / "small", n_bytes=MIN_BYTES - 1)))
    assert not has_no_blocks(str(sparse(tmp_path / "young", seconds_old=MIN_AGE_SECONDS - 600)))
    assert not has_no_blocks(str(sparse(tmp_path / "of tomorrow", seconds_old=-86400)))


def test_what_has_blocks_or_is_no_file_is_not_offline(tmp_path, sparse):
    written = sparse(tmp_path / "written")
    content = b"x" * MIN_BYTES
    with written.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.utime(written, (0, 0))
    for path in (written, tmp_path, tmp_path / "missing", "/dev/null", "a\0b"):
        assert not has_no_blocks(str(path))


def on_tape(path: str) -> bool:
    return path.endswith(".tape")


@pytest.fixture
def lab(monkeypatch):
    """A module that the site's settings can name."""
    module = types.ModuleType("lab_tape")
    module.on_tape = on_tape
    module.broken = lambda path: 1 / 0
    module.number = 5
    monkeypatch.setitem(sys.modules, "lab_tape", module)
    return module


def write(machine, where, text):
    return machine.write(getattr(machine, where), "a.yml", text)


CATALOG = "catalogs: {x: {uri: memory://x, offline: %s}}"


@pytest.mark.parametrize("said", ["lab_tape:on_tape", "lab_tape.on_tape"])
def test_without_a_word_of_the_site_every_file_is_there(machine, lab, said):
    assert open_reader().offline is None
    assert open_reader(find_entries().get("x")).offline is None
    write(machine, "site", f"site: {{offline: {said}}}")
    assert open_reader().offline is on_tape


def test_the_word_for_files_without_blocks(machine):
    write(machine, "site", "site: {offline: no-blocks}")
    assert open_reader().offline is has_no_blocks
    assert Catalog.from_uri("memory://x").assets.offline is has_no_blocks


def test_code_comes_before_the_catalog_and_the_catalog_before_the_site(machine, lab):
    write(machine, "site", "site: {offline: no-blocks}\n" + CATALOG % "lab_tape:on_tape")
    settings = find_entries()["x"]
    assert open_reader(settings).offline is on_tape
    assert open_reader(settings, offline="no-blocks").offline is has_no_blocks
    assert Catalog.from_uri("memory://x", offline=on_tape).assets.offline is on_tape


def test_the_word_of_the_site_comes_before_that_of_a_user(machine, lab):
    write(machine, "user", "site: {offline: no-blocks}")
    assert open_reader().offline is has_no_blocks
    write(machine, "environment", "site: {offline: lab_tape.on_tape}")
    assert open_reader().offline is on_tape


@pytest.mark.parametrize("text", ["site: {offline: lab_tape:on_tape}", CATALOG % "lab_tape:on_tape"])
def test_what_a_users_file_names_is_imported_only_where_the_site_allows_it(machine, lab, text):
    path = write(machine, "user", text)
    with pytest.raises(ConfigurationError, match="allowed_modules") as caught:
        open_reader(find_entries().get("x"))
    assert caught.value.file == path
    write(machine, "site", "site: {allowed_modules: [lab_tape]}")
    assert open_reader(find_entries().get("x")).offline is on_tape


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("tape", "write no-blocks, or module:function"),
        ("5", "must be a string"),
        ("no", "must be a string"),
        ("lab_tape:no_such", "cannot be imported"),
        ("no_such_module:on_tape", "cannot be imported"),
        ("lab_tape:number", "not a function"),
        ("'a b:c'", "module:name"),
    ],
)
def test_what_cannot_be_meant_is_an_error(machine, lab, said, told):
    write(machine, "site", f"site: {{offline: {said}}}")
    with pytest.raises(ConfigurationError, match=told):
        open_reader()


@pytest.mark.parametrize("said", ["yes please", "5", "[]"])
def test_recall_is_true_or_false(machine, said):
    write(machine, "user", f"catalogs: {{x: {{uri: memory://x, recall: {said}}}}}")
    with pytest.raises(ConfigurationError, match="'recall' must be true or false"):
        find_entries()["x"]


def test_a_catalog_can_be_configured_to_recall(machine):
    write(machine, "user", "catalogs: {x: {uri: memory://x, recall: true}, y: {uri: memory://y}}")
    assert Catalog.from_settings(find_entries()["x"]).assets.recall
    assert not Catalog.from_settings(find_entries()["y"]).assets.recall


def test_the_rule_is_that_of_the_machine_that_opens_the_file_and_what_was_asked_travels(machine, lab):
    write(machine, "site", "site: {offline: no-blocks}\ncatalogs: {x: {uri: memory://x}}")
    readers = [open_reader(), open_reader(find_entries()["x"]), open_reader().recalling(), open_reader(offline=on_tape)]
    sent = [pickle.dumps(reader) for reader in readers]
    write(machine, "site", "site: {offline: lab_tape:on_tape}\ncatalogs: {x: {uri: memory://x}}")
    arrived = [pickle.loads(each) for each in sent]
    assert [reader.offline for reader in arrived] == [on_tape] * 4
    assert [reader.recall for reader in arrived] == [False, False, True, False]


def test_a_reader_that_recalls_shares_all_else(machine):
    reader = open_reader()
    asked = reader.recalling()
    assert asked.recall
    assert not reader.recall
    assert asked.registry is reader.registry
    assert asked.recalling(False).recall is False
    assert reader.recalling(False) is reader


def test_a_rule_is_asked_about_files_alone(tmp_path):
    (tmp_path / "a.tape").touch()
    (tmp_path / "folder.tape").mkdir()
    paths = [tmp_path / "a.tape", tmp_path / "folder.tape", tmp_path / "missing.tape", "nul\0.tape"]
    assert offline_among(paths, on_tape) == [str(tmp_path / "a.tape")]
    assert offline_among(paths, None) == []


def test_a_rule_that_fails_is_an_error_and_no_answer(tmp_path, lab):
    (tmp_path / "a").touch()
    with pytest.raises(AssetUnreadable, match=r"which files are offline, .*fails on .*ZeroDivisionError") as caught:
        require_online([tmp_path / "a"], lab.broken)
    assert type(caught.value) is AssetUnreadable


def test_the_error_counts_the_files(tmp_path):
    paths = [tmp_path / f"{number}.tape" for number in range(3)]
    for path in paths:
        path.touch()
    with pytest.raises(AssetOffline, match=r"0\.tape is offline.* 2 more") as caught:
        require_online(paths, on_tape)
    assert caught.value.n_offline == 3
