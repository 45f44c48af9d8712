"""The text of YAML files, parsed with the safe loader only, and the line of each key."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import yaml

from ..errors import ConfigurationError
from .yaml_files import KeyPath, YamlFile, read_text, shown_key


def read_yaml(path: Path) -> YamlFile:
    """Read and parse a file.

    Raises
    ------
    ConfigurationError
        It cannot be read, or its text not be parsed.
    """
    return parse_yaml(read_text(path), path)


def parse_yaml(text: str, path: Path) -> YamlFile:
    """Parse the text of a file, which may be one that is still to be written.

    Raises
    ------
    ConfigurationError
        It is not YAML, has tags beyond plain values, or names a key twice. The error never quotes the text, which may
        hold a password.
    """
    loader: yaml.SafeLoader | None = None
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        _refuse_repeated_keys(node, path)
        data = None if node is None else loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        # The error's own text quotes the line it is about: it must not become part of a traceback.
        mark = error.problem_mark or error.context_mark
        line = None if mark is None else mark.line + 1
        raise ConfigurationError(_problem(error), file=path, line=line) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        if isinstance(error, ConfigurationError):
            raise
        raise ConfigurationError(f"the file is not valid YAML ({type(error).__name__})", file=path) from None
    finally:
        if loader is not None:
            loader.dispose()
    return YamlFile(path.absolute(), data, dict(_key_lines(node, (), set())))


def _problem(error: yaml.MarkedYAMLError) -> str:
    problem = error.problem or error.context or "unreadable"
    if "tag:yaml.org,2002:python" in problem:
        return "tags that make Python objects (!!python/...) are refused: write plain values"
    quoted = re.compile("'[^']*'")
    return f"the file is not valid YAML: {quoted.sub('...', problem)}"


def _refuse_repeated_keys(top: yaml.Node | None, path: Path) -> None:
    for mapping in _mappings(top):
        seen: dict[str, yaml.Node] = {}
        for key, _ in mapping.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == "tag:yaml.org,2002:merge":
                continue
            first = seen.setdefault(key.value, key)
            if first is not key:
                raise ConfigurationError(
                    f"{shown_key(key.value)} occurs twice, first in line {_line(first)}: remove or rename one",
                    file=path,
                    line=_line(key),
                )


def _mappings(top: yaml.Node | None) -> Iterator[yaml.MappingNode]:
    """Yield each mapping of a document once, although aliases may lead to it many times."""
    waiting, seen = [top], set()
    while waiting:
        node = waiting.pop()
        if not isinstance(node, yaml.CollectionNode) or id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            yield node
            waiting.extend(value for _, value in node.value)
        else:
            waiting.extend(node.value)


def _key_lines(node: yaml.Node | None, keys: KeyPath, seen: set[int]) -> Iterator[tuple[KeyPath, int]]:
    if not isinstance(node, yaml.CollectionNode) or id(node) in seen:
        return
    seen.add(id(node))
    is_mapping = isinstance(node, yaml.MappingNode)
    children = node.value if is_mapping else [(item, item) for item in node.value]
    for position, (key, value) in enumerate(children):
        below = (*keys, key.value if is_mapping else position)
        yield below, _line(key)
        yield from _key_lines(value, below, seen)


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1
