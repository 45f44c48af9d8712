from __future__ import annotations

import os

import pytest

from databroker_mongo.assets import open_reader
from databroker_mongo.config import SiteSettings, hand_on, site_settings
from databroker_mongo.errors import ConfigurationError


def test_without_a_section_nothing_is_said(machine):
    machine.write(machine.user, "a.yml", "catalogs: {x: {uri: memory://}}")
    assert site_settings() == SiteSettings()


def test_the_guards_of_the_site_cannot_be_widened_by_a_user(machine):
    machine.write(machine.user, "a.yml", "site: {allowed_roots: [/], allowed_modules: [os]}")
    assert site_settings().allowed_roots == ("/",)
    machine.write(machine.site, "a.yml", "site: {allowed_roots: [/data], allowed_modules: [lab]}")
    site = site_settings()
    assert site.allowed_roots == ("/data",)
    assert site.allowed_modules == ("lab",)


def test_a_site_may_allow_nothing_at_all(machine):
    machine.write(machine.site, "a.yml", "site: {allowed_roots: []}")
    machine.write(machine.user, "a.yml", "site: {allowed_roots: [/]}")
    assert site_settings().allowed_roots == ()


def test_the_directories_of_several_files_of_one_owner_are_joined(machine):
    machine.write(machine.site, "a.yml", "site: {allowed_roots: [/a]}")
    machine.write(machine.site, "b.yml", "site: {allowed_roots: [/b]}")
    assert site_settings().allowed_roots == ("/a", "/b")


def test_pins_and_root_maps_are_merged_and_the_word_of_the_user_comes_first(machine):
    machine.write(machine.site, "a.yml", "site: {handlers: {A: site, B: site}, root_map: {/a: /site, /b: /site}}")
    machine.write(machine.user, "a.yml", "site: {handlers: {A: user}, root_map: {/a: /user}}")
    site = site_settings()
    assert site.handlers == {"A": "user", "B": "site"}
    assert site.root_map == {"/a": "/user", "/b": "/site"}


@pytest.mark.parametrize(
    "text", ["site: {allowed_roots: [}", "site: {allowed_root: [/a]}", "site:\n", "'site': {allowed_roots: 5}"]
)
def test_a_section_that_cannot_be_read_is_an_error_and_not_a_missing_guard(machine, text):
    path = machine.write(machine.user, "a.yml", text)
    with pytest.raises(ConfigurationError) as caught:
        site_settings()
    assert caught.value.file == path


def test_a_file_of_the_site_that_is_no_text_is_an_error_and_not_a_missing_guard(machine):
    path = machine.write(machine.site, "a.yml", "")
    path.write_bytes(b"\xff\xfe\xff")
    with pytest.raises(ConfigurationError, match="UTF-8"):
        site_settings()


def test_a_broken_file_without_a_section_hinders_nobody(machine):
    machine.write(machine.user, "a.yml", "catalogs: [")
    machine.write(machine.site, "a.yml", "site: {allowed_roots: [/data]}")
    assert site_settings().allowed_roots == ("/data",)


def test_a_section_in_the_directories_of_others_does_not_count(machine):
    machine.write(machine.intake, "a.yml", "site: {allowed_roots: [/]}")
    assert site_settings().allowed_roots is None


@pytest.fixture
def variables(monkeypatch):
    """The variables by which handlers are told, unset; what is set during a test is unset afterwards."""
    for name in ("DATABROKER_MONGO_DECODER", "DATABROKER_MONGO_DECODER_THREADS"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


def decoding():
    return [os.environ.get(f"DATABROKER_MONGO_DECODER{name}") for name in ("", "_THREADS")]


def test_who_decodes_is_handed_on_to_handlers_when_a_reader_is_opened(machine, variables):
    open_reader()
    assert decoding() == [None, None]
    machine.write(machine.site, "a.yml", "site: {decoder: hdf5, decoder_threads: 3}")
    open_reader()
    assert decoding() == ["hdf5", "3"]


def test_the_word_of_the_user_on_decoding_comes_before_the_sites_and_the_environments_before_both(
    machine, variables, monkeypatch
):
    machine.write(machine.site, "a.yml", "site: {decoder: hdf5, decoder_threads: 3}")
    machine.write(machine.user, "a.yml", "site: {decoder: own}")
    assert (site_settings().decoder, site_settings().decoder_threads) == ("own", 3)
    monkeypatch.setenv("DATABROKER_MONGO_DECODER", "hdf5")

    hand_on(site_settings())

    assert decoding() == ["hdf5", "3"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("decoder: hdf", "'decoder' is 'hdf': write own or hdf5"),
        ("decoder_threads: 0", "more than 0"),
        ("decoder_threads: 1.5", "write a whole number from 1 on"),
        ("decoder_threads: .inf", "write a whole number from 1 on"),
        ("decoder_threads: many", "a number"),
    ],
)
def test_what_decodes_nothing_is_refused(machine, text, said):
    machine.write(machine.user, "a.yml", f"site: {{{text}}}")
    with pytest.raises(ConfigurationError, match=said):
        site_settings()
