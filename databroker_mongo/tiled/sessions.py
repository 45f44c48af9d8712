"""The sessions of users, as they stand in a file that the facility writes."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from pathlib import Path

from ..config import read_yaml
from ..errors import ConfigurationError

Tags = frozenset[str]

_logger = logging.getLogger("databroker_mongo")


class SessionsFile:
    """The sessions of users, as they stand in a file.

    Parameters
    ----------
    path : Path
        A YAML file of a session, or a list of sessions, for each user.

    Raises
    ------
    ConfigurationError
        The file cannot be read, or holds something else.
    """

    def __init__(self, path: Path):
        self._path = path
        self._lock = threading.Lock()
        self._state = _state_of(path)
        self._sessions = _read(path)

    def __call__(self, user: str) -> Tags:
        """Return the sessions of a user; of one who is not in the file, none.

        Raises
        ------
        ConfigurationError
            The file cannot be read any more. The path is logged, and not told to the user.
        """
        with self._lock:
            try:
                self._read_again()
            except ConfigurationError as error:
                _logger.error("%s", error)
                raise ConfigurationError("who is in which session cannot be read; the server's log says why.") from None
            return self._sessions.get(user, frozenset())

    def _read_again(self) -> None:
        state = _state_of(self._path)
        if state != self._state:
            self._sessions = _read(self._path)
            self._state = state


def _state_of(path: Path) -> tuple[int, int, int]:
    try:
        found = path.stat()
    except OSError as error:
        raise ConfigurationError(f"The file of sessions cannot be read: {error.strerror}.", file=path) from error
    return found.st_mtime_ns, found.st_size, found.st_ino


def _read(path: Path) -> dict[str, Tags]:
    file = read_yaml(path)
    if not isinstance(file.data, Mapping):
        raise file.error("The file holds no sessions. A line of it is USER: [SESSION, ...].")
    found: dict[str, Tags] = {}
    for user, given in file.data.items():
        sessions = given if isinstance(given, list) else [given]
        if not isinstance(user, str) or not all(isinstance(each, str) for each in sessions):
            raise file.error(f"Users and sessions are texts, not {user!r}: {given!r}. Put numbers into quotes.", user)
        found[user] = frozenset(sessions)
    return found
