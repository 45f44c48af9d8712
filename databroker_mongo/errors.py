"""Every exception and warning of the package, and which line a warning points to.

::

    CatalogError                       the root: a message, and the facts of the case as attributes
    |-- ConfigurationError(ValueError)     a setting, YAML file or URI that cannot be used
    |   |-- CredentialsUnavailable             a catalog is opened where its credentials are not set
    |   |-- CatalogNotFound(KeyError)          no catalog is configured under the name
    |   |-- DuplicateHandler(RuntimeError)     another class is registered by hand for the spec
    |-- RunNotFound(KeyError)              no run matches the key
    |   |-- RunIndexError(IndexError)          a position before the first run
    |   |-- AmbiguousKey(ValueError)           more than one run matches the key
    |-- StreamNotFound(KeyError)           the run has no such stream
    |-- ColumnNotFound(KeyError)           the stream has no such data key or device
    |-- QueryError(ValueError)             a query that is not allowed, or not possible
    |-- StoreError(OSError)                MongoDB cannot answer
    |   |-- StoreUnavailable(ConnectionError)  no server, or none within the time limit
    |   |   |-- HostUnknown                        no such host, although other names are known
    |   |-- NotAuthorized(PermissionError)     the account may not do this
    |   |   |-- AuthenticationFailed               the user or the password is refused, or there is none
    |   |-- Unsupported(NotImplementedError)   no database of this kind can do that
    |-- ServerError(RuntimeError)          the local MongoDB server cannot be started or stopped
    |   |-- ServerNotInstalled                 no mongod that runs on this machine
    |   |-- DataDirectoryUnusable(OSError)     in use elsewhere, unwritable, on a network disk, of another version
    |-- BelongsToProcess(TypeError)        something that cannot go to another process
    |-- InvalidDocument(ValueError)        a document that breaks its schema, or a value MongoDB cannot store
    |-- DuplicateDocument(ValueError)      the same uid again, with other contents
    |-- AssetError                         external data that cannot be read
    |   |-- UnknownSpec(LookupError)           no handler for the spec or MIME type
    |   |-- HandlerUnavailable(ImportError)    its handler is registered but fails to import
    |   |-- AssetUnreadable(OSError)           a file is missing, damaged, short or refused by its handler
    |   |   |-- AssetOffline                       it is on tape, and fetching it was not requested
    |   |-- PathNotAllowed(PermissionError)    a path leaves the roots it may be under
    |   |-- DatumNotFound(LookupError)         a datum or resource document is missing
    |   |-- ShapeMismatch(ValueError)          data and documents disagree and cannot be reconciled
    |-- SampleDataUnavailable(OSError)     the tutorial's data cannot be downloaded or unpacked
    |-- UnreadableColumns                  one or more columns of a stream cannot be read; lists each with its reason

    CatalogWarning(UserWarning)        something a reader or the owner of the database can correct
    |-- ConfigurationWarning               a file or an entry that cannot be used, or that shows a password
    |-- HandlerClashWarning                two packages claim one spec
    |-- OldNameWarning                     a name of databroker 1 that has a new one
    |-- UnreadableWarning                  a lazy dataset lacks a column that cannot be read
    |-- DocumentWarning                    documents that contradict themselves, and how they were read
    |-- DurabilityWarning                  a setting that weakens what "stored" means
"""

from __future__ import annotations

import sys
from typing import Any, Final

from .printable import printable, shown

_PACKAGE: Final = f"{__name__.partition('.')[0]}."


class CatalogError(Exception):
    """Root of all errors of this package.

    Parameters
    ----------
    message : str
        The request, the problem, and the remedy.
    **facts : object
        The facts of the case (``run_uid``, ``scan_id``, ``stream``, ``data_key``, ``resource_uid``, ``spec``,
        ``path``, ``datum_id``, ...). They appear in the text and as attributes. A fact that is None is left out.

    Attributes
    ----------
    message : str
        The message without the facts.
    facts : dict
        All facts by name.
    """

    def __init__(self, message: str, **facts: Any):
        super().__init__(message)
        self.message = message
        self.facts = {name: value for name, value in facts.items() if value is not None}

    def add_facts(self, **facts: Any) -> None:
        """Add facts that only a caller knows; what is already known is kept."""
        for name, value in facts.items():
            if value is not None:
                self.facts.setdefault(name, value)

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["facts"][name]
        except KeyError:
            raise AttributeError(name) from None

    def __str__(self) -> str:
        known = "".join(
            f"\n  {name.replace('_', ' ')}: {printable(_said(value))}" for name, value in self.facts.items()
        )
        return printable(self.message + known, keep="\n\t")

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.message, self.facts)


def _said(value: object) -> str:
    try:
        return str(value)
    except Exception:  # a fact may be whatever was given, and an integer of many digits, for one, has no text
        return shown(value)


def _rebuild(cls: type[CatalogError], message: str, facts: dict[str, Any]) -> CatalogError:
    return cls(message, **facts)


