"""Views of the runs of one proposal, and the role that may read them and nothing else.

A view has the name of its collection after a prefix, in the same database: MongoDB lets no view look into another. It
shows the documents of those runs whose start has one of some values in a field. A catalog opened with the prefix reads
the views as it would read the collections.

What does not belong here: accounts, which their administrator makes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from ...documents import Document
from ...errors import ConfigurationError, NotAuthorized, QueryError
from ...queries import plain_path, plain_value
from ..connection.collections import Collections
from ..reports import ViewPlan
from .privileges import list_lacking

if TYPE_CHECKING:
    from pymongo.database import Database

Stages = list[dict[str, Any]]

# For each collection, the way to the start document: the next collection, the field here, the field there.
_OF_RUN = ("run_start", "run_start", "uid")
_WAYS: dict[str, tuple[tuple[str, str, str], ...]] = {
    "run_start": (),
    "run_stop": (_OF_RUN,),
    "event_descriptor": (_OF_RUN,),
    "event": (("event_descriptor", "descriptor", "uid"), _OF_RUN),
    "event_columns": (("event_descriptor", "d", "uid"), _OF_RUN),
    "resource": (_OF_RUN,),
    "datum": (("resource", "resource", "uid"), _OF_RUN),
    "stream_resource": (_OF_RUN,),
    "stream_datum": (("stream_resource", "stream_resource", "uid"), _OF_RUN),
    "run_start_revisions": (("run_start", "document.uid", "uid"),),
    "run_stop_revisions": (("run_start", "document.run_start", "uid"),),
    "event_descriptor_revisions": (("run_start", "document.run_start", "uid"),),
}


def view_pipeline(collection: str, field: str, values: Sequence[Any]) -> Stages:
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


def plan_views(collections: Collections, *, prefix: str, field: str, values: Sequence[Any]) -> ViewPlan:
    """Ask the server what there is to do for the views and the role of a proposal; nothing is changed.

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
        Resources are in another database, into which no view can look; or a collection has the name of a view.
    NotAuthorized
        The account may not make views and roles.
    """
    require_names(prefix, field, values)
    if collections.assets != collections.metadata:
        refuse_views()
    database, role = collections.metadata, prefix.removesuffix(".")
    lacks = list_lacking(database, {"": ("createCollection", "collMod", "createRole", "grantRole", "viewRole")})
    if lacks:
        raise NotAuthorized(
            f"the account used for {collections.address} may not make views and roles: it lacks {', '.join(lacks)}. "
            f"Use one that has the roles dbAdmin and userAdmin on {database.name!r}.",
            address=collections.address,
        )
    there = {each["name"]: each for each in database.list_collections()}
    wanted = _pipelines(prefix, field, values)
    for view in wanted:
        if there.get(view, {}).get("type", "view") != "view":
            raise ConfigurationError(f"{view!r} is a collection of documents, not a view: choose another prefix.")
    same = [view for view, made in wanted.items() if view in there and _shown_by(there[view]) == made]
    readable = _readable(database, role)
    return ViewPlan(
        new=tuple(view for view in wanted if view not in there),
        changed=tuple(view for view in wanted if view in there and view not in same),
        unchanged=tuple(same),
        role=role,
        lacks=tuple(view for view in wanted if view not in readable),
        n_runs=_count(database, wanted[prefix + "run_start"][1]),
    )


def create_views(collections: Collections, *, prefix: str, field: str, values: Sequence[Any]) -> ViewPlan:
    """Make the views of a proposal, and a role named like them that may read them; return what was done.

    Parameters and errors are those of `plan_views`.
    """
    found = plan_views(collections, prefix=prefix, field=field, values=values)
    database = collections.metadata
    wanted = _pipelines(prefix, field, values)
    for view in found.new:
        database.command("create", view, viewOn=wanted[view][0], pipeline=wanted[view][1])
    for view in found.changed:
        database.command("collMod", view, viewOn=wanted[view][0], pipeline=wanted[view][1])
    privileges = [{"resource": {"db": database.name, "collection": view}, "actions": ["find"]} for view in found.lacks]
    if len(found.lacks) == len(wanted) and not database.command("rolesInfo", found.role)["roles"]:
        database.command("createRole", found.role, privileges=privileges, roles=[])
    elif privileges:
        database.command("grantPrivilegesToRole", found.role, privileges=privileges)
    return found


def refuse_views() -> NoReturn:
    """Say where there can be no views."""
    raise ConfigurationError("Views need one database on a server for runs and resources.")


def require_names(prefix: str, field: str, values: Sequence[Any]) -> None:
    """Refuse a prefix, a field or values that views cannot have."""
    plain_path(field)
    if not values or not prefix.endswith(".") or not set(prefix) & set("abcdefghijklmnopqrstuvwxyz0123456789"):
        raise QueryError(
            f"The views need a prefix that ends in a dot, and values; given were {prefix!r} and {values!r}."
        )
    if "$" in prefix or "\0" in prefix:
        raise QueryError(f"The names of collections must not begin with {prefix!r}.")


def _pipelines(prefix: str, field: str, values: Sequence[Any]) -> dict[str, tuple[str, Stages]]:
    """Return for each view the collection that it is of, and its stages."""
    plain = [plain_value(value) for value in values]
    return {prefix + name: (name, view_pipeline(name, field, plain)) for name in _WAYS}


def _shown_by(view: Mapping[str, Any]) -> tuple[str, Stages]:
    return view["options"]["viewOn"], view["options"]["pipeline"]


def _readable(database: Database[Document], role: str) -> set[str]:
    """Return the collections that a role may read."""
    roles = database.command("rolesInfo", role, showPrivileges=True)["roles"]
    privileges = roles[0]["privileges"] if roles else []
    return {each["resource"].get("collection", "") for each in privileges if "find" in each["actions"]}


def _count(database: Database[Document], stages: Stages) -> int | None:
    import pymongo.errors

    try:
        return int(database["run_start"].count_documents(stages[0]["$match"]))
    except pymongo.errors.PyMongoError:
        return None
