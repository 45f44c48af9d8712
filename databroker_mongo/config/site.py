"""What the site says about files and handlers, on the machine that opens the files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any, Final

from ..errors import ConfigurationError
from .directories import Owner
from .own_form import read_site
from .scan import Scanned, scan
from .settings import SiteSettings

_OWNERS: Final[tuple[Owner, ...]] = ("site", "environment", "user")
_SITE_KEY: Final = re.compile(r"\bsite['\"]?\s*:")


def site_settings() -> SiteSettings:
    """Read the ``site`` sections of the files in this package's own directories.

    What guards (``allowed_roots``, ``allowed_modules``, ``offline``) is taken from the site's directories if a file
    there says it, else from the environment's, else from the user's: a user cannot widen what the site allows. What is
    a convenience (``handlers``, ``root_map``, ``decoder``) is merged, and there the user's word comes first.

    Returns
    -------
    SiteSettings

    Raises
    ------
    ConfigurationError
        A ``site`` section is wrong, or is in a file that cannot be read: what it allows is then not known. Or a user's
        file names a function that may not be imported.
    """
    found: dict[Owner, list[SiteSettings]] = {owner: [] for owner in _OWNERS}
    for file in scan():
        if file.directory.form == "own" and _has_site(file):
            found[file.directory.owner].append(_read(file))
    by_guard = [found[owner] for owner in _OWNERS]
    by_person = list(chain.from_iterable(reversed(by_guard)))
    roots = [_joined(one.allowed_roots for one in group) for group in by_guard]
    modules = [_joined(one.allowed_modules or None for one in group) for group in by_guard]
    offline = next((one for group in by_guard for one in group if one.offline is not None), None)
    settings = SiteSettings(
        allowed_roots=next((one for one in roots if one is not None), None),
        allowed_modules=next((one for one in modules if one is not None), ()),
        handlers=_first_wins(one.handlers for one in by_person),
        root_map=_first_wins(one.root_map for one in by_person),
        offline=None if offline is None else offline.offline,
        decoder=next((one.decoder for one in by_person if one.decoder is not None), None),
        decoder_threads=next((one.decoder_threads for one in by_person if one.decoder_threads is not None), None),
        files=tuple(chain.from_iterable(one.files for one in by_person)),
    )
    if offline is not None and any(one is offline for one in found["user"]):
        require_importable_rule(settings, offline.offline, file=offline.files[0])
    return settings


def require_importable_rule(site: SiteSettings, offline: str | None, **where: Any) -> None:
    """Insist that what a user's file says of ``offline``, if it names a function, may be imported.

    Raises
    ------
    ConfigurationError
        The site's ``allowed_modules`` do not have it.
    """
    if offline is not None and ":" in offline:
        require_importable(site, offline, "the function of offline,", **where)


def require_importable(site: SiteSettings, target: str, what: str, **where: Any) -> None:
    """Insist that what a user's file names may be imported.

    Parameters
    ----------
    site : SiteSettings
        What the site says.
    target : str
        Where it is, as ``"module:name"``.
    what : str
        What it is, in words that its name follows.
    **where
        Where it is named, as facts for the error.

    Raises
    ------
    ConfigurationError
        The site's ``allowed_modules`` do not have it.
    """
    if not site.allows_import(target):
        raise ConfigurationError(
            f"{what} {target!r} may not be imported: a user's own settings may only name modules that the site's "
            "allowed_modules list.",
            **where,
        )


def _has_site(file: Scanned) -> bool:
    if file.error is not None:
        return bool(_SITE_KEY.search(file.text)) or (file.directory.owner == "site" and not file.text)
    return file.contents is not None and isinstance(file.contents.data, dict) and "site" in file.contents.data


def _read(file: Scanned) -> SiteSettings:
    if file.error is not None:
        raise file.error
    assert file.contents is not None
    return read_site(file.contents)


def _joined(lists: Iterable[tuple[str, ...] | None]) -> tuple[str, ...] | None:
    said = [one for one in lists if one is not None]
    return tuple(chain.from_iterable(said)) if said else None


def _first_wins(maps: Iterable[Mapping[str, str]]) -> dict[str, str]:
    merged: dict[str, str] = {}
    for one in maps:
        merged = {**one, **merged}
    return merged
