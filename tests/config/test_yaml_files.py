from __future__ import annotations

from pathlib import Path

import pytest

from databroker_mongo.config.parsing import parse_yaml
from databroker_mongo.config.yaml_files import Section, read_text
from databroker_mongo.errors import ConfigurationError

PATH = Path("/etc/settings.yml")


def section_of(text: str) -> Section:
    return Section(parse_yaml(text, PATH), (), "settings")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: 1\nb: [1, 2\nc: 3\n", 3),
        ("a: 1\n\tb: 2\n", 2),
        ("a: 1\nb: 2\na: 3\n", 3),
        ("a: 1\nb: {c: 1,\n  c: 2}\n", 3),
        ("a: 1\nb: !!python/name:os.system\n", 2),
        ("a: 1\nb: !!python/object/apply:os.system ['true']\n", 2),
        ("a: 1\nb: !!python/tuple [1, 2]\n", 2),
        ("a: 1\n? [1, 2]\n: 3\n", 2),
        ("a: 1\n---\nb: 2\n", 2),
        ("a: *missing\n", 1),
    ],
)
def test_text_that_is_not_plain_yaml_is_refused_with_file_and_line(text, line):
    with pytest.raises(ConfigurationError) as caught:
        parse_yaml(text, PATH)
    assert (caught.value.file, caught.value.line) == (PATH, line)


@pytest.mark.parametrize("text", ["a: 2020-99-99\n", "a: \x07\n", "[" * 5000])
def test_what_yaml_itself_stumbles_over_is_a_configuration_error(text):
    with pytest.raises(ConfigurationError) as caught:
        parse_yaml(text, PATH)
    assert caught.value.file == PATH


@pytest.mark.parametrize(
    "text",
    [
        "password: *hushhush\n",
        "password: !hushhush x\n",
        "password: 'hushhush\n",
        "uri: {mongodb://me:hushhush@host/db: \n",
        "mongodb://me:hushhush@host/db: 1\n",
        "a: {'mongodb://me:hushhush@host/db': 1, 'mongodb://me:hushhush@host/db': 1}\n",
    ],
)
def test_an_error_never_quotes_what_may_be_a_password(text):
    with pytest.raises(ConfigurationError) as caught:
        Section(parse_yaml(text, PATH), (), "settings").allow(["uri"])
    assert "hushhush" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_a_tag_of_python_is_said_to_be_refused():
    with pytest.raises(ConfigurationError, match="tags that make Python objects"):
        parse_yaml("a: !!python/name:os.system\n", PATH)


def test_lines_are_known_for_keys_items_and_what_an_alias_or_merge_brings():
    file = parse_yaml("base: &base\n  x: 1\nuse:\n  <<: *base\n  y: [1,\n     2]\nagain: *base\n", PATH)
    assert file.data == {"base": {"x": 1}, "use": {"x": 1, "y": [1, 2]}, "again": {"x": 1}}
    assert file.line(("base", "x")) == 2
    assert file.line(("use", "x")) == 2
    assert file.line(("use", "y", 1)) == 6
    assert file.line(("again", "x")) == 7
    assert file.line(("nowhere",)) == 1


def test_aliases_that_multiply_or_contain_themselves_are_read_in_time():
    levels = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40))
    assert parse_yaml(levels, PATH).line(("a39",)) == 40
    assert parse_yaml("a: &a [*a]\n", PATH).line(("a",)) == 1


@pytest.mark.parametrize(
    ("read", "text", "message"),
    [
        (lambda s: s.text("a"), "a: 5", "'a' must be a string, not a value of type int"),
        (lambda s: s.text("a"), "a: [x]", "'a' must be a string, not a list"),
        (lambda s: s.number("a"), "a: true", "'a' must be a number, not true or false"),
        (lambda s: s.number("a"), "a: 0", "'a' must be more than 0"),
        (lambda s: s.number("a"), "a: .nan", "'a' must be more than 0"),
        (lambda s: s.number("a"), "a: x", "'a' must be a number, not a string"),
        (lambda s: s.texts("a"), "a: [x, 1]", "'a' must be a list of strings"),
        (lambda s: s.texts("a"), "a: {x: 1}", "'a' must be a list of strings, not a mapping"),
        (lambda s: s.text_map("a"), "a: [x]", "settings, a must be a mapping"),
        (lambda s: s.text_map("a"), "a: {x: }", "'x' has no value"),
        (lambda s: s.text_map("a"), "a: {1: y}", "the key 1 must be a string"),
    ],
)
def test_a_value_of_another_type_is_refused_with_its_line(read, text, message):
    section = section_of(f"z: 1\n{text}\n")
    with pytest.raises(ConfigurationError, match=message) as caught:
        read(section)
    assert caught.value.line == 2


def test_values_of_the_right_type_are_returned_and_absent_ones_are_none():
    section = section_of("t: x\nn: 2\nf: 0.5\nl: [a, b]\none: a\nm: {k: v}\nempty:\n")
    assert (section.text("t"), section.number("n"), section.number("f")) == ("x", 2.0, 0.5)
    assert (section.texts("l"), section.texts("one"), section.text_map("m")) == (("a", "b"), ("a",), {"k": "v"})
    for absent in ("empty", "other"):
        assert absent not in section
        assert section.text(absent) is section.texts(absent) is section.section(absent) is None


def test_an_unknown_key_is_refused_with_the_key_that_is_likely_meant():
    with pytest.raises(ConfigurationError, match="'root_maps' is not known; did you mean 'root_map'") as caught:
        section_of("uri: x\nroot_maps: {}\n").allow(["uri", "root_map"])
    assert caught.value.line == 2


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match="cannot be read") as caught:
        read_text(tmp_path / "absent.yml")
    assert caught.value.file == tmp_path / "absent.yml"
    latin = tmp_path / "latin.yml"
    latin.write_bytes("a: é".encode("latin-1"))
    with pytest.raises(ConfigurationError, match="UTF-8"):
        read_text(latin)
