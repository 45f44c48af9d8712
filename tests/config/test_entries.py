from __future__ import annotations

import pytest

from databroker_mongo.config import find_entries
from databroker_mongo.errors import CatalogNotFound, ConfigurationError

INTAKE = """
sources:
  {name}:
    driver: bluesky-mongo-normalized-catalog
    args: {{metadatastore_db: "{uri}", asset_registry_db: "{uri}"}}
"""
V0 = """
metadatastore: {{module: databroker.headersource.mongo, class: MDS, config: {{host: {host}, database: d}}}}
assets: {{module: databroker.assets.mongo, class: Registry, config: {{host: {host}, database: d}}}}
"""


def test_a_machine_without_any_file_has_no_catalog(machine):
    entries = find_entries()
    assert list(entries) == []
    assert len(entries) == 0
    assert entries.problems == ()


def test_catalogs_of_all_directories_and_forms_are_found(machine, monkeypatch):
    machine.write(machine.user, "a.yml", "catalogs: {of_user: {uri: memory://}}")
    machine.write(machine.environment, "a.yaml", "catalogs: {of_environment: {uri: memory://}}")
    machine.write(machine.site, "a.yml", "catalogs: {of_site: {uri: memory://}}")
    machine.write(machine.root / "more", "a.yml", "catalogs: {of_path: {uri: memory://}}")
    one_file = machine.write(machine.root / "other", "b.yml", "catalogs: {of_file: {uri: memory://}}")
    machine.write(machine.intake, "any.yaml", INTAKE.format(name="of_intake", uri="mongodb://h/d"))
    machine.write(machine.root / "share", "x.yml", INTAKE.format(name="of_intake_path", uri="mongodb://h/d"))
    machine.write(machine.v0, "of_v0.yml", V0.format(host="h"))
    monkeypatch.setenv("DATABROKER_MONGO_PATH", f"{machine.root / 'more'}:{one_file}:{machine.root / 'absent'}")
    monkeypatch.setenv("INTAKE_PATH", str(machine.root / "share"))
    entries = find_entries()
    assert entries.problems == ()
    assert list(entries) == sorted(
        ["of_user", "of_environment", "of_site", "of_path", "of_file", "of_intake", "of_intake_path", "of_v0"]
    )
    trusted = {name for name, settings in entries.items() if settings.is_trusted}
    assert trusted == {"of_environment", "of_site"}


def test_the_activated_environment_is_looked_in_as_well(machine, monkeypatch):
    monkeypatch.setenv("VIRTUAL_ENV", str(machine.root / "venv"))
    machine.write(machine.root / "venv/share/databroker_mongo", "a.yml", "catalogs: {ours: {uri: memory://}}")
    machine.write(machine.root / "venv/share/intake", "a.yml", INTAKE.format(name="theirs", uri="mongodb://h/d"))
    assert list(find_entries()) == ["ours", "theirs"]


def test_a_directory_that_is_made_later_is_seen(machine):
    assert "late" not in find_entries()
    machine.write(machine.user, "a.yml", "catalogs: {late: {uri: memory://}}")
    assert "late" in find_entries()


def test_a_file_of_an_older_form_is_read_in_our_own_directories_too(machine):
    machine.write(machine.user, "a.yml", INTAKE.format(name="csx", uri="mongodb://h/d"))
    machine.write(machine.user, "b.yml", V0.format(host="h"))
    assert list(find_entries()) == ["b", "csx"]


def test_files_that_have_no_catalog_are_left_alone_in_the_directories_of_others(machine):
    machine.write(machine.intake, "a.yml", "plugins: {source: [{module: x}]}")
    machine.write(machine.intake, "b.yml", "- 1\n")
    machine.write(machine.intake, "empty.yml", "")
    machine.write(machine.v0, "_legacy_config.yml", V0.format(host="h"))
    machine.write(machine.user, ".hidden.yml", "catalogs: [")
    machine.write(machine.user, "notes.txt", "catalogs: [")
    machine.write(machine.user, "empty.yml", "")
    entries = find_entries()
    assert list(entries) == []
    assert entries.problems == ()


def test_sources_of_other_drivers_are_not_listed_and_named_when_asked_for(machine):
    machine.write(machine.intake, "a.yml", "sources: {pack: {driver: bluesky-msgpack-catalog, args: {paths: [x]}}}")
    entries = find_entries()
    assert "pack" not in entries
    assert entries.problems == ()
    with pytest.raises(ConfigurationError, match="bluesky-msgpack-catalog"):
        entries["pack"]


@pytest.mark.parametrize("other", ["user", "site"])
def test_two_catalogs_of_one_name_that_differ_are_an_error_that_names_both(machine, other):
    first = machine.write(machine.user, "a.yml", "catalogs:\n  x: {uri: memory://}\n  good: {uri: memory://}")
    second = machine.write(getattr(machine, other), "b.yml", "\n\ncatalogs:\n  x: {uri: mongodb://h/d}")
    entries = find_entries()
    assert list(entries) == ["good"]
    with pytest.raises(ConfigurationError) as caught:
        entries["x"]
    assert (caught.value.file, caught.value.line) == (first, 2)
    assert (caught.value.other_file, caught.value.other_line) == (second, 4)
    assert f"{first}, line 2" in str(caught.value)
    assert f"{second}, line 4" in str(caught.value)
    assert entries.problems == (caught.value,)


