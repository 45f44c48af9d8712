"""``databroker-mongo handlers`` shows who serves what."""

from __future__ import annotations

import pytest

from databroker_mongo.cli.main import FAILURE, main


@pytest.fixture
def shown(install, machine, capsys):
    """Return a function that runs the command and gives its lines by their first word."""

    def shown(*arguments: str) -> list[str]:
        install("alpha", "beta", "ours", "superseded")
        assert main(["handlers", *arguments]) == 0
        return capsys.readouterr().out.splitlines()

    return shown


def below(lines: list[str], spec: str) -> list[str]:
    """Return the notes below the line of a spec."""
    start = next(number for number, line in enumerate(lines) if line.split()[0] == spec)
    rest = lines[start + 1 :]
    stop = next((number for number, line in enumerate(rest) if not line.startswith(" ")), len(rest))
    return [line.strip() for line in rest[:stop]]


def test_each_spec_has_a_line_with_level_class_distribution_and_version(shown):
    rows = [line.split() for line in shown()]

    assert rows[0] == ["SPEC", "LEVEL", "CLASS", "FROM"]
    assert ["GLIM", "0", "alpha_detectors:Classic", "alpha-detectors", "1.2.0"] in rows
    assert ["multipart/related+image/x-frob", "2", "alpha_detectors:Capable", "alpha-detectors", "1.2.0"] in rows


def test_a_clash_is_told_with_the_line_that_settles_it(shown):
    notes = below(shown(), "FROB")

    assert notes[0] == "clash: choose one in the settings, handlers: {FROB: alpha-detectors}"
    assert notes[1:] == [
        "hides beta_detectors:Frob (beta-detectors 2.0)",
        "hides own_detectors:Frob (databroker-mongo-handlers 9.0)",
    ]


def test_what_is_superseded_is_told_with_the_reason(shown):
    (note,) = below(shown(), "AD_OLD")

    assert "area-detector-handlers 0.0.10" in note
    assert "AD_HDF5_SWMR" in note


def test_what_cannot_be_loaded_is_told_with_the_reason(shown):
    lines = shown("ALPHA_NEEDS_MORE")

    assert lines[1].split()[:2] == ["ALPHA_NEEDS_MORE", "-"]
    assert "a_library_that_nobody_has" in below(lines, "ALPHA_NEEDS_MORE")[0]


def test_the_settings_of_a_catalog_count_when_it_is_named(shown, machine):
    machine.write(machine.user, "a.yml", "catalogs: {mine: {uri: 'memory://', handlers: {GLIM: beta-detectors}}}")

    assert "beta-detectors 2.0, pinned" in shown("--catalog", "mine", "GLIM")[1]


def test_an_unknown_spec_says_what_to_install(machine, capsys):
    assert main(["handlers", "ANOTHER_SPEC"]) == FAILURE
    assert "install" in capsys.readouterr().err


def test_specs_that_are_served_are_shown_beside_those_that_are_not(install, machine, capsys):
    install("alpha", "beta", "ours", "superseded")
    assert main(["handlers", "NOPE", "GLIM", "NEITHER"]) == FAILURE
    said = capsys.readouterr()
    assert [line.split()[0] for line in said.out.splitlines() if line[0] != " "] == ["SPEC", "GLIM"]
    assert "NOPE" in said.err
    assert "NEITHER" in said.err
