"""URIs that may hold a password: how they are shown, kept and carried, and nothing about what they mean.

What a URI means (schemes, databases, options) belongs to ``store/``; where credentials come from when a
URI is opened belongs to ``credentials.py``.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

HIDDEN: Final = "***"
"""What stands in the place of a secret."""

VARIABLE: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
"""A ``${NAME}`` that is replaced by the environment when the URI is opened."""

_HOST = r"(?:\[[0-9A-Fa-f:.%]+\]|(?:[\w.~%-]|\$\{\w+\})+)(?::(?:\d+|\$\{\w+\}))?"
_SERVER: Final = re.compile(
    r"(?P<scheme>mongodb(?:\+srv)?)://"
    r"(?:(?P<user>[^:@/?]*)(?P<password>:[^@/?]*)?@)?"
    rf"(?P<hosts>{_HOST}(?:,{_HOST})*)"
    r"(?P<database>/[^@/?\s]*)?(?:\?(?P<options>[^@\s]*))?"
)
_LOCAL: Final = re.compile(
    r"(?P<scheme>local|memory)://(?P<place>/[^?\n]*|[\w.-]*)(?:\?(?P<options>[^\s]*))?", re.ASCII
)
_SCHEME: Final = re.compile(r"(?:mongodb(?:\+srv)?|local|memory)://")
_MEANT_AS_URI: Final = re.compile(r"\s*(?:[a-z][a-z0-9+.-]*://|mongodb(?:\+srv)?:)", re.IGNORECASE)

_OPTIONS_SHOWN: Final = """
appname authmechanism authsource compressors connecttimeoutms database directconnection heartbeatfrequencyms journal
loadbalanced localthresholdms maxconnecting maxidletimems maxpoolsize maxstalenessseconds minpoolsize proxyhost
proxyport proxyusername readconcernlevel readpreference readpreferencetags replicaset retryreads retrywrites
servermonitoringmode serverselectiontimeoutms sockettimeoutms srvmaxhosts srvservicename ssl timeoutms tls
tlsallowinvalidcertificates tlsallowinvalidhostnames tlscafile tlscertificatekeyfile tlscrlfile
tlsdisableocspendpointcheck tlsinsecure uuidrepresentation w waitqueuetimeoutms wtimeout wtimeoutms
zlibcompressionlevel
"""
_SHOWN_NAMES: Final = frozenset(_OPTIONS_SHOWN.split())


def is_uri(text: object) -> bool:
    """Return whether something is meant as a URI, well formed or not, and so is no name and may hold a password."""
    return isinstance(text, str) and _MEANT_AS_URI.match(text) is not None


def redact_uri(uri: str) -> str:
    """Return a URI that can be shown: each secret in it is replaced by ``***``.

    Options are shown by a list of those that are no secret, so a misspelt ``...Password`` is hidden as well. A URI
    that is not well formed, where nobody can say which part is the password, is hidden whole but for its scheme.
    A ``${NAME}`` stays, for it only names where the secret is.

    Parameters
    ----------
    uri : str
        As written, or as opened.

    Returns
    -------
    str

    Examples
    --------
    >>> redact_uri("mongodb://reader:secret@mongo.example.org/beamline?authSource=admin")
    'mongodb://reader:***@mongo.example.org/beamline?authSource=admin'
    >>> redact_uri("mongodb://reader:${PASSWORD}@mongo.example.org/beamline")
    'mongodb://reader:${PASSWORD}@mongo.example.org/beamline'
    >>> redact_uri("mongodb://reader:p@ss/word@mongo.example.org/beamline")
    'mongodb://***'
    """
    if VARIABLE.fullmatch(uri):
        return uri
    server = _SERVER.fullmatch(uri)
    if server is not None:
        user, password = server["user"], server["password"]
        account = "" if user is None else f"{user}{'' if password is None else ':' + _shown(password[1:])}@"
        place = f"{account}{server['hosts']}{server['database'] or ''}"
        return f"{server['scheme']}://{place}{_redact_options(server['options'])}"
    local = _LOCAL.fullmatch(uri)
    if local is not None:
        return f"{local['scheme']}://{local['place']}{_redact_options(local['options'])}"
    scheme = _SCHEME.match(uri)
    return f"{scheme.group() if scheme else ''}{HIDDEN}"


def _redact_options(options: str | None) -> str:
    if options is None:
        return ""
    parts = re.split("([&;])", options)
    return "?" + "".join(part if index % 2 else _redact_option(part) for index, part in enumerate(parts))


def _redact_option(option: str) -> str:
    name, equals, value = option.partition("=")
    if not option or (equals and name.lower() in _SHOWN_NAMES):
        return option
    return f"{name}={_shown(value)}" if equals and re.fullmatch("[A-Za-z]+", name) else HIDDEN


def _shown(secret: str) -> str:
    return secret if VARIABLE.fullmatch(secret) else HIDDEN


class Uri:
    """A URI that never shows its password: not in ``str``, ``repr``, ``vars`` or a pickle.

    A pickled URI leaves its secrets behind. Where it arrives, ``databroker_mongo.config.reveal`` looks for them in that
    machine's own settings and environment.

    Parameters
    ----------
    written : str
        The URI, in which ``${NAME}`` may stand for variables of the environment.
    catalog : str, optional
        The configured name of its catalog.
    is_assets : bool, optional
        Whether it is the URI of the catalog's asset database, where that is another one.
    file, line : optional
        Where it is written.
    """

    __slots__ = ("__weakref__", "_written", "catalog", "file", "is_assets", "is_foreign", "line")

    def __init__(
        self,
        written: str,
        *,
        catalog: str | None = None,
        is_assets: bool = False,
        file: Path | None = None,
        line: int | None = None,
    ):
        self._written = written
        self.catalog = catalog
        self.is_assets = is_assets
        self.file = file
        self.line = line
        self.is_foreign = False
        """Whether it was unpickled, so that its secrets were left elsewhere."""

    def written(self) -> str:
        """Return the text in the clear, its variables not replaced. For ``reveal`` and for writing settings only."""
        return self._written

    @property
    def has_secret(self) -> bool:
        """Whether a password or the like is written in it, in the clear."""
        return HIDDEN in str(self)

    @property
    def is_opaque(self) -> bool:
        """Whether nothing but its scheme can be shown, so that two different ones look alike."""
        return _SCHEME.sub("", str(self)) == HIDDEN

    def secrets(self) -> tuple[str, ...]:
        """Return what stands where ``str`` shows ``***``, in order. For writing settings only."""
        shown = re.escape(str(self)).replace(re.escape(HIDDEN), "(.*)")
        found = re.fullmatch(shown, self._written, re.DOTALL)
        return found.groups() if found else ()

    def __str__(self) -> str:
        return redact_uri(self._written)

    def __repr__(self) -> str:
        return f"Uri({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return self._written == other._written if isinstance(other, Uri) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._written)

    def __reduce__(self) -> tuple[Any, ...]:
        return _arrive, (str(self), self.catalog, self.is_assets)


def _arrive(shown: str, catalog: str | None, is_assets: bool) -> Uri:
    uri = Uri(shown, catalog=catalog, is_assets=is_assets)
    uri.is_foreign = True
    return uri
