"""YAML files that know their line numbers, and their sections; nothing about what the settings mean.

What does not belong here: how their text is parsed (``parsing``), which takes PyYAML.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from ..errors import ConfigurationError

KeyPath = tuple[str | int, ...]


@dataclass(frozen=True)
class YamlFile:
    """The contents of one file.

    Attributes
    ----------
    path : pathlib.Path
        Absolute.
    data : object
        Plain Python values, as ``yaml.safe_load`` gives them; None for an empty file.
    lines : mapping
        The line of each key and item, counted from 1, by its path from the top.
    """

    path: Path
    data: Any
    lines: Mapping[KeyPath, int]

    def line(self, keys: KeyPath) -> int:
        """Return the line of a key, or of the nearest key around it whose line is known."""
        while keys and keys not in self.lines:
            keys = keys[:-1]
        return self.lines.get(keys, 1)

    def error(self, message: str, *keys: str | int) -> ConfigurationError:
        """Return an error about what stands under these keys, for the caller to raise."""
        return ConfigurationError(message, file=self.path, line=self.line(keys))


def read_text(path: Path) -> str:
    """Read the text of a file.

    Raises
    ------
    ConfigurationError
        It cannot be read, or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"the file cannot be read: {error.strerror or error}", file=path) from error
    except UnicodeDecodeError:
        raise ConfigurationError("the file is not UTF-8 text: store it as UTF-8", file=path) from None


class Section:
    """A mapping in a YAML file, whose values are taken by key and checked; each error names file and line.

    A key without a value counts as absent.

    Parameters
    ----------
    file : YamlFile
    keys : tuple
        The path of the mapping from the top of the file.
    what : str
        What it is, for messages: ``"catalog 'beamline'"``.
    """

    def __init__(self, file: YamlFile, keys: KeyPath, what: str):
        self.file = file
        self.keys = keys
        self.what = what
        values = file.data
        for key in keys:
            values = values[key]
        self._values = self._checked_mapping(values, keys, what)

    def __contains__(self, key: str) -> bool:
        return self._values.get(key) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def line(self, *keys: str | int) -> int:
        """Return the line of the section, or of a key in it."""
        return self.file.line((*self.keys, *keys))

    def error(self, message: str, *keys: str | int) -> ConfigurationError:
        """Return an error about the section, or a key in it, for the caller to raise."""
        return self.file.error(f"{self.what}: {message}", *self.keys, *keys)

    def allow(self, known: Collection[str]) -> None:
        """Raise ConfigurationError if there is a key of another name."""
        for key in self._values:
            if key not in known:
                near = get_close_matches(key, known, n=1)
                hint = f"did you mean {near[0]!r}?" if near else f"the known keys are {', '.join(sorted(known))}."
                raise self.error(f"the key {shown_key(key)} is not known; {hint}", key)

    def section(self, key: str) -> Section | None:
        """Return the mapping under a key."""
        return Section(self.file, (*self.keys, key), f"{self.what}, {key}") if key in self else None

    def value(self, key: str) -> Any:
        """Return what stands under a key, unchecked; None if it is absent."""
        return self._values.get(key)

    def text(self, key: str) -> str | None:
        """Return the text under a key."""
        text: str | None = self._of_type(key, str, "a string")
        return text

    def number(self, key: str) -> float | None:
        """Return the positive number under a key."""
        number: float | None = self._of_type(key, (int, float), "a number")
        if number is not None and not number > 0:
            raise self.error(f"{key!r} must be more than 0, not {number}", key)
        return None if number is None else float(number)

    def truth(self, key: str) -> bool | None:
        """Return whether true or false stands under a key."""
        value = self._values.get(key)
        if value is None or isinstance(value, bool):
            return value
        raise self.error(f"{key!r} must be true or false, not {_kind(value)}", key)

    def texts(self, key: str) -> tuple[str, ...] | None:
        """Return the texts of the list under a key; one text alone counts as a list."""
        values = self._values.get(key)
        if values is None:
            return None
        listed = [values] if isinstance(values, str) else values
        if not isinstance(listed, list) or not all(isinstance(value, str) for value in listed):
            raise self.error(f"{key!r} must be a list of strings, not {_kind(values)}", key)
        return tuple(listed)

    def text_map(self, key: str) -> dict[str, str] | None:
        """Return the mapping from text to text under a key."""
        inner = self.section(key)
        if inner is None:
            return None
        found = {}
        for name in inner:
            text = inner.text(name)
            if text is None:
                raise inner.error(f"{name!r} has no value", name)
            found[name] = text
        return found

    def _of_type(self, key: str, kind: type | tuple[type, ...], wanted: str) -> Any:
        value = self._values.get(key)
        if value is None or (isinstance(value, kind) and not isinstance(value, bool)):
            return value
        raise self.error(f"{key!r} must be {wanted}, not {_kind(value)}", key)

    def _checked_mapping(self, values: Any, keys: KeyPath, what: str) -> dict[str, Any]:
        if not isinstance(values, dict):
            raise self.file.error(f"{what} must be a mapping of keys to values, not {_kind(values)}", *keys)
        for key in values:
            if not isinstance(key, str):
                raise self.file.error(
                    f"{what}: the key {shown_key(key)} must be a string: put it in quotes", *keys, str(key)
                )
        return values


def shown_key(key: Any) -> str:
    """Name a key, unless a URI was put in the place of a key."""
    return "'...'" if "@" in str(key) else repr(key)


def _kind(value: Any) -> str:
    """Name the type of a value; the value itself may be a secret."""
    return {dict: "a mapping", list: "a list", str: "a string", bool: "true or false", type(None): "nothing"}.get(
        type(value), f"a value of type {type(value).__name__}"
    )
