"""A private MongoDB server on this machine, started when needed. It knows nothing of runs."""

from .local import LocalServer, local_server, server_status, stop_server

__all__ = [
    "LocalServer",
    "local_server",
    "server_status",
    "stop_server",
]
