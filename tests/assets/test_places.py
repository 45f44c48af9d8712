"""Paths of other systems and URIs are compared component by component."""

from __future__ import annotations

import pytest

from databroker_mongo.assets import Place


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("/data//a/./b/", "/data/a/b"),
        ("//data/a", "/data/a"),
        ("data/a", "data/a"),
        ("C:\\Data\\a", "c:/Data/a"),
        ("C:/Data/a", "c:/Data/a"),
        ("\\\\Server\\Share\\a", "//server/Share/a"),
        ("file://Server/Share/a", "//server/Share/a"),
        ("s3://bucket/a/b", "s3://bucket/a/b"),
    ],
)
def test_spellings_of_one_place_are_written_alike(text, written):
    assert str(Place.parse(text)) == written


@pytest.mark.parametrize(
    ("root", "path", "semantics", "written"),
    [
        ("/data", "a/b", "posix", "/data/a/b"),
        ("/data/", "a/b", "posix", "/data/a/b"),
        ("/data", "/other/b", "posix", "/other/b"),
        ("", "/other/b", "posix", "/other/b"),
        ("Z:\\data", "a\\b", "windows", "z:/data/a/b"),
        ("Z:\\data", "a\\b", "posix", "z:/data/a/b"),
        ("Z:\\data", "\\top\\b", "windows", "z:/top/b"),
        ("/data", "a\\b", "windows", "/data/a/b"),
        ("/data", "a\\b", "posix", "/data/a\\b"),
    ],
)
def test_root_and_path_are_joined_as_the_writing_system_does(root, path, semantics, written):
    assert str(Place.join(root, path, semantics)) == written


@pytest.mark.parametrize(
    ("place", "prefix", "rest"),
    [
        ("/a/b/c", "/a/b", ("c",)),
        ("/a/b", "/a/b/", ()),
        ("/a/bc", "/a/b", None),
        ("/a/b", "a/b", None),
        ("/A/b", "/a", None),
        ("C:\\Data\\x", "c:/data", ("x",)),
        ("C:\\Data\\x", "D:\\data", None),
        ("file://server/share/x", "\\\\SERVER\\Share", ("x",)),
        ("file://server/share/x", "/share", ("x",)),
        ("/share/x", "file://server/share", None),
        ("s3://bucket/x", "s3://bucket", ("x",)),
        ("s3://bucket/x", "/", None),
        ("a/b", "", ("a", "b")),
    ],
)
def test_a_prefix_ends_at_a_component_and_minds_case_where_the_system_does(place, prefix, rest):
    assert Place.parse(place).below(Place.parse(prefix)) == rest
