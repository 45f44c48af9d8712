"""Where a resource is on this machine, and whether it may be read: ``root_map`` and the allowed roots.

Both are applied where the file is opened, at the moment it is opened.
"""

from __future__ import annotations

import os
import re
import socket
import stat
import threading
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final, NoReturn

from ..config import Directory, fields_of, whole_root_map, whole_roots
from ..errors import AssetUnreadable, CatalogWarning, PathNotAllowed, stacklevel_of_caller
from .mounts import Absence, find_absence
from .places import Place
from .resource import Resource
from .run_roots import common_roots, roots_of_run

_FIELD: Final = re.compile(r"[%{]")  # where a template asks for something, in C's or in Python's style
_DIRECTORY_FIELD: Final = re.compile(r"^%s/?")  # where areaDetector's template asks for the folder
_MOST_ROUTES: Final = 1024


@dataclass(frozen=True)
class _Mapped:
    """A prefix of the root map, and what stands in its place."""

    key: str
    prefix: Place
    target: str

    def apply(self, rest: tuple[str, ...]) -> Path | None:
        path = Place.parse(self.target).on_this_system()
        return None if path is None else path.joinpath(*rest).absolute()


@dataclass(frozen=True)
class _Route:
    """From a document's place to a path: ``entry`` is what mapped it, ``anchor`` the root that bounds it, if any."""

    place: Place
    entry: _Mapped | None
    path: Path | None
    anchor: Path | None
    has_parent_steps: bool

    @property
    def is_steady(self) -> bool:
        """Whether it is the same from whichever directory this process works in."""
        return self.entry is not None or self.place.is_absolute


class Limits:
    """Directories, links in the way to them followed, and whether something is under one of them."""

    def __init__(self, places: Sequence[str | Path]):
        self.places = places

    def has(self, path: str) -> bool:
        """Tell whether a path, links followed, is under one of them."""
        return _is_under(path, self._reals)

    def has_real(self, real: str) -> bool:
        """Tell whether a path on which no links are left is under one of them."""
        return _is_inside(real, self._reals)

    @cached_property
    def _reals(self) -> list[str]:
        return [_real(place) for place in self.places]


@dataclass(frozen=True)
class Located:
    """A resource on this machine that may be read, found for one look at its files, and within what these must be.

    Attributes
    ----------
    resource : Resource
        The resource.
    path : pathlib.Path
        Its path.
    limits : Limits or None
        The roots that it was found under; None where it has none and all of them are allowed.
    judged : set of str
        Those of its files that were found to be in order.
    """

    resource: Resource
    path: Path
    limits: Limits | None
    judged: set[str] = field(default_factory=set, compare=False)

    @cached_property
    def limits_of_files(self) -> Limits:
        """What files that it leads to must be under: without roots, its own directory."""
        if self.limits is not None:
            return self.limits
        return Limits((_directory(self.path), _directory(Path(_real(self.path)))))


class _Remembered(threading.local):
    """What this thread has located; None while it locates each resource whenever it is asked for."""

    located: dict[tuple[Roots, Resource], Located] | None = None


_this_thread = _Remembered()


