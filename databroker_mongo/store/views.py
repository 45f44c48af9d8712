"""Views of the runs of one proposal, and the role that may read them and nothing else.

A view has the name of its collection after a prefix, in the same database: MongoDB lets no view look into another. It
shows the documents of those runs whose start has one of some values in a field. A catalog opened with the prefix reads
the views as it would read the collections.

What does not belong here: accounts, which their administrator makes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..errors import ConfigurationError, QueryError
from ..queries.plain import plain_value
from ..queries.refusals import check_path

if TYPE_CHECKING:
    from .connection import Collections

Stages = list[dict[str, Any]]

# For each collection, the way to the start document: the next collection, the field here, the field there.
_OF_RUN = ("run_start", "run_start", "uid")
_WAYS: dict[str, tuple[tuple[str, str, str], ...]] = {
    "run_start": (),
    "run_stop": (_OF_RUN,),
    "event_descriptor": (_OF_RUN,),
    "event": (("event_descriptor", "descriptor", "uid"), _OF_RUN),
    "resource": (_OF_RUN,),
    "datum": (("resource", "resource", "uid"), _OF_RUN),
    "stream_resource": (_OF_RUN,),
    "stream_datum": (("stream_resource", "stream_resource", "uid"), _OF_RUN),
    "run_start_revisions": (("run_start", "document.uid", "uid"),),
    "run_stop_revisions": (("run_start", "document.run_start", "uid"),),
    "event_descriptor_revisions": (("run_start", "document.run_start", "uid"),),
}


def pipeline(collection: str, field: str, values: Sequence[Any]) -> Stages:
    """Return the stages of a view of a collection: the documents of runs that have one of the values in the field."""
    stages: Stages = []
    place = ""
    for number, (other, here, there) in enumerate(_WAYS[collection]):
        found = f"_of_{number}"
        stages.append({"$lookup": {"from": other, "localField": place + here, "foreignField": there, "as": found}})
        place = f"{found}."
    stages.append({"$match": {place + field: {"$in": list(values)}}})
    if place:
        stages.append({"$project": {f"_of_{number}": 0 for number in range(len(_WAYS[collection]))}})
    return stages


def create(collections: Collections, *, prefix: str, field: str, values: Sequence[Any]) -> list[str]:
    """Make the views of a proposal, and a role named like them that may read them; return the names of the views.

    Parameters
    ----------
    collections : Collections
        Of the whole database, opened by an account that may make views and roles.
    prefix : str
        What the names of the views begin with; without its last dot also the name of the role.
    field : str
        A field of the start document.
    values : sequence
        What it must have, or hold, one of.

    Raises
    ------
    QueryError
        The field or the values cannot be asked for, or the prefix cannot be part of a name.
    ConfigurationError
        Resources are in another database, into which no view can look.
    """
    check_path(field)
    if not values or not prefix.endswith(".") or not set(prefix) & set("abcdefghijklmnopqrstuvwxyz0123456789"):
        raise QueryError(
            f"The views need a prefix that ends in a dot, and values; these were {prefix!r} and {values!r}."
        )
    if "$" in prefix or "\0" in prefix:
        raise QueryError(f"The names of collections may not begin with {prefix!r}.")
    if collections.is_mock or collections.assets != collections.metadata:
        raise ConfigurationError("Views need one database on a server for runs and resources.")
    database = collections.metadata
    names = [prefix + name for name in _WAYS]
    there = set(database.list_collection_names())
    for name, view in zip(_WAYS, names, strict=True):
        stages = pipeline(name, field, [plain_value(value) for value in values])
        if view in there:
            database.command("collMod", view, viewOn=name, pipeline=stages)
        else:
            database.command("create", view, viewOn=name, pipeline=stages)
    role = prefix.removesuffix(".")
    if not database.command("rolesInfo", role)["roles"]:
        privileges = [{"resource": {"db": database.name, "collection": view}, "actions": ["find"]} for view in names]
        database.command("createRole", role, privileges=privileges, roles=[])
    return names
