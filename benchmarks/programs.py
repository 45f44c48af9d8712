"""What the programs of this folder have in common: their options, the server, and the data on it."""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import re
import shlex
import sys
import time
from collections.abc import Iterator
from dataclasses import fields
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import platformdirs
import pymongo

from databroker_mongo import local_server

from .data import make_data
from .facts import Facts, Sizes

_PATH = re.compile(r"(--work|--rst|--server|--databroker-.)[ =]\S+")
_PACKAGES = ("databroker-mongo", "pymongo", "numpy", "dask", "xarray", "h5py", "hdf5plugin", "tifffile")


def new_parser(name: str, description: str | None) -> argparse.ArgumentParser:
    """Return a parser that knows the options that say where and how much the data is."""
    parser = argparse.ArgumentParser(prog=f"python -m {name}", description=description)
    cache = platformdirs.user_cache_path("databroker_mongo") / "benchmarks"
    parser.add_argument("--work", type=Path, default=cache, help="directory for the server and files (%(default)s)")
    parser.add_argument("--server", help="URI of a server to use, in the place of a private one")
    parser.add_argument("--rst", type=Path, help="a file for the table, for the documentation")
    for each in fields(Sizes):
        name = f"--{each.name.replace('_', '-')}"
        parser.add_argument(name, type=int, default=each.default, help="how many (%(default)s)")
    return parser


def sizes_of(options: argparse.Namespace) -> Sizes:
    """Return how much data is asked for."""
    return Sizes(**{each.name: getattr(options, each.name) for each in fields(Sizes)})


@contextlib.contextmanager
def server_of(options: argparse.Namespace) -> Iterator[str]:
    """Give the URI of the server, with DATABASE in the place of the name of a database."""
    if options.server is not None:
        yield with_database(options.server)
        return
    with local_server(options.work / "server") as server:
        yield with_database(server.uri)


@contextlib.contextmanager
def data_of(options: argparse.Namespace) -> Iterator[Facts]:
    """Give where the data is, which is made where it is missing."""
    with server_of(options) as server:
        yield make_data(server, options.work, sizes_of(options))


def with_database(uri: str) -> str:
    """Return the URI of a server with DATABASE in the place of the name of a database."""
    return urlunsplit(urlsplit(uri)._replace(path="/DATABASE"))


def note_of(facts: Facts) -> str:
    """Tell when, by which command and with which programs it was measured."""
    with pymongo.MongoClient(facts.uri("")) as client:  # type: ignore[var-annotated]  # pymongo infers no type
        mongodb = client.server_info()["version"]
    versions = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    command = _PATH.sub(r"\1 ...", shlex.join(["python", "-m", *_module(), *sys.argv[1:]]))
    return (
        f"{time.strftime('%Y-%m-%d')}, ``{command}``. MongoDB {mongodb}, Python {platform.python_version()}, "
        f"{versions}; {os.cpu_count()} processors, load {os.getloadavg()[1]:.1f}."
    )


def _module() -> list[str]:
    """Return the name of the module that this process runs."""
    name: str = sys.modules["__main__"].__spec__.name  # type: ignore[union-attr]  # each is run by its name
    return [name.removesuffix(".__main__")]