class Roots:
    """The rules of one catalog for the paths in its documents.

    Parameters
    ----------
    root_map : mapping of str to str, optional
        What to put in the place of a beginning of a path: paths or ``file`` URIs, compared component by component; the
        longest one wins, and of several that mean one place the last.
    allowed_roots : str or sequence of str, optional
        The directories that may be read, links followed. ``{data_session}`` in one stands for a field of the start
        document (`of_run`). When it is not given, the rights of this process decide; then only paths that leave the
        root they are under are refused, and the first use warns.
    also_under : sequence of str, optional
        Directories that files must be under as well.
    start : mapping, optional
        The start document of the run that files are read for. Without one, roots with fields allow nothing.

    Raises
    ------
    ConfigurationError
        A place is relative, so that it would mean another one in each process; or its braces hold no field.
    """

    def __init__(
        self,
        root_map: Mapping[str, Directory] | None = None,
        allowed_roots: Directory | Sequence[Directory] | None = None,
        *,
        also_under: Sequence[Directory] | None = None,
        start: Mapping[str, Any] | None = None,
    ):
        self.root_map = whole_root_map(root_map or {})
        self.allowed_roots = None if allowed_roots is None else whole_roots(allowed_roots)
        self._also_under = None if also_under is None else whole_roots(also_under)
        self._of_run = roots_of_run(self.allowed_roots or (), start)
        self._also_of_run = roots_of_run(self._also_under or (), start)
        self._entries = _entries(self.root_map)
        self._has_warned = False
        self._routes: dict[tuple[str | None, ...], _Route] = {}

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_routes": {}}

    def __repr__(self) -> str:
        also = "" if self._also_under is None else f", also_under={self._also_of_run.places!r}"
        allowed = None if self.allowed_roots is None else self._of_run.places
        return f"Roots({self.root_map!r}, {allowed!r}{also})"

    @property
    def fields(self) -> frozenset[str]:
        """The fields of start documents by which files are allowed."""
        return frozenset().union(*map(fields_of, (*(self.allowed_roots or ()), *(self._also_under or ()))))

    def of_run(self, start: Mapping[str, Any]) -> Roots:
        """Return the rules for the files of a run, with the fields of its start document in the allowed roots."""
        if not self.fields:
            return self
        return Roots(self.root_map, self.allowed_roots, also_under=self._also_under, start=start)

    def locate(self, resource: Resource) -> Located:
        """Find a resource on this machine.

        Raises
        ------
        PathNotAllowed
            It, or a file name in the keywords of the resource, leaves the roots that it may be under.
        AssetUnreadable
            It is on another host or system, and the root map does not say where that is here.
        """
        self._warn_once()
        remembered = _this_thread.located
        if remembered is None:
            return self._locate(resource, self._route(resource))
        found = remembered.get((self, resource))
        if found is None:
            found = self._locate(resource, self._route(resource))
            if len(remembered) >= _MOST_ROUTES:
                remembered.clear()
            remembered[self, resource] = found
        return found

    @contextmanager
    def remember(self) -> Iterator[None]:
        """Let this thread locate each resource, and judge each of its files, once until the outermost context ends."""
        if _this_thread.located is not None:
            yield
            return
        _this_thread.located = {}
        try:
            yield
        finally:
            _this_thread.located = None

    def check_files(self, paths: Iterable[str | os.PathLike[str]], located: Located) -> None:
        """Refuse files that the handler of a resource is going to open, when one of them leaves the roots.

        Parameters
        ----------
        paths : iterable of str or path-like
            Paths on this machine, from the handler's ``get_file_list`` or ``linked_files``.
        located : Located
            The resource that leads to them.

        Raises
        ------
        PathNotAllowed
            Links followed, one is neither under the allowed roots nor, where none are set, under the mapped root of the
            resource; under its own directory, when the document gives no root.
        AssetUnreadable
            One is a pipe, a socket or a device, of which reading might never end.
        """
        resource, limits = located.resource, located.limits_of_files
        is_inside: dict[str, bool] = {}
        for given in paths:
            path = os.fspath(given)
            if path in located.judged:
                continue
            folder, name = os.path.split(path)
            if folder not in is_inside:
                is_inside[folder] = limits.has(folder)
            # Of a family of files, the directory is looked at once: following links takes as long as opening a file.
            mode = _mode(path, follows_links=False)
            if not (is_inside[folder] and _is_plain_name(name)) or stat.S_ISLNK(mode):
                self._require_inside(Path(path).absolute(), resource, limits)
            require_ends(path, _mode(path) if stat.S_ISLNK(mode) else mode, resource_uid=resource.uid)
            located.judged.add(path)

    def absence(self, resource: Resource) -> Absence | None:
        """Return which directory of a resource is not on this machine, and what to do; None if all are there.

        For a resource that cannot be on this machine at all, the error of `locate` says what to do.
        """
        return self._absence(self._route(resource))

    def explain(self, resource: Resource) -> str:
        """Tell what is tried to find a resource on this machine, a line each."""
        route = self._route(resource)
        entry = f"{route.entry.key} -> {route.entry.target}" if route.entry else "no entry for it"
        keys = f" (there are entries for {', '.join(self.root_map)})" if self.root_map and not route.entry else ""
        allowed = ", ".join(self._of_run.places) if self.allowed_roots is not None else "not set"
        also = ", ".join(self._also_of_run.places)
        allowed += "" if self._also_under is None else f"; and under those of the settings: {also}"
        lines = [
            f"spec: {resource.spec}",
            f"in the document: {resource.uri or f'root {resource.root!r}, path {resource.path!r}'}",
            f"root map: {entry}{keys}",
            f"allowed roots: {allowed}{self._left_out()}",
            f"on {socket.gethostname()}: {route.path or 'nowhere'}",
        ]
        if route.path is not None:
            lines.append(f"mount: {_mount(route.path)}")
            lines.append(f"it is {'there' if os.path.lexists(route.path) else 'not there'}")
            absence = self._absence(route)
            lines += [] if absence is None else [absence.remedy]
        try:
            self._locate(resource, route)
        except (PathNotAllowed, AssetUnreadable) as error:
            lines.append(f"refused: {error.message}")
        return "\n".join(lines)

    def _locate(self, resource: Resource, route: _Route) -> Located:
        path = self._require_path(route, resource)
        if self.allowed_roots is None and route.has_parent_steps:
            self._refuse(path, resource, "'..' in it leads out of its root")
        places = self._places(route)
        found = Located(resource, path, None if places is None else Limits(places))
        self._require_inside(path, resource, found.limits)
        for named in _named_in_keywords(resource.kwargs, path):
            self._require_inside(named, resource, found.limits_of_files)
        return found

    def _absence(self, route: _Route) -> Absence | None:
        if route.path is None:
            return None
        target = None if route.entry is None else route.entry.apply(())
        mapped = None if route.entry is None or target is None else (route.entry.key, target)
        return find_absence(route.path, route.place, route.anchor, mapped)

    def _route(self, resource: Resource) -> _Route:
        """Return the way to a resource, the same for as long as documents and settings are: no disk is looked at."""
        key = (resource.uri, resource.root, resource.path, resource.path_semantics)
        found = self._routes.get(key)
        if found is None:
            found = self._find_route(resource)
            if len(self._routes) >= _MOST_ROUTES:
                self._routes.clear()
            if found.is_steady:
                self._routes[key] = found
        return found

    def _find_route(self, resource: Resource) -> _Route:
        place = resource.place
        root = None if resource.uri else Place.join("", resource.root, resource.path_semantics)
        has_root = root is not None and not root.is_top and place.below(root) is not None
        for entry in self._entries:
            rest = place.below(entry.prefix)
            if rest is not None:
                inner = root.below(entry.prefix) if root is not None and has_root else None
                anchor = entry.apply(inner or ())
                return _Route(place, entry, entry.apply(rest), anchor, has_parent_steps=".." in (inner or ()))
        path = _unmapped(place)
        anchor = _unmapped(root) if root is not None and has_root else None
        has_parent_steps = place.has_parent_steps if anchor is None else root is not None and root.has_parent_steps
        return _Route(place, None, path, anchor, has_parent_steps)

    def _places(self, route: _Route) -> Sequence[str | Path] | None:
        """Return the directories that a resource must be under, None where the rights of this process decide."""
        if self.allowed_roots is not None:
            allowed = self._of_run.places
            return allowed if self._also_under is None else common_roots(allowed, self._also_of_run.places)
        return None if route.anchor is None else (route.anchor,)

    def _require_path(self, route: _Route, resource: Resource) -> Path:
        if route.path is not None:
            return route.path
        where = f"on the host {route.place.host}" if route.place.host else "not on a file system of this machine"
        raise AssetUnreadable(
            f"{route.place} is {where}: say where it is here with an entry of root_map, for example "
            f"'{Place(route.place.drive, route.place.parts[:2])}': '/local/path'",
            **facts_of_place(resource, route.path),
        )

    def _require_inside(self, path: Path, resource: Resource, limits: Limits | None) -> None:
        try:
            real = _real(path)
        except ValueError as error:
            self._refuse(path, resource, f"it is not a path ({error})")
        if limits is not None and not limits.has_real(real):
            places = " or ".join(map(str, limits.places)) or self._nothing_allowed()
            self._refuse(path, resource, f"it leads to {real}, which is not under {places}{self._left_out()}")

    def _refuse(self, path: Path, resource: Resource, reason: str) -> NoReturn:
        absence = None if ".." in path.parts else self.absence(resource)
        advice = (
            "If it belongs to the data, have its directory added to the allowed_roots of the catalog, on the machine "
        )
        advice = advice + "that opens it" if absence is None else absence.remedy
        raise PathNotAllowed(
            f"the file may not be read: {reason}. {advice}",
            **facts_of_place(resource, path),
            missing_directory=None if absence is None else str(absence.directory),
        )

    def _nothing_allowed(self) -> str:
        if not self.allowed_roots:
            return "anything, because allowed_roots is empty"
        given, said = ", ".join(self._of_run.places), ", ".join(self._also_of_run.places)
        if self._also_under is None or not given or not said:
            return "anything"
        return f"anything: nothing is both under the allowed_roots given in code, {given}, and the settings', {said}"

    def _left_out(self) -> str:
        return "".join(f"; {each}" for each in (*self._of_run.left_out, *self._also_of_run.left_out))

    def _warn_once(self) -> None:
        if self.allowed_roots is None and not self._has_warned:
            self._has_warned = True
            warnings.warn(
                "no allowed_roots are set for this catalog: its documents may name any file that this account can "
                "read. Set allowed_roots to the directories that hold its data: in the settings of the catalog or the "
                "site, or as an argument of Catalog.from_uri",
                CatalogWarning,
                stacklevel=stacklevel_of_caller(),
            )


