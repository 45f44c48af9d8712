"""The allowed roots of one run: fields of its start document are put where the settings name them.

Who writes documents chooses these values. One is put in as the name of a directory, or as a part of one, or the root is
left out: it never leads to another place than one beside those of other runs.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ..config import split_root


class RunRoots(NamedTuple):
    """What the allowed roots are for a run.

    Attributes
    ----------
    places : tuple of str
        Directories.
    left_out : tuple of str
        Why others are none for this run, a sentence each.
    """

    places: tuple[str, ...]
    left_out: tuple[str, ...] = ()


def roots_of_run(roots: Sequence[str], start: Mapping[str, Any] | None) -> RunRoots:
    """Return the allowed roots of a run.

    Parameters
    ----------
    roots : sequence of str
        The roots, in which fields of the start document may be.
    start : mapping or None
        The start document; None where it is not known of which run a file is: then roots with fields are left out.

    Examples
    --------
    >>> roots_of_run(["/data/{data_session}"], {"data_session": "pass-1"}).places
    ('/data/pass-1',)
    >>> roots_of_run(["/data/{data_session}"], {"data_session": ".."}).left_out
    ("/data/{data_session} is no root of this run, whose data_session is '..', which is no name of a directory",)
    """
    places, left_out = [], []
    for root in roots:
        try:
            places.append("".join(text + _name(field, start) for text, field in split_root(root)))
        except ValueError as error:
            left_out.append(f"{root} is no root of this run, {error}")
    return RunRoots(tuple(places), tuple(left_out))


def common_roots(some: Sequence[str], others: Sequence[str]) -> tuple[str, ...]:
    """Return the directories that are under one of some and one of others, links followed."""
    reals, other_reals = ([Path(os.path.realpath(each)) for each in roots] for roots in (some, others))
    inner = [each for each in reals if any(each.is_relative_to(other) for other in other_reals)]
    outer = [each for each in other_reals if any(each.is_relative_to(one) for one in reals)]
    return tuple(dict.fromkeys(map(str, [*inner, *outer])))


def _name(field: str | None, start: Mapping[str, Any] | None) -> str:
    """Return what a field puts into the name of a directory.

    Raises
    ------
    ValueError
        It puts nothing there, or something else.
    """
    if field is None:
        return ""
    if start is None:
        raise ValueError("whose start document is not at hand")
    value: Any = start
    for name in field.split("."):
        if not isinstance(value, Mapping) or name not in value:
            raise ValueError(f"whose start document has no field {field}")
        value = value[name]
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError(f"whose {field} is a {type(value).__name__}, and neither a text nor a whole number")
    text = str(value)
    # A name that begins with a dot might be put together with another dot to a way upwards.
    if not text or text.startswith(".") or set(text) & set("/\\") or not text.isprintable():
        raise ValueError(f"whose {field} is {text!r}, which is no name of a directory")
    return text
