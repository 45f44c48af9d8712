"""The command ``databroker-mongo``: what a scientist asks of the catalogs at a shell's prompt.

Every command is one small function and one line of the table ``COMMANDS``. Commands only read, except ``server``, which
starts and stops the local MongoDB, ``migrate-config --output``, which makes one new file, ``spool send`` and
``quarantine send``, which store what was not delivered, and ``admin``, which changes a database with ``--apply``. What
runs look like as text is decided in ``display.py``; what a command finds out comes from the library, imported
when the command runs, so that ``--help`` is quick.
"""

from __future__ import annotations

import argparse
import inspect
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from .. import display
from ..errors import CatalogError, ConfigurationError, UnknownSpec
from . import admin, agents, runs, serve, spool
from .arguments import (
    ALL,
    APPLY,
    CAN_SERVE,
    CATALOG,
    CHECK,
    CONDITIONS,
    DATA,
    DATABASE,
    DATABASES,
    DROP,
    EVERYBODY,
    EXIT_ZERO,
    FIELD,
    FILES,
    FOLDERS,
    FORCE,
    FORMAT,
    HOST,
    KEEP_PASSWORDS,
    KEY,
    LAYOUT,
    LISTING,
    METADATA,
    NAMES,
    NO_FILES,
    OF_CATALOG,
    ONE_DATABASE,
    OPTIONAL_DATABASE,
    OUTPUT,
    PLAIN_PAGE,
    PORT,
    PREFIX,
    QUERY,
    REBUILD,
    RUNS,
    SCOPE,
    SERVED,
    SPECS,
    SPOOL,
    TAG_FIELDS,
    TEXT,
    TEXT_OR_JSON,
    TRUST_DOCUMENTS,
    Argument,
)

FAILURE = 1
CLOSED_PIPE = 141
INTERRUPTED = 130


@dataclass(frozen=True)
class Command:
    """One command.

    Attributes
    ----------
    words : str
        What is typed: one word, or two for a command of a group.
    run : callable
        Is given the parsed arguments; raises a CatalogError for what the user can put right, and may return what the
        program exits with. Its docstring is its help, the first line that in the list of commands.
    arguments : tuple of Argument
        What it takes.
    """

    words: str
    run: Callable[[argparse.Namespace], int | None]
    arguments: tuple[Argument, ...] = ()

    @property
    def description(self) -> str:
        """Its help."""
        return inspect.getdoc(self.run) or ""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that the arguments name.

    Parameters
    ----------
    arguments : sequence of str, optional
        By default those of this process.

    Returns
    -------
    int
        0; 1 when the command failed, with the reason on standard error; 3 when ``check`` has found a fault, or somebody
        else is building the columnar copies that were to be built; as for any program in a shell, 130 after Ctrl-C and
        141 when the reader of the output went away. Arguments that are wrong exit with 2.
    """
    chosen = _parse(arguments)
    try:
        status: int | None = chosen.run(chosen)
        sys.stdout.flush()
    except CatalogError as error:
        print(f"databroker-mongo: {error}", file=sys.stderr)
        return FAILURE
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Python flushes standard output once more when it exits, which must not fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return CLOSED_PIPE
    return status or 0


def build_parser() -> argparse.ArgumentParser:
    """Make the parser of all commands."""
    parser = argparse.ArgumentParser(
        prog="databroker-mongo", description="Search and check catalogs of Bluesky runs in MongoDB."
    )
    parser.add_argument("--version", action=_Version)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    groups: dict[str, Any] = {}
    for command in COMMANDS:
        *group, word = command.words.split()
        within = commands
        for name in group:
            if name not in groups:
                in_group = commands.add_parser(name, help=GROUPS[name], description=GROUPS[name])
                groups[name] = in_group.add_subparsers(metavar="COMMAND", required=True)
            within = groups[name]
        description = command.description
        added = within.add_parser(word, help=description.splitlines()[0], description=description)
        added.set_defaults(run=command.run)
        for argument in command.arguments:
            added.add_argument(*argument.names, **argument.options)
    return parser


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse; words of a list, as the queries of `ls`, may stand on both sides of an option."""
    parser = build_parser()
    chosen, others = parser.parse_known_args(arguments)
    listed = next((name for name, value in vars(chosen).items() if isinstance(value, list) and name in LISTS), None)
    if others and (listed is None or any(word.startswith("-") for word in others)):
        parser.error(f"unrecognized arguments: {' '.join(others)}")
    if listed is not None:
        setattr(chosen, listed, getattr(chosen, listed) + others)
    return chosen


class _Version(argparse.Action):
    """Find the version only when it is asked for."""

    def __init__(self, option_strings: Sequence[str], dest: str, **_: Any):
        super().__init__(option_strings, dest, nargs=0, help="show the version and exit")

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from importlib.metadata import PackageNotFoundError, version

        try:
            number = version("databroker-mongo")
        except PackageNotFoundError:
            number = "(not installed)"
        print(f"databroker-mongo {number}")
        parser.exit()


def server_start(chosen: argparse.Namespace) -> None:
    """Start the local MongoDB; it runs until `server stop`."""
    from ..server import local_server

    with local_server(chosen.data, force=chosen.force, keep=True) as server:
        print(f"MongoDB {server.version} runs on {server.data} (process {server.pid}) until `server stop`.")
        print(server.uri)


def server_stop(chosen: argparse.Namespace) -> None:
    """Shut the local MongoDB down."""
    from ..server import stop_server

    print(
        "The local MongoDB server was stopped."
        if stop_server(chosen.data)
        else "The local MongoDB server was not running."
    )