def _entries(root_map: Mapping[str, str]) -> list[_Mapped]:
    entries = (_Mapped(key, Place.parse(key), target) for key, target in root_map.items())
    last = {entry.prefix: entry for entry in entries}
    # One for a host is more particular than any for all hosts, however long.
    return sorted(last.values(), key=lambda entry: (bool(entry.prefix.drive), len(entry.prefix.parts)), reverse=True)


def _unmapped(place: Place) -> Path | None:
    host = socket.gethostname().lower()
    if place.host in (host, host.partition(".")[0]):
        place = Place("", place.parts)
    path = place.on_this_system()
    return None if path is None else path.absolute()


def _named_in_keywords(kwargs: Mapping[str, object], located: Path) -> Iterator[Path]:
    """Yield the paths that keywords lead to for sure, whatever a handler does with them.

    A handler that does not list its files (``get_file_list``) could otherwise be sent anywhere. A plain absolute value
    is left alone, for the name of an HDF5 dataset looks the same.
    """
    for value in kwargs.values():
        if not isinstance(value, str):
            continue
        relative = _DIRECTORY_FIELD.sub("", value)
        if ".." in re.split(r"[\\/]", relative):
            yield _directory(located) / relative
        elif Path(value).is_absolute() and (mark := _FIELD.search(value)):
            yield Path(os.path.dirname(value[: mark.start()]))  # noqa: PTH120 a final slash counts


