"""Whether the servers of a URI are names that nobody knows, as a misspelt one is.

What does not belong here: whether they answer (``failures``).
"""

from __future__ import annotations

import socket

from .place import Place

_UNKNOWN = frozenset(
    getattr(socket, name) for name in ("EAI_NONAME", "EAI_NODATA") if getattr(socket, name, None) is not None
)
_SECONDS = 5.0
_ROOT_SERVER = "a.root-servers.net"


def find_unknown_hosts(place: Place) -> list[str]:
    """Return the hosts of a place, if none of them is known by its name while another name is; else none."""
    if place.scheme not in _KNOWN_BY_NAME:
        return []
    is_unknown = _KNOWN_BY_NAME[place.scheme]
    names = [host.rpartition(":")[0] or host for host in place.hosts]
    if not names or not all(map(is_unknown, names)):
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


def _has_no_servers(name: str) -> bool:
    import dns.exception  # for mongodb+srv alone
    import dns.resolver

    try:
        dns.resolver.resolve(f"_mongodb._tcp.{name}", "SRV", lifetime=_SECONDS)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return True
    except (dns.exception.DNSException, OSError):
        return False
    return False


_KNOWN_BY_NAME = {"mongodb": _is_unknown, "mongodb+srv": _has_no_servers}


def _is_elsewhere(name: str) -> bool:
    """Tell whether names are looked up at all: this one has an address that is not this machine's loopback."""
    try:
        found = socket.getaddrinfo(name, None)
    except (OSError, UnicodeError):
        return False
    return any(not str(address[4][0]).startswith(("127.", "::1")) for address in found)
