"""Whether the servers of a URI are names that nobody knows, as a misspelt one is.

What does not belong here: whether they answer (``failures``).
"""

from __future__ import annotations

import socket
from collections.abc import Iterable

_UNKNOWN = frozenset(
    getattr(socket, name) for name in ("EAI_NONAME", "EAI_NODATA") if getattr(socket, name, None) is not None
)
_ROOT_SERVER = "a.root-servers.net"


def unknown_hosts(hosts: Iterable[str]) -> list[str]:
    """Return the hosts, if none of them has an address while another name has one; else none.

    Parameters
    ----------
    hosts : iterable of str
        Names or addresses with their ports, as of a ``Place``.
    """
    names = [host.rpartition(":")[0] or host for host in hosts]
    if not names or not all(_is_unknown(name) for name in names):
        return []
    return sorted(names) if any(map(_is_elsewhere, (socket.gethostname(), _ROOT_SERVER))) else []


def _is_unknown(name: str) -> bool:
    if name.startswith(("/", "[")):
        return False
    try:
        socket.getaddrinfo(name, None)
    except socket.gaierror as error:
        return error.errno in _UNKNOWN
    except (OSError, UnicodeError):
        return False
    return False


def _is_elsewhere(name: str) -> bool:
    """Tell whether names are looked up at all: this one has an address that is not this machine's loopback."""
    try:
        found = socket.getaddrinfo(name, None)
    except (OSError, UnicodeError):
        return False
    return any(not str(address[4][0]).startswith(("127.", "::1")) for address in found)