def _directory(path: Path) -> Path:
    return path if os.path.isdir(path) else path.parent  # noqa: PTH112 Path.is_dir may raise


def _real(path: str | Path) -> str:
    return os.path.realpath(path)


def _is_under(path: str, real_limits: Sequence[str]) -> bool:
    """Tell whether a path, links followed, is under one of these places; not, if it is no path at all."""
    try:
        return _is_inside(_real(path), real_limits)
    except ValueError:
        return False


def _is_inside(real: str, real_limits: Sequence[str]) -> bool:
    return any(Path(real).is_relative_to(limit) for limit in real_limits)


def _is_plain_name(name: str) -> bool:
    return name not in ("", os.curdir, os.pardir) and "\0" not in name


def _mount(path: Path) -> str:
    return str(next(place for place in (path, *path.parents) if os.path.ismount(place)))


def facts_of_place(resource: Resource, path: Path | None) -> dict[str, Any]:
    """Return what an error says of a resource: its place in the document and here, and which machine "here" is.

    Parameters
    ----------
    resource : Resource
        The resource.
    path : pathlib.Path or None
        Its path on this machine, or that of one of its files; None where there is none.
    """
    return {
        "resource_uid": resource.uid,
        "spec": resource.spec,
        "document_path": str(resource.place),
        "root": resource.root or None,
        "path": None if path is None else str(path),
        "host": socket.gethostname(),
        "mount": None if path is None else _mount(path),
    }


def require_ends(path: str | os.PathLike[str], mode: int | None = None, **facts: Any) -> None:
    """Insist that what is at a path is no pipe, socket or device, of which reading might never end.

    Parameters
    ----------
    path : str or path-like
        The path; nothing need be there.
    mode : int, optional
        The mode of what is there, if it is known.
    **facts : object
        What an error tells besides the path.

    Raises
    ------
    AssetUnreadable
        It is one.
    """
    kind = stat.S_IFMT(_mode(path) if mode is None else mode)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK):
        raise AssetUnreadable(
            f"{os.fspath(path)} is no file but a pipe, a socket or a device, and is not opened: reading it might never "
            "end",
            path=os.fspath(path),
            **facts,
        )


def _mode(path: str | os.PathLike[str], *, follows_links: bool = True) -> int:
    """Return what is at a path, as `os.stat` tells it; 0 where nothing is, or nothing that can be asked."""
    try:
        return os.stat(path, follow_symlinks=follows_links).st_mode  # noqa: PTH116 made for speed
    except (OSError, ValueError):
        return 0
