"""Make the local MongoDB server accept writes: it is a replica set of one member, itself.

Change streams and transactions need a replica set. This talks to a mongod that runs; running it is done elsewhere.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from ..errors import DataDirectoryUnusable

if TYPE_CHECKING:
    from pymongo import MongoClient

_logger = logging.getLogger("databroker_mongo")

NAME = "rs0"
CONNECT_MILLISECONDS = 500
ANSWER_MILLISECONDS = 30_000


def make_writable(uri: str, socket: str) -> bool:
    """Ask a server whether it is ready, and tell one that is new, or has moved, that it is the only member of its set.

    Several processes may do this at the same time.

    Parameters
    ----------
    uri : str
        Where the server is.
    socket : str
        The path by which it shall know itself.

    Returns
    -------
    bool
        False when it does not answer yet, or not yet as the primary.

    Raises
    ------
    DataDirectoryUnusable
        Its files are those of a member of another replica set.
    """
    from pymongo import MongoClient  # takes 0.1 s, which commands that start no server do not need to wait for
    from pymongo.errors import PyMongoError

    try:
        with MongoClient[dict[str, Any]](
            uri, serverSelectionTimeoutMS=CONNECT_MILLISECONDS, socketTimeoutMS=ANSWER_MILLISECONDS
        ) as client:
            if client.admin.command("hello")["isWritablePrimary"]:
                return True
            _set_up(client, socket)
    except PyMongoError as error:
        # While it starts, or while another process sets it up, it refuses in many ways; the caller asks again.
        _logger.debug("the local MongoDB server is not ready: %s", error)
    return False


def _set_up(client: MongoClient[dict[str, Any]], socket: str) -> None:
    config = client.local["system.replset"].find_one()
    if config is None:
        members = [{"_id": 0, "host": socket}]
        client.admin.command("replSetInitiate", {"_id": NAME, "members": members})
        return
    if config["_id"] != NAME or len(config["members"]) != 1:
        hosts = ", ".join(member["host"] for member in config["members"])
        raise DataDirectoryUnusable(
            f"The data directory belongs to a member of the MongoDB replica set {config['_id']!r} ({hosts}). Start "
            "that server as it was started before and give its mongodb:// URI, or name another directory."
        )
    if config["members"][0]["host"] != socket:
        config["members"][0]["host"] = socket
        config["version"] += 1
        # A member that does not find itself in its configuration never becomes primary, and only a primary takes
        # another configuration without force.
        client.admin.command("replSetReconfig", config, force=True)
