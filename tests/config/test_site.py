from __future__ import annotations

import pytest

from databroker_mongo.config import SiteSettings, site_settings
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
