"""Secrets, put back into a URI at the moment it is opened, from this machine's environment and settings only."""

from __future__ import annotations

import os
import re
from typing import Final
from urllib.parse import quote

from ..errors import CredentialsUnavailable
from .directories import user_directory
from .uris import HIDDEN, VARIABLE, Uri

PASSWORD_VARIABLE: Final = "DATABROKER_MONGO_PASSWORD"  # noqa: S105 (the name of a variable)


def reveal(uri: Uri | str) -> str:
    """Return a URI in the clear, to be handed to the database driver and to nobody else.

    Each ``${NAME}`` is replaced by that variable of the environment. The value is the plain text: where it stands for
    the user, the password or an option it is escaped as a URI needs it. A variable that stands for the whole URI
    holds a whole URI.

    A URI that was pickled has left its secrets behind. They are looked for in this machine's own settings under the
    name of its catalog, then, for the password, in the variable ``DATABROKER_MONGO_PASSWORD``.

    Parameters
    ----------
    uri : Uri or str

    Returns
    -------
    str

    Raises
    ------
    CredentialsUnavailable
        A variable is not set, or a secret is nowhere on this machine.
    """
    if isinstance(uri, str):
        return _expand(Uri(uri))
    if uri.is_foreign and (HIDDEN in uri.written() or VARIABLE.search(uri.written())):
        return _restore(uri)
    return _expand(uri)


def _restore(uri: Uri) -> str:
    configured = _configured_here(uri)
    if configured is not None:
        return _expand(configured)
    written = uri.written()
    password = os.environ.get(PASSWORD_VARIABLE)
    if password is not None:
        written = written.replace(f":{HIDDEN}@", f":{quote(password, safe='')}@", 1)
    if HIDDEN in written:
        raise CredentialsUnavailable(
            f"the secrets of {uri} were not pickled with it and are not set on this machine: "
            + (f"configure a catalog named {uri.catalog!r} in {user_directory()}, or " if uri.catalog else "")
            + f"set the variable {PASSWORD_VARIABLE} to the password",
            uri=str(uri),
            name=uri.catalog,
        )
    return _expand(Uri(written, catalog=uri.catalog))


def _configured_here(uri: Uri) -> Uri | None:
    if uri.catalog is None:
        return None
    from .entries import find_entries  # late: most URIs were not pickled

    entries = find_entries()
    if uri.catalog not in entries:
        return None
    settings = entries[uri.catalog]
    return (settings.asset_uri or settings.uri) if uri.is_assets else settings.uri


def _expand(uri: Uri) -> str:
    written = uri.written()
    if VARIABLE.fullmatch(written):
        return _replace_variables(written, uri)
    head, question_mark, options = written.partition("?")
    account, at, place = head.rpartition("@")
    return (
        _replace_variables(account, uri, escape=True)
        + at
        + _replace_variables(place, uri)
        + question_mark
        + _replace_variables(options, uri, escape=True)
    )


def _replace_variables(text: str, uri: Uri, *, escape: bool = False) -> str:
    def value_of(variable: re.Match[str]) -> str:
        value = os.environ.get(variable[1])
        if value is None:
            raise CredentialsUnavailable(
                f"the variable {variable[1]} is not set; the URI {uri} needs it. Set it before the catalog is opened",
                name=uri.catalog,
                variable=variable[1],
                file=uri.file,
                line=uri.line,
            )
        return quote(value, safe="") if escape else value

    return VARIABLE.sub(value_of, text)
