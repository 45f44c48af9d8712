"""What an account may do in a database, asked before it is done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ...documents import Document

if TYPE_CHECKING:
    from pymongo.database import Database


def list_lacking(database: Database[Document], actions: Mapping[str, Sequence[str]]) -> list[str]:
    """Return what the account of a connection has no right to do, in words; nothing is changed.

    Parameters
    ----------
    database : database
        Where it is to be done, on a server.
    actions : mapping of str to sequence of str
        MongoDB's names of what is to be done, by collection; ``""`` stands for the database as a whole.

    Returns
    -------
    list of str
        Empty also for a server without accounts, where nobody needs a right.
    """
    account = database.command("connectionStatus", showPrivileges=True)["authInfo"]
    privileges = account.get("authenticatedUserPrivileges", [])
    return [
        f"{action} on {collection or database.name}"
        for collection, wanted in actions.items()
        for action in wanted
        if account["authenticatedUsers"]
        and not any(_is_granted_by(each, action, database.name, collection) for each in privileges)
    ]


def _is_granted_by(privilege: Mapping[str, Any], action: str, database: str, collection: str) -> bool:
    resource = privilege["resource"]
    if action not in privilege["actions"]:
        return False
    if resource.get("anyResource"):
        return True
    # An empty name stands for any: "Resource Document" in MongoDB's manual.
    return resource.get("db") in ("", database) and resource.get("collection") in ("", collection)