def server_status(chosen: argparse.Namespace) -> None:
    """Show whether the local MongoDB runs, and where."""
    from ..server import server_status

    status = server_status(chosen.data)
    print(f"data     {status.data}")
    if status.host:
        print(f"state    held by the host {status.host}")
    elif not status.is_running:
        print("state    stopped")
    elif not status.uri:
        print("state    starting or stopping")
    else:
        until = "until `server stop`" if status.is_kept else "until a minute after its last use"
        print(f"state    runs {until} (process {status.pid})\nversion  MongoDB {status.version}\nURI      {status.uri}")


def list_catalogs(chosen: argparse.Namespace) -> None:
    """List the configured catalogs: name, address and file of each."""
    from ..config import find_entries

    entries = find_entries()
    for line in display.align([(name, str(each.uri), str(each.file)) for name, each in entries.items()]):
        print(line)
    for problem in entries.problems:
        print(f"databroker-mongo: {problem}", file=sys.stderr)


def migrate_config(chosen: argparse.Namespace) -> None:
    """Convert the configuration files of databroker and intake to our own form; the old files are left alone."""
    from ..config import find_entries, migrate, user_directory, write_new

    if chosen.keep_passwords and chosen.output is None:
        raise ConfigurationError("passwords are not printed: with --keep-passwords, name a file with --output")
    entries = find_entries()
    names = chosen.names or [name for name, each in entries.items() if each.form != "own"]
    if not names:
        found = "".join(f"\n{problem}" for problem in entries.problems)
        raise ConfigurationError(f"no configuration file of databroker or intake has a catalog that can be used{found}")
    migrated = migrate([entries[name] for name in names], keep_secrets=chosen.keep_passwords)
    if chosen.output is None:
        print(migrated.text, end="")
    else:
        write_new(chosen.output, migrated.text)
    notes = [str(problem) for problem in entries.problems]
    notes += migrated.notes
    notes += [
        f"set the environment variable {variable} to the secret of {name!r}"
        for variable, name in migrated.variables.items()
    ]
    notes += [] if chosen.output else [f"store this in {user_directory()} as a file that ends in .yml"]
    for note in notes:
        print(f"databroker-mongo: {note}", file=sys.stderr)


def list_handlers(chosen: argparse.Namespace) -> None:
    """List the handlers: spec or MIME type, level, class and distribution of each, clashes and load errors."""
    from ..assets import open_reader
    from ..config import find_entries, is_uri

    is_configured = chosen.catalog is not None and not is_uri(chosen.catalog)
    registry = open_reader(find_entries()[chosen.catalog] if is_configured else None).registry
    found, unserved = [], []
    for spec in chosen.specs or registry:
        try:
            found.append(registry.provenance(spec))
        except UnknownSpec as error:
            unserved.append(error)
    if not found and not unserved:
        print("databroker-mongo: no handler is installed; pip install databroker-mongo-handlers", file=sys.stderr)
    for line in display.handlers_text(found) if found else ():
        print(line)
    for each in unserved[:-1]:
        print(f"databroker-mongo: {each.message}", file=sys.stderr)
    if unserved:
        raise unserved[-1]  # the command fails, after all that there is was shown


LISTS = frozenset(argument.names[0] for argument in (CONDITIONS, FILES, FOLDERS, NAMES, QUERY[0], RUNS, SERVED, SPECS))
GROUPS = {
    "admin": "Change a database: its indexes, columnar copies, run summaries and proposal views.",
    "quarantine": "List or resend documents that were refused and set aside on this machine.",
    "server": "Start, stop or inspect the local MongoDB server.",
    "spool": "List or send documents that wait on this machine for their database.",
}
COMMANDS = (
    Command("admin build-columnar", admin.build_columnar, (ONE_DATABASE, DATABASES, DROP, CHECK, REBUILD, APPLY)),
    Command("admin build-summaries", admin.build_summaries, (DATABASE, APPLY)),
    Command("admin create-indexes", admin.create_indexes, (DATABASE, METADATA, TEXT, APPLY)),
    Command("admin create-views", admin.create_views, (DATABASE, CONDITIONS, PREFIX, APPLY)),
    Command("catalogs", list_catalogs),
    Command("check", runs.check, (RUNS, ALL, TAG_FIELDS, NO_FILES, EXIT_ZERO, OF_CATALOG, TEXT_OR_JSON)),
    Command("distinct", runs.list_distinct, (FIELD, *QUERY, FORMAT)),
    Command("explain", runs.explain, QUERY),
    Command("handlers", list_handlers, (SPECS, CATALOG)),
    Command("indexes", runs.list_indexes, (OF_CATALOG,)),
    Command("ls", runs.list_runs, (*QUERY, *LISTING, FORMAT)),
    Command("mcp", agents.answer, (DATABASE, SCOPE)),
    Command("migrate-config", migrate_config, (NAMES, OUTPUT, KEEP_PASSWORDS)),
    Command("quarantine list", spool.list_refused, (OPTIONAL_DATABASE, SPOOL)),
    Command("quarantine send", spool.send_refused, (DATABASE, FILES, SPOOL)),
    Command("serve", serve.serve, (SERVED, HOST, PORT, LAYOUT, PLAIN_PAGE, CAN_SERVE, EVERYBODY, TRUST_DOCUMENTS)),
    Command("server start", server_start, (DATA, FORCE)),
    Command("server stop", server_stop, (DATA,)),
    Command("server status", server_status, (DATA,)),
    Command("spool list", spool.list_spooled, (OPTIONAL_DATABASE, SPOOL)),
    Command("spool send", spool.send_spooled, (DATABASE, FOLDERS, SPOOL)),
    Command("show", runs.show_run, (KEY, OF_CATALOG, TEXT_OR_JSON)),
)
