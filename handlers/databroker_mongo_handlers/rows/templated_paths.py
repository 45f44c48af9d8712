"""Paths of the files that a stream resource numbers by a template.

No file is opened here, and what is in them does not matter.
"""

from __future__ import annotations

from pathlib import Path
from string import Formatter


class TemplatedPaths:
    """Paths of numbered files.

    Parameters
    ----------
    path : str
        The folder of the files, or what all their paths begin with.
    template : str
        Appended to it: in Python's style, ``"_{:06d}.tiff"``, or C's, ``"%s%s_%06d.tiff"``, where the last two are file
        name and number and what stands before them is left out.
    filename : str, optional
        The part of the name that a template asks for.

    Raises
    ------
    ValueError
        When the template asks for anything but a number and a file name.
    """

    def __init__(self, path: str, *, template: str, filename: str = ""):
        self._path = path
        self._template = template
        self._filename = filename
        self._render = self._in_printf_style if "%" in template else self._in_python_style
        self._render(0)

    def __call__(self, number: int) -> str:
        """Return the path of a file, which need not exist."""
        name = self._render(number)
        if self._path.endswith("/"):
            return self._path + name.removeprefix("/")
        between = "/" if not name.startswith("/") and Path(self._path).is_dir() else ""
        return f"{self._path}{between}{name}"

    def _in_printf_style(self, number: int) -> str:
        texts = {0: (), 1: (self._filename,), 2: ("", self._filename)}.get(self._template.count("%s"))
        if texts is None:
            raise ValueError(f"template {self._template!r} must take a file name and a number, and nothing else")
        try:
            return self._template % (*texts, number)
        except (TypeError, ValueError) as error:
            raise ValueError(f"template {self._template!r} must take a file name and a number: {error}") from error

    def _in_python_style(self, number: int) -> str:
        fields = {field for _, field, _, _ in Formatter().parse(self._template) if field is not None}
        if not fields <= {"", "0", "filename"}:
            raise ValueError(f"template {self._template!r} may ask for a number and filename, not {sorted(fields)}")
        return self._template.format(number, filename=self._filename)
