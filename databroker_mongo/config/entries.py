"""The catalogs that are configured on this machine, by name, and what is wrong with those that cannot be used."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Final

from ..errors import CatalogNotFound, ConfigurationError
from .directories import Form, SearchDirectory, search_directories
from .older_forms import fill_templates, read_intake, read_v0
from .own_form import TOP_KEYS, list_inline, read_catalog, read_inline
from .scan import Scanned, scan
from .settings import CatalogSettings
from .uris import is_uri, redact_uri
from .yaml_files import Section, YamlFile

_V0_LEGACY: Final = "_legacy_config"


@dataclass(frozen=True)
class _Entry:
    form: Form
    outcome: CatalogSettings | ConfigurationError


class Entries(Mapping[str, CatalogSettings]):
    """What `find_entries` found: a mapping from the names of the usable catalogs, sorted, to their settings.

    Asking for a name whose entry cannot be used raises that entry's own error. Those that are written inside of another
    catalog are found by name, and not listed.

    Attributes
    ----------
    problems : tuple of ConfigurationError
        Files that cannot be read and entries that cannot be used. Sources for other drivers are not among them.
    directories : tuple of SearchDirectory
        Where files were looked for.
    """

    def __init__(self, outcomes: Mapping[str, CatalogSettings | ConfigurationError], broken: Sequence[Scanned]):
        self._outcomes = outcomes
        self._broken = broken
        self.directories: tuple[SearchDirectory, ...] = tuple(search_directories())
        unusable = [outcome for outcome in outcomes.values() if isinstance(outcome, ConfigurationError)]
        file_errors = [file.error for file in broken if file.error is not None]
        self.problems: tuple[ConfigurationError, ...] = (
            *file_errors,
            *(error for error in unusable if "driver" not in error.facts),
        )

    def __iter__(self) -> Iterator[str]:
        usable = ((name, each) for name, each in self._outcomes.items() if isinstance(each, CatalogSettings))
        return iter(sorted(name for name, each in usable if not each.is_inline))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, name: object) -> bool:
        return isinstance(self._outcomes.get(name), CatalogSettings) if isinstance(name, str) else False

    def __getitem__(self, name: str) -> CatalogSettings:
        """Return the settings of a catalog.

        Raises
        ------
        CatalogNotFound
            No file has that name.
        ConfigurationError
            Its entry is wrong, stands there twice, or is likely to be in a file that cannot be read.
        """
        found = self._outcomes.get(name)
        if isinstance(found, CatalogSettings):
            return found
        if found is not None:
            raise found
        for file in self._broken:
            if file.error is not None and str(name) and (file.path.stem == name or str(name) in file.text):
                raise file.error
        raise self._not_found(name)

    def _not_found(self, name: object) -> CatalogNotFound:
        if is_uri(name):
            shown = redact_uri(str(name))
            return CatalogNotFound(
                f"{shown!r} is a URI, not the name of a catalog. Catalog.from_uri opens it.", name=shown
            )
        known = list(self)
        near = get_close_matches(str(name), known)
        hint = f"Did you mean {' or '.join(map(repr, near))}? " if near else ""
        places = "".join(
            f"\n    {directory.path}{'' if directory.path.exists() else ' (absent)'}" for directory in self.directories
        )
        listed = f"{', '.join(map(repr, known))}." if known else f"none. These directories were searched:{places}"
        unreadable = "".join(f"\n    {file.path}" for file in self._broken)
        return CatalogNotFound(
            f"no catalog is named {name!r}. {hint}The configured catalogs are: {listed}"
            + (f"\n  These files cannot be read:{unreadable}" if unreadable else ""),
            name=name,
        )


def find_entries() -> Entries:
    """Read all configuration files of this machine and return the catalogs in them.

    The files are read anew each time. A file or an entry with a fault hides no other: its error is raised when its
    name is asked for, and listed in ``problems``.

    Where a name stands more than once:

    * entries that open the same catalog in the same way count as one;
    * an entry in our own form goes before those in the forms of intake and databroker, so that a file can be moved
      over while databroker goes on with the old one;
    * of databroker's first own form, the file in the first directory counts, as it does for databroker;
    * any other two are an error that names both.

    Returns
    -------
    Entries
    """
    found: dict[str, list[_Entry]] = {}
    broken: list[Scanned] = []
    for file in scan():
        try:
            if file.error is not None:
                raise file.error
            for name, entry in _entries(file):
                found.setdefault(name, []).append(entry)
        except ConfigurationError as error:
            broken.append(replace(file, error=error))
    return Entries({name: _choose(name, entries) for name, entries in found.items()}, broken)


def _entries(file: Scanned) -> Iterator[tuple[str, _Entry]]:
    contents, is_ours = file.contents, file.directory.form == "own"
    if contents is None or contents.data is None:
        return
    data = contents.data if isinstance(contents.data, dict) else {}
    if data.get("sources") is not None:
        intake = replace(contents, data=fill_templates(contents.data, str(contents.path.parent)))
        yield from _of_sections(file, intake, "intake")
    elif data.get("metadatastore") is not None:
        if contents.path.stem != _V0_LEGACY:
            yield contents.path.stem, _Entry("v0", _outcome(read_v0, file, contents, contents.path.stem))
    elif is_ours:
        Section(contents, (), "the file").allow(TOP_KEYS)
        yield from _of_sections(file, contents, "own")


def _of_sections(file: Scanned, contents: YamlFile, form: Form) -> Iterator[tuple[str, _Entry]]:
    key, read = ("sources", read_intake) if form == "intake" else ("catalogs", read_catalog)
    names = Section(contents, (), "the file").section(key)
    for name in names or ():
        yield name, _Entry(form, _outcome(read, file, contents, name))
        for inline in list_inline(contents, name) if form == "own" else ():
            yield inline, _Entry(form, _outcome(read_inline, file, contents, inline))


def _outcome(
    read: Callable[..., CatalogSettings], file: Scanned, contents: YamlFile, name: str
) -> CatalogSettings | ConfigurationError:
    try:
        return read(contents, name, is_trusted=file.directory.owner != "user")
    except ConfigurationError as error:
        return error


def _choose(name: str, entries: Sequence[_Entry]) -> CatalogSettings | ConfigurationError:
    outcomes = [entry.outcome for entry in _in_force(entries)]
    for outcome in outcomes:
        if isinstance(outcome, ConfigurationError):
            return outcome
    settings = [outcome for outcome in outcomes if isinstance(outcome, CatalogSettings)]
    first = settings[0]
    for other in settings[1:]:
        if other != first:
            return ConfigurationError(
                f"two catalogs are named {name!r} and differ: in {first.file}, line {first.line}, and in {other.file}, "
                f"line {other.line}. Rename or remove one",
                file=first.file,
                line=first.line,
                other_file=other.file,
                other_line=other.line,
            )
    return next((one for one in settings if one.is_trusted), first)


def _in_force(entries: Sequence[_Entry]) -> Sequence[_Entry]:
    own = [entry for entry in entries if entry.form == "own"]
    if own:
        return own
    ours = [
        entry for entry in entries if isinstance(entry.outcome, CatalogSettings) or "driver" not in entry.outcome.facts
    ]
    v0 = [entry for entry in ours if entry.form == "v0"]
    return [*v0[:1], *(entry for entry in ours if entry.form != "v0")] or entries