def test_two_entries_that_open_the_same_catalog_count_as_one(machine):
    machine.write(machine.user, "a.yml", "catalogs: {x: {uri: mongodb://h/d}}")
    machine.write(machine.site, "b.yml", "catalogs: {x: {uri: mongodb://h/d, description: of the site}}")
    settings = find_entries()["x"]
    assert settings.is_trusted
    assert settings.description == "of the site"


def test_a_file_that_two_directories_lead_to_is_read_once(machine, monkeypatch):
    machine.write(machine.user, "a.yml", "catalogs: {x: {uri: memory://, root_map: {/a: here}}}")
    link = machine.root / "link"
    link.symlink_to(machine.user)
    monkeypatch.setenv("DATABROKER_MONGO_PATH", str(link))
    assert find_entries()["x"].root_map == {"/a": str(machine.user / "here")}


def test_an_entry_of_our_own_form_goes_before_an_older_one(machine):
    machine.write(machine.intake, "a.yml", INTAKE.format(name="x", uri="mongodb://old/d"))
    machine.write(machine.site, "b.yml", "catalogs: {x: {uri: mongodb://new/d}}")
    assert str(find_entries()["x"].uri) == "mongodb://new/d"


def test_of_the_v0_form_the_first_directory_counts(machine):
    machine.write(machine.v0, "x.yml", V0.format(host="of_user"))
    machine.write(machine.root / "env/etc/databroker", "x.yml", V0.format(host="of_environment"))
    assert str(find_entries()["x"].uri) == "mongodb://of_user:27017/d"


def test_a_v0_file_and_a_source_of_intake_that_differ_are_an_error(machine):
    machine.write(machine.v0, "x.yml", V0.format(host="one"))
    machine.write(machine.intake, "a.yml", INTAKE.format(name="x", uri="mongodb://two/d"))
    with pytest.raises(ConfigurationError, match="two catalogs are named 'x'"):
        find_entries()["x"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("catalogs:\n  broken: {uri: [}\n", 2),
        ("catalogs:\n  broken: {uri: memory://}\n  broken: {uri: memory://}\n", 3),
        ("catalogs:\n  broken: {uri: memory://, colour: red}\n", 2),
        ("catalogs:\n  broken: {uri: memory://}\nsights: {}\n", 3),
        ("catalogs:\n  broken: {uri: !!python/name:os.system ''}\n", 2),
    ],
)
def test_a_fault_hides_no_other_catalog_and_is_raised_for_its_own(machine, text, line):
    machine.write(machine.user, "a.yml", "catalogs: {good: {uri: memory://}}")
    path = machine.write(machine.user, "b.yml", text)
    entries = find_entries()
    assert list(entries) == ["good"]
    assert "broken" not in entries
    with pytest.raises(ConfigurationError) as caught:
        entries["broken"]
    assert not isinstance(caught.value, CatalogNotFound)
    assert (caught.value.file, caught.value.line) == (path, line)
    assert entries.problems == (caught.value,)


def test_a_file_named_after_the_catalog_gives_its_own_error(machine):
    path = machine.write(machine.v0, "csx.yml", "metadatastore: [")
    with pytest.raises(ConfigurationError, match="not valid YAML") as caught:
        find_entries()["csx"]
    assert caught.value.file == path


def test_an_unknown_name_is_answered_with_near_names_and_the_files_that_cannot_be_read(machine):
    machine.write(machine.user, "a.yml", "catalogs: {beamline: {uri: memory://}, other: {uri: memory://}}")
    broken = machine.write(machine.user, "z.yml", "[")
    with pytest.raises(CatalogNotFound) as caught:
        find_entries()["beamlin"]
    message = str(caught.value)
    assert isinstance(caught.value, KeyError)
    assert "Did you mean 'beamline'?" in message
    assert "'beamline', 'other'" in message
    assert str(machine.site) not in message
    assert str(broken) in message


def test_where_nothing_is_configured_an_unknown_name_is_answered_with_the_places_looked_in(machine):
    machine.user.mkdir(parents=True)
    with pytest.raises(CatalogNotFound, match="The configured catalogs are: none") as caught:
        find_entries()["beamline"]
    lines = str(caught.value).split("\n    ")
    assert str(machine.user) in lines
    assert f"{machine.site} (absent)" in str(caught.value)


def test_the_file_of_a_top_level_that_is_no_mapping_is_named(machine):
    path = machine.write(machine.user, "a.yml", "- catalogs\n")
    (problem,) = find_entries().problems
    assert (problem.file, problem.line) == (path, 1)


def test_a_directory_that_cannot_be_listed_is_a_problem(machine, monkeypatch):
    machine.site.mkdir(parents=True)
    listing = type(machine.site).iterdir

    def refuse(path):
        if path == machine.site:
            raise PermissionError(13, "Permission denied")
        return listing(path)

    monkeypatch.setattr(type(machine.site), "iterdir", refuse)
    (problem,) = find_entries().problems
    assert problem.file == machine.site
    assert "Permission denied" in str(problem)
