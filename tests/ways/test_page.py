"""The page that says what holds each promise names tests that exist."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "explanation" / "nothing-in-silence.rst").read_text()
NAMED = sorted(set(re.findall(r"``([\w/]+\.py)::(\w+)``", PAGE)))
LINES = re.split(r"\n(?=\* )|\n\n", PAGE)


def test_the_page_is_understood():
    assert len(NAMED) > 80
    assert PAGE.count("::") == len(re.findall(r"``[\w/]+\.py::\w+``", PAGE))


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_a_test_that_the_page_names_exists(file, name):
    assert file.startswith(("tests/", "handlers/tests/", "databroker_mongo/testing/"))
    tree = ast.parse((ROOT / file).read_text())
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    defined = {node.name for body in (tree, *classes) for node in body.body if isinstance(node, ast.FunctionDef)}
    assert name in defined


@pytest.mark.parametrize("line", [line for line in LINES if line.startswith("* ")], ids=lambda line: line[2:50])
def test_each_line_of_the_page_names_a_test(line):
    assert re.search(r"``[\w/]+\.py::test_\w+``", line)