class ConfigurationError(CatalogError, ValueError):
    """A setting, a YAML file or a URI that cannot be used."""


class CredentialsUnavailable(ConfigurationError):
    """A catalog is opened where its credentials are not set."""


class CatalogNotFound(ConfigurationError, KeyError):
    """No catalog is configured under the name."""


class DuplicateHandler(ConfigurationError, RuntimeError):
    """Another class is registered by hand for the spec."""


class RunNotFound(CatalogError, KeyError):
    """No run matches the key."""


class RunIndexError(RunNotFound, IndexError):
    """A negative position that lies before the first run."""


class AmbiguousKey(RunNotFound, ValueError):
    """More than one run matches the key; ``candidates`` lists up to ten of their uids."""


class StreamNotFound(CatalogError, KeyError):
    """The run has no stream of that name."""


class ColumnNotFound(CatalogError, KeyError):
    """The stream has no such data key, or no such device."""


class QueryError(CatalogError, ValueError):
    """A query that is not allowed, or not possible."""


class StoreError(CatalogError, OSError):
    """MongoDB cannot answer."""


class StoreUnavailable(StoreError, ConnectionError):
    """No MongoDB server answers, or none within the time limit."""


class HostUnknown(StoreUnavailable):
    """The host that a URI names does not exist, although others do."""


class BuildInProgress(StoreError):
    """Somebody else is making what a database has beside its documents."""


class NotAuthorized(StoreError, PermissionError):
    """The account may not do this."""


class AuthenticationFailed(NotAuthorized):
    """The user or the password is refused, or the server requires them and none is given."""


class Unsupported(StoreError, NotImplementedError):
    """No database of this kind can do that, whoever asks."""


class ServerError(CatalogError, RuntimeError):
    """The local MongoDB server cannot be started, reached or stopped."""


class ServerNotInstalled(ServerError):
    """There is no ``mongod`` that runs on this machine."""


class DataDirectoryUnusable(ServerError, OSError):
    """A data directory that is in use elsewhere, unwritable, on a network file system or of another version."""


class BelongsToProcess(CatalogError, TypeError):
    """An object that was pickled, copied or used in another process, but belongs to the process that made it."""


class InvalidDocument(CatalogError, ValueError):
    """A document that breaks its schema, or holds a value that MongoDB cannot store."""


class DuplicateDocument(CatalogError, ValueError):
    """A document whose uid is already stored with other contents."""


class AssetError(CatalogError):
    """External data that cannot be read."""


class UnknownSpec(AssetError, LookupError):
    """No handler is registered for the spec or MIME type."""


class HandlerUnavailable(AssetError, ImportError):
    """The handler of a spec is registered but cannot be imported."""


class AssetUnreadable(AssetError, OSError):
    """A file is missing, damaged or short, or its handler refuses it."""


class AssetOffline(AssetUnreadable):
    """A file is offline, for example on tape, and ``recall=True`` was not given."""


class PathNotAllowed(AssetError, PermissionError):
    """A path leaves the roots that it may be under."""


class DatumNotFound(AssetError, LookupError):
    """A datum or resource document is missing."""


class ShapeMismatch(AssetError, ValueError):
    """Data and documents disagree in shape or dtype and cannot be reconciled."""


class SampleDataUnavailable(CatalogError, OSError):
    """The tutorial's data cannot be downloaded or unpacked; ``offline`` names the function that simulates them."""


class UnreadableColumns(CatalogError):
    """One or more columns of a stream cannot be read; ``reasons`` maps each data key to its own error."""

    def __str__(self) -> str:
        return printable(self.message, keep="\n\t")  # it lists the reasons, and they have the facts


class CatalogWarning(UserWarning):
    """Something that the reader, or the owner of the database, can correct."""


class ConfigurationWarning(CatalogWarning):
    """A configuration file or an entry in it cannot be used, or a password is written where it need not be."""


class HandlerClashWarning(CatalogWarning):
    """Two packages claim one spec."""


class OldNameWarning(CatalogWarning):
    """A name of databroker 1 that has a new one; it still works."""


class UnreadableWarning(CatalogWarning):
    """A lazy dataset lacks a column, because nothing about it can be read."""


class DocumentWarning(CatalogWarning):
    """Documents contradict themselves or the data; the text says how they were read."""


class DurabilityWarning(CatalogWarning):
    """A setting weakens what "stored" means."""


def stacklevel_of_caller() -> int:
    """Return the ``stacklevel`` with which a warning that the asking function gives names the line outside.

    However deep in the package the reason was found, that is the line which called it.
    """
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and _is_between(str(frame.f_globals.get("__name__"))):
        level, frame = level + 1, frame.f_back
    return level


def _is_between(module: str) -> bool:
    """Tell whether a module is of this package, or one of Python that calls its properties and context managers."""
    return module.startswith(_PACKAGE) or module in ("contextlib", "functools")
