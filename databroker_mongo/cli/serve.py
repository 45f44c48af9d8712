"""The command ``serve``: catalogs in a browser, and for Tiled's clients."""

from __future__ import annotations

import argparse
import ipaddress
import secrets
import socket
from importlib.metadata import version
from types import ModuleType

from ..errors import ConfigurationError
from .databases import open_catalog

_PACKAGES = ("tiled", "bluesky-tiled-plugins")


def serve(chosen: argparse.Namespace) -> None:
    """Show catalogs in a browser, on this machine alone unless told otherwise; Ctrl-C ends it."""
    tiled = _import_tiled()
    _require_permission(chosen.host, is_public=chosen.yes_everybody_may_read)
    numbers = {name: open_catalog(name).estimate_len() for name in chosen.catalogs}
    key = secrets.token_hex(32)
    configuration = tiled.configure(
        chosen.catalogs,
        layout=chosen.layout,
        key=key,
        is_public=chosen.yes_everybody_may_read,
        trust_documents=chosen.trust_documents,
    )
    app = tiled.make_app(configuration, is_mended=not chosen.plain_page)
    listening = tiled.listen(chosen.host, 0 if chosen.check else chosen.port)
    for name, n_runs in numbers.items():
        print(f"{name}: {n_runs} runs")
    if chosen.check:
        listening.close()
        print(f"This environment can serve them: {', '.join(f'{name} {version(name)}' for name in _PACKAGES)}.")
        return
    place = f"http://{_host_for_others(chosen.host)}:{listening.getsockname()[1]}/"
    print("Everybody who reaches it may read:" if chosen.yes_everybody_may_read else "For you alone:")
    print(place if chosen.yes_everybody_may_read else f"{place}?api_key={key}", flush=True)
    tiled.run(app, listening)
    print("The server has ended.")


def _import_tiled() -> ModuleType:
    try:
        from .. import tiled
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"`serve` needs Tiled, and {error.name!r} is not installed: pip install 'databroker-mongo[tiled]'"
        ) from error
    return tiled


def _require_permission(host: str, *, is_public: bool) -> None:
    if not is_public and not _is_of_this_machine(host):
        raise ConfigurationError(
            f"--host {host} lets other machines in, and this server asks nobody who they are. With "
            "--yes-everybody-may-read whoever reaches it reads all runs; for users with passwords, a Tiled server has "
            "the catalogs in its configuration.",
            host=host,
        )


def _is_of_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _host_for_others(host: str) -> str:
    """Return what to type for a host; one that means all of this machine's has its name."""
    if host in ("0.0.0.0", "::"):  # noqa: S104 (nothing is bound here)
        return socket.gethostname()
    return f"[{host}]" if ":" in host else host
