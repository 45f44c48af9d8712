"""Where a document says a file is, taken apart: the same on every machine, whatever its own rules for paths are.

POSIX and Windows paths, URIs and the keys of a ``root_map`` all become a `Place`, so that they can be compared. Nothing
here looks at a disk: where a place is on this machine, and whether it may be read, belongs to ``roots``.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath
from typing import Final, Literal
from urllib.parse import unquote

PathSemantics = Literal["posix", "windows"]

# A scheme has two letters at least: one is a drive of Windows.
_URI: Final = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]+):(?://(?P<host>[^/]*))?(?P<path>.*)", re.DOTALL)
_WINDOWS: Final = re.compile(r"[A-Za-z]:[\\/]|\\\\")
_WINDOWS_IN_URI: Final = re.compile(r"/*(?P<path>[A-Za-z]:/.*)", re.DOTALL)
_LOCAL_HOSTS: Final = ("", "localhost", "127.0.0.1", "[::1]")


@dataclass(frozen=True)
class Place:
    """A path as a document or a setting writes it.

    Attributes
    ----------
    drive : str
        ``"c:"`` for a Windows drive, ``"//host"`` for a share or a ``file`` URI of another host, ``"s3://bucket"`` for
        other URIs, else empty.
    parts : tuple of str
        The components, the first one ``"/"`` where the path is absolute. ``..`` is kept.
    is_windows : bool
        Whether upper and lower case are the same.
    """

    drive: str
    parts: tuple[str, ...]
    is_windows: bool = False

    @classmethod
    def parse(cls, text: str, path_semantics: str = "posix") -> Place:
        r"""Take apart a path, or a URI.

        Examples
        --------
        >>> Place.parse("file://localhost/data/a%20b.h5")
        Place(drive='', parts=('/', 'data', 'a b.h5'), is_windows=False)
        >>> Place.parse(r"Z:\data\x")
        Place(drive='z:', parts=('/', 'data', 'x'), is_windows=True)
        """
        uri = None if _WINDOWS.match(text) else _URI.fullmatch(text)
        if uri is not None and (uri["host"] is not None or uri["scheme"].lower() == "file"):
            return cls._of_uri(uri["scheme"].lower(), uri["host"] or "", unquote(uri["path"]))
        return cls.join("", text, path_semantics)

    @classmethod
    def join(cls, root: str, path: str, path_semantics: str = "posix") -> Place:
        """Put a root and a path together as the system that wrote them does: an absolute path stands alone."""
        is_windows = path_semantics == "windows" or any(_WINDOWS.match(text) for text in (root, path))
        return cls._of_path(PureWindowsPath(root, path) if is_windows else PurePosixPath(root, path))

    def __str__(self) -> str:
        start = "/" if self.parts[:1] == ("/",) else ""
        return self.drive + start + "/".join(self.parts[1:] if start else self.parts)

    @property
    def host(self) -> str | None:
        """The other host that holds the file, None where it is a matter of this machine alone."""
        return self.drive[2:] if self.drive.startswith("//") else None

    @property
    def is_top(self) -> bool:
        """Whether nothing, or nothing but the top of the file system, is named."""
        return self.parts in ((), ("/",))

    @property
    def is_absolute(self) -> bool:
        """Whether it is the same place for every process."""
        return self.parts[:1] == ("/",)

    @property
    def has_parent_steps(self) -> bool:
        """Whether ``..`` is among the components."""
        return ".." in self.parts

    def below(self, prefix: Place) -> tuple[str, ...] | None:
        """Return the components below a prefix, or None where this place is not under it.

        A prefix without a host also holds for other hosts: who maps ``/data`` says where ``/data`` is.
        """
        if self.drive != prefix.drive and not (self.host and not prefix.drive):
            return None
        is_windows = self.is_windows or prefix.is_windows
        mine, theirs = (tuple(p.lower() if is_windows else p for p in place.parts) for place in (self, prefix))
        return self.parts[len(theirs) :] if mine[: len(theirs)] == theirs else None

    def on_this_system(self) -> Path | None:
        """Return the place as a path of this operating system, or None where it has no such paths."""
        if not self.drive:
            return Path(*self.parts)
        if os.name == "nt" and "://" not in self.drive:
            return Path(str(self))
        return None

    @classmethod
    def _of_uri(cls, scheme: str, host: str, path: str) -> Place:
        if scheme != "file":
            return cls(f"{scheme}://{host}", ("/", *PurePosixPath(path.lstrip("/")).parts))
        drive = _WINDOWS_IN_URI.fullmatch(f"{host}{path}" if host.endswith(":") else path)
        if drive is not None:
            return cls._of_path(PureWindowsPath(drive["path"]))
        owner = "" if host.lower() in _LOCAL_HOSTS else f"//{host.lower()}"
        return cls(owner, ("/", *PurePosixPath(path.lstrip("/")).parts))

    @classmethod
    def _of_path(cls, path: PurePath) -> Place:
        start = ("/",) if path.root else ()
        inner = path.parts[1:] if path.anchor else path.parts
        if isinstance(path, PureWindowsPath):
            # pathlib has ``\\\\host\\share`` as a drive.
            # PureWindowsPath takes a share, host and name, for the drive.
            _, _, share = path.drive.partition("\\\\")
            host, _, name = share.partition("\\")
            if host:
                return cls(f"//{host.lower()}", ("/", name, *inner), is_windows=True)
            return cls(path.drive.lower(), (*start, *inner), is_windows=True)
        return cls("", (*start, *inner))
