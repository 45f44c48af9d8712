"""The entry points that installed distributions declare for handlers, found once a process and loaded by nobody here.

What wins where several distributions offer one name is the order of `find_offers`. Pins and handlers registered by hand
belong to ``registry``.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeAlias

from .known_distributions import OWN_DISTRIBUTION, SUPERSEDED

if TYPE_CHECKING:
    import configparser

    import entrypoints

SPEC_GROUP: Final = "databroker.handlers"
OWN_SPEC_GROUP: Final = "databroker_mongo.handlers"
MIMETYPE_GROUP: Final = "databroker_mongo.mimetypes"

_Found: TypeAlias = "tuple[str, str | None, configparser.ConfigParser]"

_logger = logging.getLogger("databroker_mongo")


@dataclass(frozen=True)
class Offer:
    """A handler class that is offered for a spec or a MIME type; it is not imported.

    Attributes
    ----------
    name : str
        The spec, or the entry-point name of the MIME type.
    target : str
        ``"module:Class"``.
    distribution, version : str or None
        Of the installed distribution, its name as package indexes write it; None for a handler from elsewhere.
    source : str
        The entry-point group, or ``"registered by hand"``.
    """

    name: str
    target: str
    distribution: str | None
    version: str | None
    source: str

    @property
    def superseded(self) -> str | None:
        """The reason why its distribution comes after ours; None if it does not."""
        return SUPERSEDED.get(self.distribution or "")

    @property
    def is_stranger(self) -> bool:
        """Whether it comes from a third party that is not superseded."""
        is_ours = self.source == OWN_SPEC_GROUP or self.distribution == OWN_DISTRIBUTION
        return not is_ours and self.superseded is None

    def __str__(self) -> str:
        if self.distribution is None:
            return f"{self.target} ({self.source})"
        return f"{self.target} ({' '.join(filter(None, (self.distribution, self.version)))})"


def find_offers() -> Mapping[str, tuple[Offer, ...]]:
    """Return what installed distributions offer, by spec or entry-point name of a MIME type, the winner first.

    Strangers come first, then our own distribution, then superseded ones; of several strangers the first by name. The
    distributions are looked for once in a process for each ``sys.path``; `refresh` looks again.
    """
    return _scan(tuple(sys.path))


def refresh() -> None:
    """Look for distributions again at the next use, after one was installed or removed."""
    _scan.cache_clear()


def entry_names(spec: str) -> tuple[str, ...]:
    """Return the entry-point names that may serve a spec or MIME type, the most particular one first.

    A name can hold neither ``;`` nor ``=``, so parameters of a MIME type are added by their values. Without its
    ``type`` a MIME type is another format; its other parameters may be left out.

    Examples
    --------
    >>> entry_names("AD_TIFF")
    ('AD_TIFF',)
    >>> entry_names("multipart/related;type=image/tiff")
    ('multipart/related+image/tiff',)
    >>> entry_names("text/csv;header=absent")
    ('text/csv+absent', 'text/csv')
    """
    if "/" not in spec:
        return (spec,)
    name, *texts = (text.strip() for text in spec.split(";"))
    parameters = {key.strip().lower(): value.strip(' "') for key, _, value in (text.partition("=") for text in texts)}
    kind = "+".join(filter(None, (name.lower(), parameters.pop("type", None))))
    return tuple(dict.fromkeys(("+".join((kind, *parameters.values())), kind)))


def normalize(distribution: str) -> str:
    """Return the name of a distribution as package indexes write it."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


@cache
def _scan(path: tuple[str, ...]) -> Mapping[str, tuple[Offer, ...]]:
    found: dict[str, set[Offer]] = {}
    seen: set[str] = set()
    for folder in path:
        for distribution, version, parser in _newest(folder, seen):
            for group in (SPEC_GROUP, OWN_SPEC_GROUP, MIMETYPE_GROUP):
                for name, target in parser[group].items() if group in parser else ():
                    found.setdefault(name, set()).add(Offer(name, target, distribution, version, group))
    return MappingProxyType({name: tuple(sorted(found[name], key=_rank)) for name in sorted(found)})


def _rank(offer: Offer) -> tuple[bool, bool, str, str, str]:
    return offer.superseded is not None, not offer.is_stranger, offer.distribution or "", offer.target, offer.source


def _newest(folder: str, seen: set[str]) -> list[_Found]:
    """Return each distribution of a folder that no earlier folder has, of several versions left behind the newest."""
    # As Python imports: the first folder of sys.path wins. An update that was cut short leaves two ``.dist-info``.
    newest: dict[str, _Found] = {}
    for parser, distro in _declared(folder):
        name = normalize(distro.name)
        if name not in seen and (name not in newest or _numbers(distro.version) > _numbers(newest[name][1])):
            newest[name] = (name, distro.version, parser)
    seen.update(newest)
    return list(newest.values())


def _declared(folder: str) -> list[tuple[configparser.ConfigParser, entrypoints.Distribution]]:
    import configparser  # late: a catalog is opened, and its runs are looked up, without any handler

    import entrypoints

    try:
        return list(entrypoints.iter_files_distros([folder], repeated_distro="all"))
    except (configparser.Error, UnicodeDecodeError):
        return list(_one_by_one(folder))


def _one_by_one(folder: str) -> Iterator[tuple[configparser.ConfigParser, entrypoints.Distribution]]:
    """Read a folder in which one file is damaged: that distribution alone is left out."""
    import configparser

    import entrypoints

    for file in sorted(Path(folder).glob("*.*-info/entry_points.txt")):
        parser = entrypoints.CaseSensitiveConfigParser(delimiters=("=",))
        try:
            parser.read(file, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError) as error:
            _logger.warning("The entry points of an installed package are left out, its file is damaged: %s", error)
        else:
            yield parser, entrypoints.Distribution.from_name_version(file.parent.stem)


def _numbers(version: str | None) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version or "")]
