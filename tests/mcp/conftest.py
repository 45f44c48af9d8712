"""Agents ask a catalog on a real MongoDB, by the client of the protocol's own SDK, over stdin and stdout."""

from __future__ import annotations

from importlib.util import find_spec

if find_spec("mcp") is None:
    collect_ignore_glob = ["test_*.py"]
