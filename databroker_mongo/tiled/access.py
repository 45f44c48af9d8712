"""A policy for a server of runs: who is in which session, from a file or a function of the facility.

A facility whose server has a policy of tags keeps that one: all nodes here have tags.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from tiled.access_control.access_policies import ALL_ACCESS, NO_ACCESS
from tiled.access_control.protocols import AccessPolicy
from tiled.access_control.scopes import NO_SCOPES, PUBLIC_SCOPES
from tiled.adapters.mapping import MapAdapter
from tiled.queries import AccessTagsFilter
from tiled.utils import import_object

from ..errors import ConfigurationError
from ..queries import PUBLIC
from .answers import DISCREET
from .paging import Cache, Made
from .sessions import SessionsFile, Tags

Node = Any

_N_BYTES: Final = 10_000_000


class SessionsPolicy(AccessPolicy):  # type: ignore[misc]  # Tiled is not there when types are checked
    """Each user reads what is tagged with a session of theirs, or as public; staff read all. Nobody writes.

    Parameters
    ----------
    provider : str
        Whose identities name the users: a provider of the server's ``authentication``.
    sessions_file : path, optional
        A YAML file that has a session, or a list of sessions, for each user. It is read again when it changes.
    sessions_of : str or callable, optional
        In the place of a file: returns the sessions of a user, ``module:function`` in a configuration. It may wait.
    staff : collection of str, optional
        The users who read all, runs without a session too.
    seconds : float, optional
        How long the sessions of a user are taken for what they were.

    Raises
    ------
    ConfigurationError
        Neither or both are given, or the file cannot be read.
    """

    def __init__(
        self,
        *,
        provider: str,
        sessions_file: str | Path | None = None,
        sessions_of: str | Callable[[str], Collection[str]] | None = None,
        staff: Collection[str] = (),
        seconds: float = 5.0,
    ):
        if (sessions_file is None) is (sessions_of is None):
            raise ConfigurationError("SessionsPolicy takes either sessions_file or sessions_of.")
        self.provider = provider
        self._sessions_of = import_object(sessions_of) if sessions_file is None else SessionsFile(Path(sessions_file))
        self._staff = frozenset([staff] if isinstance(staff, str) else staff)
        self._seconds = seconds
        self._cache = Cache(n_bytes=_N_BYTES)

    async def init_node(self, *arguments: object, **options: object) -> tuple[bool, Tags]:
        """Refuse: nobody writes.

        Raises
        ------
        ValueError
            Always; Tiled answers 403.
        """
        raise ValueError("Under this policy nobody writes.")

    async def allowed_scopes(
        self, node: Node, principal: Any, authn_access_tags: Tags | None, authn_scopes: object
    ) -> Collection[str]:
        """Return what the user may do with a node: read it, or nothing."""
        tags = await self._tags_of(principal, authn_access_tags)
        scopes: Collection[str] = PUBLIC_SCOPES if _is_shown(node, tags) else NO_SCOPES
        return scopes

    async def filters(
        self, node: Node, principal: Any, authn_access_tags: Tags | None, authn_scopes: object, scopes: Collection[str]
    ) -> Any:
        """Return what is searched for in a node before the user is shown it."""
        if not PUBLIC_SCOPES.issuperset(scopes):
            return NO_ACCESS
        tags = await self._tags_of(principal, authn_access_tags)
        if tags is None:
            return ALL_ACCESS
        return [_Shown(tags) if isinstance(node, MapAdapter) else AccessTagsFilter(sorted(tags))]

    async def _tags_of(self, principal: Any, authn_access_tags: Tags | None) -> Tags | None:
        """Return the tags of which a user, with the key that was sent, may see nodes; None for all."""
        user = self._name_of(principal)
        if user in self._staff:
            return authn_access_tags
        tags = {PUBLIC, *(() if user is None else await DISCREET.ask(self._kept_sessions, user))}
        return frozenset(tags if authn_access_tags is None else tags & authn_access_tags)

    def _name_of(self, principal: Any) -> str | None:
        if principal is None:
            return None
        if principal.type == "service":
            return str(principal.uuid)
        return next((each.id for each in principal.identities if each.provider == self.provider), None)

    def _kept_sessions(self, user: str) -> Tags:
        return self._cache.get(user, partial(self._find_sessions, user))

    def _find_sessions(self, user: str) -> Made[Tags]:
        given = self._sessions_of(user)
        found = frozenset([given] if isinstance(given, str) else given)
        return Made(found, sum(map(len, found)) + len(user), self._seconds)


@dataclass(frozen=True)
class _Shown:
    """Asks of a folder of trees that these show what has a tag alone: the list of a folder counts what is in each."""

    tags: Tags


def _narrow(query: _Shown, folder: MapAdapter) -> MapAdapter:
    return folder.new_variation(
        mapping={
            name: node if isinstance(node, MapAdapter) or not hasattr(node, "search") else _search(node, query.tags)
            for name, node in folder.items()
            if _is_shown(node, query.tags)
        }
    )


def _search(node: Node, tags: Tags) -> Node:
    return node.search(AccessTagsFilter(sorted(tags)))


MapAdapter.register_query(_Shown, _narrow)


def _is_shown(node: Node, tags: Tags | None) -> bool:
    """Return whether a node has one of the tags; a folder of trees is everybody's, what has no tags is staff's."""
    return tags is None or isinstance(node, MapAdapter) or not tags.isdisjoint(getattr(node, "access_tags", None) or ())
