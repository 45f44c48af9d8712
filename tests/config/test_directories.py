from __future__ import annotations

import os
from pathlib import Path

import pytest

from databroker_mongo.config import search_directories, tutorial_data_directory, user_directory


def test_the_directories_of_this_package_of_databroker_and_of_intake_are_searched(machine):
    found = {(str(one.path), one.owner, one.form) for one in search_directories()}
    home, env = machine.root / "home", machine.root / "env"
    assert found == {
        (str(home / ".config/databroker_mongo"), "user", "own"),
        (str(env / "share/databroker_mongo"), "environment", "own"),
        (str(machine.root / "etc/xdg/databroker_mongo"), "site", "own"),
        (str(home / ".config/databroker"), "user", "v0"),
        (str(env / "etc/databroker"), "environment", "v0"),
        ("/etc/databroker", "site", "v0"),
        (str(home / ".local/share/intake"), "user", "intake"),
        (str(env / "share/intake"), "environment", "intake"),
        (str(machine.root / "usr/share/intake"), "site", "intake"),
    }


def test_variables_add_several_directories_and_each_counts_once(machine, monkeypatch):
    monkeypatch.setenv("DATABROKER_MONGO_PATH", os.pathsep.join(["/one", "", "~/two", "/one"]))
    added = [str(one.path) for one in search_directories() if one.path.name in {"one", "two"}]
    assert added == ["/one", str(machine.root / "home/two")]


def test_the_users_directory_is_the_first(machine):
    assert search_directories()[0].path == user_directory() == machine.user


@pytest.mark.parametrize("chosen", ["/somewhere", None])
def test_the_tutorials_data_are_where_the_variable_says_or_else_with_the_users_data(machine, monkeypatch, chosen):
    if chosen:
        monkeypatch.setenv("BLUESKY_TUTORIAL_DATA", chosen)
    at_home = machine.root / "home/.local/share/databroker_mongo/tutorial"
    assert tutorial_data_directory() == (Path(chosen) if chosen else at_home)
